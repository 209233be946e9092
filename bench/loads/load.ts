/** The type of a load: which servers take part, what is measured, and the goals for our relay. */
import type { Figures, Job } from "../generator/jobs.ts";
import type { Generator } from "../generator/client.ts";
import type { Options, Variant } from "../options.ts";
import type { FigureId } from "../report/figures.ts";
import type { ServerId } from "../servers.ts";

/** The server with which ours is compared. The best server of a kind is chosen per figure, by its median. */
export type Against = "best-peer" | "better-floor" | ServerId;

export type Goal = {
  /** The goal as a phrase for the report. */
  readonly text: string;
  readonly server: ServerId;
  readonly figure: FigureId;
  readonly atMost: number;
} & (
  | { readonly how: "value" }
  /** `atMost` is a factor, or a distance in the figure's unit. */
  | { readonly how: "ratio" | "difference"; readonly against: Against }
);

/** A part of a load with a row of its own in a second table. Its figures are measured under `${id} ${figure}`. */
export type LoadCase = { readonly id: string; readonly title: string };

type Base = {
  readonly id: string;
  readonly title: string;
  /** A short description for the report. */
  readonly about: (options: Options) => string;
  readonly servers: readonly ServerId[];
  readonly variants: readonly Variant[];
  /** The columns of the table in the report. */
  readonly figures: readonly FigureId[];
  /** The figures for which the report has ratios to the floors and the peers. */
  readonly compared: readonly FigureId[];
  readonly goals: readonly Goal[];
  /** The parts of the load, and the columns of their table. */
  readonly cases?: { readonly rows: readonly LoadCase[]; readonly figures: readonly FigureId[] };
};

/**
 * Each round of each server has a new process, because V8 compiles each process a little differently: two processes
 * that do the same may differ by a quarter for their whole life. A job that measures work therefore warms up its
 * server first, with the same people and at a higher rate where the servers can handle it, so that it measures a
 * server that has been running for long.
 */
export type Load = Base &
  (
    | {
        /** Runs one job against one server. */
        readonly kind: "job";
        readonly job: (options: Options, variant: Variant) => Job;
      }
    | {
        /** A load that starts its servers itself. */
        readonly kind: "own";
        readonly measure: (id: ServerId, generator: Generator, options: Options) => Promise<Figures>;
      }
  );
