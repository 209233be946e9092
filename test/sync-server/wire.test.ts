/** The wire over real sockets: what is sent to whom, when, and what never is (docs/SPEC.md, parts W and S). */
import { createConnection } from "node:net";
import * as decoding from "lib0/decoding";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { manualClock } from "../manual-clock.ts";
import {
  KEEPALIVE,
  MessageType,
  SUBPROTOCOL,
  SyncStep,
  TOKEN_SUBPROTOCOL_PREFIX,
  writeCommand,
  writeSyncStep1,
  writeSyncStep2,
  writeUpdate,
} from "../../src/protocol/protocol.ts";
import { SESSION_ROOT } from "../../src/session/session.ts";
import { awarenessFrame, exchanged, passTime, rawStockClient, typing, typingFrame, userState } from "./frames.ts";
import { GatedStore } from "./store/gated-store.ts";
import { rawClient, roomState, startRelay, stockClient, until } from "./harness.ts";
import type { RawClient, Setting } from "./harness.ts";

const host = { role: "host", sub: "h1", name: "Hana" } as const;
const participant = { role: "participant", sub: "p1", name: "Pia" } as const;
const EMPTY_STATE_VECTOR = Uint8Array.of(0);

const joined = async (setting: Setting, claims: typeof host | typeof participant): Promise<RawClient> => {
  const client = await rawClient(setting, await setting.token(claims));
  expect(await client.command({ type: "join" })).toMatchObject({ ok: true });
  return client;
};

const liveHost = async (setting: Setting) => {
  const client = await stockClient(setting, host);
  await until("the host is in", () => client.provider.synced && client.session?.status === "live");
  return client;
};

const textOf = (client: RawClient): string => client.doc.getText("text").toString();

/** The state vector of the last SyncStep1 that came. */
const askedFor = (client: RawClient): Map<number, number> => {
  const frame = client.frames.findLast(([type, step]) => type === MessageType.sync && step === SyncStep.step1)!;
  return Y.decodeStateVector(decoding.readVarUint8Array(decoding.createDecoder(frame.subarray(2))));
};

/** What a newcomer to the room's document gets. */
const textInRoom = async (setting: Setting, claims: typeof host | typeof participant = host): Promise<string> => {
  const reader = await rawClient(setting, await setting.token(claims));
  reader.send(writeSyncStep1(EMPTY_STATE_VECTOR));
  await until("the content came", () => reader.syncSteps.includes(1));
  reader.socket.terminate();
  return textOf(reader);
};

describe("protocols and tokens", () => {
  it.each(["room", "a/b ü?#%20", "汉字 \u{1f600}"])(
    "[W1] a stock provider works with params: { token } in %j",
    async (room) => {
      const setting = await startRelay();
      const first = await stockClient(setting, { ...host, room });
      await until("the run is live", () => first.provider.synced);
      const second = await stockClient(setting, { ...participant, room });
      await until("both are in", () => second.provider.synced);
      first.text.insert(0, "to ");
      await until("it goes one way", () => second.text.toString() === "to ");
      second.text.insert(3, "and fro");
      await until("and the other", () => first.text.toString() === "to and fro");
      expect(await roomState(setting, room)).toMatchObject({ room, status: "live", hosts: 1, participants: 1 });
    },
  );

  it("[W2] the relay answers session-room.v1 alone, and no byte of its answers holds the token", async () => {
    const setting = await startRelay();
    const token = await setting.token(host);
    const { hostname, port } = new URL(setting.relay.url);
    const line = createConnection(Number(port), hostname === "localhost" ? "127.0.0.1" : hostname);
    let received = "";
    line.on("data", (bytes) => {
      received += bytes.toString("latin1");
    });
    line.write(
      "GET /room HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
        `Sec-WebSocket-Protocol: ${TOKEN_SUBPROTOCOL_PREFIX}${token}, ${SUBPROTOCOL}\r\n\r\n`,
    );
    await until("the welcome came", () => received.includes('"welcome"'));
    line.destroy();
    expect(received).toMatch(/^HTTP\/1\.1 101 /);
    expect(/^Sec-WebSocket-Protocol: (.*)\r$/im.exec(received)?.[1]).toBe(SUBPROTOCOL);
    expect(received).not.toContain(token);
  });

  it("[W3] only clients with session-room.v1 get session messages, and may send some", async () => {
    const setting = await startRelay();
    const stock = await rawStockClient(setting, await setting.token(host));
    await until("the run is live", () => stock.session?.status === "live");
    expect(stock.frames.filter(([type]) => type === MessageType.session)).toEqual([]);
    stock.send(writeCommand({ type: "end", id: 1, run: 1 }));
    await until("it was sent away", () => stock.closeCode === 4400);
    expect(await roomState(setting)).toMatchObject({ status: "live" });
  });

  it("[W3] [P5] the welcome says who one is, and gives an invited newcomer a token that stays the same person", async () => {
    const setting = await startRelay();
    const known = await rawClient(setting, await setting.token(host));
    await until("the welcome came", () => known.welcome);
    expect(known.welcome!.person).toEqual({ id: "h1", name: "Hana", role: "host", verified: true });
    expect(known.welcome).not.toHaveProperty("token");
    const invitation = await setting.token({ role: "participant" });
    const guest = await rawClient(setting, invitation);
    const other = await rawClient(setting, invitation);
    await until("both were welcomed", () => guest.welcome && other.welcome);
    const { person, token } = guest.welcome!;
    expect(person).toMatchObject({ role: "participant", verified: false, name: "" });
    expect(other.welcome!.person.id).not.toBe(person.id);
    const back = await rawClient(setting, token!);
    await until("the welcome came", () => back.welcome);
    expect(back.welcome!.person).toEqual(person);
    expect(back.welcome).not.toHaveProperty("token");
  });

  it("[W7] an update needs no SyncStep1, awareness or join before it", async () => {
    const setting = await startRelay();
    const reader = await liveHost(setting);
    const writer = await rawStockClient(setting, await setting.token(participant));
    writer.send(typingFrame("at once"));
    await until("it arrives", () => reader.text.toString() === "at once");
  });
});

describe("updates that come before what they refer to", () => {
  it("[G5] wait, and are taken as soon as that comes", async () => {
    const setting = await startRelay();
    const reader = await liveHost(setting);
    const client = await rawClient(setting, await setting.token(participant));
    await client.command({ type: "join" });
    const doc = new Y.Doc();
    const updates: Uint8Array[] = [];
    doc.on("update", (update: Uint8Array) => updates.push(update));
    for (const letter of "abc") doc.getText("text").insert(doc.getText("text").length, letter);
    client.send(writeUpdate(updates[2]!));
    client.send(writeUpdate(updates[1]!));
    await exchanged(client);
    expect(reader.text.toString()).toBe("");
    // It is asked for the rest, and does not answer that.
    client.send(writeUpdate(updates[0]!));
    await until("all of it arrives", () => reader.text.toString() === "abc");
  });
});

describe("while content is withheld", () => {
  it("[W5] SyncStep1 is answered with the ledger as an Update, and with SyncStep2 at the start", async () => {
    const setting = await startRelay();
    await joinThenEnd(setting, "of run 1");
    const waiting = await rawClient(setting, await setting.token(participant));
    waiting.send(writeSyncStep1(EMPTY_STATE_VECTOR));
    await exchanged(waiting);
    expect(waiting.syncSteps).toEqual([2]);
    expect([...waiting.doc.share.keys()]).toEqual([SESSION_ROOT]);
    const client = await rawClient(setting, await setting.token(host));
    await client.command({ type: "start", run: 1 });
    expect(await waiting.command({ type: "join" })).toMatchObject({ ok: true, run: 2 });
    await until("the content came", () => textOf(waiting) === "of run 1");
    expect(waiting.syncSteps.filter((step) => step === 1)).toHaveLength(1);
  });

  it("[W5] [W6] a stock client is not synced before the start, which asks it for what it wrote", async () => {
    const setting = await startRelay();
    const early = await stockClient(setting, participant);
    const raw = await rawClient(setting, await setting.token(participant));
    early.text.insert(0, "early");
    raw.send(typingFrame("lost"));
    raw.send(writeSyncStep2(typing("lost too")));
    raw.send(awarenessFrame({ id: 7, json: userState("Pia") }));
    await until("the ledger came", () => early.session?.status === "waiting");
    await exchanged(early, raw);
    expect(early.provider.synced).toBe(false);
    expect(raw.syncSteps).toEqual([2]);
    expect(raw.seen.size).toBe(0);
    const late = await liveHost(setting);
    await until("it was asked for, and brought it", () => late.text.toString() === "early");
    await until("everyone is synced", () => early.provider.synced);
    // Everybody is asked, whether in the run or not.
    expect(raw.syncSteps).toContain(0);
    expect(await textInRoom(setting)).toBe("early");
  });

  it("[W5] [W9] after the end a session-room.v1 client stays, without presence or content, and changes nothing", async () => {
    const setting = await startRelay();
    const client = await joined(setting, host);
    const guest = await joined(setting, participant);
    client.send(awarenessFrame({ id: 1, json: userState("Hana") }));
    client.send(typingFrame("kept"));
    await exchanged(client, guest);
    expect(guest.seen.get(1)?.state).not.toBeNull();
    await client.command({ type: "end", run: 1 });
    await until("both know", () => guest.session?.status === "ended" && client.session?.status === "ended");
    expect(guest.seen.get(1)?.state).toBeNull();
    const before = guest.frames.length;
    client.send(typingFrame("refused"));
    client.send(writeSyncStep2(typing("refused")));
    client.send(awarenessFrame({ id: 1, clock: 9, json: userState("Hana") }));
    client.send(writeSyncStep1(EMPTY_STATE_VECTOR));
    client.send(Uint8Array.of(MessageType.queryAwareness));
    await exchanged(client, guest);
    expect(guest.frames).toHaveLength(before);
    expect([client.closeCode, guest.closeCode]).toEqual([null, null]);
    expect(await roomState(setting)).toMatchObject({ status: "ended", hosts: 0, participants: 0 });
    await client.command({ type: "start", run: 1 });
    await until("Start reaches those who stayed", () => guest.session?.run === 2);
    expect(await textInRoom(setting)).toBe("kept");
  });

  it("[W9] stock clients get the flag and then 4410, also when they come after the end", async () => {
    const setting = await startRelay();
    const present = await liveHost(setting);
    await setting.api("POST", "/v1/rooms/room/end", {});
    await until("the present one was sent away", () => present.closed === 4410);
    expect(present.session).toMatchObject({ status: "ended", ended: { reason: "admin" } });
    const late = await stockClient(setting, participant);
    await until("the late one was sent away", () => late.closed === 4410);
    expect(late.session).toEqual(present.session);
    expect(late.provider.synced).toBe(false);
  });

  it("[W6] a SyncStep1 names what the relay holds at that moment, content and ledger", async () => {
    const setting = await startRelay();
    const writer = await joined(setting, host);
    writer.send(typingFrame("abc", 77));
    await exchanged(writer);
    const ledgerOf = ({ doc }: RawClient) =>
      [...Y.decodeStateVector(Y.encodeStateVector(doc))].filter(([id]) => id > 77);
    const late = await joined(setting, participant);
    expect(askedFor(late)).toEqual(new Map([...ledgerOf(late), [77, 3]]));
    const before = askedFor(late);
    await writer.command({ type: "end", run: 1 });
    await writer.command({ type: "start", run: 1 });
    await exchanged(late);
    expect(askedFor(late)).toEqual(new Map([...ledgerOf(late), [77, 3]]));
    expect(askedFor(late)).not.toEqual(before);
  });

  it("[W6] the next start asks for what was written while the session was over", async () => {
    const setting = await startRelay();
    const writer = await liveHost(setting);
    await setting.api("POST", "/v1/rooms/room/end", {});
    await until("the writer was sent away", () => writer.closed === 4410);
    writer.text.insert(0, "written after the end");
    await setting.api("POST", "/v1/rooms/room/start", {});
    writer.provider.connect();
    await until("the writer is back", () => writer.provider.synced);
    await exchanged(writer);
    expect(await textInRoom(setting)).toBe("written after the end");
  });
});

/** A run in which somebody wrote, and which was ended. */
async function joinThenEnd(setting: Setting, text: string): Promise<void> {
  const client = await joined(setting, host);
  client.send(typingFrame(text));
  await client.command({ type: "end", run: 1 });
  client.socket.terminate();
}

describe("lines", () => {
  it("[W10] every connection, in the run or not, gets a data message at least every 20 s", async () => {
    const setting = await startRelay();
    const live = await joined(setting, host);
    const outside = await rawClient(setting, await setting.token(participant));
    const stock = await rawStockClient(setting, await setting.token({ role: "participant" }));
    const clients = [live, outside, stock];
    await exchanged(...clients);
    for (let round = 0; round < 3; round++) {
      const before = clients.map(({ frames }) => frames.length);
      await passTime(setting, 20_000, ...clients);
      clients.forEach(({ frames }, i) => expect(frames.length).toBeGreaterThan(before[i]!));
    }
    expect(outside.frames.at(-1)).toEqual(KEEPALIVE);
    expect(clients.map(({ closeCode }) => closeCode)).toEqual([null, null, null]);
  });

  it("[W11] a peer that answers nothing is dropped within 40 s; those who answer stay", async () => {
    const setting = await startRelay();
    const alive = await joined(setting, host);
    const dead = await joined(setting, participant);
    dead.socket.pause();
    await passTime(setting, 20_000, alive);
    expect(await roomState(setting)).toMatchObject({ participants: 1 });
    await passTime(setting, 20_000, alive);
    expect(await roomState(setting)).toMatchObject({ hosts: 1, participants: 0 });
    expect(alive.closeCode).toBeNull();
  });

  it("[W11] [L3] a host that answers nothing is gone like any other: the deadline starts", async () => {
    const setting = await startRelay();
    const dead = await joined(setting, host);
    const alive = await joined(setting, participant);
    dead.socket.pause();
    await passTime(setting, 40_000, alive);
    const { hosts, endsAt } = await roomState(setting);
    expect(hosts).toBe(0);
    expect(endsAt).toEqual(expect.any(Number));
  });

  it("[W11] a process that slept holds nobody responsible for its own silence", async () => {
    const setting = await startRelay();
    const client = await joined(setting, host);
    const sleep = (ms: number) => {
      // What a suspended machine sees: one timer, fired late.
      const { clock } = setting;
      const now = clock.now;
      clock.now = () => now() + ms;
      clock.advance(5_000);
    };
    sleep(3_600_000);
    await exchanged(client);
    setting.clock.advance(5_000);
    await exchanged(client);
    expect(client.closeCode).toBeNull();
  });
});

describe("the relay's own end", () => {
  it("[W4] whoever is there gets 1012, and what sockets leave behind at that moment is still kept", async () => {
    const store = new GatedStore();
    const setting = await startRelay({ store });
    const clients: RawClient[] = [];
    for (let i = 0; i < 12; i++) {
      const room = `room ${i}`;
      const client = await rawClient(setting, await setting.token({ ...host, room }), { room });
      await client.command({ type: "join" });
      for (let edit = 0; edit < 40; edit++) client.send(typingFrame("x"));
      clients.push(client);
    }
    await exchanged(...clients);
    for (const { socket } of clients.slice(0, 6)) socket.terminate();
    // An error here would be an uncaught one, which vitest reports.
    await setting.relay.close();
    await until("the others heard it", () => clients.slice(6).every(({ closeCode }) => closeCode === 1012));
    for (let i = 0; i < 12; i++) expect((await store.readRoom(`room ${i}`))?.content).toHaveLength(1);
  });
});

describe("committed before told", () => {
  it("[W8] nobody receives an update before it is committed; content needs no fsync", async () => {
    const store = new GatedStore();
    const setting = await startRelay({ store });
    const writer = await joined(setting, host);
    const reader = await joined(setting, participant);
    reader.send(writeSyncStep1(EMPTY_STATE_VECTOR));
    await until("the reader is synced", () => reader.syncSteps.includes(1));
    store.commits.length = 0;
    store.hold();
    writer.send(typingFrame("told late"));
    await exchanged(writer, reader);
    const late = await rawClient(setting, await setting.token(participant));
    late.send(writeSyncStep1(EMPTY_STATE_VECTOR));
    await exchanged(late);
    expect([textOf(reader), textOf(late)]).toEqual(["", ""]);
    store.release();
    await until("both have it", () => textOf(reader) === "told late" && textOf(late) === "told late");
    expect(store.commits.map(({ durability }) => durability)).not.toContain("flushed");
  });

  it("[W8] nobody hears of a start or an end before it is committed with fsync", async () => {
    const store = new GatedStore();
    const setting = await startRelay({ store });
    const client = await rawClient(setting, await setting.token(host));
    const guest = await rawClient(setting, await setting.token(participant));
    await until("both wait", () => client.session && guest.session);
    for (const [command, status] of [
      ["join", "live"],
      ["end", "ended"],
    ] as const) {
      store.commits.length = 0;
      store.hold();
      let answered = false;
      const answer = client.command(command === "join" ? { type: "join" } : { type: "end", run: 1 });
      void answer.then(() => {
        answered = true;
      });
      const state = roomState(setting);
      let described = false;
      void state.then(() => {
        described = true;
      });
      await exchanged(client, guest);
      expect([client.session?.status, guest.session?.status]).not.toContain(status);
      expect([answered, described]).toEqual([false, false]);
      store.release();
      expect(await answer).toMatchObject({ ok: true });
      await until("everybody knows", () => guest.session?.status === status);
      const write = store.commits.find(({ writes }) => writes.some(({ type }) => type === "put-room"));
      expect(write?.durability).toBe("flushed");
    }
  });

  it("[S6] who comes while a change is being committed reads the session whole at every moment", async () => {
    // Found by the simulation, seed 493: the change was told first, and waited for what it builds on.
    const store = new GatedStore();
    const setting = await startRelay({ store });
    const one = await joined(setting, host);
    store.hold();
    const before = store.commits.length;
    const ending = one.command({ type: "end", run: 1 });
    await until("the end is being committed", () => store.commits.length > before);
    const late = await rawClient(setting, await setting.token(participant));
    await until("the relay knows the newcomer", () => late.socket.readyState === late.socket.OPEN);
    late.send(writeCommand({ type: "leave", id: 99 }));
    await exchanged(late);
    store.release();
    await ending;
    await until("the newcomer is told", () => late.session?.status === "ended");
    const doc = new Y.Doc();
    for (const frame of late.frames) {
      const decoder = decoding.createDecoder(frame);
      if (decoding.readVarUint(decoder) !== MessageType.sync || decoding.readVarUint(decoder) === 0) continue;
      Y.applyUpdate(doc, decoding.readVarUint8Array(decoder));
      expect(doc.store.pendingStructs).toBeNull();
    }
  });

  it("[W8] a deadline is kept with fsync", async () => {
    const store = new GatedStore();
    const setting = await startRelay({ store });
    const client = await joined(setting, host);
    store.commits.length = 0;
    await client.command({ type: "leave" });
    const write = store.commits.find(({ writes }) =>
      writes.some(
        (write) => write.type === "put-room" && write.record.state.status === "live" && write.record.state.absence,
      ),
    );
    expect(write?.durability).toBe("flushed");
  });

  it("[W8] when a commit fails nobody is told, everybody is sent away, and the relay says that it is at its end", async () => {
    const store = new GatedStore();
    const setting = await startRelay({ store });
    const writer = await joined(setting, host);
    const reader = await joined(setting, participant);
    const stranger = await rawClient(setting, await setting.token({ ...participant, room: "other" }), {
      room: "other",
    });
    reader.send(writeSyncStep1(EMPTY_STATE_VECTOR));
    await until("the reader is synced", () => reader.syncSteps.includes(1));
    store.fail("no space left on the device");
    writer.send(typingFrame("never told"));
    await until("all were sent away", () => [writer, reader, stranger].every(({ closeCode }) => closeCode === 1013));
    expect(textOf(reader)).toBe("");
    expect(setting.fatal?.message).toBe("no space left on the device");
    expect((await setting.api("GET", "/readyz")).status).toBe(503);
    const late = await rawClient(setting, await setting.token(participant));
    await until("unauthenticatedSockets are sent away too", () => late.closeCode === 1013);
  });
});

describe("the ledger", () => {
  /** All structs in the sync frames that a client got: their client id, and the root they stand under if they name one. */
  const structsOf = (client: RawClient) =>
    client.frames.flatMap((frame) => {
      const decoder = decoding.createDecoder(frame);
      if (decoding.readVarUint(decoder) !== MessageType.sync || decoding.readVarUint(decoder) === 0) return [];
      return Y.decodeUpdate(decoding.readVarUint8Array(decoder)).structs;
    });

  it("[S1] [S4] the whole ledger stands under one client id from 2^32 on, and no content does, across runs and restarts", async () => {
    const clock = manualClock(Date.now());
    const store = new GatedStore();
    const before = await startRelay({ clock, store });
    await joinThenEnd(before, "content");
    await before.relay.close();
    clock.advance(60_000);
    const after = await startRelay({ clock, store });
    const client = await rawClient(after, await after.token(host));
    await client.command({ type: "start", run: 1 });
    client.send(writeSyncStep1(EMPTY_STATE_VECTOR));
    await until("the content came", () => textOf(client) === "content");
    const structs = structsOf(client);
    const reserved = new Set(structs.map(({ id }) => id.client).filter((id) => id >= 2 ** 32));
    expect([...reserved]).toHaveLength(1);
    const [ledgerId] = reserved;
    for (const [name, type] of client.doc.share) {
      const ids = name === SESSION_ROOT ? [...type._map.values()] : itemsOf(type);
      for (const { id } of ids) expect(id.client === ledgerId).toBe(name === SESSION_ROOT);
    }
    expect(client.session).toMatchObject({ status: "live", run: 2 });
  });

  it("[S2] [S3] [S6] [S7] each change of state is one transaction, of these keys and no others", async () => {
    const setting = await startRelay();
    await setting.api("POST", "/v1/rooms", { room: "room", start: "manual" });
    const client = await rawClient(setting, await setting.token(host));
    await until("it waits", () => client.session?.status === "waiting");
    const map = client.doc.getMap(SESSION_ROOT);
    expect(map.toJSON()).toEqual({ run: 0, ended: null });
    const changes: string[][] = [];
    map.observe(({ keysChanged }) => void changes.push([...keysChanged].map(String).sort()));
    await client.command({ type: "start", run: 0 });
    await client.command({ type: "leave" });
    await client.command({ type: "join" });
    setting.clock.advance(1_000);
    await client.command({ type: "end", run: 1 });
    await client.command({ type: "start", run: 1 });
    await exchanged(client);
    expect(changes).toEqual([["run", "startedAt"], ["ended"], ["ended", "run", "startedAt"]]);
    expect(map.toJSON()).toEqual({ run: 2, startedAt: setting.clock.now(), ended: null });
  });

  it("[S1] a restart on the same store keeps run, ledger and content", async () => {
    const clock = manualClock(Date.now());
    const store = new GatedStore();
    const before = await startRelay({ clock, store });
    const writer = await liveHost(before);
    writer.text.insert(0, "kept");
    await exchanged(writer);
    const port = Number(new URL(before.relay.url).port);
    await before.relay.close();
    clock.advance(1_000);
    const after = await startRelay({ clock, store, config: { port } });
    await until("the provider is back by itself", async () => (await roomState(after))["hosts"] === 1);
    const reader = await stockClient(after, participant);
    await until("the content is there", () => reader.text.toString() === "kept");
    expect(reader.session).toEqual(writer.session);
    expect(await roomState(after)).toMatchObject({ status: "live", run: 1, hosts: 1, endsAt: null });
  });

  it("[S5] on an empty store the content heals from its writers, and the new relay's session wins over the old", async () => {
    const clock = manualClock(Date.now());
    const before = await startRelay({ clock });
    const writer = await liveHost(before);
    const other = await stockClient(before, participant);
    await until("both are in", () => other.provider.synced);
    writer.text.insert(0, "held by ");
    await until("the other has it", () => other.text.length === 8);
    other.text.insert(8, "clients");
    await until("the first has it", () => writer.text.toString() === "held by clients");
    await before.api("POST", "/v1/rooms/room/end", {});
    await until("both were sent away", () => writer.closed === 4410 && other.closed === 4410);
    const port = Number(new URL(before.relay.url).port);
    await before.relay.close();
    clock.advance(1_000);
    const after = await startRelay({ clock, config: { port } });
    writer.provider.connect();
    await until("the new session is read", () => writer.session?.status === "live");
    expect(writer.session).toEqual({ status: "live", run: 1, startedAt: clock.now() });
    await until(
      "the content is back, the other's too",
      async () => (await textInRoom(after, participant)) === "held by clients",
    );
    other.provider.connect();
    await until("the other reads the same", () => other.session?.status === "live" && other.provider.synced);
    other.text.insert(other.text.length, "!");
    await until("whoever returns can write on", () => writer.text.toString() === "held by clients!");
  });

  it.each([
    ["holds more of the same ledger", 0],
    ["holds a ledger that was made later", 1],
  ])(
    "[S5] on an older copy of the store, a client that %s gets a greater id with every key",
    async (_what, renewals) => {
      const clock = manualClock(Date.now());
      const store = new GatedStore();
      let setting = await startRelay({ clock, store });
      const port = Number(new URL(setting.relay.url).port);
      const first = await liveHost(setting);
      first.provider.destroy();
      await until("the host is gone", async () => (await roomState(setting))["hosts"] === 0);
      await setting.relay.close();
      const { record } = (await store.readRoom("room"))!;
      // The session goes on in the store that will be lost, and a client sees it.
      setting = await startRelay({ clock, store, config: { port } });
      let client = await stockClient(setting, participant);
      await until("the client is in", () => client.provider.synced);
      await setting.api("POST", "/v1/rooms/room/end", {});
      await until("it reads the end", () => client.closed === 4410 && client.session?.status === "ended");
      const ids = () => {
        const map = client.doc.getMap(SESSION_ROOT);
        return new Set(["run", "startedAt", "ended"].map((key) => map._map.get(key)!.id.client));
      };
      for (let i = 0; i <= renewals; i++) {
        const [idBefore] = ids();
        await setting.relay.close();
        clock.advance(1_000);
        const older = new GatedStore();
        await older.commit([{ type: "put-room", record }], "flushed");
        setting = await startRelay({ clock, store: older, config: { port } });
        client.provider.connect();
        await until("it reads the session of the copy", () => client.session?.status === "live");
        expect(client.session).toMatchObject({
          run: 1,
          startedAt: first.session!.status === "live" && first.session!.startedAt,
        });
        expect([...ids()]).toEqual([expect.any(Number)]);
        expect([...ids()][0]).toBeGreaterThan(idBefore!);
        // Whoever comes now knows nothing of any ledger but the new one.
        const late = await stockClient(setting, { ...participant, sub: "late" });
        await until("the late one is in", () => late.provider.synced);
        const { body } = await setting.api("POST", "/v1/rooms/room/end", {});
        await until("they follow what happens next", () =>
          [client, late].every(({ session, provider }) => session?.status === "ended" && provider.ws === null),
        );
        expect(client.session).toMatchObject({ ended: body["ended"] });
        client = late;
      }
    },
  );
});

/** The items of a sequence, in order. */
function itemsOf(type: { readonly _start: Y.Item | null }): Y.Item[] {
  const items: Y.Item[] = [];
  for (let item = type._start; item !== null; item = item.right) items.push(item);
  return items;
}
