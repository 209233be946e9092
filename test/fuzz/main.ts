/**
 * `npm run fuzz -- --seconds 10 --seed 1`: throws mutated traffic, grammar-made updates and noise at a
 * running relay, and fails if it ends, logs an error, grows without bound, or if an innocent notices.
 * The seed fixes what is thrown; when it arrives is up to the machine.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runCampaign } from "./campaign.ts";
import type { Report } from "./campaign.ts";
import { quantile } from "./tally.ts";

const megabytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(0)} MB`;

const closesOf = ({ tally }: Report): string =>
  [...tally.closes]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, count]) => `${code}×${count}`)
    .join(" ") || "none";

const progress = (report: Report): string =>
  `${report.seconds.toFixed(0).padStart(5)} s  ${report.tally.frames} frames, ${(report.tally.frames / report.seconds).toFixed(0)}/s  ` +
  `relay ${megabytes(report.memory.endBytes)}  closes ${closesOf(report)}`;

const summary = (report: Report): string => {
  const { tally, memory, seconds, episodes } = report;
  const rows: [string, string][] = [
    ["time", `${seconds.toFixed(1)} s in ${episodes} episodes`],
    [
      "thrown",
      `${tally.frames} frames, ${megabytes(tally.bytes)}, over ${tally.connects} connections and ${tally.httpCalls} HTTP calls`,
    ],
    ["attackers closed", closesOf(report)],
    ["innocents' edits", String(tally.edits)],
    [
      "innocents' pings",
      `p50 ${quantile(tally.pingMs, 0.5).toFixed(1)} ms, p99 ${quantile(tally.pingMs, 0.99).toFixed(1)} ms, longest ${quantile(tally.pingMs, 1).toFixed(1)} ms`,
    ],
    [
      "relay's memory",
      `start ${megabytes(memory.startBytes)}, peak ${megabytes(memory.peakBytes)}, end ${megabytes(memory.endBytes)}`,
    ],
    ["violations", String(tally.violations.size)],
  ];
  return rows.map(([name, text]) => `  ${name.padEnd(18)}${text}`).join("\n");
};

const wholeNumber = (name: string, text: string): number => {
  if (!/^\d{1,10}$/.test(text)) throw new Error(`--${name} is not a whole number: ${text}`);
  return Number(text);
};

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "10" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 32)) },
  },
});
const seconds = wholeNumber("seconds", values.seconds);
const seed = wholeNumber("seed", values.seed);

console.log(`Seed ${seed}, ${seconds} s.`);
const report = await runCampaign(seconds, seed, (now) => console.log(progress(now)));
console.log(summary(report));
const { violations } = report.tally;
if (violations.size > 0) {
  const file = join(tmpdir(), `session-room-fuzz-${seed}.txt`);
  report.tally.writeFrames(file);
  for (const violation of violations) console.log(`VIOLATION: ${violation}`);
  console.log(`The last frames are in ${file}. Again: npm run fuzz -- --seconds ${seconds} --seed ${seed}`);
}
process.exit(violations.size > 0 ? 1 : 0);
