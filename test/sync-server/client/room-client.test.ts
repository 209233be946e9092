/** The room client with a real relay in this process: joining, leaving and rejoining. */
import { describe, expect, it } from "vitest";
import { startRelay, stockClient, until } from "../harness.ts";
import { createStorage, join, person, untilScreen, textOf } from "./room-page.ts";

describe("joining", () => {
  it("[L1] [U7] people wait for the first host, then join by themselves", async () => {
    const setting = await startRelay();
    const guest = await person(setting, "participant", "Gus");
    await untilScreen(guest, "waiting");
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
    await untilScreen(guest, "waiting");
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
    await until("both have all", () => textOf(guest).length === 14 && textOf(host) === textOf(guest));
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
    const storage = createStorage();
    const first = join(setting, invitation, { storage });
    await first.room.ready;
    expect(storage.values).not.toContain(invitation);
    first.room.destroy();
    const again = join(setting, invitation, { storage });
    await again.room.ready;
    const other = join(setting, invitation, { storage: createStorage() });
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
