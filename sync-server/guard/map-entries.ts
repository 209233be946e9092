/**
 * Finds values of map keys that are more than one unit long. No honest client makes them, and Yjs breaks on
 * them (13.6): each value deletes the one before it, but of one that somebody cut in two only the half that it
 * stands behind. When the map itself is deleted, `Item.gc` meets the other half, and throws in every peer.
 */
import type { ScannedStruct } from "../update/scan.ts";
import { NONE, StructKind } from "../update/scan.ts";
import type { OutStruct } from "../update/write.ts";

export type TakenStruct = OutStruct & {
  /** Whether it is the value of a map's key; `null` until somebody needs to know. */
  isEntry: boolean | null;
};

/** What was taken of the update at hand, of one client. */
export type Taken = {
  /** Clock at which the first taken struct begins. */
  readonly clock: number;
  readonly taken: readonly TakenStruct[];
};

export type Lookup = {
  /** What was taken of a client. */
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
 * Whether an item belongs to a map's key: by its own word, or because what it stands beside does
 * (yjs 13.6, `Item.getMissing`: the origin decides, then the right origin). All that it refers to is held.
 */
const isEntry = (struct: ScannedStruct, { takenOf, isHeldEntry }: Lookup): boolean => {
  // Remembered in all that is passed on the way: many structs may stand behind one long row.
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
    // Beside what is GC, an item becomes GC itself.
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
 * @param from clock at which it is to begin for us: what stands before is held already.
 */
export const isLongEntry = (struct: ScannedStruct, client: number, from: number, lookup: Lookup): boolean => {
  if (struct.clock + struct.length - from < 2) return false;
  return struct.clock < from ? lookup.isHeldEntry(client, from - 1) : isEntry(struct, lookup);
};
