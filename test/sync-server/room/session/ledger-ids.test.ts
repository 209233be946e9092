/** The client ids of ledgers (docs/SPEC.md, S4 and S5). */
import { describe, expect, it } from "vitest";
import {
  addFormerLedgers,
  leastLedgerIdAt,
  makeLedgerId,
  MAX_FORMER_LEDGERS,
} from "../../../../sync-server/room/session/ledger-ids.ts";

const NOW = Date.UTC(2026, 0, 1);

describe("the id of a new ledger", () => {
  it("[S4] is made of the time and 11 bits that nobody can foresee", () => {
    const ids = Array.from({ length: 200 }, () => makeLedgerId(NOW + 0.5, 0, () => false));
    for (const id of ids) {
      expect(id).toBeGreaterThanOrEqual(leastLedgerIdAt(NOW));
      expect(id).toBeLessThan(leastLedgerIdAt(NOW + 1));
    }
    expect(new Set(ids).size).toBeGreaterThan(100);
    expect(leastLedgerIdAt(Date.UTC(2109, 0, 1))).toBeLessThan(Number.MAX_SAFE_INTEGER);
  });

  it("[S4] [S5] is greater than all before, and none under which the content holds anything", () => {
    const later = leastLedgerIdAt(NOW + 1_000);
    expect(makeLedgerId(NOW, later, () => false)).toBe(later + 1);
    expect(makeLedgerId(NOW, later, (id) => id < later + 5)).toBe(later + 5);
  });
});

describe("former ledgers", () => {
  it("[S5] are the newest 64", () => {
    const all = Array.from({ length: 70 }, (_, id) => ({ id, clock: 1 }));
    const kept = addFormerLedgers(addFormerLedgers([], ...all.slice(60)), ...all.slice(0, 60));
    expect(kept).toEqual(all.slice(-MAX_FORMER_LEDGERS));
  });
});
