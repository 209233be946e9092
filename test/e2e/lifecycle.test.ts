/** Pages that the browser freezes and computers that sleep: what the others see, and the state afterwards. */
import { describe, expect, it } from "vitest";
import type { EmulatedNetwork } from "../network/emulated-network.ts";
import { createEmulatedNetwork } from "../network/emulated-network.ts";
import { openSuspendableBrowser } from "./suspendable-browser.ts";
import { TIMEOUT_MS, until } from "./until.ts";
import { createWorld } from "./world.ts";

/** Within this time others see that somebody has left, and a returning page is up to date, in ms. */
const PROMPT_MS = 1_000;
const SHORT_SLEEP_MS = 3_000;

const world = createWorld();

const sleepFor = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for all promises; resolves with the ms since the page last opened a WebSocket. */
const msFromReconnect = async (network: EmulatedNetwork, ...all: Promise<unknown>[]): Promise<number> => {
  await Promise.all(all);
  return performance.now() - network.clientOpenedAt!;
};

/** A room with Ann as its only host and Ben as participant. One of them uses the suspendable browser. */
const inSuspendableBrowserOf = async (whose: "Ann" | "Ben", hostAbsenceMs = 60_000) => {
  const room = await world.relay.makeRoom({ hostAbsenceMs });
  const network = await createEmulatedNetwork(world.relay.url);
  const browser = await openSuspendableBrowser();
  const openPage = (name: "Ann" | "Ben") => world.person(name, {}, name === whose ? browser.context : undefined);
  const [host, guest] = [await openPage("Ann"), await openPage("Ben")];
  const urlFor = (name: "Ann" | "Ben", url: string): string => (name === whose ? network.through(url) : url);
  await Promise.all([host.open(urlFor("Ann", room.hostUrl)), guest.open(urlFor("Ben", room.inviteUrl))]);
  await Promise.all([host.joined(), guest.joined()]);
  await Promise.all([host.seesPeople(2), guest.seesPeople(2)]);
  return { room, host, guest, browser, network };
};

describe("a frozen page", () => {
  it("[U9] [P7] is removed from the list at once, and up to date within 1 s of its return", async () => {
    const { room, host, guest, browser, network } = await inSuspendableBrowserOf("Ben");
    await guest.type("Before. ");
    await host.sees("Before.");
    await browser.freeze(guest.page);
    const frozenAt = performance.now();
    await host.seesPeople(1);
    expect(performance.now() - frozenAt).toBeLessThan(PROMPT_MS);
    expect(await world.relay.describe(room)).toMatchObject({ participants: 0, hosts: 1, endsAt: null });
    await host.type("Meanwhile. ");
    const before = network.clientOpenedAt!;
    // Longer than a page whose connection broke would wait before it reconnects.
    await sleepFor(3_000);
    expect(network.clientOpenedAt).toBe(before);
    await browser.unfreeze(guest.page);
    await until("it opens a connection", () => network.clientOpenedAt! > before);
    const ms = await msFromReconnect(network, guest.sees("Meanwhile."), guest.seesPeople(2), host.seesPeople(2));
    expect(ms).toBeLessThan(PROMPT_MS);
    await guest.type("After.");
    await host.sees("Before. Meanwhile. After.");
  });

  it("[U9] [L3] [L4] of the last host starts the absence, and its return in time ends it", async () => {
    const { room, host, guest, browser, network } = await inSuspendableBrowserOf("Ann");
    await browser.freeze(host.page);
    const frozenAt = Date.now();
    await world.relay.deadlineOf(room);
    const { absentSince } = await world.relay.describe(room);
    expect(absentSince! - frozenAt).toBeLessThan(PROMPT_MS);
    await browser.unfreeze(host.page);
    await until("the host is back", async () => (await world.relay.describe(room)).hosts === 1);
    expect(await msFromReconnect(network, guest.seesPeople(2), host.seesPeople(2))).toBeLessThan(PROMPT_MS);
    expect(await world.relay.describe(room)).toMatchObject({ status: "live", run: 1, endsAt: null });
  });

  it("[U9] [U8] shows the ended screen on its return if the session ended meanwhile", async () => {
    const { host, guest, browser, network } = await inSuspendableBrowserOf("Ben");
    await browser.freeze(guest.page);
    await host.seesPeople(1);
    await host.end();
    await browser.unfreeze(guest.page);
    expect(await msFromReconnect(network, guest.ended("ended the session."))).toBeLessThan(PROMPT_MS);
  });

  it("[U9] shows the left screen on its return if its person had left, and does not rejoin", async () => {
    const { room, host, guest, browser } = await inSuspendableBrowserOf("Ben");
    await guest.leave();
    await browser.freeze(guest.page);
    await host.seesPeople(1);
    await browser.unfreeze(guest.page);
    await guest.left();
    expect(await world.relay.describe(room)).toMatchObject({ participants: 0 });
    await guest.rejoinLink.click();
    await guest.joined();
    await host.seesPeople(2);
  });
});

describe("a host's computer sleeps", () => {
  it("[W11] [L3] for a short time: nothing changes", async () => {
    const { room, host, guest, browser, network } = await inSuspendableBrowserOf("Ann");
    const before = network.clientOpenedAt;
    await browser.sleep();
    await guest.type("During the sleep. ");
    await sleepFor(SHORT_SLEEP_MS);
    expect(await world.relay.describe(room)).toMatchObject({ status: "live", hosts: 1, endsAt: null });
    browser.wake();
    const wokeAt = performance.now();
    await host.sees("During the sleep.");
    expect(performance.now() - wokeAt).toBeLessThan(PROMPT_MS);
    await Promise.all([host.seesPeople(2), guest.seesPeople(2)]);
    await host.type("Awake.");
    await guest.sees("During the sleep. Awake.");
    expect(network.clientOpenedAt).toBe(before);
  });

  it("[L3] [L4] and loses its network, but wakes in time: the session continues", async () => {
    const { room, host, guest, browser, network } = await inSuspendableBrowserOf("Ann");
    await browser.sleep();
    network.disconnect();
    await world.relay.deadlineOf(room);
    await guest.type("Meanwhile. ");
    await guest.seesPeople(1);
    network.reconnect();
    browser.wake();
    await until("the host has reconnected", async () => (await world.relay.describe(room)).hosts === 1);
    const ms = await msFromReconnect(network, host.sees("Meanwhile."), host.seesPeople(2), guest.seesPeople(2));
    expect(ms).toBeLessThan(PROMPT_MS);
    expect(await world.relay.describe(room)).toMatchObject({ status: "live", run: 1, endsAt: null });
  });

  it("[L5] [U8] for longer than the limit: the session ends, and the host sees the ended screen on waking", async () => {
    const { room, host, guest, browser, network } = await inSuspendableBrowserOf("Ann", 1_500);
    await browser.sleep();
    network.disconnect();
    await guest.ended("The host did not return.", 1_500 + TIMEOUT_MS);
    network.reconnect();
    browser.wake();
    const ended = host.ended("The host did not return.");
    expect(await msFromReconnect(network, ended)).toBeLessThan(PROMPT_MS);
    expect(await world.relay.describe(room)).toMatchObject({ status: "ended", ended: { reason: "host-absent" } });
    await host.startButton.click();
    await host.joined();
    await guest.rejoinLink.click();
    await guest.joined();
    expect(await world.relay.describe(room)).toMatchObject({ status: "live", run: 2 });
  });
});
