/** The room client against a relay that sends exactly what the test says. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import { manualClock } from "../../manual-clock.ts";
import { ANSWER_TIMEOUT_MS } from "../../../src/client/sent-commands.ts";
import { SUBPROTOCOL, writeSyncStep1, writeUpdate } from "../../../src/protocol/protocol.ts";
import type { Identity } from "../../../src/protocol/protocol.ts";
import { RoomClient } from "../../../src/client/room-client.ts";
import type { RoomClientOptions } from "../../../src/client/room-options.ts";
import { CONNECT_TIMEOUT_MS } from "../../../src/client/room-provider.ts";
import type { RoomState } from "../../../src/client/room-state.ts";
import type { Session } from "../../../src/session/session.ts";
import { SESSION_ROOT } from "../../../src/session/session.ts";
import { ScriptedRelay } from "./scripted-relay.ts";

const guest: Identity = { id: "gus", name: "Gus", role: "participant", verified: true };
const host: Identity = { id: "hera", name: "Hera", role: "host", verified: true };
const invited: Identity = { id: "new", name: "", role: "participant", verified: false };
const waiting: Session = { status: "waiting", run: 0 };
const live = (run: number): Session => ({ status: "live", run, startedAt: 1 });
const ended = (run: number): Session => ({
  status: "ended",
  run,
  startedAt: 1,
  ended: { at: 2, reason: "host-ended", by: null },
});

// y-websocket has timers of its own; here nothing waits for them.
beforeEach(() => {
  vi.useFakeTimers();
});
const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const make = (options: Partial<RoomClientOptions> = {}) => {
  const relay = new ScriptedRelay();
  const clock = manualClock();
  const room = new RoomClient({
    relay: "https://relay.example/at/",
    room: "ä/b",
    token: "page-token",
    storage: null,
    clock,
    WebSocketPolyfill: relay.WebSocket,
    ...options,
  });
  cleanUps.push(() => room.destroy());
  const states: RoomState[] = [];
  room.subscribe((state) => states.push(state));
  return { relay, clock, room, states };
};

/** A room with its person in run 1. */
const inside = (person: Identity = guest, options: Partial<RoomClientOptions> = {}) => {
  const setting = make(options);
  setting.room.join();
  setting.relay.admit(person, live(1));
  setting.relay.acceptJoin(1);
  expect(setting.room.state.screen).toEqual({ name: "joined", run: 1 });
  return setting;
};

/** Somebody else's awareness, as the relay would show it. */
const another = (id: string): Awareness => {
  const awareness = new Awareness(new Y.Doc());
  cleanUps.push(() => awareness.destroy());
  awareness.setLocalState({ user: { id, name: id, role: "participant", verified: true } });
  awareness.setLocalState({ user: { id, name: id, role: "participant", verified: true } });
  return awareness;
};

describe("the settings", () => {
  it.each<[string, Partial<RoomClientOptions>]>([
    ["not an address", { relay: "relay" }],
    ["a room without a name", { room: "" }],
    ["no token", { token: "" }],
    ["a document of another Yjs", { doc: { getMap: () => ({}) } as unknown as Y.Doc }],
  ])("%s is a bad setting, thrown at once", (_what, options) => {
    expect(() => make(options)).toThrow(expect.objectContaining({ name: "RoomError", code: "bad-settings" }));
  });

  it("two copies of Yjs are named in the error", () => {
    expect(() => make({ doc: {} as Y.Doc })).toThrow(/two copies of Yjs/);
  });

  it("closes cleanly after Yjs has changed the client id of the document", () => {
    const { room } = make();
    const twin = new Y.Doc();
    twin.clientID = room.doc.clientID;
    twin.getText("text").insert(0, "from before");
    Y.applyUpdate(room.doc, Y.encodeStateAsUpdate(twin));
    expect(room.doc.clientID).not.toBe(twin.clientID);
    room.join();
    expect(() => room.suspend()).not.toThrow();
    expect(() => room.destroy()).not.toThrow();
  });

  it("[S1] a page that uses the root `session` gets an error", () => {
    const doc = new Y.Doc();
    doc.getText(SESSION_ROOT);
    expect(() => make({ doc })).toThrow(expect.objectContaining({ code: "bad-settings" }));
  });

  it("[W2] the token travels as a subprotocol and never in the address", () => {
    const { relay, room } = make();
    expect(relay.sockets).toEqual([]);
    room.join();
    expect(relay.socket.url).toBe("wss://relay.example/at/%C3%A4%2Fb");
    expect(relay.socket.protocols).toEqual([SUBPROTOCOL, "session-room.token.page-token"]);
  });

  it("an address that the browser refuses fails with a text, without the token", async () => {
    const WebSocketPolyfill = function refuse() {
      throw new DOMException("'session-room.token.page-token' is bad", "SecurityError");
    } as unknown as typeof WebSocket;
    const { room } = make({ WebSocketPolyfill });
    room.join();
    await expect(room.ready).rejects.toMatchObject({
      code: "bad-settings",
      message: expect.stringContaining("wss://"),
    });
    expect(room.state).toMatchObject({ connection: "closed", screen: { name: "failed" } });
  });
});

describe("coming in", () => {
  it("joins once the session and the person are known, and is ready with the document", async () => {
    const { relay, room, states } = make();
    const onReady = vi.fn();
    void room.ready.then(onReady);
    relay.doc.getText("text").insert(0, "here");
    room.join();
    const { socket } = relay;
    socket.open();
    expect(socket.commands("join")).toEqual([]);
    expect(room.state.connection).toBe("connecting");
    socket.welcome(guest);
    expect(room.state).toMatchObject({ connection: "online", me: guest, screen: { name: "connecting" } });
    relay.writeSession(live(1));
    socket.accept(socket.command("join"), 1);
    await Promise.resolve();
    expect(onReady).not.toHaveBeenCalled();
    relay.serve();
    await room.ready;
    expect(room.doc.getText("text").toString()).toBe("here");
    expect(socket.commands("join")).toHaveLength(1);
    expect(socket.count("sync-step-1")).toBe(1);
    expect(states.map(({ screen, connection }) => `${screen.name} ${connection}`)).toEqual([
      "connecting online",
      "connecting online",
      "joined online",
    ]);
  });

  it("calls a listener for changes only, with an object that never changes", () => {
    const { relay, room, states } = inside();
    const before = room.state;
    const count = states.length;
    relay.writeSession(live(1));
    room.awareness.setLocalStateField("cursor", 1);
    expect(states).toHaveLength(count);
    expect(room.state).toBe(before);
    relay.show(another("ann"));
    expect(states).toHaveLength(count + 1);
    expect(before.people).toHaveLength(1);
    expect(room.state.people).toHaveLength(2);
    expect(room.state.screen).toBe(before.screen);
  });

  it("a listener may change the state, and later listeners get the newest one alone", () => {
    const { relay, room } = make();
    room.subscribe(({ screen }) => {
      if (screen.name === "joined") void room.leave();
    });
    const later: string[] = [];
    const unsubscribe = room.subscribe(({ screen }) => later.push(screen.name));
    room.join();
    relay.admit(guest, live(1));
    relay.acceptJoin(1);
    expect(later.at(-1)).toBe("left");
    expect(later).not.toContain("joined");
    const count = later.length;
    unsubscribe();
    room.join();
    expect(later).toHaveLength(count);
  });

  it("a listener that throws stops neither the others nor the room, and is reported", () => {
    const reportError = vi.fn<(error: unknown) => void>();
    vi.stubGlobal("reportError", reportError);
    const { relay, room } = make();
    const heard: string[] = [];
    room.subscribe(() => {
      throw new Error("the page's own");
    });
    room.subscribe(({ screen }) => heard.push(screen.name));
    room.join();
    relay.admit(guest, live(1));
    relay.acceptJoin(1);
    expect(heard).toContain("joined");
    expect(reportError).toHaveBeenCalledWith(expect.objectContaining({ message: "the page's own" }));
  });

  it("an unanswered join makes the client reconnect", () => {
    const { relay, clock, room } = make();
    room.join();
    relay.admit(guest, live(1));
    clock.advance(ANSWER_TIMEOUT_MS);
    expect(room.state.connection).toBe("reconnecting");
    vi.advanceTimersByTime(3_000);
    expect(relay.sockets).toHaveLength(2);
    relay.admit(guest, live(1));
    relay.acceptJoin(1);
    expect(room.state).toMatchObject({ screen: { name: "joined" }, connection: "online" });
  });
});

describe("presence", () => {
  it("[P2] sends its own state alone, never what came from others", () => {
    const { relay, room } = inside();
    const ann = another("ann");
    const before = relay.socket.shown.length;
    relay.show(ann);
    expect(relay.socket.shown).toHaveLength(before);
    relay.queryAwareness();
    room.awareness.setLocalStateField("cursor", 3);
    const shown = relay.socket.shown.slice(before);
    expect(new Set(shown.map(([clientId]) => clientId))).toEqual(new Set([room.doc.clientID]));
    expect(shown.at(-1)?.[1]).toMatchObject({ cursor: 3 });
  });

  it("[P7] states neither expire nor are renewed by timers", () => {
    make();
    // y-websocket's own check of the connection; the Awareness has none left.
    expect(vi.getTimerCount()).toBe(1);
  });

  it("[P7] people who are still there after a lost connection are seen again, whatever the clock of their state", () => {
    const { relay, room } = inside();
    const ann = another("ann");
    relay.show(ann);
    relay.socket.drop(1006);
    expect(room.state).toMatchObject({
      screen: { name: "joined" },
      connection: "reconnecting",
      people: [{ id: "gus" }],
    });
    vi.advanceTimersByTime(3_000);
    relay.admit(guest, live(1));
    relay.acceptJoin(1);
    relay.show(ann);
    expect(room.state.people.map(({ id }) => id)).toEqual(["ann", "gus"]);
  });

  it("[P6] the chosen name is kept beside the page's own fields, whichever is set first", () => {
    const { relay, room } = make({ displayName: "  Ada\n" });
    expect(room.displayName).toBe("Ada");
    room.awareness.setLocalStateField("user", { color: "red" });
    expect(room.awareness.getLocalState()).toEqual({ user: { color: "red", name: "Ada" } });
    room.join();
    relay.admit(invited, live(1));
    relay.acceptJoin(1);
    expect(room.state.me).toMatchObject({ id: "new", name: "Ada" });
    room.displayName = "Ada Lovelace";
    expect(room.awareness.getLocalState()).toEqual({ user: { color: "red", name: "Ada Lovelace" } });
    expect(room.state.people).toMatchObject([{ name: "Ada Lovelace", self: true }]);
    room.awareness.setLocalStateField("user", { name: "Countess", color: "blue" });
    expect(room.state.me).toMatchObject({ name: "Countess" });
  });

  it("[P4] a name in the token takes precedence over a chosen one", () => {
    const { room } = inside(guest, { displayName: "Zeus" });
    expect(room.state.me?.name).toBe("Gus");
    expect(room.state.people).toMatchObject([{ name: "Gus" }]);
  });

  it("a name chosen while out of the session shows after the rejoin", () => {
    const { relay, room } = inside(invited, { displayName: "Ada" });
    void room.leave();
    room.displayName = "Eve";
    expect(room.state.me).toMatchObject({ name: "Eve" });
    expect(room.awareness.getLocalState()).toBeNull();
    room.join();
    relay.acceptJoin(1);
    expect(room.awareness.getLocalState()).toMatchObject({ user: { name: "Eve" } });
  });
});

describe("leaving and coming back", () => {
  it("[U1] removes the presence, sends the leave, and keeps the page's state for the rejoin", async () => {
    const { relay, room } = inside();
    room.awareness.setLocalState({ user: { color: "red" }, cursor: 5 });
    relay.show(another("ann"));
    const leaving = room.leave();
    expect(room.state).toMatchObject({ screen: { name: "left" }, people: [] });
    expect(relay.socket.shown.at(-1)).toEqual([room.doc.clientID, null]);
    expect([...room.awareness.getStates()]).toEqual([]);
    relay.socket.accept(relay.socket.command("leave"), 1);
    await leaving;
    // A second leave must not lose the state that the first one kept.
    void room.leave();

    const rejoining = room.rejoin();
    expect(room.state.screen.name).toBe("connecting");
    relay.acceptJoin(1);
    await rejoining;
    expect(relay.socket.shown.at(-1)).toEqual([room.doc.clientID, { user: { color: "red" }, cursor: 5 }]);
  });

  it("[U2] requests the document again before it joins, since the relay had stopped serving it", () => {
    const { relay, room } = inside();
    void room.leave();
    const { frames } = relay.socket;
    const before = frames.length;
    void room.rejoin();
    const kinds = frames.slice(before).map((frame) => (frame.kind === "session" ? frame.command.type : frame.kind));
    expect(kinds).toEqual(["sync-step-1", "awareness", "join"]);
    expect(room.provider.synced).toBe(false);
    relay.acceptJoin(1);
    expect(room.provider.synced).toBe(true);
  });

  it("a leave without a connection takes effect at once, and lasts on the next connection", async () => {
    const { relay, room } = inside();
    relay.socket.drop(1006);
    await room.leave();
    vi.advanceTimersByTime(3_000);
    relay.admit(guest, live(1));
    expect(room.state.screen.name).toBe("left");
    expect(relay.socket.commands("join")).toEqual([]);
    expect(relay.socket.shown).toEqual([]);
  });

  it("a rejoin that a listener calls while a join is sent waits for the answer to it", async () => {
    const { room, relay } = inside();
    const leaving = room.leave();
    relay.socket.accept(relay.socket.command("leave"), 1);
    await leaving;
    let isBack = false;
    const unsubscribe = room.subscribe(() => {
      unsubscribe();
      void room.rejoin().then(() => (isBack = true));
    });
    room.join();
    for (let i = 0; i < 5; i++) await Promise.resolve();
    expect(isBack).toBe(false);
    relay.acceptJoin(1);
    for (let i = 0; i < 5; i++) await Promise.resolve();
    expect(isBack).toBe(true);
  });

  it("[P7] presence that arrives between the leave and its answer is gone after the rejoin", async () => {
    const { room, relay } = inside();
    void room.leave();
    relay.show(another("ann"));
    // She goes while this page gets no presence; what comes before the answer was sent before the relay got the leave.
    relay.socket.accept(relay.socket.command("leave"), 1);
    void room.rejoin();
    relay.acceptJoin(1);
    expect(room.state.people.map(({ id }) => id)).toEqual(["gus"]);
  });

  it("an unanswered leave closes the connection: without it the person is out for certain", async () => {
    const { relay, clock, room } = inside();
    const { socket } = relay;
    const leaving = room.leave();
    clock.advance(ANSWER_TIMEOUT_MS);
    await leaving;
    expect(socket.readyState).toBe(3);
    expect(room.state).toMatchObject({ screen: { name: "left" }, connection: "reconnecting" });
  });

  it("a rejoin without a connection rejects, and succeeds on the next connection", async () => {
    const { relay, room } = inside();
    void room.leave();
    relay.socket.drop(1006);
    await expect(room.rejoin()).rejects.toMatchObject({ code: "disconnected" });
    vi.advanceTimersByTime(3_000);
    relay.admit(guest, live(1));
    // The new connection has requested the document when it opened.
    expect(relay.socket.count("sync-step-1")).toBe(1);
    relay.acceptJoin(1);
    expect(room.state.screen.name).toBe("joined");
  });

  it("a rejoin that is refused, or whose connection breaks, rejects", async () => {
    const { relay, room } = inside();
    void room.leave();
    const refused = room.rejoin();
    relay.socket.refuse(relay.socket.command("join"), "ended");
    await expect(refused).rejects.toMatchObject({ code: "refused", message: "because ended" });
    void room.leave();
    const broken = room.rejoin();
    relay.socket.drop(1006);
    await expect(broken).rejects.toMatchObject({ code: "disconnected" });
  });

  it("a rejoin into a waiting room resolves at once", async () => {
    const { relay, room } = make();
    room.join();
    relay.admit(guest, waiting);
    void room.leave();
    await room.rejoin();
    expect(room.state.screen.name).toBe("waiting");
  });
});

describe("end and start", () => {
  it("[L10] name the run that the page shows, and resolve with the answer", async () => {
    const { relay, room } = inside(host);
    const ending = room.end();
    expect(relay.socket.command("end")).toMatchObject({ run: 1 });
    relay.writeSession(ended(1));
    relay.socket.accept(relay.socket.command("end"), 1);
    await ending;
    expect(room.state.screen).toMatchObject({ name: "ended", canStart: true });

    const starting = room.start();
    expect(relay.socket.command("start")).toMatchObject({ run: 1 });
    const { frames } = relay.socket;
    const before = frames.length;
    relay.writeSession(live(2));
    relay.socket.accept(relay.socket.command("start"), 2);
    await starting;
    expect(frames.slice(before).map(({ kind }) => kind)).toEqual(["sync-step-1", "awareness", "session"]);
    relay.acceptJoin(2);
    expect(room.state.screen).toEqual({ name: "joined", run: 2 });
  });

  it("[U5] the end removes the presence, and a rejoin restores the page's state", async () => {
    const { relay, room } = inside();
    room.awareness.setLocalStateField("cursor", 5);
    relay.show(another("ann"));
    relay.writeSession(ended(1));
    expect(room.state).toMatchObject({ screen: { name: "ended" }, people: [] });
    expect([...room.awareness.getStates()]).toEqual([]);
    relay.writeSession(live(2));
    expect(room.state.screen).toMatchObject({ canRejoin: true });
    expect(relay.socket.commands("join")).toHaveLength(1);
    const rejoining = room.rejoin();
    relay.acceptJoin(2);
    await rejoining;
    expect(room.awareness.getLocalState()).toMatchObject({ cursor: 5 });
  });

  /** Somebody on a new connection, whose join is on its way while their run ends and the next begins. */
  const overtaken = () => {
    const { relay, room } = inside();
    relay.socket.drop(1006);
    vi.advanceTimersByTime(3_000);
    const { socket } = relay;
    socket.open();
    socket.welcome(guest);
    const join = socket.command("join");
    relay.writeSession(ended(1));
    relay.writeSession(live(2));
    return { room, socket, join };
  };

  it("[U5] [P1] a person who looks at an end while a join into the next run is accepted stays out, and leaves", async () => {
    // Found by the simulation, seed 146: a join on its way across an end and a start.
    const { room, socket, join } = overtaken();
    socket.accept(join, 2);
    expect(room.state.screen).toMatchObject({ name: "ended", canRejoin: true });
    expect(socket.commands("leave")).toHaveLength(1);
    expect(socket.shown.at(-1)).toEqual([room.awareness.clientID, null]);
  });

  it("[U2] [P7] a person who rejoins while that answer is on its way is in, and is seen", async () => {
    // Found by the simulation, seed 920.
    const { room, socket, join } = overtaken();
    const rejoining = room.rejoin();
    socket.accept(join, 2);
    await rejoining;
    expect(room.state.screen).toEqual({ name: "joined", run: 2 });
    expect(socket.commands("leave")).toEqual([]);
    // Sweep of seed 8: a request from before the end is not answered any more.
    expect(socket.count("sync-step-1")).toBe(2);
    expect(socket.shown.at(-1)).toEqual([room.awareness.clientID, {}]);
  });

  it.each(["end", "start"] as const)("%s rejects with the reason of its failure", async (type) => {
    const { relay, clock, room } = inside(host);
    const refused = room[type]();
    relay.socket.refuse(relay.socket.command(type), "not-a-host");
    await expect(refused).rejects.toMatchObject({ code: "refused", message: "because not-a-host" });

    const silent = room[type]();
    clock.advance(ANSWER_TIMEOUT_MS);
    await expect(silent).rejects.toMatchObject({ code: "disconnected", message: expect.stringContaining("10 s") });
    // The late answer is ignored.
    relay.socket.accept(relay.socket.command(type), 1);

    const broken = room[type]();
    relay.socket.drop(1006);
    await expect(broken).rejects.toMatchObject({ code: "disconnected" });
    await expect(room[type]()).rejects.toMatchObject({ code: "disconnected" });
    expect(clock.timers).toBe(0);
  });
});

describe("lost connections", () => {
  it("[U8] edits made offline are kept and sent when the relay requests them", () => {
    const { relay, room } = inside();
    relay.socket.drop(1012);
    room.doc.getText("text").insert(0, "typed");
    expect(room.state).toMatchObject({ screen: { name: "joined" }, connection: "reconnecting" });
    vi.advanceTimersByTime(3_000);
    relay.admit(guest, live(1));
    // SyncStep1 of an empty relay.
    relay.socket.deliver(Uint8Array.of(0, 0, 1, 0));
    const answer = relay.socket.frames.find((frame) => frame.kind === "sync-step-2");
    const doc = new Y.Doc();
    if (answer?.kind === "sync-step-2") Y.applyUpdate(doc, answer.update);
    expect(doc.getText("text").toString()).toBe("typed");
  });

  it("reconnects with growing, random waits", () => {
    const { relay, room } = inside();
    const waits = new Set<number>();
    for (let i = 0; i < 8; i++) {
      relay.socket.drop(1006);
      const before = relay.sockets.length;
      let waitedMs = 0;
      for (; relay.sockets.length === before; waitedMs++) vi.advanceTimersByTime(1);
      expect(waitedMs).toBeLessThanOrEqual(2_501);
      if (i === 0) expect(waitedMs).toBeLessThanOrEqual(401);
      if (i > 4) waits.add(waitedMs);
    }
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(1_250);
    expect(waits.size).toBeGreaterThan(1);
    expect(room.state.connection).toBe("reconnecting");
  });

  it("[U8] an attempt to connect that is not answered is given up, and the next one made", () => {
    const { relay, clock, room } = make();
    room.join();
    clock.advance(CONNECT_TIMEOUT_MS - 1);
    expect(relay.socket.readyState).toBe(0);
    clock.advance(1);
    expect(relay.socket.readyState).toBe(3);
    vi.advanceTimersByTime(2_500);
    expect(relay.sockets).toHaveLength(2);
    relay.admit(guest, live(1));
    relay.acceptJoin(1);
    clock.advance(10 * CONNECT_TIMEOUT_MS);
    expect(relay.sockets).toHaveLength(2);
    expect(room.state).toMatchObject({ screen: { name: "joined" }, connection: "online" });
  });

  it("[U8] a suspended page makes no further attempts to connect", () => {
    const { relay, clock, room } = make();
    room.join();
    room.suspend();
    clock.advance(CONNECT_TIMEOUT_MS);
    vi.advanceTimersByTime(60_000);
    expect(relay.sockets).toHaveLength(1);
    expect(clock.timers).toBe(0);
  });

  it("[U9] a suspended page closes its connection at once and stays away until it resumes", () => {
    const { relay, room } = inside();
    const { socket } = relay;
    room.suspend();
    expect(socket.readyState).toBe(3);
    vi.advanceTimersByTime(60_000);
    room.join();
    expect(relay.sockets).toHaveLength(1);
    room.resume();
    expect(relay.sockets).toHaveLength(2);
    relay.admit(guest, live(1));
    relay.acceptJoin(1);
    expect(room.state).toMatchObject({ screen: { name: "joined" }, connection: "online" });
  });

  it("[U9] a page that is suspended while its join is on the way stays away as well", () => {
    const { relay, room } = make();
    room.join();
    relay.admit(guest, live(1));
    room.suspend();
    vi.advanceTimersByTime(3_000);
    expect(relay.sockets).toHaveLength(1);
  });

  it("[U8] the browser's events about the network take effect at once", () => {
    const window = new EventTarget();
    vi.stubGlobal("window", window);
    const { relay, room } = inside();
    const { socket } = relay;
    window.dispatchEvent(new Event("offline"));
    expect(socket.readyState).toBe(3);
    expect(room.state.connection).toBe("reconnecting");
    window.dispatchEvent(new Event("online"));
    expect(relay.sockets).toHaveLength(2);
    relay.admit(guest, live(1));
    expect(room.state.connection).toBe("online");
    room.suspend();
    window.dispatchEvent(new Event("offline"));
    window.dispatchEvent(new Event("online"));
    vi.advanceTimersByTime(3_000);
    expect(relay.sockets).toHaveLength(2);
  });

  it("[U8] a browser that is wrong about being offline still connects", () => {
    const window = new EventTarget();
    vi.stubGlobal("window", window);
    const { relay } = inside();
    window.dispatchEvent(new Event("offline"));
    vi.advanceTimersByTime(3_000);
    expect(relay.sockets).toHaveLength(2);
  });
});

describe("[P11] coming back as somebody else", () => {
  /** A person in run 1 who types while the connection is down, and is somebody else when it is back. */
  const comeBack = () => {
    const setting = inside(invited);
    const { relay, room } = setting;
    const { clientID } = room.doc;
    room.doc.getText("text").insert(0, "before");
    const kept = Y.encodeStateAsUpdate(room.doc);
    relay.socket.drop(1006);
    room.doc.getText("text").insert(0, "offline ");
    vi.advanceTimersByTime(5_000);
    relay.admit({ ...invited, id: "another" }, live(1));
    /** The relay requests what it lacks; it holds this update. */
    const ask = (update: Uint8Array): void =>
      relay.socket.deliver(writeSyncStep1(Y.encodeStateVectorFromUpdate(update)));
    return { ...setting, clientID, kept, ask };
  };

  it("shows the person under the new client id alone, before anything else is sent", () => {
    const { relay, room, clientID } = comeBack();
    expect(room.doc.clientID).not.toBe(clientID);
    expect(room.awareness.clientID).toBe(room.doc.clientID);
    expect([...room.awareness.getStates().keys()]).toEqual([room.doc.clientID]);
    const shown = new Map(relay.socket.shown);
    expect(shown.get(clientID)).toBe(null);
    expect(shown.get(room.doc.clientID)).toEqual({});
    expect(relay.socket.commands("join").length).toBe(1);
    relay.queryAwareness();
    expect(relay.socket.shown.at(-1)).toEqual([room.doc.clientID, {}]);
  });

  it("keeps a person hidden who has left", async () => {
    const { relay, room } = inside(invited);
    const leaving = room.leave();
    relay.socket.accept(relay.socket.command("leave"), 1);
    await leaving;
    relay.socket.drop(1006);
    vi.advanceTimersByTime(5_000);
    relay.admit({ ...invited, id: "another" }, live(1));
    relay.queryAwareness();
    expect(relay.socket.shown.filter(([, state]) => state !== null)).toEqual([]);
    const rejoining = room.rejoin();
    relay.acceptJoin(1);
    await rejoining;
    expect(relay.socket.shown.at(-1)).toEqual([room.doc.clientID, {}]);
  });

  it("continues when the relay accepts what it wrote, however late", () => {
    const { relay, room, kept, ask } = comeBack();
    ask(kept);
    expect(relay.socket.count("sync-step-2")).toBe(1);
    ask(kept);
    relay.acceptJoin(1);
    expect(relay.socket.commands("join").length).toBe(2);
    ask(Y.encodeStateAsUpdate(room.doc));
    relay.socket.accept(relay.socket.command("join"), 1);
    expect(room.state).toMatchObject({ connection: "online", screen: { name: "joined" } });
    // It is that person from then on, and does not check again.
    const { clientID } = room.doc;
    relay.socket.drop(1006);
    vi.advanceTimersByTime(5_000);
    relay.admit({ ...invited, id: "another" }, live(1));
    ask(Y.encodeStateAsUpdate(room.doc));
    relay.acceptJoin(1);
    expect(room.doc.clientID).toBe(clientID);
    expect(relay.socket.commands("join").length).toBe(1);
  });

  it("leaves a run that began while the person looks at the end of the one before", () => {
    const { relay, room, kept, ask } = comeBack();
    ask(kept);
    relay.acceptJoin(1);
    const asked = relay.socket.command("join");
    relay.writeSession(ended(1));
    relay.writeSession(live(2));
    ask(Y.encodeStateAsUpdate(room.doc));
    relay.socket.accept(asked, 2);
    expect(room.state.screen).toMatchObject({ name: "ended" });
    expect(relay.socket.commands("leave").length).toBe(1);
  });

  it("does not treat an end as a refusal", () => {
    const { relay, room, kept, ask } = comeBack();
    ask(kept);
    relay.acceptJoin(1);
    relay.writeSession(ended(1));
    relay.socket.refuse(relay.socket.command("join"), "ended");
    expect(room.state).toMatchObject({ connection: "online", screen: { name: "ended" } });
  });

  it("fails for good when the relay does not, also during a leave", async () => {
    const { relay, room, kept, ask } = comeBack();
    ask(kept);
    relay.acceptJoin(1);
    const leaving = room.leave();
    ask(kept);
    relay.socket.accept(relay.socket.command("join"), 1);
    await leaving;
    expect(room.state).toMatchObject({
      connection: "closed",
      screen: { name: "failed", error: { code: "bad-message" } },
    });
    const { length } = relay.sockets;
    vi.advanceTimersByTime(60_000);
    expect(relay.sockets.length).toBe(length);
  });
});

describe("final refusals", () => {
  it.each([
    [4400, "bad-message"],
    [4401, "unauthorized"],
    [4403, "forbidden"],
    [4404, "room-deleted"],
    [4413, "too-large"],
    [4499, "forbidden"],
  ])("[W4] %i is %s, with the reason of the close frame", async (code, error) => {
    const { relay, room } = inside();
    const ending = room.end();
    relay.socket.drop(code, "limit of 7 bytes");
    await expect(ending).rejects.toMatchObject({ name: "RoomError" });
    expect(room.state).toMatchObject({
      connection: "closed",
      people: [],
      screen: { name: "failed", error: { code: error } },
    });
    const { screen } = room.state;
    expect(screen.name === "failed" && screen.error.message).toMatch(/limit of 7 bytes/);
    vi.advanceTimersByTime(60_000);
    room.join();
    room.resume();
    expect(relay.sockets).toHaveLength(1);
    await expect(room.start()).rejects.toMatchObject({ code: error });
  });

  it.each([1000, 1006, 1009, 1011, 1012, 1013])("[W4] %i is tried again", (code) => {
    const { relay } = inside();
    relay.socket.drop(code);
    vi.advanceTimersByTime(3_000);
    expect(relay.sockets).toHaveLength(2);
  });

  it("[P5] an expired personal token is replaced by the page's, once", () => {
    const { relay, room } = make();
    room.join();
    relay.admit(invited, live(1), "personal");
    relay.socket.drop(1006);
    vi.advanceTimersByTime(3_000);
    expect(relay.socket.protocols[1]).toBe("session-room.token.personal");
    relay.socket.open();
    relay.socket.drop(4401);
    expect(relay.sockets).toHaveLength(3);
    expect(relay.socket.protocols[1]).toBe("session-room.token.page-token");
    relay.socket.open();
    relay.socket.drop(4401);
    expect(room.state.screen).toMatchObject({ name: "failed", error: { code: "unauthorized" } });
  });

  it("[P5] somebody who was removed does not return as a new person", () => {
    const { relay, room } = make();
    room.join();
    relay.admit(invited, live(1), "personal");
    relay.socket.drop(4403);
    expect(relay.sockets).toHaveLength(1);
    expect(room.state.screen).toMatchObject({ name: "failed", error: { code: "forbidden" } });
  });
});

describe("a document that the page stored", () => {
  it("shows its session only after the relay has sent some of it", () => {
    const before = make();
    before.room.join();
    before.relay.admit(guest, ended(1));
    const doc = new Y.Doc();
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(before.room.doc));

    const { relay, room } = make({ doc });
    room.join();
    relay.socket.open();
    relay.socket.welcome(guest);
    // The page loads more of its store.
    doc.getMap(SESSION_ROOT).set("more", 1);
    // A SyncStep1 carries no document.
    relay.socket.deliver(Uint8Array.of(0, 0, 1, 0));
    expect(room.state).toMatchObject({ screen: { name: "connecting" }, session: null });
    // An update of what the document holds already changes nothing in it, and counts as well.
    relay.socket.deliver(writeUpdate(Y.encodeStateAsUpdate(doc)));
    expect(room.state.screen.name).toBe("ended");
  });
});

describe("destroying", () => {
  it("leaves no timer, listener or connection, and rejects what waits", async () => {
    const window = new EventTarget();
    const added = vi.spyOn(window, "addEventListener");
    const removed = vi.spyOn(window, "removeEventListener");
    vi.stubGlobal("window", window);
    const doc = new Y.Doc();
    const observed = vi.spyOn(doc.getMap(SESSION_ROOT), "observe");
    const unobserved = vi.spyOn(doc.getMap(SESSION_ROOT), "unobserve");
    const { relay, clock, room, states } = make({ doc });
    room.join();
    relay.admit(host, live(1));
    const ending = room.end();
    const { socket } = relay;
    const count = states.length;
    room.destroy();
    await expect(ending).rejects.toMatchObject({ code: "disconnected" });
    await expect(room.ready).rejects.toMatchObject({ code: "disconnected" });
    expect(socket.readyState).toBe(3);
    expect(clock.timers).toBe(0);
    expect(states).toHaveLength(count);
    expect(room.state.connection).toBe("closed");
    expect(removed.mock.calls.map(([type, listener]) => [type, listener])).toEqual(
      added.mock.calls.map(([type, listener]) => [type, listener]),
    );
    expect(unobserved.mock.calls).toEqual(observed.mock.calls);
    // y-websocket's timer for the next attempt does nothing, and is gone.
    vi.advanceTimersByTime(60_000);
    expect(vi.getTimerCount()).toBe(0);
    expect(relay.sockets).toHaveLength(1);
    doc.getText("text").insert(0, "the page goes on");
    room.destroy();
    room.join();
    room.resume();
    expect(relay.sockets).toHaveLength(1);
  });

  it("works for a room that was never joined", async () => {
    const { room } = make();
    room.destroy();
    await expect(room.ready).rejects.toMatchObject({ code: "disconnected" });
    expect(vi.getTimerCount()).toBe(0);
  });
});
