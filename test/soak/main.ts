/**
 * `npm run soak -- --minutes 2`: simulates days and nights of a school with a relay whose clock runs faster,
 * and prints a table of what has grown and what was wrong. Exits with code 1 if anything has grown or was wrong.
 *
 *     npm run soak -- --minutes 60 --speed 30 --seed 7 --rooms 24 --people 40 --day-minutes 10
 *
 * Ctrl-C ends it early with the table so far, a second Ctrl-C at once.
 */
import { parseArgs } from "node:util";
import { soak } from "./soak.ts";
import type { Progress, SoakOptions } from "./soak.ts";
import { summarize } from "./table.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "2" },
    speed: { type: "string", default: "30" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 32)) },
    rooms: { type: "string", default: "24" },
    people: { type: "string", default: "40" },
    "day-minutes": { type: "string", default: "10" },
  },
});

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const LINE_EVERY_MS = { tty: 1_000, plain: MINUTE_MS };

const read = (name: keyof typeof values, least: number, isWhole = true): number => {
  const number = Number(values[name]);
  if (number >= least && Number.isFinite(number) && (!isWhole || Number.isSafeInteger(number))) return number;
  console.error(`--${name} is ${values[name]}; a ${isWhole ? "whole " : ""}number from ${least} is needed`);
  process.exit(1);
};

const options: SoakOptions = {
  minutes: read("minutes", 0.1, false),
  speed: read("speed", 1, false),
  seed: read("seed", 0),
  rooms: read("rooms", 1),
  people: read("people", 2),
  dayMs: read("day-minutes", 1, false) * MINUTE_MS,
};

const stop = new AbortController();
process.on("SIGINT", () => {
  if (stop.signal.aborted) process.exit(1);
  stop.abort();
});

const startedAt = performance.now();
const isTty = process.stderr.isTTY;
const lineOf = ({ world, nights, present }: Progress): string => {
  const { findings } = world;
  const seconds = (performance.now() - startedAt) / 1000;
  const hours = ((seconds * 1000 * options.speed) / HOUR_MS).toFixed(1);
  const stage = world.hasEnded ? "final checks" : `${present} present`;
  return `${seconds.toFixed(0)} s (${hours} h), ${nights} nights, ${stage}, ${findings.edits} edits, ${findings.comparisons + findings.inspections} checks, ${findings.total} wrong`;
};

console.log(`Seed ${options.seed}, ${options.minutes} min.`);
let reportTimer: ReturnType<typeof setInterval> | undefined;
const report = await soak(
  options,
  (readProgress) => {
    const showProgress = (): void => {
      if (isTty) process.stderr.write(`\r\u001B[K${lineOf(readProgress())}`);
      else console.log(lineOf(readProgress()));
    };
    reportTimer = setInterval(showProgress, isTty ? LINE_EVERY_MS.tty : LINE_EVERY_MS.plain);
  },
  stop.signal,
);
clearInterval(reportTimer);
if (isTty) process.stderr.write("\r\u001B[K");
const { lines, faults } = summarize(report);
for (const line of lines) console.log(line);
for (const text of report.findings.texts) console.log(`  ${text}`);
console.log(faults.length === 0 ? "Everything held." : `DID NOT HOLD: ${faults.join("; ")}`);
process.exit(faults.length === 0 ? 0 : 1);
