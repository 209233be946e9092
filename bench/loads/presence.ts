/** The loads of being there: idle people, an end for all, a late join, and what each costs in memory. */
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
    `${scale.people} people who do nothing for ${scale.idleMs / 1_000} s. Ours are clients of \`session-room.v1\`; stock clients of the others renew their awareness state every 15 s.`,
  servers: SERVER_IDS,
  variants: ["raw"],
  figures: ["cpuPercent", "messagesPerMinute", "othersPerMinute", "bytesPerMinute", "generatorShare"],
  compared: [],
  job: ({ scale }) => ({ type: "idle", people: scale.people, forMs: scale.idleMs }),
  goals: [
    {
      text: "no traffic but the keepalive",
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
    `${scale.ends} ends a round with ${scale.people} people, who rejoin in between; at the floors a broadcast of as many bytes. "Command to last" begins when the host sends, and holds the commit with fsync, which the goal leaves out: so the goal is held against the store in memory, whose commit takes no time. "First to last" begins when the first one has it.`,
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
      text: "from the commit until the last one holds the flag: p99 at most 1.2 × the floor's broadcast",
      server: "ours-memory",
      figure: "sendP99Ms",
      how: "ratio",
      against: "better-floor",
      atMost: 1.2,
    },
    {
      text: "the same with SQLite, from the first one on",
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
    `The document was written through the wire in ${scale.edits} updates of ${scale.editBytes} characters by 20 people, who stay. ${scale.joins} people join one after the other, a letter being typed before each, then ten at once.`,
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
      text: "ten joins at once don't multiply it by ten",
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
    `What ${scale.people} connections without presence add to the resident memory: all in one room, then each in a room of its own; the difference is the rooms'. Each time a new server, which has collected its garbage.`,
  servers: SERVER_IDS,
  variants: ["raw"],
  figures: ["connectionKb", "roomKb"],
  compared: [],
  measure: (id, generator, { scale }) => measureMemory(id, generator, scale.people),
  goals: [
    {
      text: "a connection at most the floor's + 5 KB",
      server: "ours",
      figure: "connectionKb",
      how: "difference",
      against: "floor",
      atMost: 5,
    },
    { text: "an idle room in memory at most 8 KB", server: "ours", figure: "roomKb", how: "value", atMost: 8 },
  ],
};

export const PRESENCE: readonly Load[] = [idle, ends, joins, memory];
