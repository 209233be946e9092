/** The structs of one client in the update at hand: how far they were accepted, and which queues wait for them. */
import type { TakenStruct } from "./map-entries.ts";
import type { ScannedStruct } from "../update/scan.ts";

export type StructQueue = {
  readonly client: number;
  readonly structs: readonly ScannedStruct[];
  /** Index of the next struct to look at. */
  next: number;
  /** Clock at which the first accepted struct begins. */
  readonly clock: number;
  /** Whether the sender may write under this client id; `null` until it matters. */
  allowed: boolean | null;
  readonly taken: TakenStruct[];
  /** By the index of a struct: the queues that cannot go on before it is accepted. */
  waiting: Map<number, StructQueue[]> | null;
};

export const makeQueue = (client: number, structs: readonly ScannedStruct[], heldUpTo: number): StructQueue => ({
  client,
  structs,
  next: 0,
  clock: heldUpTo,
  allowed: null,
  taken: [],
  waiting: null,
});

/** Unblocks `queue` as soon as the struct of `other` that holds this clock is accepted; never, if there is none. */
export const waitFor = (other: StructQueue, clock: number, queue: StructQueue): void => {
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

/** Whether all structs of a queue were accepted unchanged. */
export const isWhole = ({ structs, taken, clock }: StructQueue): boolean =>
  taken.length === structs.length && clock === structs[0]!.clock && taken.every(({ forbidden }) => !forbidden);
