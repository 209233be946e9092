/**
 * The Yjs client ids of a room's ledgers. Each is greater than all before, so that its values win, and cannot be
 * foreseen, so that nobody holds structs under it (docs/SPEC.md, S4 and S5).
 */

/** An id that was used before, and the clock after its last struct; 0 if that is not known. */
export type FormerLedger = { readonly id: number; readonly clock: number };

/** Ids of one ms: 11 random bits. Ids stay below 2^53 until the year 2109. */
const IDS_PER_MS = 2_048;
/** Former ledgers that are remembered, the newest. */
export const MAX_FORMER_LEDGERS = 64;

/** The least id of a ledger that is made at this time (ms since the epoch). */
export const leastLedgerIdAt = (now: number): number => Math.floor(now) * IDS_PER_MS;

/**
 * @param last the greatest id that a ledger of the room ever had; 0 if there was none.
 * @param isHeld whether the content holds structs under an id.
 */
export const makeLedgerId = (now: number, last: number, isHeld: (id: number) => boolean): number => {
  const [random] = crypto.getRandomValues(new Uint16Array(1));
  let id = Math.max(leastLedgerIdAt(now) + (random! % IDS_PER_MS), last + 1);
  // Ends after one step for each client id of the content, at most.
  while (isHeld(id)) id++;
  return id;
};

/** The former ledgers with some more, the newest at the end. */
export const addFormerLedgers = (
  former: readonly FormerLedger[],
  ...more: readonly FormerLedger[]
): readonly FormerLedger[] => [...former, ...more].toSorted((a, b) => a.id - b.id).slice(-MAX_FORMER_LEDGERS);
