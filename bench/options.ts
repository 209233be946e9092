/** The command line of the bench. */
import { parseArgs } from "node:util";
import { SERVER_IDS } from "./servers.ts";
import type { ServerId } from "./servers.ts";

export type Options = {
  readonly rounds: number;
  /** Updates, or cursor moves, in each round. */
  readonly updates: number;
  /** Ids of the loads to run; empty: all. */
  readonly only: readonly string[];
  readonly servers: readonly ServerId[];
  /** Without real providers among the receivers, with them, or both one after the other. */
  readonly variants: readonly Variant[];
  readonly scale: Scale;
  /** Whether the figures are written to `docs/performance.md`. */
  readonly isWritten: boolean;
};

export type Variant = "raw" | "providers";

/** The sizes of the loads: `FULL` for measurements, `QUICK` for a smoke test. */
export type Scale = {
  readonly people: number;
  /** Updates of the warm-up, of all writers together. */
  readonly warmUpUpdates: number;
  /** Updates per second of the single writer of the fan-out load. */
  readonly fanOutPerS: number;
  readonly cursorPeople: number;
  readonly rooms: number;
  readonly idleMs: number;
  readonly ends: number;
  readonly joins: number;
  readonly edits: number;
  readonly editBytes: number;
  readonly dormantRooms: number;
  readonly dueRooms: number;
  /** Divides the sizes of the attacks. */
  readonly attackDivisor: number;
};

const FULL: Scale = {
  people: 1_000,
  warmUpUpdates: 16_000,
  fanOutPerS: 80,
  cursorPeople: 500,
  rooms: 100,
  idleMs: 30_000,
  ends: 200,
  joins: 10,
  edits: 100_000,
  editBytes: 10,
  dormantRooms: 100_000,
  dueRooms: 1_000,
  attackDivisor: 1,
};
const QUICK: Scale = {
  people: 200,
  warmUpUpdates: 400,
  fanOutPerS: 100,
  cursorPeople: 60,
  rooms: 30,
  idleMs: 3_000,
  ends: 10,
  joins: 3,
  edits: 4_000,
  editBytes: 10,
  dormantRooms: 2_000,
  dueRooms: 100,
  attackDivisor: 10,
};

export const HELP = `npm run bench -- [flags]
  --rounds 7           rounds of each load; in each round all servers run one after the other
  --updates 2000       updates, or cursor moves, per round
  --only people,…      only these loads: people, fan-out, rooms, cursors, idle, ends, joins, memory, deadlines, hostile
  --servers ours,…     only these servers: ${SERVER_IDS.join(", ")}
  --variants raw,…     raw: all receivers are raw sockets; providers: 20 of them are real providers
  --quick              small numbers, to check that everything runs; nothing is written
  --write, --no-write  whether to write the figures to docs/performance.md (default: unless --quick)`;

const list = (text: string | undefined): string[] => (text === undefined ? [] : text.split(",").filter(Boolean));

const count = (text: string, flag: string): number => {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new Error(`--${flag} needs a whole number from 1`);
  return number;
};

const choose = <T extends string>(names: readonly string[], known: readonly T[], flag: string): readonly T[] => {
  const unknown = names.find((name) => !known.some((each) => each === name));
  if (unknown !== undefined) throw new Error(`--${flag}: unknown value ${unknown}; allowed are ${known.join(", ")}`);
  return names.length === 0 ? known : known.filter((each) => names.includes(each));
};

/** @returns `null` if help was requested. @throws Error whose message says what is wrong. */
export const parseOptions = (args: readonly string[]): Options | null => {
  const { values } = parseArgs({
    args: [...args],
    allowNegative: true,
    options: {
      rounds: { type: "string" },
      updates: { type: "string" },
      only: { type: "string" },
      servers: { type: "string" },
      variants: { type: "string" },
      quick: { type: "boolean", default: false },
      write: { type: "boolean" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return null;
  const { quick } = values;
  return {
    rounds: count(values.rounds ?? (quick ? "2" : "7"), "rounds"),
    updates: count(values.updates ?? (quick ? "200" : "2000"), "updates"),
    only: list(values.only),
    servers: choose(list(values.servers), SERVER_IDS, "servers"),
    variants: choose(list(values.variants), ["raw", "providers"], "variants"),
    scale: quick ? QUICK : FULL,
    isWritten: values.write ?? !quick,
  };
};
