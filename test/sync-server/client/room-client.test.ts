/** The room client with a real relay in this process: what people do and see. */
import { describe, expect, it, onTestFinished } from "vitest";
import * as Y from "yjs";
import { Room } from "../../../src/client/room-client.ts";
import type { RoomOptions } from "../../../src/client/room-client.ts";
import type { RoomState } from "../../../src/client/room-state.ts";
import type { Role } from "../../../src/session/session.ts";
import { MemoryStore } from "../../../sync-server/store/memory-store.ts";
import { ABSENCE_MS, startRelay, stockClient, until } from "../harness.ts";
import type { Setting } from "../harness.ts";

type Person = { readonly room: Room; readonly states: RoomState[]; readonly screen: string; readonly names: string[] };

/** The session storage of one tab. */
const tab = (): Required<RoomOptions>["storage"] & { readonly values: string[] } => {
  const items = new Map<string, string>();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    get values() {
      return [...items.values()];
    },
  };
};

const watch = (room: Room): Person => {
  const states: RoomState[] = [];
  room.subscribe((state) => states.push(state));
  onTestFinished(() => room.destroy());
  return {
    room,
    states,
    get screen() {
      return room.state.screen.name;
    },
    get names() {
      return room.state.people.map(({ name }) => name);
    },
  };
};

const join = (setting: Setting, token: string, options: Partial<RoomOptions> = {}): Person => {
  const person = watch(new Room({ relay: setting.wsUrl, room: "room", token, storage: null, ...options }));
  person.room.join();
  return person;
};

const person = async (
  setting: Setting,
  role: Role,
  name: string,
  options: Partial<RoomOptions> = {},
): Promise<Person> => join(setting, await setting.token({ role, sub: name.toLowerCase(), name }), options);

const seen = (who: Person, screen: string): Promise<void> =>
  until(`the screen is ${screen}`, () => who.screen === screen);

const text = (who: Person): string => who.room.doc.getText("text").toString();

describe("joining", () => {
  it("[L1] [U7] people wait for the first host, then join by themselves", async () => {
    const setting = await startRelay();
    const guest = await person(setting, "participant", "Gus");
    await seen(guest, "waiting");
    expect(guest.room.state.people).toEqual([]);
    const host = await person(setting, "host", "Hera");
    await Promise.all([host.room.ready, guest.room.ready]);
    await until("both see both", () => host.names.length === 2 && guest.names.length === 2);
    expect(guest.room.state.screen).toEqual({ name: "joined", run: 1 });
    expect(guest.room.state.people).toEqual([
      { id: "hera", name: "Hera", role: "host", verified: true, self: false },
      { id: "gus", name: "Gus", role: "participant", verified: true, self: true },
    ]);
  });

  it("[L2] [U4] a room with manual start waits for Start Session, which only hosts have", async () => {
    const setting = await startRelay();
    await setting.api("POST", "/v1/rooms", { room: "room", start: "manual" });
    const guest = await person(setting, "participant", "Gus");
    const host = await person(setting, "host", "Hera");
    await until("the host may start", () => {
      const { screen } = host.room.state;
      return screen.name === "waiting" && screen.canStart;
    });
    await seen(guest, "waiting");
    expect(guest.room.state.screen).toEqual({ name: "waiting", canStart: false });
    await expect(guest.room.start()).rejects.toMatchObject({ code: "refused" });
    await host.room.start();
    await Promise.all([host.room.ready, guest.room.ready]);
  });

  it("edits reach the others, including stock clients", async () => {
    const setting = await startRelay();
    const host = await person(setting, "host", "Hera");
    const stock = await stockClient(setting, { role: "participant", sub: "stock", name: "Stock" });
    await host.room.ready;
    host.room.doc.getText("text").insert(0, "hello");
    await until("the text arrived", () => stock.text.toString() === "hello");
    await until("they see each other", () => host.names.includes("Stock") && stock.others.length === 1);
    expect(stock.others).toEqual([{ id: "hera", role: "host", verified: true, name: "Hera" }]);
  });

  it("[P6] a chosen name and its changes reach the others, together with the page's own fields", async () => {
    const setting = await startRelay();
    const host = await person(setting, "host", "Hera");
    const invitation = await setting.token({ role: "participant" });
    const guest = join(setting, invitation, { displayName: "  Ada  " });
    guest.room.awareness.setLocalStateField("user", { color: "red" });
    await guest.room.ready;
    await until("the name arrived", () => host.names.includes("Ada"));
    guest.room.displayName = "Ada L.";
    await until("the new name arrived", () => host.names.includes("Ada L."));
    const state = host.room.awareness.getStates().get(guest.room.doc.clientID);
    expect(state?.["user"]).toMatchObject({ name: "Ada L.", color: "red", role: "participant", verified: false });
    expect(guest.room.state.me).toMatchObject({ name: "Ada L.", verified: false });
  });
});

describe("leaving and rejoining", () => {
  it("[U1] [U2] [P7] a person who leaves is removed from the list, and rejoins with the same document and presence", async () => {
    const setting = await startRelay();
    const host = await person(setting, "host", "Hera");
    const guest = await person(setting, "participant", "Gus");
    await Promise.all([host.room.ready, guest.room.ready]);
    guest.room.awareness.setLocalStateField("cursor", 7);
    await until("the host sees the guest", () => host.names.includes("Gus"));
    await guest.room.leave();
    expect(guest.room.state).toMatchObject({ screen: { name: "left" }, connection: "online", people: [] });
    expect(guest.room.awareness.getLocalState()).toBeNull();
    await until("the guest is gone", () => !host.names.includes("Gus"));

    host.room.doc.getText("text").insert(0, "meanwhile");
    guest.room.doc.getText("text").insert(0, "away ");
    await guest.room.rejoin();
    expect(guest.screen).toBe("joined");
    await until("the host sees the guest again", () => host.names.includes("Gus"));
    await until("the guest sees the host", () => guest.names.length === 2);
    await until("both have all", () => text(guest).length === 14 && text(host) === text(guest));
    expect(guest.room.awareness.getLocalState()).toMatchObject({ cursor: 7 });
    expect(host.room.awareness.getStates().get(guest.room.doc.clientID)).toMatchObject({ cursor: 7 });
  });

  it("[L3] [L4] the absence starts when a host leaves, and ends when the host rejoins", async () => {
    const setting = await startRelay();
    const host = await person(setting, "host", "Hera");
    await host.room.ready;
    await host.room.leave();
    expect((await setting.api("GET", "/v1/rooms/room")).body).toMatchObject({ hosts: 0, status: "live" });
    expect((await setting.api("GET", "/v1/rooms/room")).body["endsAt"]).not.toBeNull();
    await host.room.rejoin();
    expect((await setting.api("GET", "/v1/rooms/room")).body).toMatchObject({ hosts: 1, endsAt: null });
  });

  it("[P5] an invited person is the same after a reload of the tab, and another person in another tab", async () => {
    const setting = await startRelay();
    const host = await person(setting, "host", "Hera");
    await host.room.ready;
    const invitation = await setting.token({ role: "participant" });
    const storage = tab();
    const first = join(setting, invitation, { storage });
    await first.room.ready;
    expect(storage.values).not.toContain(invitation);
    first.room.destroy();
    const again = join(setting, invitation, { storage });
    await again.room.ready;
    const other = join(setting, invitation, { storage: tab() });
    await other.room.ready;
    const elsewhere = join(setting, await setting.token({ role: "participant", expiresAt: Date.now() + 9e6 }), {
      storage,
    });
    await elsewhere.room.ready;
    const ids = [first, again, other, elsewhere].map(({ room }) => room.state.me?.id);
    expect(ids[1]).toBe(ids[0]);
    expect(new Set(ids).size).toBe(3);
  });

  it("[U9] a suspended page leaves at once, and rejoins when it resumes", async () => {
    const setting = await startRelay();
    const host = await person(setting, "host", "Hera");
    const guest = await person(setting, "participant", "Gus");
    await Promise.all([host.room.ready, guest.room.ready]);
    await until("the host sees the guest", () => host.names.includes("Gus"));
    guest.room.suspend();
    await until("the guest is gone", () => !host.names.includes("Gus"));
    guest.room.resume();
    await until("the guest has rejoined", () => host.names.includes("Gus"));
    await until("the guest sees the host", () => guest.names.length === 2);
  });
});

describe("the end and a new start", () => {
  it("[L6] [L7] [U5] [U6] a host ends the session for all and starts it again; the others are offered to rejoin", async () => {
    const setting = await startRelay();
    const host = await person(setting, "host", "Hera");
    const guest = await person(setting, "participant", "Gus");
    const leaver = await person(setting, "participant", "Lea");
    await Promise.all([host.room.ready, guest.room.ready, leaver.room.ready]);
    host.room.doc.getText("text").insert(0, "kept");
    await until("the text arrived", () => text(guest) === "kept");
    await leaver.room.leave();
    await expect(guest.room.end()).rejects.toMatchObject({ code: "refused" });
    await host.room.end();
    await Promise.all([host, guest, leaver].map((who) => seen(who, "ended")));
    expect(guest.room.state).toMatchObject({
      people: [],
      screen: { canStart: false, canRejoin: false, end: { reason: "host-ended", by: { id: "hera", name: "Hera" } } },
    });
    expect(host.room.state.screen).toMatchObject({ canStart: true });
    expect([...guest.room.awareness.getStates()]).toEqual([]);

    await host.room.start();
    await seen(host, "joined");
    for (const who of [guest, leaver]) {
      await until("rejoining is offered", () => {
        const { screen } = who.room.state;
        return screen.name === "ended" && screen.canRejoin;
      });
    }
    host.room.doc.getText("text").insert(4, " and more");
    await guest.room.rejoin();
    await until("everything has arrived", () => text(guest) === "kept and more" && guest.names.length === 2);
    expect(guest.room.state.screen).toEqual({ name: "joined", run: 2 });
  });

  it("[L5] [U8] a page that was offline at the end shows the ended screen; if a new run has started meanwhile, it joins that", async () => {
    const setting = await startRelay();
    const host = await person(setting, "host", "Hera");
    const ends = await person(setting, "participant", "Ends");
    const sleeps = await person(setting, "participant", "Sleeps");
    await Promise.all([host.room.ready, ends.room.ready, sleeps.room.ready]);
    ends.room.suspend();
    sleeps.room.suspend();
    await host.room.leave();
    setting.clock.advance(ABSENCE_MS);
    await seen(host, "ended");
    ends.room.resume();
    await seen(ends, "ended");
    expect(ends.room.state.screen).toMatchObject({ end: { reason: "host-absent", by: null } });
    await host.room.start();
    sleeps.room.resume();
    await until("it has joined the new run", () => {
      const { screen, connection } = sleeps.room.state;
      return connection === "online" && screen.name === "joined" && screen.run === 2;
    });
    expect(sleeps.states.map(({ screen }) => screen.name)).not.toContain("ended");
  });

  it("[U2] a page opened after the end waits on the ended screen; one opened after the next start joins directly", async () => {
    const setting = await startRelay();
    const host = await person(setting, "host", "Hera");
    await host.room.ready;
    await host.room.end();
    const early = await person(setting, "participant", "Early");
    await seen(early, "ended");
    early.room.awareness.setLocalStateField("cursor", 1);
    await host.room.start();
    const late = await person(setting, "participant", "Late");
    await late.room.ready;
    await until("rejoining is offered", () => {
      const { screen } = early.room.state;
      return screen.name === "ended" && screen.canRejoin;
    });
    await early.room.rejoin();
    await until("the host sees both", () => host.names.length === 3);
  });

  it("a page that keeps its document from an earlier run does not show that run's end", async () => {
    const setting = await startRelay();
    const host = await person(setting, "host", "Hera");
    const guest = await person(setting, "participant", "Gus");
    await Promise.all([host.room.ready, guest.room.ready]);
    await host.room.end();
    await seen(guest, "ended");
    const doc = new Y.Doc();
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(guest.room.doc));
    guest.room.destroy();
    await host.room.start();
    const again = await person(setting, "participant", "Gus", { doc });
    expect(again.screen).toBe("connecting");
    await again.room.ready;
    expect(again.states.map(({ screen }) => screen.name)).not.toContain("ended");
  });
});

describe("a connection that breaks", () => {
  it("[U8] is shown as reconnecting, keeps what was typed, and recovers by itself", async () => {
    const store = new MemoryStore();
    const setting = await startRelay({ store });
    const host = await person(setting, "host", "Hera");
    const guest = await person(setting, "participant", "Gus");
    await Promise.all([host.room.ready, guest.room.ready]);
    const port = Number(new URL(setting.relay.url).port);
    await setting.relay.close();
    await until("it is shown", () => guest.room.state.connection === "reconnecting");
    expect(guest.screen).toBe("joined");
    guest.room.doc.getText("text").insert(0, "typed offline");
    await expect(host.room.end()).rejects.toMatchObject({ code: "disconnected" });
    await startRelay({ store, clock: setting.clock, config: { port } });
    await until("the text arrived", () => text(host) === "typed offline");
    await until("all have reconnected", () => host.names.length === 2 && guest.names.length === 2);
    expect(guest.states.map(({ screen }) => screen.name)).not.toContain("left");
  });

  it("[S5] [L2] a page follows a relay that has lost its store", async () => {
    const setting = await startRelay();
    const guest = await person(setting, "participant", "Gus");
    const host = await person(setting, "host", "Hera");
    await Promise.all([host.room.ready, guest.room.ready]);
    host.room.doc.getText("text").insert(0, "survives");
    await until("the text arrived", () => text(guest) === "survives");
    await host.room.end();
    await seen(guest, "ended");
    host.room.suspend();
    const port = Number(new URL(setting.relay.url).port);
    await setting.relay.close();
    setting.clock.advance(1_000);
    await startRelay({ store: new MemoryStore(), clock: setting.clock, config: { port } });
    await seen(guest, "waiting");
    host.room.resume();
    await until("all have joined again", () => host.names.length === 2 && guest.names.length === 2);
    expect(text(guest)).toBe("survives");
  });
});

describe("invalid tokens", () => {
  it.each([
    ["a wrong token", "unauthorized", () => Promise.resolve("wrong")],
    ["a token for another room", "forbidden", (setting: Setting) => setting.token({ role: "host", room: "other" })],
    ["an expired token", "unauthorized", (setting: Setting) => setting.token({ role: "host", expiresAt: 1_000 })],
  ])("[W4] %s fails permanently, with an error that does not contain the token", async (_what, code, makeToken) => {
    const setting = await startRelay();
    const token = await makeToken(setting);
    const { room } = join(setting, token);
    await expect(room.ready).rejects.toMatchObject({ name: "RoomError", code });
    expect(room.state).toMatchObject({ connection: "closed", screen: { name: "failed", error: { code } } });
    expect(JSON.stringify(room.state.screen) + String(await room.ready.catch(String))).not.toContain(token);
    await expect(room.rejoin()).rejects.toMatchObject({ code });
  });

  it("[P5] a personal token that is no longer valid is replaced by the page's token", async () => {
    const setting = await startRelay();
    const invitation = await setting.token({ role: "host" });
    const storage = tab();
    const first = join(setting, invitation, { storage });
    await first.room.ready;
    first.room.destroy();
    const stale: typeof storage = { ...storage, getItem: () => "stale" };
    const again = join(setting, invitation, { storage: stale });
    await again.room.ready;
    expect(again.room.state.me?.id).not.toBe(first.room.state.me?.id);
  });
});
