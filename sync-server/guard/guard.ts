/**
 * The guard: decides which parts of a client's update enter the room (docs/guard.md has the argument).
 *
 * It keeps, for each client id, up to which clock the relay holds structs, and which of them were
 * forbidden. Of an update it accepts what refers to held structs only, in an order in which a peer
 * can integrate it; forbidden structs become GC structs of equal length, so that clocks stay whole.
 * By induction nothing accepted hangs below the protected root, and no accepted update ever waits
 * in a peer's document for something that is still to come.
 */
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import { SESSION_ROOT } from "../../src/session/session.ts";
import { Authors } from "./authors.ts";
import type { Writer } from "./authors.ts";
import { isLongEntry } from "./map-entries.ts";
import type { TakenStruct } from "./map-entries.ts";
import { inOrder, RangeSet } from "../update/ranges.ts";
import type { Range } from "../update/ranges.ts";
import { NONE, scanUpdate, StructKind } from "../update/scan.ts";
import type { ScannedDelete, ScannedStruct, ScannedUpdate } from "../update/scan.ts";
import { writeScanned } from "../update/write.ts";
import type { OutSection } from "../update/write.ts";

/** Yjs' own client ids are below this (yjs 13.6, `generateNewClientId`); the others are reserved for ledgers. */
export const FIRST_LEDGER_ID = 2 ** 32;

/** Version of what `encode` and `takeChanges` write. */
const RECORD_VERSION = 1;

const PROTECTED_ROOT = new TextEncoder().encode(SESSION_ROOT);

/** An id that some part of an update waits for. */
export type Missing = { readonly client: number; readonly clock: number };

export type Admission = {
  /** What is new and allowed: to be kept and forwarded. `null`: nothing. */
  readonly accepted: Uint8Array | null;
  /** What the parts that had to be left wait for, if any: offer the update again once any of it is held (`holds`), not sooner. */
  readonly missing: readonly Missing[];
  /** How many structs and deletes were looked at. */
  readonly count: number;
};

export type Questions = {
  /**
   * Whether the sender may write under a client id; asked once an update and client, when there is
   * something new under it. Without it everybody may.
   */
  readonly mayWrite?: (client: number) => boolean;
  /**
   * Whether all of a range is deleted already; such deletes are left out. Worth asking only for
   * SyncStep2, which repeats every delete of the document.
   */
  readonly isDeleted?: (client: number, clock: number, length: number) => boolean;
  /**
   * Whether a held id is the value of a map's key; asked only of what stands beside a struct of several
   * units. Without it none is.
   */
  readonly isEntry?: (client: number, clock: number) => boolean;
  /** How many structs and deletes the update may hold. Without it any number. */
  readonly most?: number;
};

/** The structs of one client in the update at hand, and how far they were taken. */
type Queue = {
  readonly client: number;
  readonly structs: readonly ScannedStruct[];
  /** Index of the next struct to look at. */
  next: number;
  /** Clock at which the first taken struct begins. */
  clock: number;
  /** Whether the sender may write here; `null` until it matters. */
  allowed: boolean | null;
  readonly taken: TakenStruct[];
  /** By the index of a struct: the queues that cannot go on before it is taken. */
  waiting: Map<number, Queue[]> | null;
};

const isReserved = (client: number): boolean => client >= FIRST_LEDGER_ID;

export class Guard<W extends Writer = Writer> {
  /** Whose the client ids are; the caller answers `mayWrite` from it. */
  readonly authors = new Authors<W>();
  /** For each client id, the clock behind the last held struct. */
  readonly #held: Map<number, number>;
  readonly #forbidden = new RangeSet();
  /** Those of `#forbidden` that came since `takeChanges`. */
  #newlyForbidden = new RangeSet();

  /**
   * @param held the content's state vector.
   * @param records what `encode` and `takeChanges` gave, all of them; none for a new room.
   */
  constructor(held: Map<number, number>, records: readonly Uint8Array[] = []) {
    this.#held = held;
    for (const record of records) {
      const decoder = decoding.createDecoder(record);
      const version = decoding.readVarUint(decoder);
      if (version !== RECORD_VERSION)
        throw new Error(`the guard's record has version ${version}, this relay reads ${RECORD_VERSION}`);
      this.#forbidden.read(decoder);
      this.authors.read(decoder);
    }
  }

  /** What must be kept beside the content: the authors, and the forbidden ranges, which in the content are GC like any other. */
  encode(): Uint8Array {
    return encoding.encode((encoder) => {
      encoding.writeVarUint(encoder, RECORD_VERSION);
      this.#forbidden.write(encoder);
      this.authors.write(encoder);
    });
  }

  /** What came to that since the last time; `null` if nothing did. */
  takeChanges(): Uint8Array | null {
    if (this.#newlyForbidden.isEmpty && !this.authors.hasChanges) return null;
    return encoding.encode((encoder) => {
      encoding.writeVarUint(encoder, RECORD_VERSION);
      this.#newlyForbidden.write(encoder);
      this.#newlyForbidden = new RangeSet();
      this.authors.writeChanges(encoder);
    });
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
  admit(bytes: Uint8Array, questions: Questions = {}): Admission {
    const update = scanUpdate(bytes, PROTECTED_ROOT, questions.most);
    const queues = this.#takeStructs(update, questions);
    const structsWhole = queues.length === update.sections.length && queues.every(isWhole);
    const missing: Missing[] = [];
    for (const queue of queues) {
      if (queue.allowed !== false && queue.next < queue.structs.length) missing.push(this.#missingFor(queue));
    }
    const deletes = this.#takeDeletes(update.deletes, questions);
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
    return { accepted, missing, count: update.count };
  }

  /** Whether an id is held. */
  holds({ client, clock }: Missing): boolean {
    return clock < this.#heldUpTo(client);
  }

  #heldUpTo(client: number): number {
    return this.#held.get(client) ?? 0;
  }

  #takeStructs(update: ScannedUpdate, questions: Questions): Queue[] {
    const queues: Queue[] = [];
    for (const { client, structs } of update.sections) {
      if (isReserved(client)) continue;
      queues.push({ client, structs, next: 0, clock: this.#heldUpTo(client), allowed: null, taken: [], waiting: null });
    }
    const byClient = queues.length > 1 ? new Map(queues.map((queue) => [queue.client, queue])) : null;
    for (const first of queues) {
      // A queue that goes on may let others go on; each of these waits for one struct at a time.
      const work = [first];
      for (let queue = work.pop(); queue !== undefined; queue = work.pop()) {
        this.#advance(queue, byClient, questions, work);
      }
    }
    return queues;
  }

  /** Takes structs until the end, a gap, a reference to something that is not held, or another's client id. */
  #advance(queue: Queue, byClient: Map<number, Queue> | null, questions: Questions, work: Queue[]): void {
    const { mayWrite, isEntry } = questions;
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

  /** What a queue that did not come to its end waits for. */
  #missingFor({ client, structs, next }: Queue): Missing {
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

  /** @param held where the struct begins for us; if it is cut, what stands before becomes its origin. */
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
    { isDeleted }: Questions,
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
        // Kept in a peer, this would strike what its author has yet to write.
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

/** Lets a queue go on as soon as the struct of another that holds this clock is taken; never, if there is none. */
const waitFor = (other: Queue, clock: number, queue: Queue): void => {
  const { structs } = other;
  let low = other.next;
  let high = structs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const { clock: start, length } = structs[middle]!;
    if (start + length > clock) high = middle;
    else low = middle + 1;
  }
  const struct = structs[low];
  if (struct === undefined || struct.clock > clock) return;
  const others = (other.waiting ??= new Map()).get(low);
  if (others === undefined) other.waiting.set(low, [queue]);
  else others.push(queue);
};

/** Whether a queue was taken just as it came. */
const isWhole = (queue: Queue): boolean =>
  queue.taken.length === queue.structs.length &&
  queue.clock === queue.structs[0]!.clock &&
  queue.taken.every(({ forbidden }) => !forbidden);
