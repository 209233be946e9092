/** The relay's process is suspended for a while: nobody is disconnected for it, and overdue deadlines are handled. */
import { describe, expect, it, onTestFinished } from "vitest";
import { until } from "../e2e/until.ts";
import { createWorld, CONSISTENT_MS } from "./world.ts";

const SUSPENDED_MS = 3_000;

const world = createWorld();

/** Suspends the relay's process; resolves with the time of its continuation, in ms since the epoch. */
const suspendRelay = async (): Promise<number> => {
  world.relay.signal("SIGSTOP");
  await new Promise((resolve) => setTimeout(resolve, SUSPENDED_MS));
  world.relay.signal("SIGCONT");
  return Date.now();
};

describe("the relay is suspended for 3 s", () => {
  it("[W11] [P7] nobody is disconnected, and what was typed meanwhile reaches everybody within 1 s", async () => {
    const testRoom = await world.makeRoom(onTestFinished);
    const host = await testRoom.enter("room", "host", "Hera");
    const guest = await testRoom.enter("stock", "participant", "Gus");
    const all = [host, guest];
    await testRoom.msUntilConsistent(all);
    const before = all.map(({ onlineAt }) => onlineAt);
    const suspended = suspendRelay();
    host.type("During the suspension. ");
    guest.type("Me too. ");
    await suspended;
    expect(await testRoom.msUntilConsistent(all, performance.now())).toBeLessThan(CONSISTENT_MS);
    for (const words of ["During the suspension.", "Me too."]) expect(host.text).toContain(words);
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    expect(all.map(({ onlineAt }) => onlineAt)).toEqual(before);
    expect(await testRoom.describe()).toMatchObject({ status: "live", endsAt: null, hosts: 1, participants: 1 });
  });

  it("[L5] [L16] a deadline that elapsed meanwhile takes effect at once", async () => {
    const testRoom = await world.makeRoom(onTestFinished, 1_500);
    const host = await testRoom.enter("room", "host", "Hera");
    const guest = await testRoom.enter("room", "participant", "Gus");
    await testRoom.msUntilConsistent([host, guest]);
    await host.room!.leave();
    const { endsAt } = await testRoom.describe();
    const resumedAt = await suspendRelay();
    expect(endsAt!).toBeLessThan(resumedAt);
    await until("the session has ended", () => guest.session?.status === "ended");
    const { ended } = await testRoom.describe();
    expect(ended).toMatchObject({ reason: "host-absent" });
    expect(ended!.at).toBeGreaterThanOrEqual(endsAt!);
    expect(ended!.at - resumedAt).toBeLessThan(CONSISTENT_MS);
  });

  it("[L3] [L4] the absence of a host who disconnected meanwhile starts when the relay continues, and the host may return", async () => {
    const testRoom = await world.makeRoom(onTestFinished, 5_000);
    const host = await testRoom.enter("room", "host", "Hera");
    const guest = await testRoom.enter("room", "participant", "Gus");
    await testRoom.msUntilConsistent([host, guest]);
    const suspended = suspendRelay();
    host.network.disconnect();
    const resumedAt = await suspended;
    const { endsAt } = await until("the absence has begun", async () => {
      const described = await testRoom.describe();
      return described.endsAt === null ? null : described;
    });
    expect(endsAt! - resumedAt).toBeGreaterThan(5_000 - CONSISTENT_MS);
    expect(endsAt! - resumedAt).toBeLessThan(5_000 + CONSISTENT_MS);
    host.network.reconnect();
    await until("the host is back", () => host.isOnline);
    expect(await testRoom.msUntilConsistent([host, guest])).toBeLessThan(CONSISTENT_MS);
    expect(await testRoom.describe()).toMatchObject({ status: "live", run: 1, endsAt: null });
  });
});
