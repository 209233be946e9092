/** Computes the outcome of a load from its rounds: medians, ratios and goals. Stored as JSON for later reports. */
import type { Figures } from "../generator/jobs.ts";
import type { Against, Goal, Load } from "../loads/load.ts";
import type { Variant } from "../options.ts";
import { SERVERS } from "../servers.ts";
import type { ServerId, ServerKind } from "../servers.ts";
import type { FigureId } from "./figures.ts";
import { differenceInterval, median, ratioInterval, valueInterval } from "./stats.ts";
import type { Interval } from "./stats.ts";

/** The rounds of each server in order, the same number for all servers. */
export type Rounds = ReadonlyMap<ServerId, readonly Figures[]>;

export type GoalOutcome = {
  readonly text: string;
  /** What the value is, such as `ratio to Hocuspocus 4.7`. */
  readonly what: string;
  readonly figure: FigureId;
  readonly how: Goal["how"];
  /** `low` and `high` are `null` after a single round. */
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
  readonly atMost: number;
  readonly isMet: boolean;
};

export type Comparison = {
  readonly figure: FigureId;
  readonly against: ServerId;
  readonly kind: ServerKind;
  readonly ratio: number;
  readonly low: number | null;
  readonly high: number | null;
};

export type Outcome = {
  readonly load: string;
  readonly variant: Variant;
  readonly title: string;
  readonly about: string;
  /** Date of the run, as YYYY-MM-DD. */
  readonly on: string;
  /** The commit that was measured. */
  readonly commit: string;
  readonly machine: string;
  readonly rounds: number;
  readonly updates: number;
  readonly figures: readonly FigureId[];
  readonly medians: Partial<Record<ServerId, Partial<Record<FigureId, number>>>>;
  /** The error of each server that failed. */
  readonly failures: Partial<Record<ServerId, string>>;
  readonly comparisons: readonly Comparison[];
  readonly goals: readonly GoalOutcome[];
  /** The parts of a load that has parts; each figure is the highest of the rounds of our relay. */
  readonly cases?: readonly CaseOutcome[];
};

export type CaseOutcome = { readonly title: string; readonly highest: Partial<Record<FigureId, number>> };

const bound = (value: number): number | null => (Number.isFinite(value) ? value : null);

const valuesOf = (rounds: Rounds, id: ServerId, figure: FigureId): readonly number[] =>
  (rounds.get(id) ?? []).map((figures) => figures[figure] ?? NaN);

const best = (rounds: Rounds, figure: FigureId, kind: ServerKind): ServerId | null => {
  let found: { id: ServerId; value: number } | null = null;
  for (const id of rounds.keys()) {
    if (SERVERS[id].kind !== kind) continue;
    const value = median(valuesOf(rounds, id, figure));
    if (found === null || value < found.value) found = { id, value };
  }
  return found?.id ?? null;
};

const resolve = (rounds: Rounds, against: Against, figure: FigureId): ServerId | null => {
  if (against === "best-peer") return best(rounds, figure, "peer");
  if (against === "better-floor") return best(rounds, figure, "floor");
  return rounds.has(against) ? against : null;
};

const judge = (rounds: Rounds, goal: Goal): GoalOutcome | null => {
  const own = valuesOf(rounds, goal.server, goal.figure);
  if (own.length === 0) return null;
  const suffix = goal.server === "ours" ? "" : ` of ${SERVERS[goal.server].title}`;
  let interval: Interval;
  let what: string;
  if (goal.how === "value") {
    interval = valueInterval(own);
    what = `value${suffix}`;
  } else {
    const against = resolve(rounds, goal.against, goal.figure);
    if (against === null) return null;
    const theirs = valuesOf(rounds, against, goal.figure);
    interval = goal.how === "ratio" ? ratioInterval(own, theirs) : differenceInterval(own, theirs);
    what = `${goal.how === "ratio" ? "ratio" : "difference"}${suffix} to ${SERVERS[against].title}`;
  }
  const { text, figure, how, atMost } = goal;
  const { value, low, high } = interval;
  return { text, what, figure, how, value, low: bound(low), high: bound(high), atMost, isMet: high <= atMost };
};

const compare = (rounds: Rounds, figure: FigureId): Comparison[] => {
  const own = valuesOf(rounds, "ours", figure);
  const others = [best(rounds, figure, "floor"), best(rounds, figure, "peer")];
  if (rounds.has("ours-memory")) others.push("ours-memory");
  if (own.length === 0) return [];
  return others.flatMap((against) => {
    if (against === null) return [];
    const { value, low, high } = ratioInterval(own, valuesOf(rounds, against, figure));
    return [{ figure, against, kind: SERVERS[against].kind, ratio: value, low: bound(low), high: bound(high) }];
  });
};

const casesOf = ({ cases }: Load, rounds: Rounds): { cases?: readonly CaseOutcome[] } => {
  const own = rounds.get("ours") ?? [];
  if (cases === undefined || own.length === 0) return {};
  const highest = (id: string, figure: FigureId): number =>
    Math.max(...own.map((figures) => figures[`${id} ${figure}`]!));
  const rows = cases.rows.map(({ id, title }) => ({
    title,
    highest: Object.fromEntries(cases.figures.map((figure) => [figure, highest(id, figure)])),
  }));
  return { cases: rows };
};

export const conclude = (
  load: Load,
  about: string,
  run: Pick<Outcome, "variant" | "on" | "commit" | "machine" | "updates">,
  rounds: Rounds,
  failures: Partial<Record<ServerId, string>>,
): Outcome => ({
  load: load.id,
  variant: run.variant,
  title: load.title,
  about,
  on: run.on,
  commit: run.commit,
  machine: run.machine,
  rounds: Math.max(0, ...[...rounds.values()].map(({ length }) => length)),
  updates: run.updates,
  figures: load.figures,
  medians: Object.fromEntries(
    [...rounds.keys()].map((id) => [
      id,
      Object.fromEntries(load.figures.map((figure) => [figure, median(valuesOf(rounds, id, figure))])),
    ]),
  ),
  failures,
  comparisons: load.compared.flatMap((figure) => compare(rounds, figure)),
  goals: load.goals.flatMap((goal) => judge(rounds, goal) ?? []),
  ...casesOf(load, rounds),
});
