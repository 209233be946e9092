/** Pages that the browser freezes, and computers that sleep: what the others see of it, and how things are afterwards. */
import { describe, expect, it } from "vitest";
import type { Cable } from "./cable.ts";
import { createCable } from "./cable.ts";
import { openLaptop } from "./laptop.ts";
import { PATIENCE_MS, until } from "./until.ts";
import { createWorld } from "./world.ts";

/** Within which others see that somebody is gone, and somebody who returns is right again, in ms. */
const RIGHT_MS = 1_000;
const SHORT_SLEEP_MS = 3_000;

const world = createWorld();

const sleepFor = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** How many ms after the line was taken up again all of this had come true. */
const msFromReconnect = async (cable: Cable, ...all: Promise<unknown>[]): Promise<number> => {
  await Promise.all(all);
  return performance.now() - cable.openedAt!;
};

/** A room whose only host is Ann, and whose participant is Ben. One of them has the laptop. */
const onLaptopOf = async (whose: "Ann" | "Ben", hostAbsenceMs = 60_000) => {
  const room = await world.relay.makeRoom({ hostAbsenceMs });
  const cable = await createCable(world.relay.url);
  const laptop = await openLaptop();
  const sit = (name: "Ann" | "Ben") => world.person(name, {}, name === whose ? laptop.context : undefined);
  const [host, guest] = [await sit("Ann"), await sit("Ben")];
  const urlFor = (name: "Ann" | "Ben", url: string): string => (name === whose ? cable.through(url) : url);
  await Promise.all([host.open(urlFor("Ann", room.hostUrl)), guest.open(urlFor("Ben", room.inviteUrl))]);
  await Promise.all([host.joined(), guest.joined()]);
  await Promise.all([host.seesPeople(2), guest.seesPeople(2)]);
  return { room, host, guest, laptop, cable };
};

describe("a frozen page", () => {
  it("[U9] [P7] is gone at once, and right again within 1 s of its return", async () => {
    const { room, host, guest, laptop, cable } = await onLaptopOf("Ben");
    await guest.type("Before. ");
    await host.sees("Before.");
    await laptop.freeze(guest.page);
    const frozenAt = performance.now();
    await host.seesPeople(1);
    expect(performance.now() - frozenAt).toBeLessThan(RIGHT_MS);
    expect(await world.relay.describe(room)).toMatchObject({ participants: 0, hosts: 1, endsAt: null });
    await host.type("Meanwhile. ");
    const before = cable.openedAt!;
    // Longer than a page that was thrown out of its session would wait before it tries again.
    await sleepFor(3_000);
    expect(cable.openedAt).toBe(before);
    await laptop.thaw(guest.page);
    await until("it takes up a line", () => cable.openedAt! > before);
    const ms = await msFromReconnect(cable, guest.sees("Meanwhile."), guest.seesPeople(2), host.seesPeople(2));
    expect(ms).toBeLessThan(RIGHT_MS);
    await guest.type("After.");
    await host.sees("Before. Meanwhile. After.");
  });

  it("[U9] [L3] [L4] of the last host begins the absence, and its return in time ends it", async () => {
    const { room, host, guest, laptop, cable } = await onLaptopOf("Ann");
    await laptop.freeze(host.page);
    const frozenAt = Date.now();
    await world.relay.deadlineOf(room);
    const { absentSince } = await world.relay.describe(room);
    expect(absentSince! - frozenAt).toBeLessThan(RIGHT_MS);
    await laptop.thaw(host.page);
    await until("the host is back", async () => (await world.relay.describe(room)).hosts === 1);
    expect(await msFromReconnect(cable, guest.seesPeople(2), host.seesPeople(2))).toBeLessThan(RIGHT_MS);
    expect(await world.relay.describe(room)).toMatchObject({ status: "live", run: 1, endsAt: null });
  });

  it("[U9] [U8] wakes on the ended screen if the session ended meanwhile", async () => {
    const { host, guest, laptop, cable } = await onLaptopOf("Ben");
    await laptop.freeze(guest.page);
    await host.seesPeople(1);
    await host.end();
    await laptop.thaw(guest.page);
    expect(await msFromReconnect(cable, guest.ended("ended the session."))).toBeLessThan(RIGHT_MS);
  });

  it("[U9] wakes on the left screen if its person had left, and stays out", async () => {
    const { room, host, guest, laptop } = await onLaptopOf("Ben");
    await guest.leave();
    await laptop.freeze(guest.page);
    await host.seesPeople(1);
    await laptop.thaw(guest.page);
    await guest.left();
    expect(await world.relay.describe(room)).toMatchObject({ participants: 0 });
    await guest.rejoinLink.click();
    await guest.joined();
    await host.seesPeople(2);
  });
});

describe("a host's laptop sleeps", () => {
  it("[W11] [L3] for a moment: nothing changes", async () => {
    const { room, host, guest, laptop, cable } = await onLaptopOf("Ann");
    const before = cable.openedAt;
    await laptop.sleep();
    await guest.type("Into the sleep. ");
    await sleepFor(SHORT_SLEEP_MS);
    expect(await world.relay.describe(room)).toMatchObject({ status: "live", hosts: 1, endsAt: null });
    laptop.wake();
    const wokeAt = performance.now();
    await host.sees("Into the sleep.");
    expect(performance.now() - wokeAt).toBeLessThan(RIGHT_MS);
    await Promise.all([host.seesPeople(2), guest.seesPeople(2)]);
    await host.type("Awake.");
    await guest.sees("Into the sleep. Awake.");
    expect(cable.openedAt).toBe(before);
  });

  it("[L3] [L4] and loses its network, but wakes in time: the session goes on", async () => {
    const { room, host, guest, laptop, cable } = await onLaptopOf("Ann");
    await laptop.sleep();
    cable.pull();
    await world.relay.deadlineOf(room);
    await guest.type("Meanwhile. ");
    await guest.seesPeople(1);
    cable.plugIn();
    laptop.wake();
    await until("the line is taken up again", async () => (await world.relay.describe(room)).hosts === 1);
    const ms = await msFromReconnect(cable, host.sees("Meanwhile."), host.seesPeople(2), guest.seesPeople(2));
    expect(ms).toBeLessThan(RIGHT_MS);
    expect(await world.relay.describe(room)).toMatchObject({ status: "live", run: 1, endsAt: null });
  });

  it("[L5] [U8] for longer than the limit: the session ends, and the host wakes on the ended screen", async () => {
    const { room, host, guest, laptop, cable } = await onLaptopOf("Ann", 1_500);
    await laptop.sleep();
    cable.pull();
    await guest.ended("The host did not return.", 1_500 + PATIENCE_MS);
    cable.plugIn();
    laptop.wake();
    const ended = host.ended("The host did not return.");
    expect(await msFromReconnect(cable, ended)).toBeLessThan(RIGHT_MS);
    expect(await world.relay.describe(room)).toMatchObject({ status: "ended", ended: { reason: "host-absent" } });
    await host.startButton.click();
    await host.joined();
    await guest.rejoinLink.click();
    await guest.joined();
    expect(await world.relay.describe(room)).toMatchObject({ status: "live", run: 2 });
  });
});
