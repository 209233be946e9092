/** Line 6 of the main job: the session ends by itself when no host returns in time. */
import { describe, expect, it } from "vitest";
import { ABSENCE_MS } from "./relay-process.ts";
import { TIMEOUT_MS, until } from "./until.ts";
import { createWorld } from "./world.ts";
import type { Classroom } from "./world.ts";

const world = createWorld();

const WAYS_TO_DISAPPEAR: [string, (all: Classroom) => unknown][] = [
  ["leaves by the menu", ({ host }) => host.leave()],
  ["closes the tab", ({ host }) => host.page.close()],
  ["crashes", ({ host }) => host.crash()],
  ["loses the network", ({ hostNetwork }) => hostNetwork.disconnect()],
];

/** A network that drops everything also drops the close: the relay notices by a missing pong (W11). */
const NOTICED_MS = 60_000;

describe("the host is absent", () => {
  it.each(WAYS_TO_DISAPPEAR)(
    "[L3] [L5] the host %s: everyone's session ends after the limit",
    async (_way, disappear) => {
      const all = await world.openClassroom({ hostAbsenceMs: null });
      const { room, guest } = all;
      await disappear(all);
      const deadlineAt = await world.relay.deadlineOf(room);
      const { absentSince } = await world.relay.describe(room);
      expect(deadlineAt - absentSince!).toBe(ABSENCE_MS);
      await guest.ended("The host did not return.", ABSENCE_MS + TIMEOUT_MS);
      const { ended, status } = await world.relay.describe(room);
      expect(status).toBe("ended");
      expect(ended).toMatchObject({ reason: "host-absent", by: null });
      expect(ended!.at).toBeGreaterThanOrEqual(deadlineAt);
      expect(ended!.at).toBeLessThan(deadlineAt + 2_000);
      expect(await guest.startButton.count()).toBe(0);
    },
  );

  it("[L3] with two hosts, only the last one's leaving starts the timer", async () => {
    const { room, host, guest } = await world.openClassroom();
    const second = await world.person("Dora");
    await second.open(room.hostUrl);
    await second.joined();
    await guest.seesPeople(3);
    await host.page.close();
    await guest.seesPeople(2);
    expect((await world.relay.describe(room)).endsAt).toBeNull();
    await second.leave();
    await guest.seesPeople(1);
    expect(await world.relay.deadlineOf(room)).toBeGreaterThan(0);
  });

  it("[L4] a host's return clears the deadline, and the session continues", async () => {
    const { room, host, guest } = await world.openClassroom({ hostAbsenceMs: null });
    await host.leave();
    const deadlineAt = await world.relay.deadlineOf(room);
    await host.rejoinLink.click();
    await host.joined();
    expect(await world.relay.describe(room)).toMatchObject({ status: "live", endsAt: null, absentSince: null });
    await until("the old deadline has passed", () => Date.now() > deadlineAt + 500);
    expect(await world.relay.describe(room)).toMatchObject({ status: "live", run: 1 });
    await host.type("Back in time.");
    await guest.sees("Back in time.");
  });

  it("[L3] [W11] a network that drops everything starts it too", { timeout: 2 * NOTICED_MS }, async () => {
    const { room, host, guest } = await world.openClassroom({ hostAbsenceMs: 1_000 });
    await host.context.setOffline(true);
    await guest.ended("The host did not return.", NOTICED_MS);
    expect(await world.relay.describe(room)).toMatchObject({ status: "ended", ended: { reason: "host-absent" } });
  });

  it("[L4] reconnecting in time clears it too", async () => {
    const { room, host, guest, hostNetwork } = await world.openClassroom({ hostAbsenceMs: 20_000 });
    hostNetwork.disconnect();
    await world.relay.deadlineOf(room);
    await guest.seesPeople(1);
    hostNetwork.reconnect();
    await host.connected();
    await guest.seesPeople(2);
    expect(await world.relay.describe(room)).toMatchObject({ status: "live", endsAt: null });
  });

  it("[L11] participants who join and leave never move it", async () => {
    const { room, host, guest } = await world.openClassroom({ hostAbsenceMs: 20_000 });
    await host.page.close();
    const deadlineAt = await world.relay.deadlineOf(room);
    const other = await world.person("Cleo");
    await other.open(room.inviteUrl);
    await other.joined();
    await guest.leave();
    await guest.rejoinLink.click();
    await guest.joined();
    await other.page.close();
    await guest.page.close();
    await until("nobody is connected", async () => (await world.relay.describe(room)).participants === 0);
    expect(await world.relay.describe(room)).toMatchObject({ status: "live", endsAt: deadlineAt });
  });

  it("[L5] [U8] a host who returns too late sees the ended screen, and may start again", async () => {
    const { room, host, guest, hostNetwork } = await world.openClassroom({ hostAbsenceMs: 1_000 });
    hostNetwork.disconnect();
    await guest.ended("The host did not return.");
    hostNetwork.reconnect();
    await host.ended("The host did not return.");
    await host.startButton.click();
    await host.joined();
    await guest.rejoinLink.click();
    await guest.joined();
    expect(await world.relay.describe(room)).toMatchObject({ status: "live", run: 2 });
  });
});
