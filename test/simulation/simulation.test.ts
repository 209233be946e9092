/** The simulation as part of the tests: all rules hold in many worlds and in some that once failed, and mutants of the relay are detected. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MUTANTS } from "./mutants.ts";

const MAIN = join(import.meta.dirname, "main.ts");
/** How many worlds to simulate. */
const WORLDS = Number(process.env["SIMULATION_WORLDS"] ?? 1_000);
/** Within how many worlds a mutant must be detected. */
const MUTANT_WORLDS = 300;

/** Runs the simulation in a separate process, since it replaces the process's time and random numbers. */
const simulate = (...args: string[]): Promise<{ code: number; output: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : 1, output: stdout + stderr });
    });
  });

/** How many actions there were per world: in a world without any, every rule holds. */
const actionsPerWorld = (output: string): number => {
  const [, worlds, actions] = /^(\d+) worlds .*?(\d+) actions/m.exec(output) ?? [];
  return Number(actions) / Number(worlds);
};

const fingerprintOf = (output: string): string | undefined => /fingerprint (\S+)\)/.exec(output)?.[1];

describe("the simulation", () => {
  it(`[I0] [I1] [I2] [I3] [I4] [I5] [I6] all rules hold in ${WORLDS} worlds`, { timeout: 900 * WORLDS }, async () => {
    const { code, output } = await simulate("--seeds", String(WORLDS));
    process.stdout.write(output.split("\n").at(-2) + "\n");
    expect(output).toContain(": 0 failed");
    expect(code, output).toBe(0);
    expect(actionsPerWorld(output)).toBeGreaterThan(50);
  });

  // Each of these seeds once found a bug (docs/simulation.md).
  it.each([7, 8, 10])(
    "[I3] [I4] [I5] all rules hold in the short world %i when the relay ends after any of its steps",
    { timeout: 300_000 },
    async (seed) => {
      const { code, output } = await simulate("--sweep", String(seed));
      expect(output).toContain(": 0 failed");
      expect(code, output).toBe(0);
      expect(actionsPerWorld(output)).toBeGreaterThan(10);
    },
  );

  it("a seed gives the same world each time, and another seed a different one", async () => {
    const runs = await Promise.all([simulate("--seed", "5"), simulate("--seed", "5"), simulate("--seed", "6")]);
    const [first, again, other] = runs.map(({ output }) => fingerprintOf(output));
    expect(first).toMatch(/^[0-9a-f]{8}-\d+$/);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
    expect(runs[1]!.output).toBe(runs[0]!.output);
  });

  it.each(Object.entries(MUTANTS))(
    "detects a relay that %s, and prints the seed",
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
