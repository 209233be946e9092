/** What a load is: who takes part, what is measured, and what ours should reach. */
import type { Figures, Job } from "../generator/jobs.ts";
import type { Generator } from "../generator/client.ts";
import type { Options, Variant } from "../options.ts";
import type { FigureId } from "../report/figures.ts";
import type { ServerId } from "../servers.ts";

/** Whom ours is compared with: the best of a kind is chosen per figure, by its median. */
export type Against = "best-peer" | "better-floor" | ServerId;

export type Goal = {
  /** In the words. */
  readonly text: string;
  readonly server: ServerId;
  readonly figure: FigureId;
  readonly atMost: number;
} & (
  | { readonly how: "value" }
  /** `atMost` is a factor, or a distance in the figure's unit. */
  | { readonly how: "ratio" | "difference"; readonly against: Against }
);

type Base = {
  readonly id: string;
  readonly title: string;
  /** What happens, in a sentence or two. */
  readonly about: (options: Options) => string;
  readonly servers: readonly ServerId[];
  readonly variants: readonly Variant[];
  /** The columns of its table. */
  readonly figures: readonly FigureId[];
  /** Of these ours is set in ratio to the floors and the peers. */
  readonly compared: readonly FigureId[];
  readonly goals: readonly Goal[];
};

/**
 * Each round of each server has a new process: V8 compiles each a little differently, so that two like ones may
 * differ by a quarter for as long as they live. So a job that is about work warms its server up first, with the same people
 * and at a higher pace where a server can take it, for what is to be known is the cost in one that has been up for
 * long.
 */
export type Load = Base &
  (
    | {
        /** One job for one server. */
        readonly kind: "job";
        readonly job: (options: Options, variant: Variant) => Job;
      }
    | {
        /** A load that starts its servers itself. */
        readonly kind: "own";
        readonly measure: (id: ServerId, generator: Generator, options: Options) => Promise<Figures>;
      }
  );
