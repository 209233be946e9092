/** The loads of connected people: idle people, an end for everybody, joins, and memory. */
import type { Figures } from "../generator/jobs.ts";
import type { Generator } from "../generator/client.ts";
import { SERVER_IDS, startServer } from "../servers.ts";
import type { ServerId } from "../servers.ts";
import type { Load } from "./load.ts";

const MEMORY_MS = 120_000;

const idle: Load = {
  kind: "job",
  id: "idle",
  title: "1,000 idle people in one room",
  about: ({ scale }) =>
    `${scale.people} people who do nothing for ${scale.idleMs / 1_000} s. For session-room they are clients of \`session-room.v1\`. For the other servers they renew their awareness state every 15 s, as stock clients do.`,
  servers: SERVER_IDS,
  variants: ["raw"],
  figures: ["cpuPercent", "messagesPerMinute", "othersPerMinute", "bytesPerMinute", "generatorShare"],
  compared: [],
  job: ({ scale }) => ({ type: "idle", people: scale.people, forMs: scale.idleMs }),
  goals: [
    {
      text: "no messages except the keepalive",
      server: "ours",
      figure: "othersPerMinute",
      how: "value",
      atMost: 0,
    },
    { text: "CPU below 1 % of a core", server: "ours", figure: "cpuPercent", how: "value", atMost: 1 },
  ],
};

const ends: Load = {
  kind: "job",
  id: "ends",
  title: "End Session with 1,000 people",
  about: ({ scale }) =>
    `${scale.ends} ends per round with ${scale.people} people, who rejoin between two ends; at the floors a broadcast of the same number of bytes. "Command to last" begins when the host sends the command. It includes the commit with fsync, which the goal excludes, so the goal is checked with the store in memory, whose commit takes no time. "First to last" begins when the first person has the message.`,
  servers: ["floor", "floor-framed", "ours", "ours-memory"],
  variants: ["raw"],
  figures: ["sendP50Ms", "sendP99Ms", "spreadP50Ms", "spreadP99Ms", "cpuUs", "flagBytes"],
  compared: ["sendP99Ms", "spreadP99Ms", "cpuUs"],
  job: ({ scale }) => ({
    type: "ends",
    people: scale.people,
    warmUpEnds: Math.ceil(scale.ends / 4),
    ends: scale.ends,
  }),
  goals: [
    {
      text: "from the commit until the last person has the ended flag: p99 at most 1.2 × the floor's broadcast",
      server: "ours-memory",
      figure: "sendP99Ms",
      how: "ratio",
      against: "better-floor",
      atMost: 1.2,
    },
    {
      text: "the same with SQLite, from the first person to the last",
      server: "ours",
      figure: "spreadP99Ms",
      how: "ratio",
      against: "better-floor",
      atMost: 1.2,
    },
  ],
};

const joins: Load = {
  kind: "job",
  id: "joins",
  title: "Joining a room whose document holds 1 MB and 100,000 edits of history",
  about: ({ scale }) =>
    `The document was written over the network in ${scale.edits} updates of ${scale.editBytes} characters by 20 people, who stay connected. ${scale.joins} people join one after the other, with one letter typed before each join; then ten people join at once.`,
  servers: ["y-websocket", "hocuspocus", "ours", "ours-memory"],
  variants: ["raw"],
  figures: ["joinCpuMs", "joinMs", "tenCpuMs", "tenTimes", "tenMs", "documentBytes"],
  compared: ["joinCpuMs", "tenCpuMs"],
  job: ({ scale }) => ({
    type: "joins",
    edits: scale.edits,
    bytes: scale.edits * scale.editBytes,
    warmUpJoins: scale.joins,
    joins: scale.joins,
  }),
  goals: [
    {
      text: "CPU of a join at most the best peer's",
      server: "ours",
      figure: "joinCpuMs",
      how: "ratio",
      against: "best-peer",
      atMost: 1,
    },
    {
      text: "ten joins at once cost at most ten times one join",
      server: "ours",
      figure: "tenTimes",
      how: "value",
      atMost: 10,
    },
  ],
};

const measureMemory = async (id: ServerId, generator: Generator, people: number): Promise<Figures> => {
  const kbEach = async (layout: "one-room" | "room-each"): Promise<number> => {
    const server = await startServer(id, { withGc: true });
    try {
      const figures = await generator.run(server, { type: "memory", people, layout }, MEMORY_MS);
      return figures["kbEach"]!;
    } finally {
      generator.close();
      await server.stop();
    }
  };
  const connectionKb = await kbEach("one-room");
  return { connectionKb, roomKb: (await kbEach("room-each")) - connectionKb };
};

const memory: Load = {
  kind: "own",
  id: "memory",
  title: "Memory of connections and rooms",
  about: ({ scale }) =>
    `The resident memory that ${scale.people} connections without presence add: first all in one room, then each in its own room. The difference is the memory of the rooms. Each measurement has a new server, which collects garbage before it.`,
  servers: SERVER_IDS,
  variants: ["raw"],
  figures: ["connectionKb", "roomKb"],
  compared: [],
  measure: (id, generator, { scale }) => measureMemory(id, generator, scale.people),
  goals: [
    {
      text: "a connection takes at most 5 KB more than the floor's",
      server: "ours",
      figure: "connectionKb",
      how: "difference",
      against: "floor",
      atMost: 5,
    },
    { text: "an idle room in memory takes at most 8 KB", server: "ours", figure: "roomKb", how: "value", atMost: 8 },
  ],
};

export const PRESENCE: readonly Load[] = [idle, ends, joins, memory];
