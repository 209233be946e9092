/** Networks that disconnect and reconnect often: once they are stable, everything is consistent within a second. */
import { describe, it } from "vitest";
import { until } from "../e2e/until.ts";
import { Random } from "../random.ts";
import { flap } from "./flap.ts";
import type { ClientKind, Peer } from "./peer.ts";
import { createWorld, CONSISTENT_MS } from "./world.ts";

const FLAPS = 20;
/** From less than a handshake takes to more than the longest wait between two connection attempts. */
const CONNECTED_MS = [5, 1_500] as const;
const DISCONNECTED_MS = [1, 250] as const;
/** A new seed for each run, unless one is to be repeated. */
const SEED = Number(process.env["NETWORK_SEED"] ?? Date.now() % 2 ** 32);

const world = createWorld();

describe.concurrent(`flapping networks (NETWORK_SEED=${SEED})`, () => {
  const PEOPLE: { kind: ClientKind; role: "host" | "participant"; name: string; invited?: boolean }[] = [
    { kind: "room", role: "host", name: "Hera" },
    { kind: "stock", role: "participant", name: "Gus" },
    { kind: "room", role: "participant", name: "Ria" },
    { kind: "stock", role: "host", name: "Sam" },
    { kind: "room", role: "participant", name: "Ivo", invited: true },
    { kind: "stock", role: "participant", name: "Ivy", invited: true },
  ];

  it("[U8] [P7] all at once: no edit is lost, and nobody is listed twice or remains listed", async ({
    expect,
    onTestFinished,
  }) => {
    const random = new Random(SEED);
    const testRoom = await world.makeRoom(onTestFinished);
    const peers: Peer[] = [];
    for (const { kind, role, name, ...options } of PEOPLE) peers.push(await testRoom.enter(kind, role, name, options));
    const witness = await testRoom.enter("room", "participant", "Wim");
    const all = [...peers, witness];
    await testRoom.msUntilConsistent(all);
    const typed: string[] = [];
    await Promise.all(
      peers.map((peer) =>
        flap(peer.network, random.fork(), {
          times: FLAPS,
          connectedMs: CONNECTED_MS,
          disconnectedMs: DISCONNECTED_MS,
          onChange: (isDisconnected) => {
            const words = `${peer.name}${isDisconnected ? " off" : " on"} ${typed.length}; `;
            typed.push(words);
            peer.type(words);
            peer.awareness.setLocalStateField("cursor", typed.length);
          },
        }),
      ),
    );
    const stableAt = performance.now();
    await until("all are connected", () => peers.every(({ isOnline }) => isOnline));
    const openedAt = Math.max(stableAt, ...peers.map(({ onlineAt }) => onlineAt));
    expect(await testRoom.msUntilConsistent(all, openedAt)).toBeLessThan(CONSISTENT_MS);
    // Otherwise the intervals were too short for any connection to open.
    for (const { network } of peers) expect(network.connections).toBeGreaterThan(FLAPS / 4);
    expect(typed).toHaveLength(PEOPLE.length * FLAPS * 2);
    expect(typed.filter((words) => !witness.text.includes(words))).toEqual([]);
    expect(witness.text).toHaveLength(typed.join("").length);
    for (const { doc, awareness } of peers) {
      const cursor = () => witness.awareness.getStates().get(doc.clientID)?.["cursor"];
      expect(cursor()).toBe(awareness.getLocalState()?.["cursor"]);
    }
    expect(await testRoom.describe()).toMatchObject({
      status: "live",
      run: 1,
      hosts: 2,
      participants: 5,
      endsAt: null,
    });
  });

  it.for(["stock", "room"] as const)(
    "[L3] [L4] the last host's, with a %s client: the session never ends early, and ends in time",
    async (kind, { expect, onTestFinished }) => {
      const absenceMs = 4_000;
      const testRoom = await world.makeRoom(onTestFinished, absenceMs);
      const host = await testRoom.enter(kind, "host", "Hera");
      const guest = await testRoom.enter("room", "participant", "Gus");
      await testRoom.msUntilConsistent([host, guest]);
      // Away for longer than the limit in total, but never at a stretch: each connected phase lasts longer than the wait between attempts.
      await flap(host.network, new Random(SEED), {
        times: 4,
        connectedMs: [1_800, 2_200],
        disconnectedMs: [1_200, 1_400],
      });
      await until("the host is connected", () => host.isOnline);
      expect(await testRoom.msUntilConsistent([host, guest])).toBeLessThan(CONSISTENT_MS);
      expect(await testRoom.describe()).toMatchObject({
        status: "live",
        run: 1,
        hosts: 1,
        endsAt: null,
        absentSince: null,
      });
      host.network.disconnect();
      // Compare times of the relay's clock only: it may differ from this process's clock by some milliseconds.
      const { absentSince, endsAt } = await until("the absence has begun", async () => {
        const described = await testRoom.describe();
        return described.endsAt === null ? null : described;
      });
      expect(endsAt! - absentSince!).toBe(absenceMs);
      await until("the session has ended", () => guest.session?.status === "ended");
      const { ended } = await testRoom.describe();
      expect(ended).toMatchObject({ reason: "host-absent" });
      expect(ended!.at).toBeGreaterThanOrEqual(endsAt!);
      expect(ended!.at - endsAt!).toBeLessThan(CONSISTENT_MS);
    },
  );
});
