/** The relay's own machine sleeps for a while: nobody is dropped for it, and what fell due is done. */
import { describe, expect, it, onTestFinished } from "vitest";
import { until } from "../e2e/until.ts";
import { createTown, RIGHT_MS } from "./town.ts";

const SLEEP_MS = 3_000;

const town = createTown();

/** Lets the relay's process sleep; resolves to when it woke, in ms since the epoch. */
const sleep = async (): Promise<number> => {
  town.relay.signal("SIGSTOP");
  await new Promise((resolve) => setTimeout(resolve, SLEEP_MS));
  town.relay.signal("SIGCONT");
  return Date.now();
};

describe("the relay sleeps for 3 s", () => {
  it("[W11] [P7] nobody is dropped, and what was typed meanwhile is everywhere within 1 s", async () => {
    const guests = await town.makeRoom(onTestFinished);
    const host = await guests.enter("room", "host", "Hera");
    const guest = await guests.enter("stock", "participant", "Gus");
    const all = [host, guest];
    await guests.msUntilRight(all);
    const before = all.map(({ onlineAt }) => onlineAt);
    const asleep = sleep();
    host.type("Into the sleep. ");
    guest.type("Me too. ");
    await asleep;
    expect(await guests.msUntilRight(all, performance.now())).toBeLessThan(RIGHT_MS);
    for (const words of ["Into the sleep.", "Me too."]) expect(host.text).toContain(words);
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    expect(all.map(({ onlineAt }) => onlineAt)).toEqual(before);
    expect(await guests.describe()).toMatchObject({ status: "live", endsAt: null, hosts: 1, participants: 1 });
  });

  it("[L5] [L16] a deadline that fell due in the sleep is served at once", async () => {
    const guests = await town.makeRoom(onTestFinished, 1_500);
    const host = await guests.enter("room", "host", "Hera");
    const guest = await guests.enter("room", "participant", "Gus");
    await guests.msUntilRight([host, guest]);
    await host.room!.leave();
    const { endsAt } = await guests.describe();
    const wokeAt = await sleep();
    expect(endsAt!).toBeLessThan(wokeAt);
    await until("the session has ended", () => guest.session?.status === "ended");
    const { ended } = await guests.describe();
    expect(ended).toMatchObject({ reason: "host-absent" });
    expect(ended!.at).toBeGreaterThanOrEqual(endsAt!);
    expect(ended!.at - wokeAt).toBeLessThan(RIGHT_MS);
  });

  it("[L3] [L4] a host who went in the sleep is away from the waking on, and may return", async () => {
    const guests = await town.makeRoom(onTestFinished, 5_000);
    const host = await guests.enter("room", "host", "Hera");
    const guest = await guests.enter("room", "participant", "Gus");
    await guests.msUntilRight([host, guest]);
    const asleep = sleep();
    host.cable.pull();
    const wokeAt = await asleep;
    const { endsAt } = await until("the absence has begun", async () => {
      const described = await guests.describe();
      return described.endsAt === null ? null : described;
    });
    expect(endsAt! - wokeAt).toBeGreaterThan(5_000 - RIGHT_MS);
    expect(endsAt! - wokeAt).toBeLessThan(5_000 + RIGHT_MS);
    host.cable.plugIn();
    await until("the host is back", () => host.isOnline);
    expect(await guests.msUntilRight([host, guest])).toBeLessThan(RIGHT_MS);
    expect(await guests.describe()).toMatchObject({ status: "live", run: 1, endsAt: null });
  });
});
