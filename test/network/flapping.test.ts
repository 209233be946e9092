/** Networks that come and go: when they are done, everything is right within a second. */
import { describe, it } from "vitest";
import { until } from "../e2e/until.ts";
import { Random } from "../random.ts";
import { flap } from "./flap.ts";
import type { Kind, Peer } from "./peer.ts";
import { createTown, RIGHT_MS } from "./town.ts";

const FLAPS = 20;
/** From less than a handshake to more than the longest wait between two tries. */
const PLUGGED_MS = [5, 1_500] as const;
const PULLED_MS = [1, 250] as const;
/** A fresh rhythm each time, unless one is to be repeated. */
const SEED = Number(process.env["NETWORK_SEED"] ?? Date.now() % 2 ** 32);

const town = createTown();

describe.concurrent(`flapping networks (NETWORK_SEED=${SEED})`, () => {
  const PEOPLE: { kind: Kind; role: "host" | "participant"; name: string; invited?: boolean }[] = [
    { kind: "room", role: "host", name: "Hera" },
    { kind: "stock", role: "participant", name: "Gus" },
    { kind: "room", role: "participant", name: "Ria" },
    { kind: "stock", role: "host", name: "Sam" },
    { kind: "room", role: "participant", name: "Ivo", invited: true },
    { kind: "stock", role: "participant", name: "Ivy", invited: true },
  ];

  it("[U8] [P7] everybody's at once: no word is lost, nobody is doubled or left behind", async ({
    expect,
    onTestFinished,
  }) => {
    const random = new Random(SEED);
    const guests = await town.makeRoom(onTestFinished);
    const peers: Peer[] = [];
    for (const { kind, role, name, ...options } of PEOPLE) peers.push(await guests.enter(kind, role, name, options));
    const witness = await guests.enter("room", "participant", "Wim");
    const all = [...peers, witness];
    await guests.msUntilRight(all);
    const typed: string[] = [];
    await Promise.all(
      peers.map((peer) =>
        flap(peer.cable, random.fork(), {
          times: FLAPS,
          pluggedMs: PLUGGED_MS,
          pulledMs: PULLED_MS,
          onChange: (isPulled) => {
            const words = `${peer.name}${isPulled ? " off" : " on"} ${typed.length}; `;
            typed.push(words);
            peer.type(words);
            peer.awareness.setLocalStateField("cursor", typed.length);
          },
        }),
      ),
    );
    const restedAt = performance.now();
    await until("all lines stand", () => peers.every(({ isOnline }) => isOnline));
    const openedAt = Math.max(restedAt, ...peers.map(({ onlineAt }) => onlineAt));
    expect(await guests.msUntilRight(all, openedAt)).toBeLessThan(RIGHT_MS);
    // The rhythm must have met lines that stood.
    for (const { cable } of peers) expect(cable.connections).toBeGreaterThan(FLAPS / 4);
    expect(typed).toHaveLength(PEOPLE.length * FLAPS * 2);
    expect(typed.filter((words) => !witness.text.includes(words))).toEqual([]);
    expect(witness.text).toHaveLength(typed.join("").length);
    for (const { doc, awareness } of peers) {
      const cursor = () => witness.awareness.getStates().get(doc.clientID)?.["cursor"];
      expect(cursor()).toBe(awareness.getLocalState()?.["cursor"]);
    }
    expect(await guests.describe()).toMatchObject({ status: "live", run: 1, hosts: 2, participants: 5, endsAt: null });
  });

  it.for(["stock", "room"] as const)(
    "[L3] [L4] the last host's, by a %s client: it never ends early, and ends in time",
    async (kind, { expect, onTestFinished }) => {
      const absenceMs = 4_000;
      const guests = await town.makeRoom(onTestFinished, absenceMs);
      const host = await guests.enter(kind, "host", "Hera");
      const guest = await guests.enter("room", "participant", "Gus");
      await guests.msUntilRight([host, guest]);
      // Away for longer than the limit in all, and never at once: each return lasts longer than the wait for a try.
      await flap(host.cable, new Random(SEED), { times: 4, pluggedMs: [1_800, 2_200], pulledMs: [1_200, 1_400] });
      await until("the host's line stands", () => host.isOnline);
      expect(await guests.msUntilRight([host, guest])).toBeLessThan(RIGHT_MS);
      expect(await guests.describe()).toMatchObject({
        status: "live",
        run: 1,
        hosts: 1,
        endsAt: null,
        absentSince: null,
      });
      host.cable.pull();
      // All by the relay's own clock, which may be some milliseconds from this process's.
      const { absentSince, endsAt } = await until("the absence has begun", async () => {
        const described = await guests.describe();
        return described.endsAt === null ? null : described;
      });
      expect(endsAt! - absentSince!).toBe(absenceMs);
      await until("the session has ended", () => guest.session?.status === "ended");
      const { ended } = await guests.describe();
      expect(ended).toMatchObject({ reason: "host-absent" });
      expect(ended!.at).toBeGreaterThanOrEqual(endsAt!);
      expect(ended!.at - endsAt!).toBeLessThan(RIGHT_MS);
    },
  );
});
