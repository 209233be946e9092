/**
 * A room's content: the struct store, the answers that many who connect at once have in common, and how much must be
 * written before it is worth a compaction.
 */
import * as Y from "yjs";
import { MalformedError } from "../../../src/protocol/protocol.ts";
import { StructStore } from "../../struct-store/struct-store.ts";
import type { Parent } from "../../struct-store/struct-store.ts";
import type { ScannedUpdate } from "../../update/scan.ts";
import { finish, UNSLICED } from "../../update/slice.ts";
import type { Slice } from "../../update/slice.ts";
import type { RoomContent } from "./room-content.ts";

/** Appended bytes that are worth a compaction, once they are as many as the compacted content has too. */
const COMPACTION_BYTES = 1024 * 1024;
/** Stored updates from which on a room is compacted when it leaves memory; fewer load as fast as one. */
const COMPACTION_ROWS_BEFORE_UNLOAD = 32;
/** Steps of the store between two pauses: some 5 ms on a slow machine. */
const SLICE_STEPS = 2_500;

/** How large a piece of an answer, or a row after a compaction, becomes: a few ms, unless each client has one struct. */
const PIECE_BYTES = 256 * 1024;

/** How much may be added to an answer before a new one is made: updates, and bytes, or this part of its own. */
const LATER_UPDATES = 256;
const LATER_BYTES = 4_096;
const LATER_PART = 1 / 8;

const EMPTY_UPDATE = Uint8Array.of(0, 0);

const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** An answer, what was added since, and whether it was asked for since `evictCaches`. */
type Encoded = {
  readonly stateVector: Uint8Array;
  readonly pieces: readonly [Uint8Array, ...Uint8Array[]];
  readonly bytes: number;
  readonly later: Uint8Array[];
  laterBytes: number;
  isInUse: boolean;
};

export class Content implements RoomContent {
  readonly #store = new StructStore();
  /** Since the last compaction began: bytes that were appended to the stored content, and how many rows it has. */
  #appendedBytes = 0;
  #rows: number;
  /** Size of the content after the last compaction. */
  #compactedBytes = 0;
  /** The last answer, for others with the same state vector: many connect at once. */
  #encoded: Encoded | null = null;

  /** @param updates as the store returned them, in order. @throws if they cannot be read. */
  constructor(updates: readonly Uint8Array[]) {
    this.#rows = updates.length;
    finish(this.#load(updates, UNSLICED));
  }

  /** The same in slices. */
  static *load(updates: readonly Uint8Array[], slice: Slice): Generator<undefined, Content> {
    const content = new Content([]);
    content.#rows = updates.length;
    yield* content.#load(updates, slice);
    return content;
  }

  *#load(updates: readonly Uint8Array[], slice: Slice): Generator<undefined, void> {
    for (const update of updates) {
      yield* this.#store.addSlices(update, slice);
      this.#appendedBytes += update.byteLength;
    }
  }

  get bytes(): number {
    return this.#store.bytes;
  }

  get isWorthCompacting(): boolean {
    return this.#appendedBytes >= Math.max(COMPACTION_BYTES, this.#compactedBytes);
  }

  get hasChanged(): boolean {
    return this.#appendedBytes > 0;
  }

  get isWorthCompactingBeforeUnload(): boolean {
    return this.#rows >= COMPACTION_ROWS_BEFORE_UNLOAD;
  }

  add(update: Uint8Array, scanned: ScannedUpdate | null = null): void {
    finish(this.addSlices(update, scanned, UNSLICED));
  }

  *addSlices(update: Uint8Array, scanned: ScannedUpdate | null, slice: Slice): Generator<undefined, void> {
    this.#addToEncoded(update);
    this.#rows++;
    this.#appendedBytes += update.byteLength;
    yield* this.#store.addSlices(scanned ?? update, slice);
  }

  stateVector(): Map<number, number> {
    return new Map(this.#store.stateVector());
  }

  /** A document that is edited while many connect is not encoded for each of them. */
  encodeSince(stateVector: Uint8Array): readonly [Uint8Array, ...Uint8Array[]] {
    const encoded = this.#encoded;
    if (encoded !== null && isSame(encoded.stateVector, stateVector)) {
      encoded.isInUse = true;
      return [...encoded.pieces, ...encoded.later];
    }
    return [...finish(this.#encode(stateVector))];
  }

  *prepareAnswer(stateVector: Uint8Array): Generator<undefined, void> {
    if (this.#encoded === null || !isSame(this.#encoded.stateVector, stateVector)) yield* this.#encode(stateVector);
  }

  /** Releases an answer that nobody has asked for since the last call. */
  evictCaches(): void {
    if (this.#encoded?.isInUse === true) this.#encoded.isInUse = false;
    else this.#encoded = null;
  }

  isDeleted(client: number, clock: number, length: number): boolean {
    return this.#store.isDeleted(client, clock, length);
  }

  parentOf(client: number, clock: number): Parent | null {
    return this.#store.parentOf(client, clock);
  }

  *compact(): Generator<undefined, readonly Uint8Array[]> {
    const appendedBefore = this.#appendedBytes;
    yield* this.#store.compact(SLICE_STEPS);
    const compactedBytes = this.#store.bytes;
    const rows: Uint8Array[] = [];
    for (const row of this.#store.encodeRows(PIECE_BYTES)) {
      rows.push(row);
      yield;
    }
    // The rows hold everything up to this moment, so that whatever is added now comes after them.
    this.#encoded = null;
    this.#compactedBytes = compactedBytes;
    this.#appendedBytes -= appendedBefore;
    this.#rows = rows.length;
    return rows;
  }

  /** Makes an answer in slices, and keeps it. */
  *#encode(stateVector: Uint8Array): Generator<undefined, readonly [Uint8Array, ...Uint8Array[]]> {
    const answer = this.#store.answer(readStateVector(stateVector));
    const made: Uint8Array[] = [];
    try {
      for (let piece = answer.next(PIECE_BYTES); piece !== null; piece = answer.next(PIECE_BYTES)) {
        made.push(piece);
        yield;
      }
    } finally {
      answer.close();
    }
    const [first = EMPTY_UPDATE, ...others] = made;
    const pieces: [Uint8Array, ...Uint8Array[]] = [first, ...others];
    const bytes = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
    this.#encoded = { stateVector: stateVector.slice(), pieces, bytes, later: [], laterBytes: 0, isInUse: true };
    return pieces;
  }

  #addToEncoded(update: Uint8Array): void {
    const encoded = this.#encoded;
    if (encoded === null) return;
    encoded.later.push(update);
    encoded.laterBytes += update.byteLength;
    // Each is a transaction for a client that joins, and all together are longer than in a new answer.
    const mostBytes = Math.max(LATER_BYTES, encoded.bytes * LATER_PART);
    if (encoded.later.length > LATER_UPDATES || encoded.laterBytes > mostBytes) this.#encoded = null;
  }
}

const readStateVector = (bytes: Uint8Array): Map<number, number> => {
  try {
    return Y.decodeStateVector(bytes);
  } catch {
    throw new MalformedError("the state vector cannot be read");
  }
};
