/** What the room client says of the document's content: unsaved, refused, set aside, broken. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as Y from "yjs";
import { manualClock } from "../../manual-clock.ts";
import type { Refusal } from "../../../src/client/content-status.ts";
import { RoomClient } from "../../../src/client/room-client.ts";
import type { RoomClientOptions } from "../../../src/client/room-options.ts";
import { MessageType, writeSyncStep1, writeUpdate } from "../../../src/protocol/protocol.ts";
import type { ContentRefusal, Identity } from "../../../src/protocol/protocol.ts";
import type { Session } from "../../../src/session/session.ts";
import { SESSION_ROOT } from "../../../src/session/session.ts";
import { ScriptedRelay } from "./scripted-relay.ts";

const guest: Identity = { id: "gus", name: "Gus", role: "participant", verified: true };
const live = (run: number): Session => ({ status: "live", run, startedAt: 1 });
const ended: Session = {
  status: "ended",
  run: 1,
  startedAt: 1,
  ended: { at: 2, reason: "host-ended", by: null },
};
const NOTHING_HELD = Uint8Array.of(0);

beforeEach(() => {
  vi.useFakeTimers();
});
const rooms: RoomClient[] = [];
afterEach(() => {
  for (const room of rooms.splice(0)) room.destroy();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const make = (options: Partial<RoomClientOptions> = {}) => {
  const relay = new ScriptedRelay();
  const clock = manualClock();
  const room = new RoomClient({
    relay: "https://relay.example",
    room: "room",
    token: "page-token",
    storage: null,
    clock,
    WebSocketPolyfill: relay.WebSocket,
    ...options,
  });
  rooms.push(room);
  const refusals: Refusal[] = [];
  room.onRefused((refusal) => refusals.push(refusal));
  const write = (text: string): void => room.doc.getText("text").insert(0, text);
  return { relay, clock, room, refusals, write };
};

/** A room with its person in run 1, its ledger named, and everything saved. */
const inside = (options: Partial<RoomClientOptions> = {}) => {
  const setting = make(options);
  const { relay, room } = setting;
  room.join();
  relay.socket.open();
  relay.socket.say({ type: "ledger", id: relay.ledgerId });
  relay.socket.welcome(guest);
  relay.writeSession(live(1));
  relay.acceptJoin(1);
  expect(room.state.screen).toEqual({ name: "joined", run: 1 });
  return setting;
};

/** Breaks the connection and lets the client make the next. */
const reconnect = (relay: ScriptedRelay): void => {
  relay.socket.drop(1006);
  vi.advanceTimersByTime(3_000);
  relay.admit(guest, live(1));
  relay.acceptJoin(1);
};

const request = (relay: ScriptedRelay): void => relay.socket.deliver(writeSyncStep1(NOTHING_HELD));
const saved = (relay: ScriptedRelay, n: number): void => relay.socket.say({ type: "saved", n });
const refuse = (relay: ScriptedRelay, n: number, code: ContentRefusal): void =>
  relay.socket.say({ type: "refused", n, code, message: "No." });

const nest = (depth: number): Y.Doc => {
  const doc = new Y.Doc();
  doc.transact(() => {
    let map = doc.getMap("map");
    for (let left = depth; left > 0; left--) {
      const inner = new Y.Map<unknown>();
      map.set("key", inner);
      map = inner;
    }
  });
  return doc;
};

describe("what is unsaved", () => {
  it("[U10] what the person writes, until the relay says that it is saved", () => {
    const { relay, room, write } = inside();
    expect(room.state.unsaved).toBe(false);
    write("one");
    write("two");
    expect(room.state.unsaved).toBe(true);
    saved(relay, 1);
    expect(room.state.unsaved).toBe(true);
    saved(relay, 2);
    expect(room.state.unsaved).toBe(false);
  });

  it("[U10] not what others write, and not a sync that holds nothing new", () => {
    const { relay, room } = inside();
    const other = new Y.Doc();
    other.getText("text").insert(0, "theirs");
    relay.socket.deliver(writeUpdate(Y.encodeStateAsUpdate(other)));
    request(relay);
    expect(relay.socket.count("sync-step-2")).toBe(1);
    expect(room.state.unsaved).toBe(false);
  });

  it("[U10] what was written without a connection, until a sync on the next one is settled", () => {
    const { relay, room, write } = inside();
    relay.socket.drop(1006);
    write("offline");
    expect(room.state.unsaved).toBe(true);
    vi.advanceTimersByTime(3_000);
    relay.admit(guest, live(1));
    relay.acceptJoin(1);
    expect(room.state.unsaved).toBe(true);
    request(relay);
    saved(relay, 1);
    expect(room.state.unsaved).toBe(false);
  });

  it("[U10] what was on its way when the connection broke", () => {
    const { relay, room, write } = inside();
    write("on its way");
    reconnect(relay);
    expect(room.state.unsaved).toBe(true);
    request(relay);
    saved(relay, 1);
    expect(room.state.unsaved).toBe(false);
  });

  it("[U10] what was written while the socket was closing", () => {
    const { relay, room, write } = inside();
    relay.socket.readyState = 2;
    write("late");
    expect(room.state.unsaved).toBe(true);
    reconnect(relay);
    expect(room.state.unsaved).toBe(true);
  });

  it("[U10] a copy that the page brings, or loads later", () => {
    const doc = new Y.Doc();
    doc.getText("text").insert(0, "stored");
    const { relay, room } = make({ doc });
    expect(room.state.unsaved).toBe(true);
    room.join();
    relay.admit(guest, live(1));
    request(relay);
    saved(relay, 1);
    expect(room.state.unsaved).toBe(false);
    const copy = new Y.Doc();
    copy.getText("text").insert(0, "loaded late");
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(copy), "y-indexeddb");
    expect(room.state.unsaved).toBe(true);
  });

  it("publishes one state for each change of it, however much is typed", () => {
    const { relay, room, write } = inside();
    let states = 0;
    room.subscribe(() => states++);
    for (let i = 0; i < 50; i++) write("x");
    saved(relay, 20);
    saved(relay, 50);
    expect(states).toBe(2);
  });
});

describe("leaving with something unsaved", () => {
  it("[U10] waits until it is saved", async () => {
    const { relay, room, write } = inside();
    write("last words");
    void room.leave();
    expect(relay.socket.commands("leave")).toHaveLength(0);
    expect(room.state.screen.name).toBe("joined");
    saved(relay, 1);
    await vi.waitFor(() => expect(relay.socket.commands("leave")).toHaveLength(1));
    expect(room.state).toMatchObject({ screen: { name: "left" }, unsaved: false });
  });

  it("[U10] waits a few seconds at most, and the state says that it is not saved", async () => {
    const { relay, clock, room, write } = inside();
    write("last words");
    void room.leave();
    clock.advance(2_999);
    await Promise.resolve();
    expect(relay.socket.commands("leave")).toHaveLength(0);
    clock.advance(1);
    await vi.waitFor(() => expect(relay.socket.commands("leave")).toHaveLength(1));
    expect(room.state).toMatchObject({ screen: { name: "left" }, unsaved: true });
  });

  it("[U10] does not wait without a connection", () => {
    const { relay, room, write } = inside();
    relay.socket.drop(1006);
    write("offline");
    void room.leave();
    expect(room.state).toMatchObject({ screen: { name: "left" }, unsaved: true });
  });
});

describe("refusals", () => {
  it("[W16] [U11] the page gets the update, and the state a notice; it is unsaved no more", () => {
    const { relay, room, refusals, write } = inside();
    write("too much");
    refuse(relay, 1, "document-full");
    expect(refusals).toHaveLength(1);
    expect(refusals[0]!.code).toBe("document-full");
    const kept = new Y.Doc();
    Y.applyUpdate(kept, refusals[0]!.update!);
    expect(kept.getText("text").toString()).toBe("too much");
    expect(room.state).toMatchObject({
      unsaved: false,
      notices: [{ code: "refused", refusal: "document-full", count: 1 }],
    });
  });

  it("[W16] a sync that repeats what was refused is reported no second time", () => {
    const { relay, refusals, write } = inside();
    write("too much");
    refuse(relay, 1, "document-full");
    reconnect(relay);
    request(relay);
    refuse(relay, 1, "document-full");
    expect(refusals).toHaveLength(1);
  });

  it("[W16] an awareness state is no change: the page is told, the person is not", () => {
    const { relay, room, refusals } = inside();
    relay.socket.say({ type: "refused", code: "awareness-too-large", message: "No." });
    expect(refusals).toEqual([{ code: "awareness-too-large", update: null }]);
    expect(room.state.notices).toEqual([]);
  });

  it("a listener that throws stops nobody, and one that was removed is not called", () => {
    vi.stubGlobal("reportError", vi.fn<() => void>());
    const { relay, room, refusals, write } = make();
    const removed = vi.fn<() => void>();
    room.onRefused(removed)();
    room.onRefused(() => {
      throw new Error("the page's own");
    });
    const last = vi.fn<() => void>();
    room.onRefused(last);
    room.join();
    relay.admit(guest, live(1));
    write("x");
    refuse(relay, 1, "forbidden");
    expect([refusals.length, removed.mock.calls.length, last.mock.calls.length]).toEqual([1, 0, 1]);
  });
});

describe("the count of commits", () => {
  const signed = (count: number, ledger = 7) => ({ ledger, count, proof: `proof of ${count}` });

  it("[W15] the newest that was received is sent with each join", () => {
    const { relay, write } = inside();
    expect(relay.socket.command("join")).not.toHaveProperty("seen");
    write("x");
    relay.socket.say({ type: "saved", n: 1, ...signed(12) });
    relay.socket.say({ type: "saved", n: 1, ...signed(11) });
    const incomplete = { type: "saved", n: 1, ledger: 9, count: 40 } as const;
    relay.socket.say(incomplete);
    relay.socket.drop(1006);
    vi.advanceTimersByTime(3_000);
    relay.socket.open();
    // The scripted relay reads commands as the real one does, which need not know `seen` yet.
    const sent: string[] = [];
    const { socket } = relay;
    const send = socket.send.bind(socket);
    socket.send = (bytes) => {
      if (bytes[0] === MessageType.session) sent.push(new TextDecoder().decode(bytes));
      send(bytes);
    };
    socket.welcome(guest);
    expect(sent.join("")).toContain(JSON.stringify({ seen: signed(12) }).slice(1, -1));
  });
});

describe("the document", () => {
  it("[W18] that cannot be served any more: the person stays and is told, until it is served again", () => {
    const { relay, room } = inside();
    relay.socket.say({ type: "content-set-aside" });
    expect(room.state).toMatchObject({ screen: { name: "joined" }, notices: [{ code: "content-set-aside" }] });
    reconnect(relay);
    expect(room.state.notices).toEqual([]);
  });

  it("[W18] that is nearly full, while it is", () => {
    const { relay, room } = inside();
    relay.socket.say({ type: "document-size", bytes: 95, limit: 100 });
    expect(room.state.notices).toEqual([{ code: "document-nearly-full", bytes: 95, limit: 100 }]);
    relay.socket.say({ type: "document-size", bytes: 80, limit: 100 });
    expect(room.state.notices).toEqual([]);
  });

  it("[U12] that has failed: the page is told, and sees the end of the session all the same", () => {
    const { relay, room } = inside();
    const logged = vi.spyOn(console, "error").mockReturnValue();
    const doc = nest(20_000);
    relay.socket.deliver(writeUpdate(Y.encodeStateAsUpdate(doc)));
    expect(room.state.notices).toEqual([]);
    const before = Y.encodeStateVector(doc);
    doc.clientID = 77;
    try {
      doc.getMap("map").delete("key");
    } catch {
      // The author's own document fails as well.
    }
    relay.socket.deliver(writeUpdate(Y.encodeStateAsUpdate(doc, before)));
    expect(logged).toHaveBeenCalled();
    expect(room.state).toMatchObject({ screen: { name: "joined" }, notices: [{ code: "document-broken" }] });
    relay.writeSession(ended);
    expect(room.state).toMatchObject({ screen: { name: "ended" }, notices: [{ code: "document-broken" }] });
    logged.mockRestore();
  });

  it("[U12] that cannot be written: the page is told, and no half of an answer is sent", () => {
    vi.stubGlobal("reportError", vi.fn<() => void>());
    const { relay, room } = inside();
    let value: unknown = null;
    for (let depth = 0; depth < 20_000; depth++) value = [value];
    try {
      room.doc.getMap("map").set("key", value);
    } catch {
      // The page sees that, too.
    }
    const before = relay.socket.frames.length;
    request(relay);
    expect(relay.socket.frames).toHaveLength(before);
    expect(room.state).toMatchObject({ connection: "online", notices: [{ code: "document-broken" }] });
  });

  it("[U12] that shows another session than the relay has sent, from the next change of the session on", () => {
    const { relay, room } = inside();
    // Of two concurrent writers of a key, Yjs shows the one with the greater client id.
    room.doc.clientID = 2 ** 32 - 1;
    room.doc.getMap(SESSION_ROOT).set("run", 5);
    expect(room.state.screen).toEqual({ name: "joined", run: 1 });
    relay.writeSession(live(1));
    expect(room.state.notices).toEqual([{ code: "document-broken" }]);
  });

  it("[U12] whose observers throw is not broken", () => {
    const { relay, room } = inside();
    const logged = vi.spyOn(console, "error").mockReturnValue();
    room.doc.getMap("map").observe(() => {
      throw new Error("the page's own");
    });
    relay.socket.deliver(writeUpdate(Y.encodeStateAsUpdate(nest(1))));
    expect(logged).toHaveBeenCalled();
    expect(room.state.notices).toEqual([]);
    logged.mockRestore();
  });

  it("a message that cannot be read is reported, and the next one is read", () => {
    const reported = vi.fn<(error: unknown) => void>();
    vi.stubGlobal("reportError", reported);
    const { relay, room } = inside();
    relay.socket.deliver(Uint8Array.of(MessageType.session, 1, 0x7b));
    expect(reported).toHaveBeenCalledWith(expect.any(SyntaxError));
    relay.writeSession(ended);
    expect(room.state.screen.name).toBe("ended");
  });
});
