/** The simulation as part of the tests: many worlds hold, some that did not once, and broken relays are found out. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MUTANTS } from "./mutants.ts";

const MAIN = join(import.meta.dirname, "main.ts");
/** How many worlds a broken relay may get through unnoticed. */
const MUTANT_WORLDS = 300;

/** Runs it in a process of its own, whose time and chance are its own. */
const simulate = (...args: string[]): Promise<{ code: number; output: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : 1, output: stdout + stderr });
    });
  });

/** How much happened in each world: one in which nothing does holds everything. */
const deedsPerWorld = (output: string): number => {
  const [, worlds, deeds] = /^(\d+) worlds .*?(\d+) deeds/m.exec(output) ?? [];
  return Number(deeds) / Number(worlds);
};

const fingerprintOf = (output: string): string | undefined => /fingerprint (\S+)\)/.exec(output)?.[1];

describe("the simulation", () => {
  it("[I0] [I1] [I2] [I3] [I4] [I5] [I6] everything holds in 1,000 worlds", { timeout: 900_000 }, async () => {
    const { code, output } = await simulate("--seeds", "1000");
    process.stdout.write(output.split("\n").at(-2) + "\n");
    expect(output).toContain(": 0 failed");
    expect(code, output).toBe(0);
    expect(deedsPerWorld(output)).toBeGreaterThan(50);
  });

  // Each of these once found a fault (docs/simulation.md).
  it.each([7, 8, 10])(
    "[I3] [I4] [I5] and in the short world %i, after whichever of its steps the relay ends",
    { timeout: 300_000 },
    async (seed) => {
      const { code, output } = await simulate("--sweep", String(seed));
      expect(output).toContain(": 0 failed");
      expect(code, output).toBe(0);
      expect(deedsPerWorld(output)).toBeGreaterThan(10);
    },
  );

  it("a seed makes the same world each time, and another seed another", async () => {
    const runs = await Promise.all([simulate("--seed", "5"), simulate("--seed", "5"), simulate("--seed", "6")]);
    const [first, again, other] = runs.map(({ output }) => fingerprintOf(output));
    expect(first).toMatch(/^[0-9a-f]{8}-\d+$/);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
    expect(runs[1]!.output).toBe(runs[0]!.output);
  });

  it.each(Object.entries(MUTANTS))(
    "finds out a relay that %s, and says with which seed",
    { timeout: 300_000 },
    async (name, { rules }) => {
      const { code, output } = await simulate("--seeds", String(MUTANT_WORLDS), "--first", "--mutant", name);
      expect(
        rules.some((rule) => output.includes(`[${rule}]`)),
        output,
      ).toBe(true);
      expect(output).toMatch(/replay: npm run simulate -- --seed \d+/);
      expect(code).toBe(1);
    },
  );
});
