/**
 * Connections on which everything is silently lost. The relay's times keep their defaults, so each test
 * takes most of a minute, and all run concurrently.
 */
import { describe, it } from "vitest";
import { until } from "../e2e/until.ts";
import { CLIENT_KINDS } from "./peer.ts";
import type { ClientKind, Peer } from "./peer.ts";
import { createWorld, CONSISTENT_MS } from "./world.ts";
import type { TestRoom, OnEnd } from "./world.ts";

/** docs/SPEC.md, W11. */
const DEAD_MS = 40_000;
/** y-websocket 3.1 checks every 3 s whether 30 s have passed without a message. */
const CLIENT_NOTICES_MS = 35_000;
/** A stall short enough for TCP, the relay and its clients to survive. */
const STALL_MS = 14_000;
/** The timeout of a room client's connection attempt, and the longest wait before the next one. */
const NEXT_ATTEMPT_MS = 10_000 + 2_500;
/** Tolerance of the measurement on a busy machine. */
const SLACK_MS = 1_000;
const TIMEOUT_MS = 70_000;

const world = createWorld();

type Setting = { readonly testRoom: TestRoom; readonly host: Peer; readonly peer: Peer; readonly all: readonly Peer[] };

const setUp = async (kind: ClientKind, onEnd: OnEnd): Promise<Setting> => {
  const testRoom = await world.makeRoom(onEnd);
  const host = await testRoom.enter("room", "host", "Hera");
  const peer = await testRoom.enter(kind, "participant", "Gus");
  const witness = await testRoom.enter("stock", "participant", "Wim");
  const all = [host, peer, witness];
  await testRoom.msUntilConsistent(all);
  return { testRoom, host, peer, all };
};

/** Waits until the relay has removed the peer; resolves with the ms since `since`. */
const msUntilGone = async ({ testRoom, all, peer }: Setting, since: number): Promise<number> => {
  const others = all.filter((each) => each !== peer);
  await until(
    "the others see that it is gone",
    async () => {
      const { participants } = await testRoom.describe();
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

describe.concurrent("silent loss", { timeout: TIMEOUT_MS }, () => {
  for (const kind of CLIENT_KINDS) {
    it(`[W11] of a ${kind} client, in both directions: both sides notice, and all is consistent when it reconnects`, async ({
      expect,
      onTestFinished,
    }) => {
      const setting = await setUp(kind, onTestFinished);
      const { testRoom, host, peer, all } = setting;
      const since = performance.now();
      peer.network.blackhole();
      peer.type("Typed offline. ");
      host.type("Typed online. ");
      // New connections work as soon as the client opens one.
      peer.network.endBlackhole();
      expect(peer.text).not.toContain("Typed online.");
      const [noticedMs] = await Promise.all([
        msUntilNoticed(peer, since),
        until("it has reconnected", () => peer.onlineAt > since, DEAD_MS),
      ]);
      expect(noticedMs).toBeLessThan(CLIENT_NOTICES_MS);
      expect(await testRoom.msUntilConsistent(all)).toBeLessThan(CONSISTENT_MS);
      expect(host.text).toContain("Typed offline.");
    });

    it(`[W11] [P7] a ${kind} client that never returns is removed from every list`, async ({
      expect,
      onTestFinished,
    }) => {
      const setting = await setUp(kind, onTestFinished);
      setting.peer.network.blackhole();
      expect(await msUntilGone(setting, performance.now())).toBeLessThan(DEAD_MS);
    });

    it(`[W11] [L3] [L4] of the last host's ${kind} client: the absence starts when it is noticed, and ends at the return`, async ({
      expect,
      onTestFinished,
    }) => {
      const testRoom = await world.makeRoom(onTestFinished);
      const host = await testRoom.enter(kind, "host", "Hera");
      const guest = await testRoom.enter("room", "participant", "Gus");
      await testRoom.msUntilConsistent([host, guest]);
      const lostAt = Date.now();
      host.network.blackhole();
      const { absentSince } = await until(
        "the absence has started",
        async () => {
          const described = await testRoom.describe();
          return described.endsAt === null ? null : described;
        },
        DEAD_MS + SLACK_MS,
      );
      expect(absentSince! - lostAt).toBeLessThan(DEAD_MS);
      // At least two rounds of pings: nobody is disconnected for one late pong.
      expect(absentSince! - lostAt).toBeGreaterThan(20_000);
      // The relay sends to the guest before it answers us, but the guest's connection takes longer.
      await until("the host is gone from the list", () => guest.others.length === 0, CONSISTENT_MS);
      host.network.endBlackhole();
      const restoredAt = performance.now();
      if (kind === "stock" && !host.isOnline) {
        // Its connection attempt hangs in the black hole; a page that reloads starts a new one.
        host.provider.disconnect();
        host.provider.connect();
      }
      await until("the host is back", () => host.onlineAt > restoredAt, NEXT_ATTEMPT_MS + SLACK_MS);
      expect(await testRoom.msUntilConsistent([host, guest])).toBeLessThan(CONSISTENT_MS);
      expect(await testRoom.describe()).toMatchObject({ status: "live", run: 1, endsAt: null });
    });

    it(`[W11] from a ${kind} client to the relay only: the relay closes the connection, and what was lost is sent again`, async ({
      expect,
      onTestFinished,
    }) => {
      const setting = await setUp(kind, onTestFinished);
      const { testRoom, host, peer, all } = setting;
      const since = performance.now();
      peer.network.blackhole("up");
      peer.network.endBlackhole();
      peer.type("Lost at first. ");
      host.type("Received meanwhile. ");
      await until("it receives from the others", () => peer.text.includes("Received meanwhile."));
      expect(host.text).not.toContain("Lost at first.");
      await until("it has reconnected", () => peer.onlineAt > since, DEAD_MS + SLACK_MS);
      expect(peer.onlineAt - since).toBeLessThan(DEAD_MS);
      expect(await testRoom.msUntilConsistent(all)).toBeLessThan(CONSISTENT_MS);
      expect(host.text).toContain("Lost at first.");
    });

    it(`[W11] [W10] from the relay to a ${kind} client only: the client closes the connection, and its edits arrive meanwhile`, async ({
      expect,
      onTestFinished,
    }) => {
      const setting = await setUp(kind, onTestFinished);
      const { testRoom, host, peer, all } = setting;
      const since = performance.now();
      peer.network.blackhole("down");
      peer.network.endBlackhole();
      peer.type("Delivered. ");
      await until("the others receive it", () => host.text.includes("Delivered."));
      host.type("Not delivered. ");
      expect(peer.text).not.toContain("Not delivered.");
      expect(await msUntilNoticed(peer, since)).toBeLessThan(CLIENT_NOTICES_MS);
      await until("it has reconnected", () => peer.onlineAt > since);
      expect(await testRoom.msUntilConsistent(all)).toBeLessThan(CONSISTENT_MS);
      expect(peer.text).toContain("Not delivered.");
    });

    it(`[L3] [P7] of the last host's first connection, while a second one of the ${kind} client is open: its late close changes nothing`, async ({
      expect,
      onTestFinished,
    }) => {
      const testRoom = await world.makeRoom(onTestFinished);
      const host = await testRoom.enter(kind, "host", "Hera");
      const guest = await testRoom.enter("room", "participant", "Gus");
      await testRoom.msUntilConsistent([host, guest]);
      const since = performance.now();
      host.network.blackhole();
      host.provider.disconnect();
      host.network.endBlackhole();
      host.provider.connect();
      await until("the new connection is open", () => host.isOnline);
      expect(await testRoom.msUntilConsistent([host, guest])).toBeLessThan(CONSISTENT_MS);
      while (performance.now() - since < DEAD_MS) {
        expect(guest.others).toEqual(["Hera"]);
        expect(await testRoom.describe()).toMatchObject({ status: "live", hosts: 1, endsAt: null });
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(await testRoom.areConsistent([host, guest])).toBe(true);
    });

    it(`[W11] a stall of a ${kind} client that is shorter than all timeouts: the connection stays open, and nothing is lost`, async ({
      expect,
      onTestFinished,
    }) => {
      const { testRoom, host, peer, all } = await setUp(kind, onTestFinished);
      const before = peer.onlineAt;
      peer.network.shape({ bytesPerSecond: 0 });
      peer.type("Delayed by the stall. ");
      host.type("This as well. ");
      await new Promise((resolve) => setTimeout(resolve, STALL_MS));
      expect(host.others).toContain(peer.name);
      expect(peer.text).not.toContain("This as well.");
      peer.network.shape({ bytesPerSecond: Infinity });
      expect(await testRoom.msUntilConsistent(all, performance.now())).toBeLessThan(CONSISTENT_MS);
      expect(peer.text).toContain("This as well.");
      expect(host.text).toContain("Delayed by the stall.");
      expect(peer.onlineAt).toBe(before);
    });

    it(`[W10] an idle ${kind} client's connection stays open`, async ({ expect, onTestFinished }) => {
      const { testRoom, peer, all } = await setUp(kind, onTestFinished);
      const since = performance.now();
      await new Promise((resolve) => setTimeout(resolve, DEAD_MS));
      expect(peer.lostAt).toBeLessThan(since);
      expect(await testRoom.areConsistent(all)).toBe(true);
    });
  }

  it("[U8] a room client's connection attempt without an answer times out, and the next one succeeds", async ({
    expect,
    onTestFinished,
  }) => {
    const { testRoom, peer, all } = await setUp("room", onTestFinished);
    peer.network.disconnect();
    await until("it has noticed", () => !peer.isOnline);
    peer.network.blackhole();
    peer.network.reconnect();
    const before = peer.network.connections;
    await until(
      "an attempt hangs in the black hole",
      () => peer.network.connections > before && peer.provider.wsconnecting,
    );
    const restoredAt = performance.now();
    peer.network.endBlackhole();
    await until("it has reconnected", () => peer.isOnline, NEXT_ATTEMPT_MS + SLACK_MS);
    expect(peer.onlineAt - restoredAt).toBeLessThan(NEXT_ATTEMPT_MS);
    expect(await testRoom.msUntilConsistent(all)).toBeLessThan(CONSISTENT_MS);
  });
});
