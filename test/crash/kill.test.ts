/**
 * The relay is killed 200 times in a row, each time on the data that the last one left. Another
 * number, or the moments of another run: CRASH_KILLS=1000 CRASH_SEED=1 npm test -- crash
 */
import { beforeAll, describe, expect, it } from "vitest";
import { Campaign } from "./campaign.ts";
import type { Outcome } from "./campaign.ts";

const KILLS = Number(process.env["CRASH_KILLS"] ?? 200);
const SEED = Number(process.env["CRASH_SEED"] ?? Date.now() % 1_000_000);
/** Some 300 ms for each kill; a busy machine takes several times that. */
const PATIENCE_MS = 60_000 + KILLS * 3_000;
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
  }, PATIENCE_MS);

  const broken = (rule: string): readonly string[] => outcome.broken.get(rule) ?? [];

  it("[R1] [W8] no session goes back, and none that was told is another one later", () => {
    expect(broken("R1")).toEqual([]);
  });

  it("[R2] [W8] what anybody was told of others' edits is in the relay, before anybody brings it back", () => {
    expect(broken("R2")).toEqual([]);
  });

  it("[R3] every edit that somebody holds is back when they are", () => {
    expect(broken("R3")).toEqual([]);
  });

  it("[S4] the ledger keeps its client id", () => {
    expect(broken("S4")).toEqual([]);
  });

  it("[L14] a deadline is kept, and nothing fires within the grace", () => {
    expect([...broken("L14"), ...broken("L5")]).toEqual([]);
  });

  it("has looked at everything, after every kill", () => {
    expect(outcome.kills).toBe(KILLS);
    for (const what of ["sessions", "contents", "returns", "deadlines"] as const) {
      expect(outcome.looks[what], what).toBeGreaterThan(KILLS);
    }
    for (const what of ["ends", "madeRooms"] as const) expect(outcome.looks[what], what).toBeGreaterThan(0);
  });

  it("nothing is in the log that only a bug writes", () => {
    expect(broken("log")).toEqual([]);
  });
});
