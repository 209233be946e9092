/**
 * The content of one room without a Y.Doc: the accepted structs as bytes, in the order in which they were accepted,
 * and the ranges of deletes. It answers state vectors, forgets what is deleted, and is asked by the guard what is
 * held. Nothing is integrated: whatever the bytes are, no step recurses or takes more than n log n in them.
 */
import { encode } from "lib0/encoding";
import { scanSlices, StructKind, NONE } from "../update/scan.ts";
import type { ScannedStruct, ScannedUpdate } from "../update/scan.ts";
import { finish, UNSLICED } from "../update/slice.ts";
import type { Slice } from "../update/slice.ts";
import { Answer } from "./answer.ts";
import type { Generation } from "./answer.ts";
import { arrange } from "./arrange.ts";
import { Compaction } from "./compaction.ts";
import { DeleteLog } from "./delete-log.ts";
import { IdRanges } from "./id-ranges.ts";
import { Steps } from "./steps.ts";
import { cutStruct, Ref, refOf, varUintSize, writeGc } from "./struct-bytes.ts";
import { isEntryAt, NO_PLACE, NO_STRUCT, Structs, toPlace, typeAt } from "./structs.ts";
import { ROOT } from "./type-table.ts";

/** How large a row of `encodeRows` may become, unless one struct alone is larger. */
export const ROW_BYTES = 1024 * 1024;
/** How many steps a slice of a compaction takes: a few milliseconds. */
export const SLICE_STEPS = 10_000;

/** An empty name for `scanUpdate`: which structs lie in the protected root is the guard's business. */
const NO_ROOT = new Uint8Array();
/** The numbers at the head of a client's section take at most about this. */
const CLIENT_BYTES = 16;

/** Where an item lies. */
export type Parent = {
  /** The id of the item that holds the type which it is a child of; NONE: one of the root types. */
  readonly client: number;
  readonly clock: number;
  /** Whether it is the value of a map's key, an attribute for instance. */
  readonly isEntry: boolean;
  /** How many types that are no roots it lies in. */
  readonly depth: number;
};

export class StructStore {
  /** Counts the work done, for tests. */
  readonly steps: Steps;
  readonly #deletes: IdRanges;
  readonly #log = new DeleteLog();
  #generation: Generation;
  /** Bytes of the deletes that came in as such since the last compaction began, and of those during one. */
  #deleteBytes = 0;

  constructor(steps: Steps = new Steps()) {
    this.steps = steps;
    this.#deletes = new IdRanges(steps);
    this.#generation = { structs: new Structs(steps), next: null };
  }

  get #structs(): Structs {
    return this.#generation.structs;
  }

  /**
   * Bytes that the content takes when it is written, not less and hardly more. After a compaction it is what the
   * size of a document is judged by.
   */
  get bytes(): number {
    return this.#structs.bytes + this.#structs.clientCount * CLIENT_BYTES + this.#deleteBytes;
  }

  /** About how many bytes of memory it takes. */
  get memoryBytes(): number {
    return this.#structs.memoryBytes + this.#deletes.memoryBytes + this.#log.memoryBytes;
  }

  /** How many structs it holds. */
  get structCount(): number {
    return this.#structs.count;
  }

  /**
   * Takes an update in which the guard has admitted, or which was stored: every struct continues what is held of its
   * client, everything that it refers to is held or in the same update, and so is what is deleted. Held parts are
   * passed over. Parts of any other update that do not fit are left out.
   *
   * @returns whether all of its structs were taken or held.
   * @throws MalformedError if bytes cannot be read, and nothing else.
   */
  add(update: Uint8Array | ScannedUpdate): boolean {
    return finish(this.addSlices(update, UNSLICED));
  }

  /** The same in slices; between them answers may be opened, and the store may be compacted. */
  *addSlices(update: Uint8Array | ScannedUpdate, slice: Slice): Generator<undefined, boolean> {
    const scanned = update instanceof Uint8Array ? yield* scanSlices(update, NO_ROOT, slice) : update;
    const taker = {
      clockOf: (client: number): number => this.#structs.clockOf(client),
      take: (client: number, struct: ScannedStruct): void => this.#take(scanned.bytes, client, struct),
    };
    const isWhole = yield* arrange(scanned.sections, taker, this.steps, slice);
    for (const { client, clock, length } of scanned.deletes) {
      this.steps.count++;
      if (--slice.left <= 0) {
        slice.left = slice.steps;
        yield;
      }
      const end = Math.min(clock + length, this.#structs.clockOf(client));
      if (end <= clock || !this.#delete(client, clock, end)) continue;
      this.#deleteBytes += varUintSize(clock) + varUintSize(end - clock);
    }
    return isWhole;
  }

  /** The clock behind the last struct of a client; 0 if none is held. */
  clockOf(client: number): number {
    return this.#structs.clockOf(client);
  }

  /** For each client id, the clock behind its last struct. */
  stateVector(): IterableIterator<readonly [client: number, clock: number]> {
    return this.#structs.stateVector();
  }

  holds(client: number, clock: number): boolean {
    return clock < this.#structs.clockOf(client);
  }

  /**
   * Whether all of a range is known to be deleted. It is not known of the losers among concurrent values of a map's
   * key, which Yjs deletes while it integrates; and of what lies in a deleted type only after a compaction.
   */
  isDeleted(client: number, clock: number, length: number): boolean {
    return this.#deletes.covers(client, clock, clock + length);
  }

  /** Whether a held id is the value of a map's key, an attribute for instance. */
  isEntry(client: number, clock: number): boolean {
    return isEntryAt(this.placeOf(client, clock));
  }

  /** How many types that are no roots a held id lies in; NONE for GC and what is not held. */
  depthOf(client: number, clock: number): number {
    const place = this.placeOf(client, clock);
    return place === NO_PLACE ? NONE : this.#structs.types.depthOf(typeAt(place));
  }

  /** What kind of struct holds an id: one of `Ref`; NONE if it is not held. */
  kindOf(client: number, clock: number): number {
    const number = this.#structs.find(client, clock);
    return number === NO_STRUCT ? NONE : this.#structs.refAt(number);
  }

  /** Where a held id lies; `null` for GC and what is not held. */
  parentOf(client: number, clock: number): Parent | null {
    const place = this.placeOf(client, clock);
    if (place === NO_PLACE) return null;
    const structs = this.#structs;
    const type = typeAt(place);
    const holder = type === ROOT ? NO_STRUCT : structs.types.structOf(type);
    return {
      client: type === ROOT ? NONE : structs.clientAt(holder),
      clock: type === ROOT ? NONE : structs.clockAt(holder),
      isEntry: isEntryAt(place),
      depth: structs.types.depthOf(type),
    };
  }

  /**
   * A number that is equal for all ids that are children of the same type, and values of keys or not; roots count as
   * one type. NO_PLACE for GC and what is not held. It holds good until the next compaction ends.
   */
  placeOf(client: number, clock: number): number {
    const number = this.#structs.find(client, clock);
    return number === NO_STRUCT ? NO_PLACE : this.#structs.placeAt(number);
  }

  /**
   * What somebody with this state vector lacks, piece by piece; `Answer` says how to use it.
   *
   * @param held must not be changed while the answer is open.
   * @param knowsDeletes whether the client knows all deletes until now of what it holds.
   */
  answer(held: ReadonlyMap<number, number> = new Map(), knowsDeletes = false): Answer {
    return new Answer(
      { generation: this.#generation, deletes: this.#deletes, log: this.#log, steps: this.steps },
      held,
      knowsDeletes,
    );
  }

  /** The same as one update, however large; for documents of which `bytes` is small. */
  encode(held: ReadonlyMap<number, number> = new Map()): Uint8Array {
    const answer = this.answer(held);
    const update = answer.next(Infinity);
    answer.close();
    return update ?? Uint8Array.of(0, 0);
  }

  /**
   * The content as updates to be stored: adding them to an empty store in order gives it back, in linear time.
   * Call it after a compaction. Each is at most `mostBytes` long, unless one struct alone is longer.
   */
  *encodeRows(mostBytes: number = ROW_BYTES): Generator<Uint8Array, void> {
    const answer = this.answer();
    try {
      for (let row = answer.next(mostBytes); row !== null; row = answer.next(mostBytes)) yield row;
    } finally {
      answer.close();
    }
  }

  /**
   * Forgets what is deleted and joins structs (see `Compaction`). Yields after about every `sliceSteps` steps, so that
   * other work can go on: updates may be added, and answers opened, between slices. Without its end nothing changes.
   *
   * @returns whether it took effect: not if another compaction ended meanwhile.
   */
  *compact(sliceSteps: number = SLICE_STEPS): Generator<undefined, boolean> {
    const generation = this.#generation;
    const before = this.#deleteBytes;
    const structs = yield* new Compaction(generation.structs, this.#deletes, this.steps).run(sliceSteps);
    if (generation !== this.#generation) return false;
    this.#generation = { structs, next: null };
    // Open answers finish the old structs and go on behind those that took their place.
    generation.next = { generation: this.#generation, from: structs.count };
    this.#deleteBytes -= before;
    return true;
  }

  #take(bytes: Uint8Array, client: number, struct: ScannedStruct): void {
    const structs = this.#structs;
    const { clock, length, start, end } = struct;
    const from = structs.clockOf(client);
    const rest = clock + length - from;
    const place = this.#placeFor(client, struct, from);
    if (place === NO_PLACE) {
      const gc = encode((encoder) => writeGc(encoder, rest));
      structs.append(client, rest, gc, 0, gc.length, NO_PLACE);
      this.#delete(client, from, from + rest);
      return;
    }
    if (from === clock) structs.append(client, rest, bytes, start, end, place);
    else {
      const cut = cutStruct(bytes.subarray(start, end), client, clock, length, from);
      structs.append(client, rest, cut, 0, cut.length, place);
    }
    if (refOf(bytes[start]!) === Ref.deleted) this.#delete(client, from, from + rest);
  }

  /** Where an item belongs, as yjs 13.6 derives it (`Item.getMissing`); NO_PLACE if it makes a GC struct of it. */
  #placeFor(client: number, struct: ScannedStruct, from: number): number {
    if (struct.kind !== StructKind.item) return NO_PLACE;
    if (struct.clock < from) return this.placeOf(client, from - 1);
    const { originClient, originClock, rightClient, rightClock, parentClient, parentClock, hasParentSub } = struct;
    const origin = originClient === NONE ? null : this.placeOf(originClient, originClock);
    const right = rightClient === NONE ? null : this.placeOf(rightClient, rightClock);
    if (origin === NO_PLACE || right === NO_PLACE) return NO_PLACE;
    if (origin !== null) return origin;
    if (right !== null) return right;
    if (parentClient === NONE) return toPlace(ROOT, hasParentSub);
    return this.#structs.placeInside(parentClient, parentClock, hasParentSub);
  }

  #delete(client: number, clock: number, end: number): boolean {
    if (!this.#deletes.add(client, clock, end)) return false;
    this.#log.add(client, clock, end);
    return true;
  }
}
