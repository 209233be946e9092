/** Long and uneven ways: everybody still comes to the same, and races have one winner. */
import { describe, it } from "vitest";
import { until } from "../e2e/until.ts";
import type { Peer } from "./peer.ts";
import { createTown } from "./town.ts";
import type { Guests, OnEnd } from "./town.ts";

/** 50 to 350 ms in each direction. */
const WEATHER = { delayMs: 50, jitterMs: 300 };

const town = createTown();

/** Two hosts, by the room client, and a participant by the stock one, all far away. */
const gather = async (onEnd: OnEnd): Promise<{ guests: Guests; hosts: [Peer, Peer]; all: Peer[] }> => {
  const guests = await town.makeRoom(onEnd);
  const hosts: [Peer, Peer] = [await guests.enter("room", "host", "Hera"), await guests.enter("room", "host", "Hugo")];
  const guest = await guests.enter("stock", "participant", "Gus");
  const all = [...hosts, guest];
  await guests.msUntilRight(all);
  for (const { cable } of all) cable.change(WEATHER);
  return { guests, hosts, all };
};

describe.concurrent("far away", () => {
  it("edits and cursors of three people who write at once come to the same everywhere", async ({
    expect,
    onTestFinished,
  }) => {
    const { guests, all } = await gather(onTestFinished);
    const rounds = 30;
    for (let i = 0; i < rounds; i++) {
      for (const peer of all) {
        peer.type(`${peer.name} ${i}; `);
        peer.awareness.setLocalStateField("cursor", i);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await guests.msUntilRight(all);
    for (const { name } of all) {
      for (let i = 0; i < rounds; i++) expect(all[0]!.text).toContain(`${name} ${i}; `);
    }
    const cursorsAt = ({ awareness }: Peer) =>
      all.map(({ doc }) => awareness.getStates().get(doc.clientID)?.["cursor"]);
    await until("all cursors have come", () => all.every((peer) => cursorsAt(peer).every((at) => at === rounds - 1)));
  });

  it("one who comes in from far away is right, and sees who is there", async ({ expect, onTestFinished }) => {
    const { guests, all } = await gather(onTestFinished);
    all[0]!.cable.pull();
    await until("it has noticed", () => !all[0]!.isOnline);
    all[0]!.type("Typed offline. ");
    all[2]!.type("Typed online. ");
    all[0]!.cable.plugIn();
    await until("it is back", () => all[0]!.isOnline);
    await guests.msUntilRight(all);
    expect(all[2]!.text).toContain("Typed offline.");
  });

  it("[L9] two hosts' Ends meet: one end, one name, the same for all", async ({ expect, onTestFinished }) => {
    const { guests, hosts, all } = await gather(onTestFinished);
    await Promise.all(hosts.map(({ room }) => room!.end()));
    await until("everybody knows", () => all.every(({ session }) => session?.status === "ended"));
    const { ended, run } = await guests.describe();
    expect(run).toBe(1);
    expect(["hera", "hugo"]).toContain(ended!.by!.id);
    for (const { session } of all) expect(session).toMatchObject({ run: 1, ended: { at: ended!.at, by: ended!.by } });
  });

  it("[L9] two hosts' Starts meet: one run, and both are in it", async ({ expect, onTestFinished }) => {
    const { guests, hosts } = await gather(onTestFinished);
    await hosts[0].room!.end();
    await until("both know", () => hosts.every(({ session }) => session?.status === "ended"));
    await Promise.all(hosts.map(({ room }) => room!.start()));
    await guests.msUntilRight(hosts);
    expect(await guests.describe()).toMatchObject({ status: "live", run: 2, hosts: 2 });
  });

  it("[L9] [L10] an End of run 1 that comes after the Start of run 2 does not touch it", async ({
    expect,
    onTestFinished,
  }) => {
    const { guests, hosts } = await gather(onTestFinished);
    const [near, far] = hosts;
    near.cable.change({ delayMs: 0, jitterMs: 0 });
    // Up alone: Hugo's End is on its way while he already hears what happens.
    far.cable.change({ delayMs: 1_500, jitterMs: 0 }, "up");
    const late = far.room!.end();
    await near.room!.end();
    await near.room!.start();
    expect(await guests.describe()).toMatchObject({ status: "live", run: 2 });
    await late;
    expect(await guests.describe()).toMatchObject({ status: "live", run: 2, ended: null });
    expect(near.session).toMatchObject({ status: "live", run: 2 });
  });
});
