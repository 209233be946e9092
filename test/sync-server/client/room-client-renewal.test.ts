/** A session that outlasts its tokens: the room client, a page that gives new ones, and a real relay. */
import { describe, expect, it, onTestFinished } from "vitest";
import { Room } from "../../../src/index.ts";
import type { RoomOptions } from "../../../src/index.ts";
import { startRelay, stockClient, until } from "../harness.ts";
import type { Setting } from "../harness.ts";

const MINUTE_MS = 60_000;
const hana = { role: "host", sub: "h1", name: "Hana" } as const;

const come = (setting: Setting, options: Pick<RoomOptions, "token" | "getToken">): Room => {
  const room = new Room({ relay: setting.wsUrl, room: "room", storage: null, clock: setting.clock, ...options });
  onTestFinished(() => room.destroy());
  room.join();
  return room;
};

/** Lets time pass in steps so short that everybody is heard in between. */
const pass = async (setting: Setting, room: Room, byMs: number): Promise<void> => {
  for (let passedMs = 0; passedMs < byMs; passedMs += 5_000) {
    setting.clock.advance(5_000);
    room.awareness.setLocalStateField("passed", passedMs);
    // Twice, so that on a busy machine too the relay hears the page before its time goes on.
    await setting.api("GET", "/v1/rooms/room");
    await setting.api("GET", "/v1/rooms/room");
  }
};

const expiring = (setting: Setting) => ({ ...hana, expiresAt: setting.clock.wallNow() + 10 * MINUTE_MS });

describe("a session that outlasts its tokens", () => {
  it("[W12] goes on without an interruption when the page renews the token", async () => {
    const setting = await startRelay();
    const getToken = () => setting.token({ ...hana, expiresAt: setting.clock.wallNow() + 60 * MINUTE_MS });
    const room = come(setting, { token: await setting.token(expiring(setting)), getToken });
    await room.ready;
    const connections: string[] = [];
    room.subscribe(({ connection }) => connections.push(connection));
    await pass(setting, room, 11 * MINUTE_MS);
    expect(room.state).toMatchObject({ screen: { name: "joined" }, connection: "online" });
    expect(connections.every((connection) => connection === "online")).toBe(true);
  });

  it("[W12] ends with a clear error when nobody renews it", async () => {
    const setting = await startRelay();
    const room = come(setting, { token: await setting.token(expiring(setting)) });
    await room.ready;
    await pass(setting, room, 11 * MINUTE_MS);
    await until("the page is told", () => room.state.screen.name === "failed");
    expect(room.state.screen).toMatchObject({ error: { code: "unauthorized" } });
  });

  it("[W12] a page that comes with a token that has expired is asked for a newer one, once", async () => {
    const setting = await startRelay();
    const old = await setting.token({ ...hana, expiresAt: setting.clock.wallNow() - MINUTE_MS });
    const room = come(setting, { token: old, getToken: () => setting.token(hana) });
    await room.ready;
    let asked = 0;
    const hopeless = come(setting, {
      token: old,
      getToken: () => {
        asked++;
        return old;
      },
    });
    await until("it gives up", () => hopeless.state.screen.name === "failed");
    expect(asked).toBe(1);
  });

  it("[W12] [P5] an invited person stays the same person when their invitation is renewed", async () => {
    const setting = await startRelay();
    const invitation = (forMs: number) => setting.token({ role: "host", expiresAt: setting.clock.wallNow() + forMs });
    const room = come(setting, { token: await invitation(10 * MINUTE_MS), getToken: () => invitation(60 * MINUTE_MS) });
    await room.ready;
    const before = room.state.me!.id;
    await pass(setting, room, 11 * MINUTE_MS);
    room.provider.ws!.close();
    await until("the line breaks", () => room.state.connection === "reconnecting");
    await until("and is back", () => room.state.connection === "online");
    expect(room.state.me!.id).toBe(before);
  });

  it.each([
    // The page has no newer invitation until they are back.
    ["who could renew nothing meanwhile", false],
    // It holds one already when the personal token is refused.
    ["whose page renewed the invitation meanwhile", true],
  ])("[P10] an invited person %s is who they were when they come back after their token's end", async (_, renews) => {
    // Found by the soak: they came back as somebody else, whose edits under their own client id were refused.
    const setting = await startRelay();
    const reader = await stockClient(setting, hana);
    const reads = (text: string) => until(`"${text}" arrives`, () => reader.text.toString() === text);
    const invitation = (forMs: number) =>
      setting.token({ role: "participant", expiresAt: setting.clock.wallNow() + forMs });
    let mayRenew = renews;
    let renewals = 0;
    const getToken = (): Promise<string> => {
      if (!mayRenew) return Promise.reject(new Error("the page is asleep"));
      renewals++;
      return invitation(60 * MINUTE_MS);
    };
    const room = come(setting, { token: await invitation(10 * MINUTE_MS), getToken });
    await room.ready;
    const { id } = room.state.me!;
    const text = room.doc.getText("text");
    text.insert(0, "before ");
    await reads("before ");
    room.suspend();
    await pass(setting, room, 11 * MINUTE_MS);
    expect(renewals).toBe(renews ? 1 : 0);
    text.insert(text.length, "offline ");
    mayRenew = true;
    room.resume();
    await reads("before offline ");
    text.insert(text.length, "after");
    await reads("before offline after");
    expect(room.state.me!.id).toBe(id);
  });
});
