/** The report as Markdown tables, for the terminal and for docs/performance.md. */
import { SERVERS, SERVER_IDS } from "../servers.ts";
import { FIGURES, show } from "./figures.ts";
import type { FigureId } from "./figures.ts";
import type { Comparison, GoalOutcome, Outcome } from "./outcome.ts";

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => [...(row[column] ?? "")].length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell + " ".repeat(widths[column]! - [...cell].length)).join(" | ")} |`;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)].join("\n");
};

const range = (low: number | null, high: number | null, print: (value: number) => string): string =>
  low === null || high === null ? "one round" : `${print(low)} to ${print(high)}`;

const factor = (value: number): string => value.toFixed(2);

const compared = ({ ratio, low, high, against }: Comparison): string =>
  `${factor(ratio)} (${range(low, high, factor)}) × ${SERVERS[against].short}`;

const KINDS: readonly (readonly [Comparison["kind"], string])[] = [
  ["floor", "the better floor"],
  ["peer", "the best peer"],
  ["ours", "the store in memory"],
];

const comparisonTable = ({ comparisons }: Outcome): string | null => {
  const figures = [...new Set(comparisons.map(({ figure }) => figure))];
  const kinds = KINDS.filter(([kind]) => comparisons.some((each) => each.kind === kind));
  if (figures.length === 0) return null;
  return table(
    ["session-room relative to", ...kinds.map(([, title]) => title)],
    figures.map((figure) => [
      FIGURES[figure].title,
      ...kinds.map(([kind]) => {
        const found = comparisons.find((each) => each.figure === figure && each.kind === kind);
        return found === undefined ? "" : compared(found);
      }),
    ]),
  );
};

const caseTable = ({ cases = [] }: Outcome): string | null => {
  if (cases.length === 0) return null;
  const figures = Object.keys(cases[0]!.highest) as FigureId[];
  return table(
    ["session-room, highest of the rounds", ...figures.map((figure) => FIGURES[figure].title)],
    cases.map(({ title, highest }) => [title, ...figures.map((figure) => show(figure, highest[figure]!))]),
  );
};

/** One load: its table, and the ratios of ours to the others. */
export const outcomeText = (outcome: Outcome): string => {
  const { medians, failures, figures, variant, title, about, on, commit, machine, rounds, updates } = outcome;
  const rows = SERVER_IDS.flatMap((id) => {
    const of = medians[id];
    if (of !== undefined) return [[SERVERS[id].title, ...figures.map((figure) => show(figure, of[figure]!))]];
    return failures[id] === undefined ? [] : [[SERVERS[id].title, `failed: ${failures[id]}`]];
  });
  const receivers = variant === "providers" ? ", 20 of them real providers" : "";
  const size = figures.includes("p50Ms") ? ` of ${updates} updates` : "";
  const tables = [comparisonTable(outcome), caseTable(outcome)].filter((each) => each !== null);
  const parts = [
    `### ${title}${receivers}`,
    about,
    table(
      ["server", ...figures.map((figure) => FIGURES[figure].title)],
      rows.map((row) => [...row, ...figures.map(() => "")].slice(0, figures.length + 1)),
    ),
    ...tables,
    `Medians of ${rounds} alternating rounds${size}; ${on}, commit ${commit}, on ${machine}.`,
  ];
  return parts.join("\n\n");
};

const goalValue = ({ how, figure, value, low, high }: GoalOutcome): string => {
  const print = how === "ratio" ? factor : (each: number): string => show(figure, each);
  return `${print(value)} (${range(low, high, print)})`;
};

const goalTitle = (outcome: Outcome): string =>
  outcome.variant === "providers" ? `${outcome.title}, 20 of them real providers` : outcome.title;

/** The goals of all loads. A goal is met if its whole interval is at or below the bound. */
export const goalsText = (outcomes: readonly Outcome[]): string =>
  table(
    ["load", "goal", "measured (95 % interval)", "at most", "met"],
    outcomes.flatMap((outcome) =>
      outcome.goals.map((goal) => [
        goalTitle(outcome),
        goal.text,
        `${goalValue(goal)}, ${goal.what}`,
        goal.how === "ratio" ? factor(goal.atMost) : show(goal.figure, goal.atMost),
        goal.isMet ? "yes" : "**no**",
      ]),
    ),
  );
