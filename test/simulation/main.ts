/**
 * `npm run simulate`: worlds from seeds, each with its own people, faults and chances.
 *
 *     npm run simulate                      1,000 worlds
 *     npm run simulate -- --seeds 100000    more of them
 *     npm run simulate -- --seed 42         one, with everything that happens in it
 *     npm run simulate -- --sweep 7         a short one again and again, the relay killed after each of its steps
 *
 * Ends with exit code 1 if something did not hold, and says with which seed.
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
/** As many as the life of a short world has before it heals, about. */
const SWEPT_STEPS = 600;

process.setMaxListeners(0);
// Errors are values in the room client; their stacks would be a tenth of the work.
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

const wholeNumber = (name: string, text: string): number => {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  throw new Error(`--${name} is ${text}; a whole number from 1 is needed`);
};

const showOne = async (seed: number): Promise<void> => {
  const { trace, violation, fingerprint, steps, simulatedMs } = await new World({ seed, traces: true }).run();
  for (const line of trace) console.log(line);
  const result = violation === null ? "everything held" : violation.message;
  console.log(
    `seed ${seed}: ${result} (${steps} steps, ${(simulatedMs / HOUR_MS).toFixed(2)} h, fingerprint ${fingerprint})`,
  );
  process.exitCode = violation === null ? 0 : 1;
};

/** Ends the relay of a short world after each of its steps: at everything that it ever waits for. */
const sweep = async (seed: number): Promise<void> => {
  const failures: string[] = [];
  let worlds = 0;
  let allDeeds = 0;
  for (const how of ["kill", "power"] as const) {
    for (let afterStep = 1; afterStep <= SWEPT_STEPS; afterStep++) {
      const { violation, deeds } = await new World({ seed, end: { afterStep, how } }).run();
      worlds++;
      allDeeds += deeds;
      if (violation !== null) failures.push(`${how} after step ${afterStep}: ${violation.message}`);
    }
  }
  for (const failure of failures.slice(0, SHOWN_FAILURES)) console.log(failure);
  console.log(
    `${worlds} worlds of seed ${seed}, ${allDeeds} deeds, the relay ended after each of ${SWEPT_STEPS} steps: ${failures.length} failed`,
  );
  process.exitCode = failures.length === 0 ? 0 : 1;
};

/** Plays some of the worlds, telling of it now and then. */
const playPart = async (from: number, count: number, report: (part: Part) => void): Promise<void> => {
  let reportedAt = realTimeMs();
  const part: Part = { worlds: 0, simulatedMs: 0, steps: 0, deeds: 0, failures: [] };
  for (let seed = from; seed < from + count; seed++) {
    const { simulatedMs, steps, deeds, violation } = await new World({ seed }).run();
    part.worlds++;
    part.simulatedMs += simulatedMs;
    part.steps += steps;
    part.deeds += deeds;
    if (violation !== null) part.failures.push({ seed, message: violation.message });
    if (violation !== null && values.first) break;
    if (realTimeMs() - reportedAt > REPORT_EVERY_MS) {
      report(part);
      reportedAt = realTimeMs();
    }
  }
  report(part);
};

const playMany = async (from: number, count: number): Promise<void> => {
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
  const { worlds, simulatedMs, steps, deeds, failures } = all;
  for (const { seed, message } of failures.slice(0, SHOWN_FAILURES)) {
    console.log(`seed ${seed}: ${message}\n  replay: npm run simulate -- --seed ${seed}`);
  }
  const hours = (simulatedMs / HOUR_MS).toFixed(1);
  console.log(
    `${worlds} worlds (seeds ${from} to ${from + count - 1}), ${hours} simulated hours, ${deeds} deeds, ${steps} steps, ${rate(all)}: ${failures.length} failed`,
  );
  process.exitCode = failures.length === 0 && worlds === count ? 0 : 1;
};

if (values.mutant !== undefined) {
  const mutant = MUTANTS[values.mutant];
  if (mutant === undefined) throw new Error(`there is no mutant "${values.mutant}"`);
  mutant.apply();
}
const from = wholeNumber("from", values.from);
const count = wholeNumber("seeds", values.seeds);
if (values.sweep !== undefined) await sweep(wholeNumber("sweep", values.sweep));
else if (values.seed !== undefined) await showOne(wholeNumber("seed", values.seed));
else if (process.send !== undefined) await playPart(from, count, (part) => process.send!(part));
else await playMany(from, count);
