/** The load of a hostile participant: how long an innocent pair in another room waits during each attack. */
import { Generator } from "../generator/client.ts";
import { ATTACK_IDS } from "../generator/jobs.ts";
import type { AttackId, Figures } from "../generator/jobs.ts";
import type { Options } from "../options.ts";
import { startServer } from "../servers.ts";
import type { RunningServer } from "../servers.ts";
import { tokenFor } from "../wire/dialect.ts";
import { InnocentPair } from "../../test/fuzz/innocent-pair.ts";
import type { FigureId } from "../report/figures.ts";
import { setTimeout as sleep } from "node:timers/promises";
import type { Load } from "./load.ts";

const WARM_UP_MS = 1_000;
/** An attack is ended after this time, also if the relay no longer answers it. */
const ATTACK_MS = 45_000;
/** The pair is watched this long after the attack: the relay may still work at what it has got. */
const WATCH_MS = 1_000;
/** How long, after that, a move that has not arrived is waited for; it then counts with its age. */
const GIVE_UP_MS = 20_000;
/** A move under way for longer than this is waited for. */
const LATE_MS = 100;
const PAIR_ROOM = "innocents";
/** As without the setting (`sync-server/config/limits.ts`); the bench raises it for its other loads. */
const DEFAULT_RATE = { SESSION_ROOM_LIMIT_NEW_CONNECTIONS_PER_SECOND_PER_ADDRESS: "500" };

const TITLES: Readonly<Record<AttackId, string>> = {
  nothing: "no attack",
  "concurrent-inserts": "100,000 client ids write one key at once, then a SyncStep1",
  "subdocument-guid": "a subdocument whose guid is null, then a join",
  "deep-json": "JSON nested 5,000 deep, then a join",
  "waiting-deletes": "2 × 100,000 deletes that wait, then 2,000 keystrokes",
  "silent-sockets": "2,000 sockets without a token that ask /livez",
  "slow-readers": "40 readers of a 40 MB room that stop reading",
  "large-presence": "150 states of 16 KB, asked for 4 times by each client",
  "nested-deleted": "2,000 nested maps, then deleted, then a join",
  "nested-changed": "30,000 nested maps, then a value in each",
  "small-structs": "one message of 32 MB of small structs",
  flood: "50,000 awareness states in 2 s",
};
/** Attacks that have ended the relay from a timer of its own, about 40 s later; watched longer. */
const WATCH_LONGER_MS: Readonly<Partial<Record<AttackId, number>>> = {
  "subdocument-guid": 45_000,
  "deep-json": 45_000,
};
const CASE_FIGURES = ["p50Ms", "p99Ms", "maxMs", "pairCloses", "attackerCloses", "exits"] as const;
const TOTALS = ["p99Ms", "maxMs", "pairCloses", "exits"] as const satisfies readonly FigureId[];

const hasEnded = (server: RunningServer): boolean => {
  try {
    process.kill(server.pid, 0);
    return false;
  } catch {
    return true;
  }
};

const openPair = async ({ port }: RunningServer): Promise<InnocentPair> =>
  InnocentPair.open(`ws://127.0.0.1:${port}`, PAIR_ROOM, [
    await tokenFor({ room: PAIR_ROOM, name: "mover", isHost: true }),
    await tokenFor({ room: PAIR_ROOM, name: "watcher", isHost: false }),
  ]);

const measureAttack = async (
  attack: AttackId,
  { scale }: Options,
): Promise<Record<(typeof CASE_FIGURES)[number], number>> => {
  // A process of its own for each attack: none measures what another has left behind.
  const server = await startServer("ours", { env: DEFAULT_RATE });
  const generator = new Generator();
  const pair = await openPair(server);
  try {
    await sleep(WARM_UP_MS);
    pair.report();
    const job = { type: "attack", attack, divisor: scale.attackDivisor } as const;
    // An attack that does not get through to its end is not a failure of the measurement.
    const { attackerCloses = 0 } = await generator.run(server, job, ATTACK_MS).catch((): Figures => ({}));
    await sleep(WATCH_LONGER_MS[attack] ?? WATCH_MS);
    const giveUpAt = performance.now() + GIVE_UP_MS;
    while (pair.waitingMs > LATE_MS && performance.now() < giveUpAt && !hasEnded(server)) await sleep(50);
    const { p50Ms, p99Ms, maxMs, closes } = pair.report();
    return { p50Ms, p99Ms, maxMs, pairCloses: closes, attackerCloses, exits: Number(hasEnded(server)) };
  } finally {
    pair.stop();
    generator.close();
    // Not asked to stop: a relay that is busy would not hear it.
    await server.stop("SIGKILL");
  }
};

/** A line for the terminal, so that a run of minutes shows where it is. */
const logCase = (attack: AttackId, { p99Ms, maxMs, exits }: Awaited<ReturnType<typeof measureAttack>>): void =>
  void process.stderr.write(
    `  ${attack}: p99 ${p99Ms.toFixed(0)} ms, longest ${maxMs.toFixed(0)} ms${exits > 0 ? ", the relay ended" : ""}\n`,
  );

const measure = async (options: Options): Promise<Figures> => {
  const all: Record<string, number> = {};
  const totals = { p99Ms: 0, maxMs: 0, pairCloses: 0, exits: 0 };
  for (const attack of ATTACK_IDS) {
    const figures = await measureAttack(attack, options);
    logCase(attack, figures);
    for (const figure of CASE_FIGURES) all[`${attack} ${figure}`] = figures[figure];
    for (const figure of ["p99Ms", "maxMs"] as const) totals[figure] = Math.max(totals[figure], figures[figure]);
    for (const figure of ["pairCloses", "exits"] as const) totals[figure] += figures[figure];
  }
  return { ...all, ...totals };
};

export const hostile: Load = {
  kind: "own",
  id: "hostile",
  title: "A hostile participant in another room",
  about: ({ scale: { attackDivisor } }) =>
    `Two people in a room of their own, of whom one moves a cursor every 20 ms, while somebody attacks the relay from another room, each time a new process. Times are from a move until the other person has it; a move that has not arrived when the measurement ends, 20 s after the attack at the latest, counts with its age, and one that the relay's end has cut off too. The first table has the worst attack, the second has each.${attackDivisor === 1 ? "" : ` The sizes are divided by ${attackDivisor}.`}`,
  servers: ["ours"],
  variants: ["raw"],
  figures: TOTALS,
  compared: [],
  cases: { rows: ATTACK_IDS.map((id) => ({ id, title: TITLES[id] })), figures: CASE_FIGURES },
  measure: (_id, _generator, options) => measure(options),
  goals: [
    { text: "p99 at most 50 ms during each attack", server: "ours", figure: "p99Ms", how: "value", atMost: 50 },
    { text: "no move takes more than 250 ms", server: "ours", figure: "maxMs", how: "value", atMost: 250 },
    { text: "no connection of the pair is closed", server: "ours", figure: "pairCloses", how: "value", atMost: 0 },
    { text: "the relay never ends", server: "ours", figure: "exits", how: "value", atMost: 0 },
  ],
};
