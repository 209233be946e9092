/**
 * The answer to one state vector, written piece by piece while the store goes on: see the contract of `Answer`.
 */
import { NONE } from "../update/scan.ts";
import type { DeleteLog } from "./delete-log.ts";
import type { IdRanges } from "./id-ranges.ts";
import { NumberHeap } from "./number-heap.ts";
import { Piece } from "./piece.ts";
import type { Steps } from "./steps.ts";
import { cutStruct, Ref } from "./struct-bytes.ts";
import { NO_STRUCT } from "./structs.ts";
import type { Structs } from "./structs.ts";

/** How large a piece may become, unless one struct alone is larger. */
export const PIECE_BYTES = 256 * 1024;

/** The structs of a document until it is compacted; then also where to go on in those that took their place. */
export type Generation = {
  readonly structs: Structs;
  /** `from`: the number of the first struct that was accepted after the change. */
  next: { readonly generation: Generation; readonly from: number } | null;
};

export type AnswerContext = {
  readonly generation: Generation;
  readonly deletes: IdRanges;
  readonly log: DeleteLog;
  readonly steps: Steps;
};

/**
 * What somebody with a certain state vector lacks, as Yjs updates.
 *
 * Contract: applied in order by a Yjs client that holds exactly that state vector, every piece integrates at once;
 * nothing waits in `pendingStructs` or `pendingDs`. Between two pieces the store may accept updates and may be
 * compacted. What is accepted meanwhile, deletes included, comes in later pieces, so the caller does NOT forward
 * updates to that client until `next` has returned null; from then on it forwards every update that is accepted
 * later. `next` returns null only when the client has everything that the store holds at that moment. While an
 * answer is open it keeps the structs it began with in memory, and the deletes that come in; so call `close` if it
 * is not read to its end.
 *
 * Time is linear in what is written, times the logarithm of the number of clients, plus one look at each client of
 * the document and of the state vector at the beginning.
 */
export class Answer {
  #generation: Generation;
  readonly #deletes: IdRanges;
  readonly #log: DeleteLog;
  readonly #steps: Steps;
  readonly #held: ReadonlyMap<number, number>;
  /** Of each client of which something is missing: its next struct, below `#position`. */
  readonly #heap: NumberHeap;
  /** From here on, all structs are looked at in order. */
  #position: number;
  /** Part of a written struct whose deletes are still to be written. */
  #owedClient: number = NONE;
  #owedFrom = 0;
  #owedEnd = 0;
  /** What the client holds and may not know the deletes of. */
  readonly #covered: Iterator<readonly [number, number]>;
  #coveredNow: readonly [client: number, end: number] | undefined;
  #coveredFrom = 0;
  #logPosition: number;
  #isOpen = true;
  /** The last range that was looked up, and from which clock on it is the first. Valid while one piece is filled. */
  #rangeClient: number = NONE;
  #rangeAsked = 0;
  #rangeStart = 0;
  #rangeEnd = 0;

  /** @param knowsDeletes whether the client knows all deletes until now of what it holds. */
  constructor(
    { generation, deletes, log, steps }: AnswerContext,
    held: ReadonlyMap<number, number>,
    knowsDeletes = false,
  ) {
    this.#generation = generation;
    this.#deletes = deletes;
    this.#log = log;
    this.#steps = steps;
    this.#held = held;
    this.#heap = new NumberHeap(steps);
    this.#position = 0;
    const { structs } = generation;
    if (held.size > 0) {
      for (const [client, clock] of structs.stateVector()) {
        steps.count++;
        const from = held.get(client) ?? 0;
        if (from < clock) this.#heap.push(structs.find(client, from));
      }
      this.#position = structs.count;
    }
    this.#covered = knowsDeletes ? [].values() : held.entries();
    this.#coveredNow = this.#nextCovered();
    log.open();
    this.#logPosition = log.length;
  }

  /** The next piece; null if the client has everything, which closes the answer. */
  next(mostBytes: number = PIECE_BYTES): Uint8Array | null {
    if (!this.#isOpen) return null;
    this.#rangeClient = NONE;
    let piece = new Piece(this.#generation.structs, mostBytes, this.#steps);
    while (this.#writeStructs(piece) && this.#generation.next !== null) {
      if (!piece.isEmpty) return piece.encode();
      const { generation, from } = this.#generation.next;
      this.#generation = generation;
      this.#position = from;
      piece = new Piece(generation.structs, mostBytes, this.#steps);
    }
    if (this.#hasStruct() || this.#owedFrom < this.#owedEnd) return piece.encode();
    if (this.#writeCovered(piece)) this.#writeLog(piece);
    if (!piece.isEmpty) return piece.encode();
    this.close();
    return null;
  }

  /** Ends the answer before its end. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#log.close();
  }

  #hasStruct(): boolean {
    return this.#peek() !== NO_STRUCT;
  }

  /** The number of the next struct to look at. */
  #peek(): number {
    const least = this.#heap.least;
    if (least !== undefined) return least;
    return this.#position < this.#generation.structs.count ? this.#position : NO_STRUCT;
  }

  #advance(): void {
    const least = this.#heap.least;
    if (least === undefined) {
      this.#position++;
      return;
    }
    const next = this.#generation.structs.nextOfClient(least);
    if (next === NO_STRUCT || next >= this.#position) this.#heap.pop();
    else this.#heap.replaceLeast(next);
  }

  /** Writes structs, each with its deletes. @returns false when the piece is full. */
  #writeStructs(piece: Piece): boolean {
    if (!this.#writeOwed(piece)) return false;
    const { structs } = this.#generation;
    for (let number = this.#peek(); number !== NO_STRUCT; number = this.#peek()) {
      this.#steps.count++;
      const client = structs.clientAt(number);
      const clock = structs.clockAt(number);
      const end = structs.endAt(number);
      const from = this.#held.size === 0 ? 0 : (this.#held.get(client) ?? 0);
      if (end > from) {
        const fits =
          clock >= from
            ? piece.addStruct(number)
            : piece.addCutStruct(client, from, cutStruct(structs.bytesAt(number), client, clock, end - clock, from));
        if (!fits) return false;
        // These are deleted by what they are.
        const ref = structs.refAt(number);
        if (ref !== Ref.gc && ref !== Ref.deleted) {
          this.#owedClient = client;
          this.#owedFrom = Math.max(clock, from);
          this.#owedEnd = end;
        }
      }
      this.#advance();
      if (!this.#writeOwed(piece)) return false;
    }
    return true;
  }

  /** @returns false when the piece is full. */
  #writeOwed(piece: Piece): boolean {
    this.#owedFrom = this.#writeDeletes(piece, this.#owedClient, this.#owedFrom, this.#owedEnd);
    return this.#owedFrom >= this.#owedEnd;
  }

  /** Writes the deletes of a part of a client's ids. @returns `end`, or where to go on when the piece is full. */
  #writeDeletes(piece: Piece, client: number, from: number, end: number): number {
    let at = from;
    while (at < end) {
      this.#steps.count++;
      this.#findRange(client, at);
      if (this.#rangeStart >= end) return end;
      const rangeEnd = Math.min(this.#rangeEnd, end);
      if (!piece.addDelete(client, Math.max(this.#rangeStart, at), rangeEnd)) return at;
      at = rangeEnd;
    }
    return end;
  }

  #findRange(client: number, clock: number): void {
    if (client === this.#rangeClient && clock >= this.#rangeAsked && clock < this.#rangeEnd) return;
    const found = this.#deletes.find(client, clock);
    this.#rangeClient = client;
    this.#rangeAsked = clock;
    this.#rangeStart = found ? this.#deletes.foundStart : Infinity;
    this.#rangeEnd = found ? this.#deletes.foundEnd : Infinity;
  }

  #nextCovered(): readonly [number, number] | undefined {
    const result = this.#covered.next();
    return result.done === true ? undefined : result.value;
  }

  /** Writes the deletes of what the client held before. @returns false when the piece is full. */
  #writeCovered(piece: Piece): boolean {
    while (this.#coveredNow !== undefined) {
      this.#steps.count++;
      const [client, end] = this.#coveredNow;
      this.#coveredFrom = this.#writeDeletes(piece, client, this.#coveredFrom, end);
      if (this.#coveredFrom < end) return false;
      this.#coveredNow = this.#nextCovered();
      this.#coveredFrom = 0;
    }
    return true;
  }

  /** Writes the deletes that came in since the answer began. */
  #writeLog(piece: Piece): void {
    for (; this.#logPosition < this.#log.length; this.#logPosition++) {
      this.#steps.count++;
      const { client, clock, end } = this.#log.at(this.#logPosition);
      if (!piece.addDelete(client, clock, end)) return;
    }
  }
}
