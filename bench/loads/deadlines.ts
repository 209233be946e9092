/** The load of many rooms with nobody in them, each with an armed deadline. Only for our relay. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Ledger } from "../../sync-server/room/session/ledger.ts";
import { SqliteStore } from "../../sync-server/store/sqlite/store.ts";
import type { Write } from "../../sync-server/store/store.ts";
import type { Figures } from "../generator/jobs.ts";
import type { Options } from "../options.ts";
import { cpuUs, rssBytes } from "../proc.ts";
import { startServer } from "../servers.ts";
import type { RunningServer } from "../servers.ts";
import type { Load } from "./load.ts";

const HOUR_MS = 3_600_000;
const BATCH = 5_000;
/** Time from the creation of the rooms until they are due, in ms: a fixed part, and a part for each room. */
const DUE_IN_MS = 8_000;
const DUE_IN_MS_EACH = 0.12;
const SETTLE_MS = 700;
/** The relay counts as finished when it has done nothing for this long. */
const AT_REST_MS = 2_000;
const GIVE_UP_MS = 90_000;
const NO_GRACE = { SESSION_ROOM_RESTART_GRACE: "0s" };

const inFolder = async <T>(run: (dataDir: string) => Promise<T>): Promise<T> => {
  const dataDir = mkdtempSync(join(tmpdir(), "session-room-bench-"));
  try {
    return await run(dataDir);
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
};

/** Stores live rooms without a host; room i is due at `dueAt(i)` (ms since the epoch). */
const storeRooms = async (dataDir: string, count: number, dueAt: (i: number) => number): Promise<void> => {
  const store = new SqliteStore(dataDir);
  const startedAt = Date.now();
  const ledger = Ledger.create({ status: "live", run: 1, startedAt }, startedAt);
  const encoded = ledger.encode();
  for (let from = 0; from < count; from += BATCH) {
    const writes: Write[] = Array.from({ length: Math.min(BATCH, count - from) }, (_, i) => ({
      type: "put-room",
      record: {
        room: `room-${from + i}`,
        ledgerId: ledger.id,
        ledger: encoded,
        formerLedgers: [],
        recoversUntil: 0,
        start: "auto",
        hostAbsenceMs: null,
        state: {
          status: "live",
          run: 1,
          startedAt,
          absence: { since: startedAt, deadlineAt: dueAt(from + i) },
        },
      },
    }));
    await store.commit(writes, "written");
  }
  await store.close();
};

type Fired = { readonly count: number; readonly lastAt: number };

/** Reads the ended runs from the store after the relay was killed. `lastAt` is when the relay ended the last one. */
const readEnds = async (dataDir: string, count: number): Promise<Fired> => {
  const store = new SqliteStore(dataDir);
  let fired = 0;
  let lastAt = 0;
  for (let i = 0; i < count; i++) {
    const state = (await store.readRoom(`room-${i}`))?.record.state;
    if (state?.status !== "ended") continue;
    fired++;
    lastAt = Math.max(lastAt, state.ended.at);
  }
  await store.close();
  return { count: fired, lastAt };
};

const settledRss = async (server: RunningServer): Promise<number> => {
  await sleep(SETTLE_MS);
  process.kill(server.pid, "SIGUSR2");
  await sleep(SETTLE_MS);
  return rssBytes(server.pid);
};

/** Measures a start with rooms whose deadlines are an hour away: its duration, and the memory afterwards. */
const measureStart = (rooms: number): Promise<{ readyMs: number; rss: number }> =>
  inFolder(async (dataDir) => {
    await storeRooms(dataDir, rooms, () => Date.now() + HOUR_MS);
    const startedAt = performance.now();
    const server = await startServer("ours", { dataDir, withGc: true });
    const { status } = await fetch(`http://127.0.0.1:${server.port}/readyz`);
    const readyMs = performance.now() - startedAt;
    if (status !== 200) throw new Error(`/readyz answered ${status}`);
    const rss = await settledRss(server);
    await server.stop();
    return { readyMs, rss };
  });

/** Measures when the last of `due` rooms has ended that are all due at one moment, among rooms that are not due. */
const measureDue = (rooms: number, due: number): Promise<{ ms: number; unfired: number }> =>
  inFolder(async (dataDir) => {
    const dueAt = Date.now() + DUE_IN_MS + DUE_IN_MS_EACH * rooms;
    await storeRooms(dataDir, rooms, (i) => (i < due ? dueAt : dueAt + HOUR_MS));
    const server = await startServer("ours", { dataDir, env: NO_GRACE });
    if (Date.now() > dueAt) throw new Error("the relay started too late for the deadlines");
    await sleep(dueAt - Date.now() + 50);
    const giveUpAt = Date.now() + GIVE_UP_MS;
    for (let before = -1, now = cpuUs(server.pid); now - before > 5_000 && Date.now() < giveUpAt;) {
      await sleep(AT_REST_MS);
      before = now;
      now = cpuUs(server.pid);
    }
    // Killed instead of stopped, because only stored ends count.
    await server.stop("SIGKILL");
    const { count, lastAt } = await readEnds(dataDir, rooms);
    return { ms: lastAt - dueAt, unfired: due - count };
  });

const measure = async ({ scale }: Options): Promise<Figures> => {
  const { dormantRooms, dueRooms } = scale;
  const empty = await measureStart(0);
  const full = await measureStart(dormantRooms);
  const some = await measureDue(dormantRooms, dueRooms);
  const all = await measureDue(dormantRooms, dormantRooms);
  return {
    readyMs: full.readyMs,
    dormantMb: (full.rss - empty.rss) / 1_048_576,
    dueMs: some.ms,
    allDueMs: all.ms,
    unfired: some.unfired + all.unfired,
  };
};

export const deadlines: Load = {
  kind: "own",
  id: "deadlines",
  title: "100,000 rooms with armed deadlines",
  about: ({ scale }) =>
    `${scale.dormantRooms} rooms with nobody in them, in SQLite. Measured are the time from the start of the process to \`/readyz\`, the resident memory compared with a start without rooms, and the time until the last run has ended if ${scale.dueRooms} deadlines, and then all, are due at one moment. The relay's end times are read from the database after the relay was killed.`,
  servers: ["ours"],
  variants: ["raw"],
  figures: ["readyMs", "dormantMb", "dueMs", "allDueMs", "unfired"],
  compared: [],
  measure: (_id, _generator, options) => measure(options),
  goals: [
    { text: "process start to /readyz at most 1 s", server: "ours", figure: "readyMs", how: "value", atMost: 1_000 },
    {
      text: "100,000 dormant rooms add at most 1 MB",
      server: "ours",
      figure: "dormantMb",
      how: "value",
      atMost: 1,
    },
    {
      text: "1,000 deadlines due at once fire within 1 s",
      server: "ours",
      figure: "dueMs",
      how: "value",
      atMost: 1_000,
    },
    { text: "all 100,000 within 30 s", server: "ours", figure: "allDueMs", how: "value", atMost: 30_000 },
    { text: "none is missed", server: "ours", figure: "unfired", how: "value", atMost: 0 },
  ],
};
