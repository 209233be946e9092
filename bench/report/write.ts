/**
 * Puts the figures into `docs/performance.md`, between two markers. What was measured is kept in
 * `bench/figures.json`, so that a run of one load leaves the figures of the others where they are.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Outcome } from "./outcome.ts";
import { plot } from "./plot.ts";
import { goalsText, outcomeText } from "./text.ts";

const root = join(import.meta.dirname, "../..");
const dataFile = join(root, "bench/figures.json");
const docFile = join(root, "docs/performance.md");
const plotFile = join(root, "docs/images/bench.svg");
const BEGIN = "<!-- npm run bench: begin -->";
const END = "<!-- npm run bench: end -->";

const keyOf = ({ load, variant }: Outcome): string => `${load} ${variant}`;

const readKept = (): readonly Outcome[] =>
  existsSync(dataFile) ? (JSON.parse(readFileSync(dataFile, "utf8")) as Outcome[]) : [];

/** The new outcomes in place of those kept of the same load and variant. */
const merge = (kept: readonly Outcome[], fresh: readonly Outcome[], order: readonly string[]): Outcome[] => {
  const all = new Map([...kept, ...fresh].map((outcome) => [keyOf(outcome), outcome]));
  const place = ({ load }: Outcome): number => order.indexOf(load);
  return [...all.values()].toSorted((a, b) => place(a) - place(b) || b.variant.localeCompare(a.variant));
};

const section = (outcomes: readonly Outcome[], machine: string, hasPlot: boolean): string =>
  [
    BEGIN,
    "## Side by side with other servers",
    `\`npm run bench\` starts each server as a process of its own on the same Node and drives the same load through its own wire protocol; receivers are raw sockets that count and decode nothing. A floor forwards bytes and decodes nothing, so no server does less and still tells everybody everything; it would forward the echo of real providers too, so it has no part where they are. A delivery is one update at one receiver; times are until the last receiver has it. CPU is the server's, by the system's account. ${machine}`,
    "Ratios compare rounds that ran one after the other: the geometric mean, with its 95 % interval (Student's t on the logarithms). A goal is met when the whole interval lies below it.",
    ...(hasPlot
      ? ["![CPU per delivery and the time until the last receiver has it, of each server](images/bench.svg)"]
      : []),
    goalsText(outcomes),
    ...outcomes.map(outcomeText),
    END,
  ].join("\n\n");

export const writeReport = (fresh: readonly Outcome[], machine: string, order: readonly string[]): void => {
  const outcomes = merge(readKept(), fresh, order);
  writeFileSync(dataFile, `${JSON.stringify(outcomes, null, 1)}\n`);
  const svg = plot(outcomes);
  if (svg !== null) {
    mkdirSync(dirname(plotFile), { recursive: true });
    writeFileSync(plotFile, svg);
  }
  const doc = readFileSync(docFile, "utf8");
  const text = section(outcomes, machine, svg !== null);
  const before = doc.includes(BEGIN) ? doc.slice(0, doc.indexOf(BEGIN)) : `${doc.trimEnd()}\n\n`;
  const after = doc.includes(END) ? doc.slice(doc.indexOf(END) + END.length) : "\n";
  writeFileSync(docFile, before + text + after);
  spawnSync(join(root, "node_modules/.bin/oxfmt"), [docFile, dataFile], { stdio: "inherit" });
};
