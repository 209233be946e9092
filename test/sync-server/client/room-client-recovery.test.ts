/** The room client with a real relay: lost connections, a lost store, and invalid tokens. */
import { describe, expect, it } from "vitest";
import { MemoryStore } from "../../../sync-server/store/memory-store.ts";
import { startRelay, until } from "../harness.ts";
import type { Setting } from "../harness.ts";
import { createStorage, join, person, untilScreen, textOf } from "./room-page.ts";

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
    await until("the text arrived", () => textOf(host) === "typed offline");
    await until("all have reconnected", () => host.names.length === 2 && guest.names.length === 2);
    expect(guest.states.map(({ screen }) => screen.name)).not.toContain("left");
  });

  it("[S5] [L2] a page follows a relay that has lost its store", async () => {
    const setting = await startRelay();
    const guest = await person(setting, "participant", "Gus");
    const host = await person(setting, "host", "Hera");
    await Promise.all([host.room.ready, guest.room.ready]);
    host.room.doc.getText("text").insert(0, "survives");
    await until("the text arrived", () => textOf(guest) === "survives");
    await host.room.end();
    await untilScreen(guest, "ended");
    host.room.suspend();
    const port = Number(new URL(setting.relay.url).port);
    await setting.relay.close();
    setting.clock.advance(1_000);
    await startRelay({ store: new MemoryStore(), clock: setting.clock, config: { port } });
    await untilScreen(guest, "waiting");
    host.room.resume();
    await until("all have joined again", () => host.names.length === 2 && guest.names.length === 2);
    expect(textOf(guest)).toBe("survives");
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
    const storage = createStorage();
    const first = join(setting, invitation, { storage });
    await first.room.ready;
    first.room.destroy();
    const stale: typeof storage = { ...storage, getItem: () => "stale" };
    const again = join(setting, invitation, { storage: stale });
    await again.room.ready;
    expect(again.room.state.me?.id).not.toBe(first.room.state.me?.id);
  });
});
