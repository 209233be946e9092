/** The relay is killed (SIGKILL) and started again: nothing is lost, and no deadline fires early. */
import { describe, expect, it } from "vitest";
import { TIMEOUT_MS, until } from "./until.ts";
import { createWorld } from "./world.ts";

/** Long enough for a host to reconnect, even on a slow machine. */
const GRACE_MS = 6_000;
const world = createWorld({ SESSION_ROOM_RESTART_GRACE: `${GRACE_MS}ms` });

describe("kill -9", () => {
  it("[W8] [U8] with everyone connected: all reconnect by themselves, and no edit is lost", async () => {
    const { room, host, guest } = await world.openClassroom();
    await host.type("Before the crash. ");
    await guest.sees("Before the crash.");
    await world.relay.kill();
    await Promise.all([host.reconnecting(), guest.reconnecting()]);
    await guest.type("Written offline.");
    await world.relay.startAgain();
    await host.sees("Before the crash. Written offline.");
    await Promise.all([host.seesPeople(2), guest.seesPeople(2)]);
    expect(await world.relay.describe(room)).toMatchObject({ status: "live", run: 1, endsAt: null, hosts: 1 });
    const late = await world.person("Cleo");
    await late.open(room.inviteUrl);
    await late.joined();
    await late.sees("Before the crash. Written offline.");
  });

  it("[L14] during an absence: the deadline is neither lost nor early", async () => {
    const { room, host, guest } = await world.openClassroom({ hostAbsenceMs: 20_000 });
    await host.page.close();
    const deadlineAt = await world.relay.deadlineOf(room);
    await world.relay.kill();
    await guest.reconnecting();
    await world.relay.startAgain();
    const described = await world.relay.describe(room);
    expect(described.status).toBe("live");
    expect(described.endsAt).toBe(deadlineAt);
    await guest.connected();
    await guest.ended("The host did not return.", 20_000 + TIMEOUT_MS);
    const { ended } = await world.relay.describe(room);
    expect(ended).toMatchObject({ reason: "host-absent" });
    expect(ended!.at).toBeGreaterThanOrEqual(deadlineAt);
    expect(ended!.at).toBeLessThan(deadlineAt + 2_000);
  });

  it("[L14] past the deadline: it fires only after the grace", async () => {
    const { room, host, guest } = await world.openClassroom({ hostAbsenceMs: 1_500 });
    await host.page.close();
    const deadlineAt = await world.relay.deadlineOf(room);
    await world.relay.kill();
    await until("the deadline has passed", () => Date.now() > deadlineAt);
    const startedAt = Date.now();
    await world.relay.startAgain();
    await guest.connected();
    await guest.ended("The host did not return.", GRACE_MS + TIMEOUT_MS);
    const { ended } = await world.relay.describe(room);
    expect(ended!.at).toBeGreaterThanOrEqual(startedAt + GRACE_MS);
  });

  it("[L14] past the deadline: a host who returns within the grace keeps the session", async () => {
    const { room, host, guest, hostNetwork } = await world.openClassroom({ hostAbsenceMs: 1_500 });
    hostNetwork.disconnect();
    const deadlineAt = await world.relay.deadlineOf(room);
    await world.relay.kill();
    await until("the deadline has passed", () => Date.now() > deadlineAt);
    // The host's page reconnects by itself.
    hostNetwork.reconnect();
    await world.relay.startAgain();
    await host.connected();
    await guest.seesPeople(2);
    await until("the grace has passed", () => Date.now() > deadlineAt + GRACE_MS + 1_500);
    expect(await world.relay.describe(room)).toMatchObject({ status: "live", run: 1, endsAt: null });
    await host.type("In time.");
    await guest.sees("In time.");
  });

  it("[S1] after the end: the room is still ended and can be started again", async () => {
    const { room, host, guest } = await world.openClassroom();
    await host.type("Kept after the end.");
    await guest.sees("Kept after the end.");
    await host.end();
    await world.relay.kill();
    await world.relay.startAgain();
    expect(await world.relay.describe(room)).toMatchObject({
      status: "ended",
      run: 1,
      ended: { reason: "host-ended" },
    });
    await guest.page.reload();
    await guest.ended();
    await host.connected();
    await host.startButton.click();
    await host.sees("Kept after the end.");
    await guest.rejoinLink.click();
    await guest.joined();
    await guest.sees("Kept after the end.");
  });
});
