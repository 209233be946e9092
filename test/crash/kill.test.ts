/**
 * The relay is killed 200 times in a row, each time with the data of the run before. Another number of
 * kills, or the seed of an earlier run: CRASH_KILLS=1000 CRASH_SEED=1 npm test -- crash
 */
import { beforeAll, describe, expect, it } from "vitest";
import { Campaign } from "./campaign.ts";
import type { Outcome } from "./campaign.ts";

const KILLS = Number(process.env["CRASH_KILLS"] ?? 200);
const SEED = Number(process.env["CRASH_SEED"] ?? Date.now() % 1_000_000);
/** A kill takes about 300 ms, on a busy machine several times that. */
const CAMPAIGN_TIMEOUT_MS = 60_000 + KILLS * 3_000;
const REPORT_EVERY = 50;

describe(`${KILLS} kills under load, seed ${SEED}`, () => {
  let outcome: Outcome;

  beforeAll(async () => {
    const startedAt = performance.now();
    outcome = await Campaign.run(SEED, KILLS, (kills) => {
      if (kills % REPORT_EVERY === 0) {
        const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
        process.stdout.write(`crash: ${kills} of ${KILLS} kills in ${seconds} s, seed ${SEED}\n`);
      }
    });
  }, CAMPAIGN_TIMEOUT_MS);

  const violations = (rule: string): readonly string[] => outcome.violations.get(rule) ?? [];

  it("[R1] [W8] no session goes back to an earlier stage, and none that was sent changes later", () => {
    expect(violations("R1")).toEqual([]);
  });

  it("[R2] [W8] edits that the relay had sent to others are stored, before any client restores them", () => {
    expect(violations("R2")).toEqual([]);
  });

  it("[R3] every edit that a client has is restored when it reconnects", () => {
    expect(violations("R3")).toEqual([]);
  });

  it("[S4] the ledger keeps its client id", () => {
    expect(violations("S4")).toEqual([]);
  });

  it("[L14] deadlines are kept, and none fires within the grace period", () => {
    expect([...violations("L14"), ...violations("L5")]).toEqual([]);
  });

  it("every check has run after every kill", () => {
    expect(outcome.kills).toBe(KILLS);
    for (const what of ["sessions", "contents", "returns", "deadlines"] as const) {
      expect(outcome.checks[what], what).toBeGreaterThan(KILLS);
    }
    for (const what of ["ends", "madeRooms"] as const) expect(outcome.checks[what], what).toBeGreaterThan(0);
  });

  it("the log contains nothing that only a bug writes", () => {
    expect(violations("log")).toEqual([]);
  });
});
