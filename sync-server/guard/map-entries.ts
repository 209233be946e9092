/**
 * Finds values of map keys that are more than one unit long. No honest client makes them, and Yjs fails on them
 * (13.6): each value deletes the one before it, but of one that was cut in two only the half that is its origin.
 * When the map itself is deleted, `Item.gc` finds the other half undeleted, and throws in every peer.
 */
import type { ScannedStruct } from "../update/scan.ts";
import { NONE, StructKind } from "../update/scan.ts";
import type { OutStruct } from "../update/write.ts";

export type TakenStruct = OutStruct & {
  /** Whether it is the value of a map's key; `null` until somebody needs to know. */
  isEntry: boolean | null;
};

/** The accepted structs of one client in the update at hand. */
export type Taken = {
  /** Clock at which the first of them begins. */
  readonly clock: number;
  readonly taken: readonly TakenStruct[];
};

export type Lookup = {
  /** The accepted structs of a client. */
  readonly takenOf: (client: number) => Taken | undefined;
  /** Whether an id that was held before this update belongs to a map's key. */
  readonly isHeldEntry: (client: number, clock: number) => boolean;
};

const findTaken = ({ taken }: Taken, clock: number): TakenStruct | undefined => {
  let low = 0;
  let high = taken.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const { struct } = taken[middle]!;
    if (struct.clock + struct.length > clock) high = middle;
    else low = middle + 1;
  }
  return taken[low];
};

/**
 * Whether an item belongs to a map's key: it names one, or its origin, or else its right origin, belongs to one (yjs
 * 13.6, `Item.getMissing`). All that it refers to is held.
 */
const isEntry = (struct: ScannedStruct, { takenOf, isHeldEntry }: Lookup): boolean => {
  // The result is kept in all items on the way, so that many items after one long chain do not walk it each.
  const way: TakenStruct[] = [];
  let at = struct;
  let found: boolean | null = null;
  while (found === null) {
    const { originClient, originClock, rightClient, rightClock } = at;
    if (originClient === NONE && rightClient === NONE) {
      found = at.hasParentSub;
      break;
    }
    const [client, clock] = originClient === NONE ? [rightClient, rightClock] : [originClient, originClock];
    const taken = takenOf(client);
    if (taken === undefined || clock < taken.clock) {
      found = isHeldEntry(client, clock);
      break;
    }
    const next = findTaken(taken, clock)!;
    // An item whose origin is GC becomes GC itself.
    if (next.forbidden || next.struct.kind !== StructKind.item) found = false;
    else {
      found = next.isEntry;
      way.push(next);
      at = next.struct;
    }
  }
  for (const each of way) each.isEntry = found;
  return found;
};

/**
 * Whether a divisible struct is a map's value of more than one unit.
 *
 * @param from clock at which it begins for us: what it holds before that is held already.
 */
export const isLongEntry = (struct: ScannedStruct, client: number, from: number, lookup: Lookup): boolean => {
  if (struct.clock + struct.length - from < 2) return false;
  return struct.clock < from ? lookup.isHeldEntry(client, from - 1) : isEntry(struct, lookup);
};
