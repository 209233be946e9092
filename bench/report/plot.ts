/** The plot of CPU time per delivery, and of the time until the last receiver has it, for the loads with deliveries. */
import { SERVERS, SERVER_IDS } from "../servers.ts";
import type { ServerId } from "../servers.ts";
import { FIGURES, show } from "./figures.ts";
import type { FigureId } from "./figures.ts";
import type { Outcome } from "./outcome.ts";

const WIDTH = 860;
/** Where the bars of the two panels begin, and the length of the longest bar; the value follows each bar. */
const PANELS = [205, 545] as const;
const LONGEST = 245;
const BAR = 14;
const BAR_STEP = 18;
const HEAD = 46;
const PANEL_GAP = 18;

/** Colours that can be distinguished on white and on black. Ours are blue. */
const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; font-size: 13px; }
  .small { font-size: 11px; fill: #57606a; }
  .floor { fill: #8c959f; } .peer { fill: #bf8700; } .ours { fill: #0969da; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .small { fill: #8d96a0; }
    .floor { fill: #6e7681; } .peer { fill: #d29922; } .ours { fill: #4493f8; }
  }`;

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

const panel = (outcome: Outcome, figure: FigureId, ids: readonly ServerId[], from: number, y: number): string => {
  const values = ids.map((id) => outcome.medians[id]?.[figure] ?? 0);
  const most = Math.max(...values, Number.MIN_VALUE);
  const bars = ids.map((id, i) => {
    const value = values[i]!;
    const width = Math.max(1, (value / most) * LONGEST);
    const top = y + i * BAR_STEP;
    return [
      `<rect class="${SERVERS[id].kind}" x="${from}" y="${top}" width="${width.toFixed(1)}" height="${BAR}" rx="2"/>`,
      `<text x="${(from + width + 6).toFixed(1)}" y="${top + 11}">${show(figure, value)}</text>`,
    ].join("");
  });
  return `<text class="small" x="${from}" y="${y - 6}">${FIGURES[figure].title}</text>${bars.join("")}`;
};

/** @returns an SVG; `null` if no load with deliveries was measured. */
export const plot = (outcomes: readonly Outcome[]): string | null => {
  const shown = outcomes.filter(
    ({ figures, variant }) => variant === "raw" && figures.includes("cpuUs") && figures.includes("p50Ms"),
  );
  if (shown.length === 0) return null;
  let y = 8;
  const parts = shown.map((outcome) => {
    const ids = SERVER_IDS.filter((id) => outcome.medians[id] !== undefined);
    const latency: FigureId = outcome.figures.includes("p95Ms") ? "p95Ms" : "p99Ms";
    const top = y + HEAD;
    const names = ids.map((id, i) => `<text x="0" y="${top + i * BAR_STEP + 11}">${escape(SERVERS[id].title)}</text>`);
    const part = [
      `<text class="title" x="0" y="${y + 16}">${escape(outcome.title)}</text>`,
      ...names,
      panel(outcome, "cpuUs", ids, PANELS[0], top),
      panel(outcome, latency, ids, PANELS[1], top),
    ].join("");
    y = top + ids.length * BAR_STEP + PANEL_GAP;
    return part;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img">`,
    "<title>CPU time per delivery, and the time until the last receiver has it, for each server. Shorter is better.</title>",
    `<style>${STYLE}\n</style>`,
    ...parts,
    "</svg>\n",
  ].join("\n");
};
