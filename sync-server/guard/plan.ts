/**
 * What becomes of one update, found out without changing anything: the guard commits it later, or never. Linear in
 * the update, times the logarithm of the searches for what structs refer to, and in slices.
 *
 * Over 300 lines, since its steps share the queues and ranges that they build; apart they would pass all of them on.
 */
import { asDeleted, isDivisible, Ref } from "../struct-store/struct-bytes.ts";
import type { Parent } from "../struct-store/struct-store.ts";
import { inOrder, RangeSet } from "../update/ranges.ts";
import type { Range } from "../update/ranges.ts";
import { NONE, StructKind } from "../update/scan.ts";
import type { ScannedStruct, ScannedUpdate } from "../update/scan.ts";
import type { Slice } from "../update/slice.ts";
import { writeScanned } from "../update/write.ts";
import type {
  AdmitOptions,
  AdmitResult,
  ForbiddenCode,
  Missing,
  WaitingDelete,
  WaitingStructs,
} from "./admit-result.ts";
import { findTaken, isWhole, makeQueue, waitFor } from "./struct-queue.ts";
import type { StructQueue } from "./struct-queue.ts";

/** How many types that are no roots may lie in one another: Yjs recurses into the depth of a deleted type. */
export const MAX_TYPE_DEPTH = 256;

export type PlanContext = {
  /** For each client id, the clock after the last held struct. */
  readonly held: ReadonlyMap<number, number>;
  readonly forbidden: RangeSet;
  readonly isReserved: (client: number) => boolean;
};

const NO_WAITING: readonly never[] = [];
const NOT_FORBIDDEN: ReadonlyMap<number, ForbiddenCode> = new Map();
const IN_ROOT: Parent = { client: NONE, clock: NONE, isEntry: false, depth: 0 };
const ROOT_ENTRY: Parent = { ...IN_ROOT, isEntry: true };

const isSamePlace = (a: Parent, b: Parent): boolean =>
  a.client === b.client && a.clock === b.clock && a.isEntry === b.isEntry;

/** What `#placeOf` says of an item whose origins lie in different types. */
const TORN = Symbol("torn");

export class Plan {
  readonly #context: PlanContext;
  readonly #options: AdmitOptions;
  readonly #update: ScannedUpdate;
  readonly #slice: Slice;
  readonly #queues: StructQueue[] = [];
  #byClient: ReadonlyMap<number, StructQueue> | null = null;
  /** What is forbidden of this update. */
  #newlyForbidden: RangeSet | null = null;
  #forbiddenCodes: Map<number, ForbiddenCode> | null = null;
  /** Deletes of the update in order; made when somebody needs to know. */
  #sortedDeletes: Map<number, Range[]> | null = null;
  /** Whether later structs of the update may refer to earlier ones, so that their places are kept. */
  readonly #keepsPlaces: boolean;
  #count = 0;
  #result: AdmitResult | null = null;

  constructor(context: PlanContext, update: ScannedUpdate, options: AdmitOptions, slice: Slice) {
    this.#context = context;
    this.#update = update;
    this.#options = options;
    this.#slice = slice;
    const { sections } = update;
    this.#keepsPlaces = sections.length > 1 || (sections.length === 1 && sections[0]!.structs.length > 1);
  }

  get result(): AdmitResult {
    return this.#result!;
  }

  /** What is to be counted as held: clients with the clock after their last accepted struct. */
  get advanced(): readonly StructQueue[] {
    return this.#queues;
  }

  get newlyForbidden(): RangeSet | null {
    return this.#newlyForbidden;
  }

  /** Finds everything out. Between slices, nothing may be counted as held. */
  *run(): Generator<undefined, void> {
    const { bytes, sections, deletes, exact } = this.#update;
    yield* this.#takeStructs();
    const queues = this.#queues;
    const written: number[] = [];
    const blocked: number[] = [];
    let waitingStructs: WaitingStructs[] | null = null;
    let structsWhole = queues.length === sections.length;
    for (const queue of queues) {
      if (this.#pauses()) yield;
      structsWhole &&= isWhole(queue);
      this.#count += queue.taken.length;
      if (queue.allowed === false) blocked.push(queue.client);
      else if (queue.next < queue.structs.length) (waitingStructs ??= []).push(this.#waitingOf(queue));
      if (queue.taken.length > 0) written.push(queue.client);
    }
    const waitingDeletes: WaitingDelete[] = [];
    const taken = new Map<number, Range[]>();
    const deletesWhole = deletes.length === 0 || (yield* this.#takeDeletes(taken, waitingDeletes));
    let accepted: Uint8Array | null;
    const isUnchanged = structsWhole && deletesWhole && exact;
    if (isUnchanged) accepted = queues.length === 0 && deletes.length === 0 ? null : bytes;
    else {
      if (!exact) for (const [client, ranges] of taken) taken.set(client, inOrder(ranges));
      const changed = queues.filter((queue) => queue.taken.length > 0);
      accepted =
        changed.length === 0 && taken.size === 0
          ? null
          : yield* writeScanned(
              bytes,
              changed.map(({ client, clock, taken: structs }) => ({ client, clock, structs })),
              taken,
              this.#slice,
            );
    }
    this.#result = {
      accepted,
      scanned: isUnchanged ? this.#update : null,
      waitingStructs: waitingStructs ?? NO_WAITING,
      waitingDeletes,
      written,
      blocked,
      forbidden: this.#forbiddenCodes ?? NOT_FORBIDDEN,
      count: this.#count,
    };
  }

  #pauses(): boolean {
    if (--this.#slice.left > 0) return false;
    this.#slice.left = this.#slice.steps;
    return true;
  }

  #queueOf(client: number): StructQueue | undefined {
    if (this.#byClient !== null) return this.#byClient.get(client);
    const [only] = this.#queues;
    return only?.client === client ? only : undefined;
  }

  #heldUpTo(client: number): number {
    return this.#queueOf(client)?.heldUpTo ?? this.#context.held.get(client) ?? 0;
  }

  *#takeStructs(): Generator<undefined, void> {
    const { held, isReserved } = this.#context;
    const queues = this.#queues;
    for (const { client, structs } of this.#update.sections) {
      if (this.#pauses()) yield;
      if (!isReserved(client)) queues.push(makeQueue(client, structs, held.get(client) ?? 0));
    }
    if (queues.length > 1) this.#byClient = new Map(queues.map((queue) => [queue.client, queue]));
    for (const first of queues) {
      // A queue that advances may unblock others; each of these waits for one struct at a time.
      const work = [first];
      for (let queue = work.pop(); queue !== undefined; queue = work.pop()) {
        if (this.#advance(queue, work)) continue;
        yield;
        work.push(queue);
      }
    }
  }

  /**
   * Accepts structs until the end, a gap, a reference to something that is not held, or another's client id.
   *
   * @returns false for a pause, after which it is to be called again.
   */
  #advance(queue: StructQueue, work: StructQueue[]): boolean {
    const { mayWrite, isFull } = this.#options;
    const { client, structs } = queue;
    for (; queue.next < structs.length; queue.next++) {
      if (this.#pauses()) return false;
      const struct = structs[queue.next]!;
      const held = queue.heldUpTo;
      const end = struct.clock + struct.length;
      if (end > held) {
        if (struct.clock > held || struct.kind === StructKind.skip) return true;
        queue.allowed ??= isFull !== true && (mayWrite === undefined || mayWrite(client));
        if (!queue.allowed) return true;
        const missing = this.#missingReference(struct);
        if (missing !== null) {
          const other = missing.client === client ? undefined : this.#byClient?.get(missing.client);
          if (other !== undefined) waitFor(other, missing.clock, queue);
          return true;
        }
        this.#take(queue, struct, held, end);
      }
      const woken = queue.waiting?.get(queue.next);
      if (woken !== undefined) for (const each of woken) work.push(each);
    }
    return true;
  }

  #take(queue: StructQueue, struct: ScannedStruct, held: number, end: number): void {
    const { client } = queue;
    let parent: Parent | null = null;
    let instead: Uint8Array | null = null;
    let code: ForbiddenCode | null = this.#isForbidden(struct, client, held) ? "forbidden" : null;
    if (code === null && struct.kind === StructKind.item) {
      const isLong = end - held > 1 && isDivisible(struct.ref);
      if (this.#keepsPlaces || isLong || struct.ref === Ref.type || struct.rightClient !== NONE) {
        const place = this.#placeOf(struct, client, held);
        if (place === TORN) code = "forbidden";
        else parent = place;
      }
      if (struct.ref === Ref.type && parent !== null && parent.depth >= MAX_TYPE_DEPTH) code = "too-deep";
      if (isLong && parent?.isEntry === true) {
        // Several values of one key are all deleted, if the sender is honest; Yjs fails when it has to cut them.
        if (this.#isDeletedHere(client, held, end)) {
          const bytes = this.#update.bytes.subarray(struct.start, struct.end);
          instead = asDeleted(bytes, client, struct.clock, struct.length, held);
        } else code = "forbidden";
      }
    }
    if (code !== null) {
      parent = null;
      (this.#newlyForbidden ??= new RangeSet()).add(client, held, end - held);
      const codes = (this.#forbiddenCodes ??= new Map<number, ForbiddenCode>());
      if (!codes.has(client)) codes.set(client, code);
    }
    if (code !== null || instead !== null) queue.isChanged = true;
    queue.taken.push({ struct, forbidden: code !== null, instead, parent });
    queue.heldUpTo = end;
  }

  /** The part of a queue that was not accepted, and what it waits for. */
  #waitingOf({ client, structs, next, heldUpTo }: StructQueue): WaitingStructs {
    const struct = structs[next]!;
    const { start, clock } = struct;
    let missing: Missing;
    if (struct.kind === StructKind.skip) missing = { client, clock: clock + struct.length - 1 };
    else if (clock > heldUpTo) missing = { client, clock: clock - 1 };
    else missing = this.#missingReference(struct)!;
    return { client, start, end: structs.at(-1)!.end, clock, missing };
  }

  /** The first reference of a struct that is neither held nor reserved. */
  #missingReference(struct: ScannedStruct): Missing | null {
    const { originClient, originClock, rightClient, rightClock, parentClient, parentClock } = struct;
    if (this.#isMissing(originClient, originClock)) return { client: originClient, clock: originClock };
    if (this.#isMissing(rightClient, rightClock)) return { client: rightClient, clock: rightClock };
    if (this.#isMissing(parentClient, parentClock)) return { client: parentClient, clock: parentClock };
    return null;
  }

  #isMissing(client: number, clock: number): boolean {
    return client !== NONE && clock >= this.#heldUpTo(client) && !this.#context.isReserved(client);
  }

  /** @param held clock at which the struct begins for us; if it is cut, the unit before becomes its origin. */
  #isForbidden(struct: ScannedStruct, client: number, held: number): boolean {
    if (struct.kind !== StructKind.item) return false;
    if (struct.underProtectedRoot) return true;
    const { originClient, originClock, rightClient, rightClock, parentClient, parentClock } = struct;
    return (
      this.#isForbiddenAt(originClient, originClock) ||
      this.#isForbiddenAt(rightClient, rightClock) ||
      this.#isForbiddenAt(parentClient, parentClock) ||
      (struct.clock < held && this.#isForbiddenAt(client, held - 1))
    );
  }

  #isForbiddenAt(client: number, clock: number): boolean {
    if (client === NONE) return false;
    const { forbidden, isReserved } = this.#context;
    return isReserved(client) || forbidden.has(client, clock) || this.#newlyForbidden?.has(client, clock) === true;
  }

  /** Where an item lies, as Yjs derives it (13.6, `Item.getMissing`); all that it refers to is held or accepted. */
  #placeOf(struct: ScannedStruct, client: number, from: number): Parent | null | typeof TORN {
    if (struct.clock < from) return this.#placeAt(client, from - 1);
    const { originClient, originClock, rightClient, rightClock, parentClient, parentClock, hasParentSub } = struct;
    const origin = originClient === NONE ? null : this.#placeAt(originClient, originClock);
    const right = rightClient === NONE ? null : this.#placeAt(rightClient, rightClock);
    // Peers would disagree about its place, or walk through another type's items to find it.
    if (origin !== null && right !== null && !isSamePlace(origin, right)) return TORN;
    if (originClient !== NONE) return origin;
    if (rightClient !== NONE) return right;
    if (parentClient === NONE) return hasParentSub ? ROOT_ENTRY : IN_ROOT;
    const parent = this.#placeAt(parentClient, parentClock);
    if (parent === null) return null;
    return { client: parentClient, clock: parentClock, isEntry: hasParentSub, depth: parent.depth + 1 };
  }

  #placeAt(client: number, clock: number): Parent | null {
    const queue = this.#queueOf(client);
    if (queue !== undefined && clock >= queue.clock) return findTaken(queue, clock).parent;
    return this.#options.content?.parentOf(client, clock) ?? null;
  }

  /** Whether the update deletes all of a range. */
  #isDeletedHere(client: number, clock: number, end: number): boolean {
    if (this.#sortedDeletes === null) {
      const byClient = Map.groupBy(this.#update.deletes, (each) => each.client);
      this.#sortedDeletes = new Map();
      for (const [each, ranges] of byClient) this.#sortedDeletes.set(each, inOrder(ranges));
    }
    const ranges = this.#sortedDeletes.get(client) ?? [];
    let low = 0;
    let high = ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ranges[middle]!.clock + ranges[middle]!.length >= end) high = middle;
      else low = middle + 1;
    }
    return low < ranges.length && ranges[low]!.clock <= clock;
  }

  /** @returns whether all of the update's deletes are taken. */
  *#takeDeletes(taken: Map<number, Range[]>, waiting: WaitingDelete[]): Generator<undefined, boolean> {
    const { forbidden, isReserved } = this.#context;
    const hasForbidden = !forbidden.isEmpty || this.#newlyForbidden !== null;
    const { content } = this.#options;
    let whole = true;
    for (const { client, clock, length } of this.#update.deletes) {
      if (this.#pauses()) yield;
      if (isReserved(client)) {
        whole = false;
        continue;
      }
      const held = this.#heldUpTo(client);
      const end = Math.min(clock + length, held);
      if (clock + length > held) {
        // A peer would keep this, and delete what its author has yet to write.
        whole = false;
        const from = Math.max(clock, held);
        waiting.push({ client, clock: from, length: clock + length - from });
        this.#count++;
      }
      if (end <= clock) continue;
      if (content?.isDeleted(client, clock, end - clock) === true) {
        whole = false;
        continue;
      }
      this.#count++;
      let parts: readonly Range[] = [{ clock, length: end - clock }];
      if (hasForbidden) {
        parts = forbidden.without(client, clock, end - clock);
        const fresh = this.#newlyForbidden;
        if (fresh !== null) parts = parts.flatMap((part) => fresh.without(client, part.clock, part.length));
        if (parts.length !== 1 || parts[0]!.length !== end - clock) whole = false;
        if (parts.length === 0) continue;
      }
      const ranges = taken.get(client);
      if (ranges === undefined) taken.set(client, [...parts]);
      else for (const part of parts) ranges.push(part);
    }
    return whole;
  }
}
