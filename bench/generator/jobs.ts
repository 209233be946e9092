/** The jobs of the load generator and its answers; both are sent between processes. */
import type { Target } from "../servers.ts";

/** Measured values by their key in `report/figures.ts`. */
export type Figures = Readonly<Record<string, number>>;

/** How many of the people are real providers, which run in their own process. */
type WithProviders = { readonly providers: number };

/** How many updates all writers send together, and how many per second. */
export type Pace = { readonly updates: number; readonly perS: number };

/** People type in one or many rooms, at staggered times. */
export type UpdatesJob = WithProviders & {
  readonly type: "updates";
  readonly rooms: number;
  readonly peoplePerRoom: number;
  readonly writersPerRoom: number;
  readonly warmUp: Pace;
  readonly measured: Pace;
};

/** Everybody moves a cursor. */
export type CursorsJob = WithProviders & {
  readonly type: "cursors";
  readonly people: number;
  /** Rounded to whole rounds, in which everybody moves once. */
  readonly warmUp: Pace;
  readonly measured: Pace;
};

/** People are connected and do nothing. */
export type IdleJob = { readonly type: "idle"; readonly people: number; readonly forMs: number };

/** One message goes to everybody: End Session for our relay, the same number of bytes for a floor. */
export type EndsJob = {
  readonly type: "ends";
  readonly people: number;
  readonly warmUpEnds: number;
  readonly ends: number;
};

/** People join a room whose document is large and has a long history. */
export type JoinsJob = {
  readonly type: "joins";
  readonly edits: number;
  readonly bytes: number;
  readonly warmUpJoins: number;
  readonly joins: number;
};

/** Measures the memory of a connection, alone or with its own room. */
export type MemoryJob = {
  readonly type: "memory";
  readonly people: number;
  readonly layout: "one-room" | "room-each";
};

export const ATTACK_IDS = [
  "nothing",
  "concurrent-inserts",
  "subdocument-guid",
  "deep-json",
  "waiting-deletes",
  "silent-sockets",
  "slow-readers",
  "large-presence",
  "nested-deleted",
  "nested-changed",
  "small-structs",
  "flood",
] as const;
export type AttackId = (typeof ATTACK_IDS)[number];

/** Somebody attacks the server from a room of their own. The connections stay open when the job has ended. */
export type AttackJob = {
  readonly type: "attack";
  readonly attack: AttackId;
  /** Divides the sizes of the attack. */
  readonly divisor: number;
};

export type Job = UpdatesJob | CursorsJob | IdleJob | EndsJob | JoinsJob | MemoryJob | AttackJob;

export type JobRequest = { readonly target: Target; readonly room: string; readonly job: Job };
export type JobAnswer = { readonly figures: Figures } | { readonly error: string };

/** Messages between the generator and the process of the real providers. */
export type ProvidersRequest =
  | { readonly type: "open"; readonly target: Target; readonly rooms: readonly string[]; readonly moveEveryMs: number }
  /** Stops the cursors. `clocks`: for each provider the clocks, by client id, that its document must have reached. */
  | { readonly type: "check"; readonly clocks: readonly Readonly<Record<number, number>>[] };
export type ProvidersAnswer = { readonly type: "opened" } | { readonly type: "checked"; readonly incomplete: number };
