/**
 * Writes the figures into `docs/performance.md`, between two markers. `bench/figures.json` stores them, so that a run
 * of one load keeps the figures of the others.
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

/** Replaces the stored outcomes of the same load and variant by the new ones. */
const merge = (kept: readonly Outcome[], fresh: readonly Outcome[], order: readonly string[]): Outcome[] => {
  const all = new Map([...kept, ...fresh].map((outcome) => [keyOf(outcome), outcome]));
  const place = ({ load }: Outcome): number => order.indexOf(load);
  return [...all.values()].toSorted((a, b) => place(a) - place(b) || b.variant.localeCompare(a.variant));
};

const section = (outcomes: readonly Outcome[], hasPlot: boolean): string =>
  [
    BEGIN,
    "## Comparison with other servers",
    `\`npm run bench\` starts each server as its own process on the same Node version and sends it the same load through its own wire protocol. Receivers are raw sockets that count messages and decode nothing. A _floor_ is a minimal server that forwards bytes and decodes nothing, so no server that sends everything to everybody can do less; the floors are left out where real providers take part, because they would forward the echoes of these too. A _peer_ is another Yjs server. A delivery is one update at one receiver. Times end when the last receiver has the update. CPU is the server's CPU time as the system reports it.`,
    "Ratios compare rounds that ran one after the other. They are geometric means with a 95 % interval (Student's t on the logarithms). A goal is met if the whole interval is at or below the bound.",
    ...(hasPlot
      ? ["![CPU time per delivery, and the time until the last receiver has it, for each server](images/bench.svg)"]
      : []),
    goalsText(outcomes),
    ...outcomes.map(outcomeText),
    END,
  ].join("\n\n");

export const writeReport = (fresh: readonly Outcome[], order: readonly string[]): void => {
  const outcomes = merge(readKept(), fresh, order);
  writeFileSync(dataFile, `${JSON.stringify(outcomes, null, 1)}\n`);
  const svg = plot(outcomes);
  if (svg !== null) {
    mkdirSync(dirname(plotFile), { recursive: true });
    writeFileSync(plotFile, svg);
  }
  const doc = readFileSync(docFile, "utf8");
  const text = section(outcomes, svg !== null);
  const before = doc.includes(BEGIN) ? doc.slice(0, doc.indexOf(BEGIN)) : `${doc.trimEnd()}\n\n`;
  const after = doc.includes(END) ? doc.slice(doc.indexOf(END) + END.length) : "\n";
  writeFileSync(docFile, before + text + after);
  spawnSync(join(root, "node_modules/.bin/oxfmt"), [docFile, dataFile], { stdio: "inherit" });
};
