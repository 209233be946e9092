/**
 * Finds an order in which the structs of one update can be integrated. Sections of several clients may have to be
 * taken in turns; without recursion, n log n in the structs.
 */
import { NONE, StructKind } from "../update/scan.ts";
import type { ScannedSection, ScannedStruct } from "../update/scan.ts";
import type { Slice } from "../update/slice.ts";
import type { Steps } from "./steps.ts";

type Queue = ScannedSection & {
  next: number;
  /** By the index of a struct: the queues that cannot go on before it is taken. */
  waiting: Map<number, Queue[]> | null;
};

export type Taker = {
  /** The clock behind a client's last held struct. */
  readonly clockOf: (client: number) => number;
  /** Takes a struct whose last unit at least is new; from then on it is held. */
  readonly take: (client: number, struct: ScannedStruct) => void;
};

/** Gives the structs to `take` in order, in slices. @returns whether all of them could be taken. */
export function* arrange(
  sections: readonly ScannedSection[],
  taker: Taker,
  steps: Steps,
  slice: Slice,
): Generator<undefined, boolean> {
  const queues = sections.map(({ client, structs }): Queue => ({ client, structs, next: 0, waiting: null }));
  const byClient = queues.length > 1 ? new Map(queues.map((queue) => [queue.client, queue])) : null;
  for (const first of queues) {
    // A queue that goes on may let others go on; each of these waits for one struct at a time.
    const work = [first];
    for (let queue = work.pop(); queue !== undefined; queue = work.pop()) {
      if (advance(queue, byClient, taker, work, steps, slice)) continue;
      slice.left = slice.steps;
      yield;
      work.push(queue);
    }
  }
  return queues.every(({ next, structs }) => next === structs.length);
}

/** @returns false for a pause, after which it is to be called again. */
const advance = (
  queue: Queue,
  byClient: ReadonlyMap<number, Queue> | null,
  { clockOf, take }: Taker,
  work: Queue[],
  steps: Steps,
  slice: Slice,
): boolean => {
  const { client, structs } = queue;
  for (; queue.next < structs.length; queue.next++) {
    if (--slice.left <= 0) return false;
    steps.count++;
    const struct = structs[queue.next]!;
    const held = clockOf(client);
    if (struct.clock + struct.length > held) {
      if (struct.clock > held || struct.kind === StructKind.skip) return true;
      const { originClient, originClock, rightClient, rightClock, parentClient, parentClock } = struct;
      if (originClient !== NONE && originClock >= clockOf(originClient)) {
        waitFor(byClient?.get(originClient), originClock, queue, steps);
        return true;
      }
      if (rightClient !== NONE && rightClock >= clockOf(rightClient)) {
        waitFor(byClient?.get(rightClient), rightClock, queue, steps);
        return true;
      }
      if (parentClient !== NONE && parentClock >= clockOf(parentClient)) {
        waitFor(byClient?.get(parentClient), parentClock, queue, steps);
        return true;
      }
      take(client, struct);
    }
    const woken = queue.waiting?.get(queue.next);
    if (woken !== undefined) for (const each of woken) work.push(each);
  }
  return true;
};

/** Lets a queue go on as soon as the struct of another that holds this clock is taken; never, if there is none. */
const waitFor = (other: Queue | undefined, clock: number, queue: Queue, steps: Steps): void => {
  if (other === undefined || other === queue) return;
  const { structs } = other;
  let low = other.next;
  let high = structs.length;
  while (low < high) {
    steps.count++;
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
