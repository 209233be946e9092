/** The structs of one client in the update at hand: how far they are accepted, and which queues wait for them. */
import type { Parent } from "../struct-store/struct-store.ts";
import type { ScannedStruct } from "../update/scan.ts";
import type { OutStruct } from "../update/write.ts";

export type TakenStruct = OutStruct & {
  /** Where it lies; `null`: peers make a GC struct of it, or nobody needs to know. */
  readonly parent: Parent | null;
};

export type StructQueue = {
  readonly client: number;
  readonly structs: readonly ScannedStruct[];
  /** Index of the next struct to look at. */
  next: number;
  /** Clock at which the first accepted struct begins. */
  readonly clock: number;
  /** Clock after the last accepted struct. */
  heldUpTo: number;
  /** Whether the sender may write under this client id; `null` until it matters. */
  allowed: boolean | null;
  readonly taken: TakenStruct[];
  /** Whether any of `taken` is changed. */
  isChanged: boolean;
  /** By the index of a struct: the queues that cannot go on before it is accepted. */
  waiting: Map<number, StructQueue[]> | null;
};

export const makeQueue = (client: number, structs: readonly ScannedStruct[], heldUpTo: number): StructQueue => ({
  client,
  structs,
  next: 0,
  clock: heldUpTo,
  heldUpTo,
  allowed: null,
  taken: [],
  isChanged: false,
  waiting: null,
});

/** Index of the first struct from `low` on that ends behind a clock. */
const firstEndingAfter = (
  { length }: { readonly length: number },
  endAt: (index: number) => number,
  clock: number,
  from = 0,
): number => {
  let low = from;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (endAt(middle) > clock) high = middle;
    else low = middle + 1;
  }
  return low;
};

/** Unblocks `queue` as soon as the struct of `other` that holds this clock is accepted; never, if there is none. */
export const waitFor = (other: StructQueue, clock: number, queue: StructQueue): void => {
  const { structs } = other;
  const endAt = (index: number): number => structs[index]!.clock + structs[index]!.length;
  const index = firstEndingAfter(structs, endAt, clock, other.next);
  const struct = structs[index];
  if (struct === undefined || struct.clock > clock) return;
  const others = (other.waiting ??= new Map()).get(index);
  if (others === undefined) other.waiting.set(index, [queue]);
  else others.push(queue);
};

/** The accepted struct that holds a clock, which is one of the queue's. */
export const findTaken = ({ taken }: StructQueue, clock: number): TakenStruct => {
  const endAt = (index: number): number => taken[index]!.struct.clock + taken[index]!.struct.length;
  return taken[firstEndingAfter(taken, endAt, clock)]!;
};

/** Whether all structs of a queue are accepted unchanged. */
export const isWhole = ({ structs, taken, clock, isChanged }: StructQueue): boolean =>
  !isChanged && taken.length === structs.length && clock === structs[0]!.clock;
