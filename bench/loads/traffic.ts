/** The loads of people who type or move their cursors. */
import { SERVER_IDS } from "../servers.ts";
import type { Goal, Load } from "./load.ts";

/** Number of real providers among the receivers, in the variant `providers`. */
const PROVIDERS = 20;
const ROOM_PEOPLE = 50;
const UPDATES_PER_PERSON_S = 20;
const SMALL_ROOM_PEOPLE = 10;
const SMALL_ROOM_PER_S = 5;
const MOVES_PER_S = 2;

/** How many times faster people type in the warm-up. */
const WARM_UP_FACTOR = 2;
const WARM_UP_ROOMS_FACTOR = 4;
/** The fan-out warm-up has this many times fewer updates, because each goes to a thousand people. */
const WARM_UP_FAN_OUT_DIVISOR = 40;
/** Moves of each cursor in the warm-up. */
const WARM_UP_MOVES = 4;

const withSqlite: Goal = {
  text: "with SQLite at most 10 % more CPU than with the store in memory",
  server: "ours",
  figure: "cpuUs",
  how: "ratio",
  against: "ours-memory",
  atMost: 1.1,
};

const figures = ["cpuUs", "p50Ms", "p99Ms", "bytes", "lost", "serverShare", "generatorShare"] as const;
const shared = {
  kind: "job",
  servers: SERVER_IDS,
  variants: ["raw", "providers"],
  figures,
  compared: ["cpuUs", "p50Ms", "p99Ms", "bytes"],
} as const;

const people: Load = {
  ...shared,
  id: "people",
  title: `${ROOM_PEOPLE} people in one room, each ${UPDATES_PER_PERSON_S} updates a second`,
  about: () =>
    "Everybody writes and everybody receives, at staggered times. With real providers, 30 people write the same total of 1,000 updates a second. Times are those of the raw sockets; the documents of the real providers are checked at the end.",
  job: ({ updates, scale }, variant) => ({
    type: "updates",
    rooms: 1,
    peoplePerRoom: ROOM_PEOPLE,
    writersPerRoom: ROOM_PEOPLE,
    warmUp: { updates: scale.warmUpUpdates, perS: ROOM_PEOPLE * UPDATES_PER_PERSON_S * WARM_UP_FACTOR },
    measured: { updates, perS: ROOM_PEOPLE * UPDATES_PER_PERSON_S },
    providers: variant === "raw" ? 0 : PROVIDERS,
  }),
  goals: [
    {
      text: "CPU per delivered update at most 1/5 of the best peer's",
      server: "ours",
      figure: "cpuUs",
      how: "ratio",
      against: "best-peer",
      atMost: 1 / 5,
    },
    {
      text: "p99 to the last receiver at most the best peer's",
      server: "ours",
      figure: "p99Ms",
      how: "ratio",
      against: "best-peer",
      atMost: 1,
    },
    withSqlite,
  ],
};

const fanOut: Load = {
  ...shared,
  id: "fan-out",
  title: "1 writer, 1,000 receivers in one room",
  about: ({ scale }) =>
    `One person writes ${scale.fanOutPerS} updates a second, and ${scale.people} others receive them.`,
  job: ({ updates, scale }, variant) => ({
    type: "updates",
    rooms: 1,
    peoplePerRoom: scale.people + 1,
    writersPerRoom: 1,
    // Not faster than the measurement: no server could handle more, and a thousand receivers warm it up quickly.
    warmUp: { updates: Math.ceil(scale.warmUpUpdates / WARM_UP_FAN_OUT_DIVISOR), perS: scale.fanOutPerS },
    measured: { updates, perS: scale.fanOutPerS },
    providers: variant === "raw" ? 0 : PROVIDERS,
  }),
  goals: [
    {
      text: "CPU per delivery at most 1.05 × the better floor",
      server: "ours",
      figure: "cpuUs",
      how: "ratio",
      against: "better-floor",
      atMost: 1.05,
    },
    {
      text: "p99 at most the floor's",
      server: "ours",
      figure: "p99Ms",
      how: "ratio",
      against: "better-floor",
      atMost: 1,
    },
    withSqlite,
  ],
};

const rooms: Load = {
  ...shared,
  id: "rooms",
  title: `100 rooms of ${SMALL_ROOM_PEOPLE}, each with a writer at ${SMALL_ROOM_PER_S}/s`,
  about: ({ scale }) => `${scale.rooms} quiet rooms: updates of a room are too far apart to be sent together.`,
  job: ({ updates, scale }, variant) => ({
    type: "updates",
    rooms: scale.rooms,
    peoplePerRoom: SMALL_ROOM_PEOPLE,
    writersPerRoom: 1,
    warmUp: { updates: scale.warmUpUpdates, perS: scale.rooms * SMALL_ROOM_PER_S * WARM_UP_ROOMS_FACTOR },
    measured: { updates, perS: scale.rooms * SMALL_ROOM_PER_S },
    providers: variant === "raw" ? 0 : PROVIDERS,
  }),
  goals: [
    {
      text: "CPU at most 1.1 × the plain floor",
      server: "ours",
      figure: "cpuUs",
      how: "ratio",
      against: "floor",
      atMost: 1.1,
    },
    {
      text: "p50 within 1 ms of the plain floor's",
      server: "ours",
      figure: "p50Ms",
      how: "difference",
      against: "floor",
      atMost: 1,
    },
    withSqlite,
  ],
};

const cursors: Load = {
  ...shared,
  id: "cursors",
  title: `500 people in one room, each moving a cursor ${MOVES_PER_S} times a second`,
  about: ({ scale }) =>
    `${scale.cursorPeople} awareness states, each sent to everybody else. A move that was replaced by a newer one counts as seen with the newer one; "lost" counts the last moves that somebody never received. The delay of a server that cannot keep up grows with the duration of the load.`,
  figures: ["cpuUs", "p50Ms", "p95Ms", "p99Ms", "bytes", "lost", "serverShare", "generatorShare"],
  compared: ["cpuUs", "p50Ms", "p95Ms"],
  job: ({ updates, scale }, variant) => ({
    type: "cursors",
    people: scale.cursorPeople,
    // Half the measured rate, because few servers can handle that.
    warmUp: { updates: scale.cursorPeople * WARM_UP_MOVES, perS: (scale.cursorPeople * MOVES_PER_S) / 2 },
    measured: { updates, perS: scale.cursorPeople * MOVES_PER_S },
    providers: variant === "raw" ? 0 : PROVIDERS,
  }),
  goals: [
    {
      text: "everybody sees every last move: p95 at most 150 ms",
      server: "ours",
      figure: "p95Ms",
      how: "value",
      atMost: 150,
    },
    { text: "no last move is lost", server: "ours", figure: "lost", how: "value", atMost: 0 },
    withSqlite,
  ],
};

export const TRAFFIC: readonly Load[] = [people, fanOut, rooms, cursors];
