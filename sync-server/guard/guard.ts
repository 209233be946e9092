/**
 * The guard decides which parts of a client's update enter the room (docs/guard.md has the argument). Who may
 * write under which client id is not its decision: it asks `mayWrite`.
 *
 * For each client id it keeps up to which clock the relay holds structs, and which of them were forbidden. Of an
 * update it accepts only what refers to held structs, in an order in which a peer can integrate it; forbidden
 * structs become GC structs of equal length, so that clocks have no gaps. By induction nothing accepted is below
 * the protected root, and no accepted update waits in a peer's document for something that is still to come.
 */
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import { SESSION_ROOT } from "../../src/session/session.ts";
import { isLongEntry } from "./map-entries.ts";
import { inOrder, RangeSet } from "../update/ranges.ts";
import type { Range } from "../update/ranges.ts";
import { isWhole, makeQueue, waitFor } from "./struct-queue.ts";
import type { StructQueue } from "./struct-queue.ts";
import { NONE, scanUpdate, StructKind } from "../update/scan.ts";
import type { ScannedDelete, ScannedStruct, ScannedUpdate } from "../update/scan.ts";
import { writeScanned } from "../update/write.ts";
import type { OutSection } from "../update/write.ts";

/** Yjs' own client ids are below this (yjs 13.6, `generateNewClientId`); the others are reserved for ledgers. */
export const FIRST_LEDGER_ID = 2 ** 32;

const PROTECTED_ROOT = new TextEncoder().encode(SESSION_ROOT);

/** An id that some part of an update waits for. */
export type Missing = { readonly client: number; readonly clock: number };

/** What became of an update. */
export type AdmitResult = {
  /** What is new and allowed: to be stored and forwarded. `null`: nothing. */
  readonly accepted: Uint8Array | null;
  /** What the remaining parts wait for, if any: offer the update again once any of it is held (`holds`), not sooner. */
  readonly missing: readonly Missing[];
  /** Client ids of which new structs were accepted. */
  readonly written: readonly number[];
  /** Client ids of which new structs were left out because the sender may not write under them. */
  readonly blocked: readonly number[];
  /** How many structs and deletes were looked at. */
  readonly count: number;
};

export type AdmitOptions = {
  /**
   * Whether the sender may write under a client id; asked at most once for each client, when the update holds
   * something new of it. Without it everybody may.
   */
  readonly mayWrite?: (client: number) => boolean;
  /**
   * Whether all of a range is deleted already; such deletes are left out. Worth asking only for
   * SyncStep2, which repeats every delete of the document.
   */
  readonly isDeleted?: (client: number, clock: number, length: number) => boolean;
  /**
   * Whether a held id is the value of a map's key; asked only of what is next to a struct of several
   * units. Without it none is.
   */
  readonly isEntry?: (client: number, clock: number) => boolean;
  /** How many structs and deletes the update may hold. Without it any number. */
  readonly maxStructs?: number;
};

const isReserved = (client: number): boolean => client >= FIRST_LEDGER_ID;

export class Guard {
  /** For each client id, the clock after the last held struct. */
  readonly #held: Map<number, number>;
  readonly #forbidden = new RangeSet();
  /** Those of `#forbidden` that were added since `takeChanges`. */
  #newlyForbidden = new RangeSet();

  /**
   * @param held the content's state vector.
   * @param records what `encode` and `takeChanges` returned, all of them; none for a new room.
   */
  constructor(held: Map<number, number>, records: readonly Uint8Array[] = []) {
    this.#held = held;
    for (const record of records) this.#forbidden.read(decoding.createDecoder(record));
  }

  /** What must be stored beside the content: the forbidden ranges, which in the content are GC like any other. */
  encode(): Uint8Array {
    return encoding.encode((encoder) => this.#forbidden.write(encoder));
  }

  /** What was added to that since the last time; `null` if nothing was. */
  takeChanges(): Uint8Array | null {
    if (this.#newlyForbidden.isEmpty) return null;
    const changes = this.#newlyForbidden;
    this.#newlyForbidden = new RangeSet();
    return encoding.encode((encoder) => changes.write(encoder));
  }

  /** The state vector of the content; the guard's own map, not to be changed. */
  get held(): ReadonlyMap<number, number> {
    return this.#held;
  }

  /**
   * Looks at an update, and counts what it accepts as held from now on.
   *
   * @throws MalformedError if the update cannot be read, TooManyStructsError if it holds too many.
   */
  admit(bytes: Uint8Array, options: AdmitOptions = {}): AdmitResult {
    const update = scanUpdate(bytes, PROTECTED_ROOT, options.maxStructs);
    const queues = this.#takeStructs(update, options);
    const structsWhole = queues.length === update.sections.length && queues.every(isWhole);
    const missing: Missing[] = [];
    const written: number[] = [];
    const blocked: number[] = [];
    for (const queue of queues) {
      if (queue.allowed === false) blocked.push(queue.client);
      else if (queue.next < queue.structs.length) missing.push(this.#missingFor(queue));
      if (queue.taken.length > 0) written.push(queue.client);
    }
    const deletes = this.#takeDeletes(update.deletes, options);
    if (!update.exact) for (const [client, ranges] of deletes.taken) deletes.taken.set(client, inOrder(ranges));
    let accepted: Uint8Array | null;
    if (structsWhole && deletes.whole && update.exact) {
      accepted = queues.length === 0 && update.deletes.length === 0 ? null : bytes;
    } else {
      const sections: OutSection[] = queues
        .filter((queue) => queue.taken.length > 0)
        .map(({ client, clock, taken }) => ({ client, clock, structs: taken }));
      accepted =
        sections.length === 0 && deletes.taken.size === 0 ? null : writeScanned(bytes, sections, deletes.taken);
    }
    missing.push(...deletes.missing);
    return { accepted, missing, written, blocked, count: update.count };
  }

  /** Whether an id is held. */
  holds({ client, clock }: Missing): boolean {
    return clock < this.#heldUpTo(client);
  }

  #heldUpTo(client: number): number {
    return this.#held.get(client) ?? 0;
  }

  #takeStructs(update: ScannedUpdate, options: AdmitOptions): StructQueue[] {
    const queues: StructQueue[] = [];
    for (const { client, structs } of update.sections) {
      if (isReserved(client)) continue;
      queues.push(makeQueue(client, structs, this.#heldUpTo(client)));
    }
    const byClient = queues.length > 1 ? new Map(queues.map((queue) => [queue.client, queue])) : null;
    for (const first of queues) {
      // A queue that advances may unblock others; each of these waits for one struct at a time.
      const work = [first];
      for (let queue = work.pop(); queue !== undefined; queue = work.pop()) {
        this.#advance(queue, byClient, options, work);
      }
    }
    return queues;
  }

  /** Accepts structs until the end, a gap, a reference to something that is not held, or another's client id. */
  #advance(
    queue: StructQueue,
    byClient: Map<number, StructQueue> | null,
    options: AdmitOptions,
    work: StructQueue[],
  ): void {
    const { mayWrite, isEntry } = options;
    const { client, structs } = queue;
    for (; queue.next < structs.length; queue.next++) {
      const struct = structs[queue.next]!;
      const held = this.#heldUpTo(client);
      const end = struct.clock + struct.length;
      if (end <= held) continue;
      if (struct.clock > held || struct.kind === StructKind.skip) return;
      queue.allowed ??= mayWrite === undefined || mayWrite(client);
      if (!queue.allowed) return;
      const missing = this.#missingReference(struct);
      if (missing !== null) {
        const other = missing.client === client ? undefined : byClient?.get(missing.client);
        if (other !== undefined) waitFor(other, missing.clock, queue);
        return;
      }
      const forbidden =
        this.#isForbidden(struct, client, held) ||
        (struct.isDivisible &&
          isLongEntry(struct, client, held, {
            takenOf: (each) => (each === client ? queue : byClient?.get(each)),
            isHeldEntry: (each, clock) => isEntry !== undefined && isEntry(each, clock),
          }));
      if (forbidden) {
        this.#forbidden.add(client, held, end - held);
        this.#newlyForbidden.add(client, held, end - held);
      }
      queue.taken.push({ struct, forbidden, isEntry: null });
      this.#held.set(client, end);
      const woken = queue.waiting?.get(queue.next);
      if (woken !== undefined) for (const each of woken) work.push(each);
    }
  }

  /** What a queue that was not accepted to its end waits for. */
  #missingFor({ client, structs, next }: StructQueue): Missing {
    const struct = structs[next]!;
    if (struct.kind === StructKind.skip) return { client, clock: struct.clock + struct.length - 1 };
    if (struct.clock > this.#heldUpTo(client)) return { client, clock: struct.clock - 1 };
    return this.#missingReference(struct)!;
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
    return client !== NONE && !isReserved(client) && clock >= this.#heldUpTo(client);
  }

  /** @param held clock at which the struct begins for us; if it is cut, the unit before becomes its origin. */
  #isForbidden(struct: ScannedStruct, client: number, held: number): boolean {
    if (struct.kind !== StructKind.item) return false;
    if (struct.underProtectedRoot) return true;
    if (isReserved(struct.originClient) || isReserved(struct.rightClient) || isReserved(struct.parentClient)) {
      return true;
    }
    if (this.#forbidden.isEmpty) return false;
    return (
      this.#forbidden.has(struct.originClient, struct.originClock) ||
      this.#forbidden.has(struct.rightClient, struct.rightClock) ||
      this.#forbidden.has(struct.parentClient, struct.parentClock) ||
      (struct.clock < held && this.#forbidden.has(client, held - 1))
    );
  }

  #takeDeletes(
    deletes: readonly ScannedDelete[],
    { isDeleted }: AdmitOptions,
  ): { taken: Map<number, Range[]>; whole: boolean; missing: Missing[] } {
    const taken = new Map<number, Range[]>();
    let whole = true;
    const missing: Missing[] = [];
    for (const { client, clock, length } of deletes) {
      if (isReserved(client)) {
        whole = false;
        continue;
      }
      const held = this.#heldUpTo(client);
      if (clock + length > held) {
        // A peer would keep this, and delete what its author has yet to write.
        whole = false;
        missing.push({ client, clock: clock + length - 1 });
      }
      const end = Math.min(clock + length, held);
      if (end <= clock) continue;
      let parts: readonly Range[] = [{ clock, length: end - clock }];
      if (!this.#forbidden.isEmpty) {
        parts = this.#forbidden.without(client, clock, end - clock);
        if (parts.length !== 1 || parts[0]!.length !== end - clock) whole = false;
      }
      if (isDeleted !== undefined) {
        const fresh = parts.filter((part) => !isDeleted(client, part.clock, part.length));
        if (fresh.length !== parts.length) whole = false;
        parts = fresh;
      }
      if (parts.length === 0) continue;
      const ranges = taken.get(client);
      if (ranges === undefined) taken.set(client, [...parts]);
      else ranges.push(...parts);
    }
    return { taken, whole, missing };
  }
}
