/** What the bench asks of the load generator, and what it answers. Both go from process to process. */
import type { Target } from "../servers.ts";

/** Figures by their key in `report/figures.ts`. */
export type Figures = Readonly<Record<string, number>>;

/** Real providers in a process of their own, as the last people of the rooms. */
type WithProviders = { readonly providers: number };

/** How many updates, of all who write together, and how fast. What warms up (see `loads/load.ts`) is not counted. */
export type Pace = { readonly updates: number; readonly perS: number };

/** People type in one or many rooms, out of phase with each other. */
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
  /** In whole rounds of everybody's moves. */
  readonly warmUp: Pace;
  readonly measured: Pace;
};

/** People who do nothing, as their clients do nothing. */
export type IdleJob = { readonly type: "idle"; readonly people: number; readonly forMs: number };

/** A message goes to everybody at once: End Session at ours, as many bytes at a floor. */
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

/** What a connection, and a room, costs in memory. */
export type MemoryJob = {
  readonly type: "memory";
  readonly people: number;
  readonly layout: "one-room" | "room-each";
};

export type Job = UpdatesJob | CursorsJob | IdleJob | EndsJob | JoinsJob | MemoryJob;

export type JobRequest = { readonly target: Target; readonly room: string; readonly job: Job };
export type JobAnswer = { readonly figures: Figures } | { readonly error: string };

/** Between the generator and the process of the real providers. */
export type ProvidersRequest =
  | { readonly type: "open"; readonly target: Target; readonly rooms: readonly string[]; readonly moveEveryMs: number }
  /** Moves of the cursors stop; by client id, the clock that each room's documents must have reached. */
  | { readonly type: "check"; readonly clocks: readonly Readonly<Record<number, number>>[] };
export type ProvidersAnswer =
  | { readonly type: "opened" }
  | { readonly type: "checked"; readonly behind: number; readonly cpuUs: number };
