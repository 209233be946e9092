/** Tokens that expire during a session: the room client with a real relay. */
import { describe, expect, it, onTestFinished } from "vitest";
import { Room } from "../../../src/index.ts";
import type { RoomOptions } from "../../../src/index.ts";
import { startRelay, stockClient, until } from "../harness.ts";
import type { Setting } from "../harness.ts";

const MINUTE_MS = 60_000;
const hana = { role: "host", sub: "h1", name: "Hana" } as const;

const join = (setting: Setting, options: Pick<RoomOptions, "token" | "getToken">): Room => {
  const room = new Room({ relay: setting.wsUrl, room: "room", storage: null, clock: setting.clock, ...options });
  onTestFinished(() => room.destroy());
  room.join();
  return room;
};

/** Advances the clock in steps so short that every client is active in between. */
const pass = async (setting: Setting, room: Room, byMs: number): Promise<void> => {
  for (let passedMs = 0; passedMs < byMs; passedMs += 5_000) {
    setting.clock.advance(5_000);
    room.awareness.setLocalStateField("passed", passedMs);
    // Twice, so that even on a busy machine the relay handles the page's message before the clock advances.
    await setting.api("GET", "/v1/rooms/room");
    await setting.api("GET", "/v1/rooms/room");
  }
};

const expiring = (setting: Setting) => ({ ...hana, expiresAt: setting.clock.wallNow() + 10 * MINUTE_MS });

describe("a token that expires during the session", () => {
  it("[W12] causes no interruption when the page renews it", async () => {
    const setting = await startRelay();
    const getToken = () => setting.token({ ...hana, expiresAt: setting.clock.wallNow() + 60 * MINUTE_MS });
    const room = join(setting, { token: await setting.token(expiring(setting)), getToken });
    await room.ready;
    const connections: string[] = [];
    room.subscribe(({ connection }) => connections.push(connection));
    await pass(setting, room, 11 * MINUTE_MS);
    expect(room.state).toMatchObject({ screen: { name: "joined" }, connection: "online" });
    expect(connections.every((connection) => connection === "online")).toBe(true);
  });

  it("[W12] leads to an error when it is not renewed", async () => {
    const setting = await startRelay();
    const room = join(setting, { token: await setting.token(expiring(setting)) });
    await room.ready;
    await pass(setting, room, 11 * MINUTE_MS);
    await until("the page shows the error", () => room.state.screen.name === "failed");
    expect(room.state.screen).toMatchObject({ error: { code: "unauthorized" } });
  });

  it("[W12] a page that joins with an expired token is asked for a new one, once", async () => {
    const setting = await startRelay();
    const old = await setting.token({ ...hana, expiresAt: setting.clock.wallNow() - MINUTE_MS });
    const room = join(setting, { token: old, getToken: () => setting.token(hana) });
    await room.ready;
    let requests = 0;
    const hopeless = join(setting, {
      token: old,
      getToken: () => {
        requests++;
        return old;
      },
    });
    await until("it gives up", () => hopeless.state.screen.name === "failed");
    expect(requests).toBe(1);
  });

  it("[W12] [P5] an invited person stays the same person when their invitation is renewed", async () => {
    const setting = await startRelay();
    const invitation = (forMs: number) => setting.token({ role: "host", expiresAt: setting.clock.wallNow() + forMs });
    const room = join(setting, { token: await invitation(10 * MINUTE_MS), getToken: () => invitation(60 * MINUTE_MS) });
    await room.ready;
    const before = room.state.me!.id;
    await pass(setting, room, 11 * MINUTE_MS);
    room.provider.ws!.close();
    await until("the connection breaks", () => room.state.connection === "reconnecting");
    await until("and is open again", () => room.state.connection === "online");
    expect(room.state.me!.id).toBe(before);
  });

  it.each([
    // The page gets no new invitation before it reconnects.
    ["whose page could not renew the invitation", false],
    // The page already has one when the personal token is rejected.
    ["whose page renewed the invitation while offline", true],
  ])(
    "[P10] an invited person %s is the same person when they reconnect after their token has expired",
    async (_, renews) => {
      // Found by the soak: they became another person, whose edits with their earlier client id were rejected.
      const setting = await startRelay();
      const reader = await stockClient(setting, hana);
      const reads = (text: string) => until(`"${text}" arrives`, () => reader.text.toString() === text);
      const invitation = (forMs: number) =>
        setting.token({ role: "participant", expiresAt: setting.clock.wallNow() + forMs });
      let mayRenew = renews;
      let renewals = 0;
      const getToken = (): Promise<string> => {
        if (!mayRenew) return Promise.reject(new Error("the page is suspended"));
        renewals++;
        return invitation(60 * MINUTE_MS);
      };
      const room = join(setting, { token: await invitation(10 * MINUTE_MS), getToken });
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
    },
  );
});
