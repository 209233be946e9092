/** The final table: what was done, what has grown, and what was wrong. */
import { FINDING_KINDS } from "./findings.ts";
import { judgeFlatness, LEAST_SAMPLES } from "./flatness.ts";
import type { Sample } from "./sample.ts";
import type { Night, SoakReport } from "./soak.ts";

const KILO = 1024;
const MEGA = KILO * KILO;
const HOUR_MS = 3_600_000;
const NAME_WIDTH = 26;
const CELL_WIDTH = 12;

type Metric = {
  readonly name: string;
  readonly of: (night: Night) => number;
  /** Growth over the second half that is always allowed. */
  readonly floor: number;
  readonly unit: "bytes" | "number";
  /** Whether it must be 0 in every night. */
  readonly mustBeZero?: true;
};

const metric = (name: string, key: keyof Sample, unit: Metric["unit"], floor: number, mustBeZero?: true): Metric => ({
  name,
  of: ({ sample }) => sample[key],
  floor,
  unit,
  ...(mustBeZero ? { mustBeZero } : {}),
});

const METRICS: readonly Metric[] = [
  // Freed memory is not returned to the system at once, so this shows only large leaks; the heap shows small ones.
  metric("memory (RSS)", "rssBytes", "bytes", 12 * MEGA),
  metric("heap after collection", "heapBytes", "bytes", 256 * KILO),
  metric("file descriptors", "descriptors", "number", 1),
  metric("handles", "handles", "number", 1),
  metric("timers", "timers", "number", 1),
  metric("rooms in memory", "rooms", "number", 0, true),
  metric("connections in memory", "connections", "number", 0, true),
  metric("sockets in memory", "sockets", "number", 0, true),
  metric("Yjs documents in memory", "docs", "number", 0, true),
];

/** Runs that end at night are written, with a page of the database's log each. */
const NIGHT_DATABASE_BYTES = 512 * KILO;

const show = (value: number, unit: Metric["unit"]): string =>
  unit === "number" ? value.toFixed(0) : `${(value / MEGA).toFixed(2)} MB`;

const row = (name: string, ...cells: readonly string[]): string =>
  `  ${name.padEnd(NAME_WIDTH)}${cells.map((cell) => cell.padStart(CELL_WIDTH)).join("")}`.trimEnd();

type Verdict = { readonly line: string; readonly fault: string | null };

const judgeMetric = ({ name, of, floor, unit, mustBeZero }: Metric, nights: readonly Night[]): Verdict => {
  const values = nights.map(of);
  const most = Math.max(...values);
  const flatness = judgeFlatness(values, floor);
  const isZero = mustBeZero !== true || most === 0;
  const isFlat = flatness?.isFlat ?? true;
  const verdict = !isZero ? "NOT ZERO" : !isFlat ? "GROWS" : mustBeZero ? "zero" : flatness === null ? "—" : "flat";
  const growth = flatness === null ? "—" : show(flatness.growth, unit);
  const allowed = flatness === null ? "—" : show(flatness.allowed, unit);
  const line = row(
    name,
    show(values[0]!, unit),
    show(values.at(-1)!, unit),
    show(most, unit),
    growth,
    allowed,
    verdict,
  );
  if (!isZero) return { line, fault: `${name}: up to ${show(most, unit)} at night, when nobody was connected` };
  if (!isFlat) return { line, fault: `${name}: grew by ${growth} over the second half; ${allowed} is allowed` };
  return { line, fault: null };
};

const judgeDatabase = (nights: readonly Night[]): Verdict => {
  const most = Math.max(...nights.map(({ databaseGrowthBytes }) => databaseGrowthBytes));
  const size = ({ sample }: Night): string => show(sample.databaseBytes, "bytes");
  const isQuiet = most <= NIGHT_DATABASE_BYTES;
  const grown = show(most, "bytes");
  return {
    line: `${row("database", size(nights[0]!), size(nights.at(-1)!))}, by itself at most ${grown} in a night: ${isQuiet ? "quiet" : "GROWS"}`,
    fault: isQuiet ? null : `database: grew by ${grown} in a night in which nobody was connected`,
  };
};

const listOf = (counts: ReadonlyMap<string | number, number>): string =>
  [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, count]) => `${key}×${count}`)
    .join(" ") || "none";

/** @returns the lines of the table, and the faults. */
export const summarize = (
  report: SoakReport,
): { readonly lines: readonly string[]; readonly faults: readonly string[] } => {
  const { options, findings, nights, stalls } = report;
  const hours = (report.fastMs / HOUR_MS).toFixed(2);
  const lines = [
    row("time", "").trimEnd() +
      `  ${(report.realMs / 1000).toFixed(0)} s at ${options.speed}×: ${hours} hours, ${nights.length} nights`,
    `${row("done")}  ${findings.edits} edits, ${findings.connects} connects, ${findings.intruders} intruders`,
    `${row("ends of runs")}  ${listOf(findings.ends)}`,
    `${row("closes as expected")}  ${listOf(findings.closes)}`,
    `${row("checked")}  ${findings.comparisons} comparisons (${findings.skipped} skipped), ${findings.inspections} new clients checked for ${findings.checkedEdits} edits; ${findings.abandonedEdits} edits never sent`,
    `${row("standstills")}  ${stalls.count} of 60 ms or more, the longest ${stalls.longestMs.toFixed(0)} ms; ${findings.closedByStalls} connections closed because of them`,
  ];
  const faults: string[] = [];
  if (nights.length > 0) {
    lines.push("", row("the relay at night", "first", "last", "most", "growth", "allowed", ""));
    for (const { line, fault } of [...METRICS.map((each) => judgeMetric(each, nights)), judgeDatabase(nights)]) {
      lines.push(line);
      if (fault !== null) faults.push(fault);
    }
  }
  if (nights.length < LEAST_SAMPLES) {
    lines.push(
      "",
      `  ${nights.length} nights are too few to tell whether something grows; ${LEAST_SAMPLES} are needed.`,
    );
  }
  lines.push("");
  for (const kind of FINDING_KINDS) {
    const count = findings.count(kind);
    lines.push(row(kind, String(count)));
    if (count > 0) faults.push(`${kind}: ${count}`);
  }
  return { lines, faults };
};
