/**
 * Lines that are dead without a word: the relay's settings of time are those that people have, so
 * each of these takes most of a minute, and all run at the same time.
 */
import { describe, it } from "vitest";
import { until } from "../e2e/until.ts";
import { KINDS } from "./peer.ts";
import type { Kind, Peer } from "./peer.ts";
import { createTown, RIGHT_MS } from "./town.ts";
import type { Guests, OnEnd } from "./town.ts";

/** docs/SPEC.md, W11. */
const DEAD_MS = 40_000;
/** y-websocket 3.1 looks every 3 s whether 30 s have gone by without a message. */
const CLIENT_NOTICES_MS = 35_000;
/** A stall that TCP gets over, and the relay and its clients with it. */
const STALL_MS = 14_000;
/** A room client's try to connect, and the longest wait before the next. */
const NEXT_TRY_MS = 10_000 + 2_500;
/** For measuring, on a machine that may be busy. */
const SLACK_MS = 1_000;
const TIMEOUT_MS = 70_000;

const town = createTown();

type Setting = { readonly guests: Guests; readonly host: Peer; readonly peer: Peer; readonly all: readonly Peer[] };

const gather = async (kind: Kind, onEnd: OnEnd): Promise<Setting> => {
  const guests = await town.makeRoom(onEnd);
  const host = await guests.enter("room", "host", "Hera");
  const peer = await guests.enter(kind, "participant", "Gus");
  const witness = await guests.enter("stock", "participant", "Wim");
  const all = [host, peer, witness];
  await guests.msUntilRight(all);
  return { guests, host, peer, all };
};

/** Waits until the relay has let the peer go; answers how many ms after `since` that was. */
const msUntilGone = async ({ guests, all, peer }: Setting, since: number): Promise<number> => {
  const others = all.filter((each) => each !== peer);
  await until(
    "the others see that it is gone",
    async () => {
      const { participants } = await guests.describe();
      return participants === 1 && others.every((other) => !other.others.includes(peer.name));
    },
    DEAD_MS + SLACK_MS,
  );
  return performance.now() - since;
};

const msUntilNoticed = async (peer: Peer, since: number): Promise<number> => {
  await until("the client has noticed", () => peer.lostAt > since, CLIENT_NOTICES_MS + SLACK_MS);
  return peer.lostAt - since;
};

describe.concurrent("dead silence", { timeout: TIMEOUT_MS }, () => {
  for (const kind of KINDS) {
    it(`[W11] a ${kind} client's, both ways: both sides find out, and all is right when it returns`, async ({
      expect,
      onTestFinished,
    }) => {
      const setting = await gather(kind, onTestFinished);
      const { guests, host, peer, all } = setting;
      const since = performance.now();
      peer.cable.goDark();
      peer.type("Typed in the dark. ");
      host.type("Typed in the light. ");
      // The client finds new lines sound as soon as it looks for one.
      peer.cable.goLight();
      expect(peer.text).not.toContain("Typed in the light.");
      const [noticedMs] = await Promise.all([
        msUntilNoticed(peer, since),
        until("it is back", () => peer.onlineAt > since, DEAD_MS),
      ]);
      expect(noticedMs).toBeLessThan(CLIENT_NOTICES_MS);
      expect(await guests.msUntilRight(all)).toBeLessThan(RIGHT_MS);
      expect(host.text).toContain("Typed in the dark.");
    });

    it(`[W11] [P7] a ${kind} client that never returns is gone from every list`, async ({ expect, onTestFinished }) => {
      const setting = await gather(kind, onTestFinished);
      setting.peer.cable.goDark();
      expect(await msUntilGone(setting, performance.now())).toBeLessThan(DEAD_MS);
    });

    it(`[W11] [L3] [L4] a ${kind} client's, who is the last host: the absence starts then, and ends at the return`, async ({
      expect,
      onTestFinished,
    }) => {
      const guests = await town.makeRoom(onTestFinished);
      const host = await guests.enter(kind, "host", "Hera");
      const guest = await guests.enter("room", "participant", "Gus");
      await guests.msUntilRight([host, guest]);
      const darkAt = Date.now();
      host.cable.goDark();
      const { absentSince } = await until(
        "the absence has begun",
        async () => {
          const described = await guests.describe();
          return described.endsAt === null ? null : described;
        },
        DEAD_MS + SLACK_MS,
      );
      expect(absentSince! - darkAt).toBeLessThan(DEAD_MS);
      // At least the pings of two rounds were waited for: nobody is dropped for one that is late.
      expect(absentSince! - darkAt).toBeGreaterThan(20_000);
      // The relay tells the guest before it answers us, but the guest's line is the longer way.
      await until("the host is gone from the list", () => guest.others.length === 0, RIGHT_MS);
      host.cable.goLight();
      const lightAt = performance.now();
      if (kind === "stock" && !host.isOnline) {
        // Its try to connect hangs in the dark; a page that loads again makes a new one.
        host.provider.disconnect();
        host.provider.connect();
      }
      await until("the host is back", () => host.onlineAt > lightAt, NEXT_TRY_MS + SLACK_MS);
      expect(await guests.msUntilRight([host, guest])).toBeLessThan(RIGHT_MS);
      expect(await guests.describe()).toMatchObject({ status: "live", run: 1, endsAt: null });
    });

    it(`[W11] a ${kind} client's, to the relay alone: the relay hangs up, and what was lost comes`, async ({
      expect,
      onTestFinished,
    }) => {
      const setting = await gather(kind, onTestFinished);
      const { guests, host, peer, all } = setting;
      const since = performance.now();
      peer.cable.goDark("up");
      peer.cable.goLight();
      peer.type("Into the void. ");
      host.type("Heard meanwhile. ");
      await until("it hears the others", () => peer.text.includes("Heard meanwhile."));
      expect(host.text).not.toContain("Into the void.");
      await until("it is back", () => peer.onlineAt > since, DEAD_MS + SLACK_MS);
      expect(peer.onlineAt - since).toBeLessThan(DEAD_MS);
      expect(await guests.msUntilRight(all)).toBeLessThan(RIGHT_MS);
      expect(host.text).toContain("Into the void.");
    });

    it(`[W11] [W10] a ${kind} client's, from the relay alone: the client hangs up, and is heard meanwhile`, async ({
      expect,
      onTestFinished,
    }) => {
      const setting = await gather(kind, onTestFinished);
      const { guests, host, peer, all } = setting;
      const since = performance.now();
      peer.cable.goDark("down");
      peer.cable.goLight();
      peer.type("Heard. ");
      await until("the others hear it", () => host.text.includes("Heard."));
      host.type("Not heard. ");
      expect(peer.text).not.toContain("Not heard.");
      expect(await msUntilNoticed(peer, since)).toBeLessThan(CLIENT_NOTICES_MS);
      await until("it is back", () => peer.onlineAt > since);
      expect(await guests.msUntilRight(all)).toBeLessThan(RIGHT_MS);
      expect(peer.text).toContain("Not heard.");
    });

    it(`[L3] [P7] a ${kind} client's first line, of a last host who is back on another: its late end changes nothing`, async ({
      expect,
      onTestFinished,
    }) => {
      const guests = await town.makeRoom(onTestFinished);
      const host = await guests.enter(kind, "host", "Hera");
      const guest = await guests.enter("room", "participant", "Gus");
      await guests.msUntilRight([host, guest]);
      const since = performance.now();
      host.cable.goDark();
      host.provider.disconnect();
      host.cable.goLight();
      host.provider.connect();
      await until("the new line stands", () => host.isOnline);
      expect(await guests.msUntilRight([host, guest])).toBeLessThan(RIGHT_MS);
      while (performance.now() - since < DEAD_MS) {
        expect(guest.others).toEqual(["Hera"]);
        expect(await guests.describe()).toMatchObject({ status: "live", hosts: 1, endsAt: null });
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(await guests.areRight([host, guest])).toBe(true);
    });

    it(`[W11] a ${kind} client's that is over before anybody gives up: the line stands, and nothing was lost`, async ({
      expect,
      onTestFinished,
    }) => {
      const { guests, host, peer, all } = await gather(kind, onTestFinished);
      const before = peer.onlineAt;
      peer.cable.change({ bytesPerSecond: 0 });
      peer.type("Sent in vain for a while. ");
      host.type("This as well. ");
      await new Promise((resolve) => setTimeout(resolve, STALL_MS));
      expect(host.others).toContain(peer.name);
      expect(peer.text).not.toContain("This as well.");
      peer.cable.change({ bytesPerSecond: Infinity });
      expect(await guests.msUntilRight(all, performance.now())).toBeLessThan(RIGHT_MS);
      expect(peer.text).toContain("This as well.");
      expect(host.text).toContain("Sent in vain for a while.");
      expect(peer.onlineAt).toBe(before);
    });

    it(`[W10] an idle ${kind} client's line stands`, async ({ expect, onTestFinished }) => {
      const { guests, peer, all } = await gather(kind, onTestFinished);
      const since = performance.now();
      await new Promise((resolve) => setTimeout(resolve, DEAD_MS));
      expect(peer.lostAt).toBeLessThan(since);
      expect(await guests.areRight(all)).toBe(true);
    });
  }

  it("[U8] a room client's try to connect that nobody answers is given up, and the next one succeeds", async ({
    expect,
    onTestFinished,
  }) => {
    const { guests, peer, all } = await gather("room", onTestFinished);
    peer.cable.pull();
    await until("it has noticed", () => !peer.isOnline);
    peer.cable.goDark();
    peer.cable.plugIn();
    const before = peer.cable.connections;
    await until("a try hangs in the dark", () => peer.cable.connections > before && peer.provider.wsconnecting);
    const lightAt = performance.now();
    peer.cable.goLight();
    await until("it is back", () => peer.isOnline, NEXT_TRY_MS + SLACK_MS);
    expect(peer.onlineAt - lightAt).toBeLessThan(NEXT_TRY_MS);
    expect(await guests.msUntilRight(all)).toBeLessThan(RIGHT_MS);
  });
});
