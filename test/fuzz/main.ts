/**
 * `npm run fuzz -- --seconds 10 --seed 1`: sends mutated traffic, generated updates and noise to a running
 * relay, and fails if the relay ends, logs an error or leaks memory, or if honest clients are affected.
 * The seed determines what is sent, but not the timing. `--kinds a,b` sends only these of the hostile kinds
 * (hostile-kinds.ts), `--kinds all` also those that the relay does not hold yet.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runCampaign } from "./campaign.ts";
import type { Report } from "./campaign.ts";
import { HELD_KINDS, kindsByName } from "./hostile-kinds.ts";
import { quantile } from "./statistics.ts";

const megabytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(0)} MB`;

const closesOf = ({ statistics }: Report): string =>
  [...statistics.closes]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, count]) => `${code}×${count}`)
    .join(" ") || "none";

const progress = (report: Report): string =>
  `${report.seconds.toFixed(0).padStart(5)} s  ${report.statistics.frames} frames, ${(report.statistics.frames / report.seconds).toFixed(0)}/s  ` +
  `relay ${megabytes(report.memory.endBytes)}  closes ${closesOf(report)}`;

const summary = (report: Report): string => {
  const { statistics, memory, seconds, episodes } = report;
  const rows: [string, string][] = [
    ["time", `${seconds.toFixed(1)} s in ${episodes} episodes`],
    [
      "sent",
      `${statistics.frames} frames, ${megabytes(statistics.bytes)}, over ${statistics.connects} connections and ${statistics.httpCalls} HTTP calls`,
    ],
    ["attackers closed", closesOf(report)],
    ["honest edits", String(statistics.edits)],
    [
      "honest pings",
      `p50 ${quantile(statistics.pingMs, 0.5).toFixed(1)} ms, p99 ${quantile(statistics.pingMs, 0.99).toFixed(1)} ms, longest ${quantile(statistics.pingMs, 1).toFixed(1)} ms`,
    ],
    ["innocent pair", `longest cursor move ${statistics.longestMoveMs.toFixed(0)} ms`],
    ["round trips", String(statistics.roundTrips)],
    [
      "relay's memory",
      `start ${megabytes(memory.startBytes)}, peak ${megabytes(memory.peakBytes)}, end ${megabytes(memory.endBytes)}`,
    ],
    ["violations", String(statistics.violations.size)],
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
    kinds: { type: "string" },
  },
});
const seconds = wholeNumber("seconds", values.seconds);
const seed = wholeNumber("seed", values.seed);
const kinds = values.kinds === undefined ? HELD_KINDS : kindsByName(values.kinds);

console.log(`Seed ${seed}, ${seconds} s.`);
const report = await runCampaign(seconds, seed, kinds, (now) => console.log(progress(now)));
console.log(summary(report));
const { violations } = report.statistics;
if (violations.size > 0) {
  const file = join(tmpdir(), `session-room-fuzz-${seed}.txt`);
  report.statistics.writeFrames(file);
  for (const violation of violations) console.log(`VIOLATION: ${violation}`);
  console.log(
    `The last frames are in ${file}. Repeat with: npm run fuzz -- --seconds ${seconds} --seed ${seed}${values.kinds === undefined ? "" : ` --kinds ${values.kinds}`}`,
  );
}
process.exit(violations.size > 0 ? 1 : 0);
