/** Rooms in memory: made once, loaded on demand, dropped when idle, and the same when they come back. */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { manualClock } from "../../manual-clock.ts";
import type { Identity } from "../../../src/protocol/protocol.ts";
import { readClientMessage, writeSyncStep1, writeUpdate } from "../../../src/protocol/protocol.ts";
import { AwarenessClock } from "../../../sync-server/room/presence/awareness-clock.ts";
import { Connection } from "../../../sync-server/room/connection/connection.ts";
import { CommitProofs } from "../../../sync-server/auth/commit-proof.ts";
import type { Credential } from "../../../sync-server/auth/credential.ts";
import { Content } from "../../../sync-server/room/content/content.ts";
import type { Batch } from "../../../sync-server/websocket/frame.ts";
import { Journal } from "../../../sync-server/store/journal.ts";
import { DEFAULT_LIMITS } from "../../../sync-server/config/limits.ts";
import { RateLimit } from "../../../sync-server/room/connection/rate-limit.ts";
import type { Room } from "../../../sync-server/room/room.ts";
import { Slices } from "../../../sync-server/room/content/slices.ts";
import { Rooms } from "../../../sync-server/room/rooms.ts";
import { MemoryStore } from "../../../sync-server/store/memory-store.ts";
import { GatedStore } from "../store/gated-store.ts";
import { finish } from "../../../sync-server/update/slice.ts";
import { typing } from "../frames.ts";

const RATE = new RateLimit(DEFAULT_LIMITS, { now: () => 0 });
const AUTO = { start: "auto", hostAbsenceMs: null } as const;

const makeRooms = async (store: MemoryStore = new MemoryStore()) => {
  const clock = manualClock();
  const bugs: unknown[] = [];
  const report = (error: unknown) => void bugs.push(error);
  const journal = new Journal(store, clock, report, report);
  const { awarenessClock } = await AwarenessClock.open(store, clock);
  const rooms = new Rooms(store, {
    clock,
    journal,
    slices: new Slices(clock, report),
    failed: (_room, error) => void bugs.push(error),
    contentSetAside: (_room, error) => void bugs.push(error),
    awarenessClock,
    limits: DEFAULT_LIMITS,
    hostAbsenceMs: 60_000,
    startedAt: clock.now(),
    proofs: new CommitProofs("a secret"),
    deadlineSet: () => {},
  });
  return { rooms, journal, clock, store, bugs };
};

/** A host's connection that keeps what it is sent; the room sees no more of a socket than this. */
const attachHost = (room: Room): Connection & { readonly frames: Uint8Array[] } => {
  const frames: Uint8Array[] = [];
  const socket = {
    send: (batch: Batch) => {
      frames.push(...batch.frames.map(({ payload }) => payload));
      return true;
    },
    probe: () => {},
    pause: () => () => {},
    unreadBytes: 0,
    whenRead: (_bytes: number, callback: () => void) => callback(),
    close: () => {},
  };
  const identity: Identity = { id: "h1", name: "Hana", role: "host", verified: true };
  const connection = new Connection(
    socket,
    { identity, author: { own: "person:h1", shared: null, isKept: true } },
    {} as Credential,
    RATE,
    false,
  );
  room.attach(connection);
  return Object.assign(connection, { frames });
};

/** The update in a frame of the relay, which is as a client's. */
const payloadOf = (frame: Uint8Array): Uint8Array => {
  const message = readClientMessage(frame);
  return "update" in message ? message.update : Uint8Array.of(0, 0);
};

const storedText = async (store: MemoryStore, room: string): Promise<string> => {
  const doc = new Y.Doc();
  for (const update of (await store.readRoom(room))!.content) Y.applyUpdate(doc, update);
  return doc.getText("text").toString();
};

describe("rooms in memory", () => {
  it("200 rooms come and go, and none stays", async () => {
    const { rooms, store, bugs } = await makeRooms();
    const leases = await Promise.all(Array.from({ length: 200 }, (_, i) => rooms.enter(`room ${i}`)));
    expect(rooms.size).toBe(200);
    expect(rooms.loaded).toHaveLength(200);
    for (const lease of leases) lease.release();
    expect(rooms.size).toBe(0);
    for (let i = 0; i < 200; i++) expect((await rooms.describe(`room ${i}`))?.status).toBe("waiting");
    expect(rooms.size).toBe(0);
    expect(await store.readRoom("room 199")).not.toBeNull();
    expect(bugs).toEqual([]);
  });

  it("a room stays as long as anybody needs it; a release counts once", async () => {
    const { rooms } = await makeRooms();
    const first = await rooms.enter("room");
    const second = await rooms.enter("room");
    expect(second.room).toBe(first.room);
    first.release();
    first.release();
    expect(rooms.size).toBe(1);
    second.release();
    expect(rooms.size).toBe(0);
  });

  it("asking for what does not exist makes nothing and keeps nothing", async () => {
    const { rooms, store } = await makeRooms();
    expect(await rooms.describe("nowhere")).toBeNull();
    expect(await rooms.start("nowhere", undefined)).toBeNull();
    expect(await rooms.end("nowhere", undefined, "admin", null)).toBeNull();
    await rooms.checkDeadline("nowhere");
    expect(rooms.size).toBe(0);
    expect(await store.readRoom("nowhere")).toBeNull();
  });

  it("a store that cannot read a room leaves nothing in memory", async () => {
    class BrokenStore extends MemoryStore {
      override readRoom(): Promise<never> {
        return Promise.reject(new Error("damaged"));
      }
    }
    const { rooms } = await makeRooms(new BrokenStore());
    await expect(rooms.enter("room")).rejects.toThrow("damaged");
    await expect(rooms.describe("room")).rejects.toThrow("damaged");
    await expect(rooms.create("room", AUTO)).rejects.toThrow("damaged");
    expect(rooms.size).toBe(0);
  });
});

describe("making a room", () => {
  it("[H1] of many who make one room at once, one does, and the record is made once", async () => {
    const store = new GatedStore();
    const { rooms } = await makeRooms(store);
    const made = await Promise.all(Array.from({ length: 10 }, () => rooms.create("room", AUTO)));
    expect(made.filter((answer) => answer !== null)).toHaveLength(1);
    expect(await rooms.create("room", AUTO)).toBeNull();
    expect(store.commits.flatMap(({ writes }) => writes)).toHaveLength(1);
    expect(rooms.size).toBe(0);
  });

  it("entering a room while it is being created gives the same room, with the creator's options", async () => {
    const { rooms } = await makeRooms();
    const [made, lease, late] = await Promise.all([
      rooms.create("room", { start: "manual", hostAbsenceMs: 5_000 }),
      rooms.enter("room"),
      rooms.enter("room"),
    ]);
    expect(made).toMatchObject({ room: "room", status: "waiting", run: 0 });
    expect(late.room).toBe(lease.room);
    attachHost(lease.room);
    expect(lease.room.describe().status).toBe("waiting");
    for (const { release } of [lease, late]) release();
    expect(rooms.size).toBe(0);
  });

  it("[W8] it is stored durably before the call returns", async () => {
    const store = new GatedStore();
    const { rooms } = await makeRooms(store);
    store.hold();
    let answered = false;
    const made = rooms.create("room", AUTO).then(() => {
      answered = true;
    });
    for (let i = 0; i < 20; i++) await Promise.resolve();
    expect(store.commits.map(({ durability }) => durability)).toEqual(["flushed"]);
    expect(answered).toBe(false);
    store.release();
    await made;
  });
});

describe("content in memory", () => {
  it("an update keeps no more than its own bytes, however much came with it", async () => {
    const store = new GatedStore();
    const { rooms, journal } = await makeRooms(store);
    const lease = await rooms.enter("room");
    const host = attachHost(lease.room);
    const update = typing("x");
    const frame = writeUpdate(update);
    // Bytes after a message are ignored, and a frame may be a view into much more.
    const padded = new Uint8Array(1024 * 1024);
    padded.set(frame);
    lease.room.receive(host, padded);
    await journal.settled();
    const writes = store.commits.flatMap((commit) => commit.writes);
    const [kept] = writes.flatMap((write) => (write.type === "append-content" ? [write.update] : []));
    expect(kept).toEqual(update);
    // And those of the frame in which it went out: a type, a step and a length, at most.
    expect(kept!.buffer.byteLength - update.byteLength).toBeLessThanOrEqual(10 + 2 + 4);
    lease.release();
  });
});

describe("large updates", () => {
  it("[W24] are taken in slices, what comes after them follows, and the room stays until all is stored", async () => {
    const { rooms, journal, store, bugs } = await makeRooms();
    const lease = await rooms.enter("room");
    const host = attachHost(lease.room);
    const doc = new Y.Doc();
    for (let i = 0; i < 20_000; i++) doc.getText("text").insert(0, "x");
    const large = Y.encodeStateAsUpdate(doc);
    lease.room.receive(host, writeUpdate(large));
    const before = Y.encodeStateVector(doc);
    doc.getText("text").insert(0, "after");
    lease.room.receive(host, writeUpdate(Y.encodeStateAsUpdate(doc, before)));
    lease.room.receive(host, writeSyncStep1(Uint8Array.of(0)));
    await journal.settled();
    expect((await store.readRoom("room"))!.content).toHaveLength(0);
    lease.release();
    expect(rooms.size).toBe(1);
    for (let i = 0; rooms.size > 0 && i < 1_000; i++) await Promise.resolve();
    await journal.settled();
    expect(rooms.size).toBe(0);
    expect((await store.readRoom("room"))!.content[0]).toEqual(large);
    expect(await storedText(store, "room")).toBe(doc.getText("text").toString());
    const peer = new Y.Doc();
    for (const frame of host.frames) if (frame[0] === 0 && frame[1] !== 0) Y.applyUpdate(peer, payloadOf(frame));
    expect(peer.getText("text").toString()).toBe(doc.getText("text").toString());
    expect(bugs).toEqual([]);
  });
});

describe("content at rest", () => {
  it("is folded when the room leaves memory, and is the same when it is back", async () => {
    const { rooms, journal, store } = await makeRooms();
    const lease = await rooms.enter("room");
    const host = attachHost(lease.room);
    const doc = new Y.Doc();
    doc.on("update", (update: Uint8Array) => lease.room.receive(host, writeUpdate(update)));
    for (let i = 0; i < 100; i++) doc.getText("text").insert(i, String(i % 10));
    await journal.settled();
    expect((await store.readRoom("room"))!.content).toHaveLength(100);
    lease.room.detach(host);
    lease.release();
    const back = await rooms.enter("room");
    expect((await store.readRoom("room"))!.content).toHaveLength(1);
    expect(await storedText(store, "room")).toBe(doc.getText("text").toString());
    back.release();
  });

  it("a room that comes back at once finds what it wrote last, though it is not committed yet", async () => {
    const store = new GatedStore();
    const { rooms } = await makeRooms(store);
    const lease = await rooms.enter("room");
    const host = attachHost(lease.room);
    store.hold();
    lease.room.receive(host, writeUpdate(typing("just now")));
    lease.room.detach(host);
    lease.release();
    const back = rooms.enter("room");
    store.release();
    expect((await back).room.describe()).toMatchObject({ status: "live", run: 1 });
    expect(await storedText(store, "room")).toBe("just now");
    (await back).release();
  });

  it("a long log is folded while the room is in use, and counts what it takes", () => {
    const content = new Content([]);
    const doc = new Y.Doc();
    let folds = 0;
    for (let i = 0; i < 40; i++) {
      const before = Y.encodeStateVector(doc);
      doc.getText("text").delete(0, doc.getText("text").length);
      doc.getText("text").insert(0, "x".repeat(64 * 1024));
      content.add(Y.encodeStateAsUpdate(doc, before));
      if (!content.isWorthCompacting) continue;
      folds++;
      const rows = finish(content.compact());
      expect(content.isWorthCompacting).toBe(false);
      const copy = new Y.Doc();
      for (const row of rows) Y.applyUpdate(copy, row);
      expect(copy.getText("text").toString()).toBe(doc.getText("text").toString());
      expect(content.bytes).toBeLessThan(Y.encodeStateAsUpdate(copy).byteLength + 100);
    }
    expect(folds).toBe(2);
    expect(content.bytes).toBeLessThan(1024 * 1024);
  });
});
