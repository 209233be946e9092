/**
 * `npm run simulate`: simulates worlds, each from a seed, with its own people and faults.
 *
 *     npm run simulate                      1,000 worlds
 *     npm run simulate -- --seeds 100000    more worlds
 *     npm run simulate -- --seed 42         one world, with a trace
 *     npm run simulate -- --sweep 7         one short world many times, with the relay killed after each of its steps
 *
 * Exits with code 1 if a rule was violated, and prints the seed.
 */
import "./globals.ts";
import { parseArgs } from "node:util";
import { realTimeMs } from "./globals.ts";
import { MUTANTS } from "./mutants.ts";
import { splitAmongWorkers } from "./workers.ts";
import type { Part } from "./workers.ts";
import { World } from "./world.ts";

const HOUR_MS = 3_600_000;
const SHOWN_FAILURES = 20;
const REPORT_EVERY_MS = 500;
/** About as many steps as a short world has before all faults are removed. */
const SWEPT_STEPS = 600;

process.setMaxListeners(0);
// The room client creates many errors as values; full stacks would take a tenth of the time.
Error.stackTraceLimit = 10;

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    sweep: { type: "string" },
    mutant: { type: "string" },
    first: { type: "boolean", default: false },
  },
});

const positiveInteger = (name: string, text: string): number => {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  throw new Error(`--${name} is ${text}; a whole number from 1 is needed`);
};

const simulateOne = async (seed: number): Promise<void> => {
  const { trace, violation, fingerprint, steps, simulatedMs } = await new World({ seed, traces: true }).run();
  for (const line of trace) console.log(line);
  const result = violation === null ? "all rules held" : violation.message;
  console.log(
    `seed ${seed}: ${result} (${steps} steps, ${(simulatedMs / HOUR_MS).toFixed(2)} h, fingerprint ${fingerprint})`,
  );
  process.exitCode = violation === null ? 0 : 1;
};

/** Ends the relay of a short world after each of its steps, and so during everything that it awaits. */
const sweep = async (seed: number): Promise<void> => {
  const failures: string[] = [];
  let worlds = 0;
  let allActions = 0;
  for (const how of ["kill", "power"] as const) {
    for (let afterStep = 1; afterStep <= SWEPT_STEPS; afterStep++) {
      const { violation, actions } = await new World({ seed, end: { afterStep, how } }).run();
      worlds++;
      allActions += actions;
      if (violation !== null) failures.push(`${how} after step ${afterStep}: ${violation.message}`);
    }
  }
  for (const failure of failures.slice(0, SHOWN_FAILURES)) console.log(failure);
  console.log(
    `${worlds} worlds of seed ${seed}, ${allActions} actions, the relay ended after each of ${SWEPT_STEPS} steps: ${failures.length} failed`,
  );
  process.exitCode = failures.length === 0 ? 0 : 1;
};

/** Simulates a part of the worlds, with progress reports. */
const simulatePart = async (from: number, count: number, report: (part: Part) => void): Promise<void> => {
  let reportedAt = realTimeMs();
  const part: Part = { worlds: 0, simulatedMs: 0, steps: 0, actions: 0, failures: [] };
  for (let seed = from; seed < from + count; seed++) {
    const { simulatedMs, steps, actions, violation } = await new World({ seed }).run();
    part.worlds++;
    part.simulatedMs += simulatedMs;
    part.steps += steps;
    part.actions += actions;
    if (violation !== null) part.failures.push({ seed, message: violation.message });
    if (violation !== null && values.first) break;
    if (realTimeMs() - reportedAt > REPORT_EVERY_MS) {
      report(part);
      reportedAt = realTimeMs();
    }
  }
  report(part);
};

const simulateMany = async (from: number, count: number): Promise<void> => {
  const startedAt = realTimeMs();
  const rate = ({ worlds }: Part): string => `${((worlds / (realTimeMs() - startedAt)) * 1000).toFixed(1)} a second`;
  const all = await splitAmongWorkers(from, count, process.argv.slice(2), (soFar) => {
    if (!process.stderr.isTTY) return;
    const hours = (soFar.simulatedMs / HOUR_MS).toFixed(0);
    process.stderr.write(
      `\r${soFar.worlds} of ${count} worlds, ${rate(soFar)}, ${hours} simulated hours, ${soFar.failures.length} failed `,
    );
  });
  if (process.stderr.isTTY) process.stderr.write("\n");
  const { worlds, simulatedMs, steps, actions, failures } = all;
  for (const { seed, message } of failures.slice(0, SHOWN_FAILURES)) {
    console.log(`seed ${seed}: ${message}\n  replay: npm run simulate -- --seed ${seed}`);
  }
  const hours = (simulatedMs / HOUR_MS).toFixed(1);
  console.log(
    `${worlds} worlds (seeds ${from} to ${from + count - 1}), ${hours} simulated hours, ${actions} actions, ${steps} steps, ${rate(all)}: ${failures.length} failed`,
  );
  process.exitCode = failures.length === 0 && worlds === count ? 0 : 1;
};

if (values.mutant !== undefined) {
  const mutant = MUTANTS[values.mutant];
  if (mutant === undefined) throw new Error(`there is no mutant "${values.mutant}"`);
  mutant.apply();
}
const from = positiveInteger("from", values.from);
const count = positiveInteger("seeds", values.seeds);
if (values.sweep !== undefined) await sweep(positiveInteger("sweep", values.sweep));
else if (values.seed !== undefined) await simulateOne(positiveInteger("seed", values.seed));
else if (process.send !== undefined) await simulatePart(from, count, (part) => process.send!(part));
else await simulateMany(from, count);
