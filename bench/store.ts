/**
 * Measures the cost of a commit in the store alone: `npm run bench:store [-- commits]`. A tight loop would hide
 * most of it, because a relay does other work between two commits, which evicts the CPU caches. So there is
 * one commit every 2 ms, and memory is read in between. Each commit goes to the SQLite store or to the store in
 * memory at random. Times are wall-clock time: the median excludes most other activity of the machine, and
 * CPU time is too coarse for a single commit.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { MemoryStore } from "../sync-server/store/memory-store.ts";
import { SqliteStore } from "../sync-server/store/sqlite/store.ts";
import type { Store, Write } from "../sync-server/store/store.ts";
import { spread } from "./report/stats.ts";

const PAUSE_MS = 2;
const WARM_COMMITS = 5_000;
const UPDATE_BYTES = 30;
/** More than the private caches of a core hold. */
const WALKED_BYTES = 2 * 1024 * 1024;
const CASES = [
  { rooms: 1, rows: 1 },
  { rooms: 1, rows: 4 },
  { rooms: 100, rows: 1 },
];

const commits = Number(process.argv[2] ?? 4_000);
const walked = new Uint8Array(WALKED_BYTES);

const nameOf = (room: number): string => `room-${room}`;

const makeRoom = (room: number): Write => ({
  type: "put-room",
  record: {
    room: nameOf(room),
    ledgerId: 1,
    ledger: new Uint8Array(100),
    formerLedgers: [],
    recoversUntil: 0,
    start: "auto",
    hostAbsenceMs: null,
    state: { status: "waiting", run: 0 },
  },
});

const makeWrites = (room: number, rows: number): Write[] =>
  Array.from({ length: rows }, () => ({
    type: "append-content",
    room: nameOf(room),
    update: crypto.getRandomValues(new Uint8Array(UPDATE_BYTES)),
  }));

for (const { rooms, rows } of CASES) {
  const dataDir = mkdtempSync(join(tmpdir(), "session-room-bench-"));
  const stores: { title: string; store: Store; timesUs: number[] }[] = [
    { title: "SQLite", store: new SqliteStore(dataDir), timesUs: [] },
    { title: "in memory", store: new MemoryStore(), timesUs: [] },
  ];
  for (const { store } of stores) {
    await store.commit(
      Array.from({ length: rooms }, (_, room) => makeRoom(room)),
      "flushed",
    );
    for (let i = 0; i < WARM_COMMITS; i++) await store.commit(makeWrites(i % rooms, rows), "written");
  }
  for (let i = 0; i < commits; i++) {
    await sleep(PAUSE_MS);
    const { store, timesUs } = stores[Math.floor(Math.random() * stores.length)]!;
    const writes = makeWrites(i % rooms, rows);
    for (let at = 0; at < WALKED_BYTES; at += 64) walked[at]!++;
    const from = performance.now();
    await store.commit(writes, "written");
    timesUs.push((performance.now() - from) * 1_000);
  }
  const medians = stores.map(({ title, timesUs }) => `${title} ${spread(timesUs).median.toFixed(1)} µs`);
  console.log(`${rows} rows per commit, ${rooms} rooms: ${medians.join(", ")}`);
  for (const { store } of stores) await store.close();
  rmSync(dataDir, { recursive: true, force: true });
}
