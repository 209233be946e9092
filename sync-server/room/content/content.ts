/**
 * A room's content as a log of accepted updates, applied to a Yjs document only when the whole is needed: writing
 * costs no more than the log, and a client that joins costs one transaction.
 */
import * as Y from "yjs";
import { MalformedError } from "../../../src/protocol/protocol.ts";
import type { ContentAnswer } from "./answers.ts";
import type { RoomContent } from "./room-content.ts";

/** Log that is folded into one update once it has as many bytes as this and as what it is folded into. */
const FOLD_BYTES = 1024 * 1024;
/** Rows of the log from which on it is folded when the room leaves memory; fewer load as fast as one. */
const FOLD_ROWS_BEFORE_UNLOAD = 32;

/** How much may be added to an answer before a new one is made: updates, and bytes, or this part of its own. */
const LATER_UPDATES = 256;
const LATER_BYTES = 4_096;
const LATER_PART = 1 / 8;

const EMPTY_UPDATE = Uint8Array.of(0, 0);

const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** An answer, what was added since, and whether it was asked for since `evictCaches`. */
type Encoded = {
  readonly stateVector: Uint8Array;
  readonly update: Uint8Array;
  readonly later: Uint8Array[];
  laterBytes: number;
  isInUse: boolean;
};

export class Content implements RoomContent {
  #doc: Y.Doc | null = null;
  /** Whether the document was needed since `evictCaches`. */
  #isInUse = false;
  /** What is not in the document yet, in order; all of it while there is none. */
  #unapplied: Uint8Array[];
  /** Size of the update into which the log was folded last. */
  #foldedBytes = 0;
  #logBytes = 0;
  #logRows: number;
  /** The last answer, for others with the same state vector: many connect at once. */
  #encoded: Encoded | null = null;
  /** How many updates were added. */
  #changes = 0;

  /** @param updates as the store returned them, in order. */
  constructor(updates: readonly Uint8Array[]) {
    this.#unapplied = [...updates];
    this.#logRows = updates.length;
    for (const update of updates) this.#logBytes += update.byteLength;
  }

  get bytes(): number {
    return this.#foldedBytes + this.#logBytes;
  }

  /** Whether nothing was ever added; then no document is made. */
  get #isEmpty(): boolean {
    return this.#doc === null && this.#unapplied.length === 0;
  }

  add(update: Uint8Array): void {
    this.#changes++;
    this.#addToEncoded(update);
    this.#unapplied.push(update);
    this.#logRows++;
    this.#logBytes += update.byteLength;
  }

  stateVector(): Map<number, number> {
    return this.#isEmpty ? new Map() : Y.decodeStateVector(Y.encodeStateVector(this.#current()));
  }

  clockOf(client: number): number {
    return this.#isEmpty ? 0 : Y.getState(this.#current().store, client);
  }

  answer(held: ReadonlyMap<number, number>): ContentAnswer {
    let from = held;
    let seen = -1;
    return {
      next: () => {
        if (seen === this.#changes || this.#isEmpty) return null;
        seen = this.#changes;
        const update = Y.encodeStateAsUpdate(this.#current(), Y.encodeStateVector(new Map(from)));
        from = this.stateVector();
        return isSame(update, EMPTY_UPDATE) ? null : update;
      },
      close: () => {},
    };
  }

  /** A document that is edited while many connect is not encoded for each of them. */
  encodeSince(stateVector: Uint8Array): readonly [Uint8Array, ...Uint8Array[]] {
    const encoded = this.#encoded;
    if (encoded !== null && isSame(encoded.stateVector, stateVector)) {
      encoded.isInUse = true;
      return [encoded.update, ...encoded.later];
    }
    const doc = this.#isEmpty ? null : this.#current();
    try {
      if (doc === null) {
        Y.decodeStateVector(stateVector);
        return [EMPTY_UPDATE];
      }
      const update = Y.encodeStateAsUpdate(doc, stateVector);
      this.#encoded = { stateVector: stateVector.slice(), update, later: [], laterBytes: 0, isInUse: true };
      return [update];
    } catch {
      throw new MalformedError("the state vector cannot be read");
    }
  }

  /** A document that was not needed since the last call becomes bytes again, a tenth of its size. */
  evictCaches(): void {
    if (this.#encoded?.isInUse === true) this.#encoded.isInUse = false;
    else this.#encoded = null;
    if (this.#doc !== null && !this.#isInUse) {
      this.#unapplied.unshift(Y.encodeStateAsUpdate(this.#doc));
      this.#doc = null;
    }
    this.#isInUse = false;
  }

  isDeleted(client: number, clock: number, length: number): boolean {
    const { store } = this.#current();
    const structs = store.clients.get(client);
    const end = clock + length;
    if (structs === undefined || Y.getState(store, client) < end) return false;
    for (let i = Y.findIndexSS(structs, clock); i < structs.length; i++) {
      const struct = structs[i]!;
      if (struct.id.clock >= end) break;
      if (!struct.deleted) return false;
    }
    return true;
  }

  isEntry(client: number, clock: number): boolean {
    const { store } = this.#current();
    const structs = store.clients.get(client);
    if (structs === undefined || clock >= Y.getState(store, client)) return false;
    const struct = structs[Y.findIndexSS(structs, clock)];
    return struct instanceof Y.Item && struct.parentSub !== null;
  }

  foldIfLong(): Uint8Array | null {
    return this.#logBytes >= Math.max(FOLD_BYTES, this.#foldedBytes) ? this.#fold() : null;
  }

  foldBeforeUnload(): Uint8Array | null {
    return this.#logRows >= FOLD_ROWS_BEFORE_UNLOAD ? this.#fold() : null;
  }

  #addToEncoded(update: Uint8Array): void {
    const encoded = this.#encoded;
    if (encoded === null) return;
    encoded.later.push(update);
    encoded.laterBytes += update.byteLength;
    // Each is a transaction for a client that joins, and all together are longer than in a new answer.
    const mostBytes = Math.max(LATER_BYTES, encoded.update.byteLength * LATER_PART);
    if (encoded.later.length > LATER_UPDATES || encoded.laterBytes > mostBytes) this.#encoded = null;
  }

  #fold(): Uint8Array {
    const update = Y.encodeStateAsUpdate(this.#current());
    this.#foldedBytes = update.byteLength;
    this.#logBytes = 0;
    this.#logRows = 1;
    return update;
  }

  #current(): Y.Doc {
    this.#isInUse = true;
    const doc = (this.#doc ??= new Y.Doc({ gc: true }));
    if (this.#unapplied.length > 0) {
      const updates = this.#unapplied;
      // One transaction for all: half the cost of one each (shared facts, "Yjs").
      doc.transact((transaction) => {
        for (const update of updates) Y.applyUpdate(doc, update);
        // After a remote change, Yjs deletes formats that it finds redundant (13.6, `cleanupYTextFormatting`). The
        // relay must not: peers do so themselves and send their deletes, but the relay sends none of its own.
        transaction.local = true;
      });
      this.#unapplied = [];
    }
    return doc;
  }
}
