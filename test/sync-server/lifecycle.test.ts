/** The session's lifecycle over real sockets, with stock providers and session-room.v1 clients. */
import { describe, expect, it } from "vitest";
import { manualClock } from "../manual-clock.ts";
import { MemoryStore } from "../../sync-server/store/memory-store.ts";
import { exchanged } from "./frames.ts";
import {
  ABSENCE_MS,
  GRACE_MS,
  host,
  participant,
  rawClient,
  roomState,
  startRelay,
  stockClient,
  until,
} from "./harness.ts";
import type { Setting } from "./harness.ts";

const liveRoom = async (setting: Setting) => {
  const client = await stockClient(setting, host);
  await until("the run is live", () => client.session?.status === "live" && client.provider.synced);
  return client;
};

describe("the lifecycle over sockets", () => {
  it("[L1] the first host who joins starts the run; before that, nobody is sent content", async () => {
    const setting = await startRelay();
    const early = await stockClient(setting, participant);
    early.text.insert(0, "written while waiting");
    await until("the session has arrived", () => early.session?.status === "waiting");
    expect(early.provider.synced).toBe(false);
    const late = await liveRoom(setting);
    await until("the early participant has joined", () => early.provider.synced && early.session?.status === "live");
    await until("what was written while waiting arrives", () => late.text.toString() === "written while waiting");
    expect(early.session).toMatchObject({ status: "live", run: 1 });
  });

  it("[L2] a room with manual start waits for Start Session", async () => {
    const setting = await startRelay();
    await setting.api("POST", "/v1/rooms", { room: "room", start: "manual" });
    const client = await rawClient(setting, await setting.token(host));
    expect(await client.command({ type: "join" })).toMatchObject({ ok: false, code: "not-started" });
    expect(await client.command({ type: "start", run: 0 })).toMatchObject({ ok: true, run: 1 });
    await until("the run is live", () => client.session?.status === "live");
    expect(await roomState(setting)).toMatchObject({ status: "live", hosts: 1, endsAt: null });
  });

  it("[L3] [L4] [L11] the deadline starts when the last host leaves, and only a host clears it", async () => {
    const setting = await startRelay();
    const first = await liveRoom(setting);
    const second = await stockClient(setting, { ...host, sub: "h2" });
    await until("both have joined", () => second.provider.synced);
    first.provider.destroy();
    await until("one host is left", async () => (await roomState(setting))["hosts"] === 1);
    setting.clock.advance(1_000);
    expect((await roomState(setting))["endsAt"]).toBeNull();
    second.provider.destroy();
    await until("the host is gone", async () => (await roomState(setting))["hosts"] === 0);
    const { absentSince, endsAt } = await roomState(setting);
    expect(endsAt).toBe((absentSince as number) + ABSENCE_MS);
    setting.clock.advance(60_000);
    const guest = await stockClient(setting, participant);
    await until("the guest has joined", () => guest.provider.synced);
    expect((await roomState(setting))["endsAt"]).toBe(endsAt);
    guest.provider.destroy();
    await until("the guest is gone", async () => (await roomState(setting))["participants"] === 0);
    expect((await roomState(setting))["endsAt"]).toBe(endsAt);
    const back = await stockClient(setting, host);
    await until("the host has returned", () => back.provider.synced);
    expect(await roomState(setting)).toMatchObject({ status: "live", endsAt: null, absentSince: null });
  });

  it("[L5] the run ends at the deadline without a host; stock clients get the flag, then 4410", async () => {
    const setting = await startRelay();
    const first = await liveRoom(setting);
    const guest = await stockClient(setting, participant);
    await until("the guest has joined", () => guest.provider.synced);
    first.provider.destroy();
    await until("the host is gone", async () => (await roomState(setting))["hosts"] === 0);
    setting.clock.advance(ABSENCE_MS - 1);
    expect(await roomState(setting)).toMatchObject({ status: "live" });
    setting.clock.advance(1);
    await until("the guest was disconnected", () => guest.closed === 4410);
    expect(guest.session).toMatchObject({ status: "ended", ended: { reason: "host-absent", by: null } });
  });

  it("[L6] [L9] a host's End ends the run for all, a second one changes nothing, and a participant may not end it", async () => {
    const setting = await startRelay();
    const client = await rawClient(setting, await setting.token(host));
    const guest = await rawClient(setting, await setting.token(participant));
    expect(await client.command({ type: "join" })).toMatchObject({ ok: true });
    expect(await guest.command({ type: "join" })).toMatchObject({ ok: true });
    expect(await guest.command({ type: "end", run: 1 })).toMatchObject({ ok: false, code: "not-a-host" });
    expect(await client.command({ type: "end", run: 1 })).toMatchObject({ ok: true, run: 1 });
    await until("everybody has received the end", () => guest.session?.status === "ended");
    const { ended } = await roomState(setting);
    expect(ended).toMatchObject({ reason: "host-ended", by: { id: "h1", name: "Hana" } });
    setting.clock.advance(5_000);
    expect(await client.command({ type: "end", run: 1 })).toMatchObject({ ok: true, run: 1 });
    expect((await setting.api("POST", "/v1/rooms/room/end", {})).body).toMatchObject({ ended });
    expect(guest.closeCode).toBeNull();
  });

  it("[L7] [L8] [L10] Start begins the next run with the same document; a late End of the first run has no effect", async () => {
    const setting = await startRelay();
    const writer = await liveRoom(setting);
    writer.text.insert(0, "from run 1");
    await exchanged(writer);
    expect((await setting.api("POST", "/v1/rooms/room/end", {})).body).toMatchObject({ ended: { reason: "admin" } });
    await until("the writer was disconnected", () => writer.closed === 4410);
    const client = await rawClient(setting, await setting.token(host));
    expect(await client.command({ type: "join" })).toMatchObject({ ok: false, code: "ended" });
    expect(await client.command({ type: "start", run: 1 })).toMatchObject({ ok: true, run: 2 });
    expect((await setting.api("POST", "/v1/rooms/room/end", { run: 1 })).body).toMatchObject({
      status: "live",
      run: 2,
    });
    expect((await setting.api("POST", "/v1/rooms/room/start", { run: 1 })).body).toMatchObject({
      status: "live",
      run: 2,
    });
    const reader = await stockClient(setting, participant);
    await until("the content has arrived", () => reader.text.toString() === "from run 1");
  });

  it("[L12] a run that starts without a host has its deadline at once", async () => {
    const setting = await startRelay();
    await setting.api("POST", "/v1/rooms", { room: "room", start: "manual", hostAbsenceMs: 60_000 });
    const { body } = await setting.api("POST", "/v1/rooms/room/start", {});
    expect(body).toMatchObject({ status: "live", hosts: 0, endsAt: setting.clock.now() + 60_000 });
    setting.clock.advance(60_000);
    await until("the run has ended", async () => (await roomState(setting))["status"] === "ended");
  });

  it("[L13] End before the first start changes nothing", async () => {
    const setting = await startRelay();
    await setting.api("POST", "/v1/rooms", { room: "room" });
    expect((await setting.api("POST", "/v1/rooms/room/end", {})).body).toMatchObject({ status: "waiting", run: 0 });
  });

  it("[L14] a new relay with the same store keeps the deadline, waits for the grace period, and then ends the run", async () => {
    const clock = manualClock(Date.now());
    const store = new MemoryStore();
    const before = await startRelay({ clock, store });
    const client = await liveRoom(before);
    client.provider.destroy();
    await until("the host is gone", async () => (await roomState(before))["hosts"] === 0);
    const { endsAt } = await roomState(before);
    await before.relay.close();
    clock.advance(1_000);
    const soon = await startRelay({ clock, store });
    expect((await roomState(soon))["endsAt"]).toBe(endsAt);
    await soon.relay.close();
    clock.advance(ABSENCE_MS);
    const late = await startRelay({ clock, store });
    expect(await roomState(late)).toMatchObject({ status: "live", endsAt: clock.now() + GRACE_MS });
    clock.advance(GRACE_MS);
    await until("the run has ended", async () => (await roomState(late))["status"] === "ended");
  });

  it("[L15] a jump of the wall clock does not move a deadline", async () => {
    const setting = await startRelay();
    const client = await liveRoom(setting);
    client.provider.destroy();
    await until("the host is gone", async () => (await roomState(setting))["hosts"] === 0);
    const token = await setting.token({ ...participant, expiresAt: setting.clock.now() + 10 * ABSENCE_MS });
    setting.clock.jumpWall(2 * ABSENCE_MS);
    setting.clock.advance(1_000);
    expect(await roomState(setting)).toMatchObject({ status: "live" });
    const guest = await rawClient(setting, token);
    await until("the guest reads that it is live", () => guest.session?.status === "live");
  });
});
