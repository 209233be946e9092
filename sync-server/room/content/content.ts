/** A room's content: the struct store, and how much must be written before it is worth a compaction. */
import { StructStore } from "../../struct-store/struct-store.ts";
import type { Parent } from "../../struct-store/struct-store.ts";
import type { ScannedUpdate } from "../../update/scan.ts";
import { finish, UNSLICED } from "../../update/slice.ts";
import type { Slice } from "../../update/slice.ts";
import type { ContentAnswer } from "./answers.ts";
import type { RoomContent } from "./room-content.ts";

/** Appended bytes that are worth a compaction, once they are as many as the compacted content has too. */
const COMPACTION_BYTES = 1024 * 1024;
/** Stored updates from which on a room is compacted when it leaves memory; fewer load as fast as one. */
const COMPACTION_ROWS_BEFORE_UNLOAD = 32;
/** Steps of the store between two pauses: some 5 ms on a slow machine. */
const SLICE_STEPS = 2_500;

/** How large a row after a compaction becomes: a few ms, unless each client has one struct. */
const ROW_BYTES = 256 * 1024;

export class Content implements RoomContent {
  readonly #store = new StructStore();
  /** Whether an update is being added in slices: it may be forwarded already, and not be in an answer yet. */
  isAdding = false;
  /** Since the last compaction began: bytes that were appended to the stored content, and how many rows it has. */
  #appendedBytes = 0;
  #rows: number;
  /** Size of the content after the last compaction. */
  #compactedBytes = 0;

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
    this.#rows++;
    this.#appendedBytes += update.byteLength;
    this.isAdding = true;
    try {
      yield* this.#store.addSlices(scanned ?? update, slice);
    } finally {
      this.isAdding = false;
    }
  }

  stateVector(): Map<number, number> {
    return new Map(this.#store.stateVector());
  }

  clockOf(client: number): number {
    return this.#store.clockOf(client);
  }

  answer(held: ReadonlyMap<number, number>, knowsDeletes: boolean): ContentAnswer {
    return this.#store.answer(held, knowsDeletes);
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
    for (const row of this.#store.encodeRows(ROW_BYTES)) {
      rows.push(row);
      yield;
    }
    // The rows hold everything up to this moment, so that whatever is added now comes after them.
    this.#compactedBytes = compactedBytes;
    this.#appendedBytes -= appendedBefore;
    this.#rows = rows.length;
    return rows;
  }
}
