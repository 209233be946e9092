/** High and uneven latency: all clients still converge, and races between commands have one winner. */
import { describe, it } from "vitest";
import { until } from "../e2e/until.ts";
import type { Peer } from "./peer.ts";
import { createWorld } from "./world.ts";
import type { TestRoom, OnEnd } from "./world.ts";

/** 50 to 350 ms in each direction. */
const FAR_AWAY = { delayMs: 50, jitterMs: 300 };

const world = createWorld();

/** Two hosts with the room client and a participant with the stock client, all with high latency. */
const setUp = async (onEnd: OnEnd): Promise<{ testRoom: TestRoom; hosts: [Peer, Peer]; all: Peer[] }> => {
  const testRoom = await world.makeRoom(onEnd);
  const hosts: [Peer, Peer] = [
    await testRoom.enter("room", "host", "Hera"),
    await testRoom.enter("room", "host", "Hugo"),
  ];
  const guest = await testRoom.enter("stock", "participant", "Gus");
  const all = [...hosts, guest];
  await testRoom.msUntilConsistent(all);
  for (const { network } of all) network.shape(FAR_AWAY);
  return { testRoom, hosts, all };
};

describe.concurrent("high latency", () => {
  it("concurrent edits and cursors of three people converge", async ({ expect, onTestFinished }) => {
    const { testRoom, all } = await setUp(onTestFinished);
    const rounds = 30;
    for (let i = 0; i < rounds; i++) {
      for (const peer of all) {
        peer.type(`${peer.name} ${i}; `);
        peer.awareness.setLocalStateField("cursor", i);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await testRoom.msUntilConsistent(all);
    for (const { name } of all) {
      for (let i = 0; i < rounds; i++) expect(all[0]!.text).toContain(`${name} ${i}; `);
    }
    const cursorsAt = ({ awareness }: Peer) =>
      all.map(({ doc }) => awareness.getStates().get(doc.clientID)?.["cursor"]);
    await until("all cursors have arrived", () =>
      all.every((peer) => cursorsAt(peer).every((at) => at === rounds - 1)),
    );
  });

  it("a client that reconnects is consistent and sees who is present", async ({ expect, onTestFinished }) => {
    const { testRoom, all } = await setUp(onTestFinished);
    all[0]!.network.disconnect();
    await until("it has noticed", () => !all[0]!.isOnline);
    all[0]!.type("Typed offline. ");
    all[2]!.type("Typed online. ");
    all[0]!.network.reconnect();
    await until("it is back", () => all[0]!.isOnline);
    await testRoom.msUntilConsistent(all);
    expect(all[2]!.text).toContain("Typed offline.");
  });

  it("[L9] two hosts send End at once: one end with one name, the same for all", async ({ expect, onTestFinished }) => {
    const { testRoom, hosts, all } = await setUp(onTestFinished);
    await Promise.all(hosts.map(({ room }) => room!.end()));
    await until("everybody has received the end", () => all.every(({ session }) => session?.status === "ended"));
    const { ended, run } = await testRoom.describe();
    expect(run).toBe(1);
    expect(["hera", "hugo"]).toContain(ended!.by!.id);
    for (const { session } of all) expect(session).toMatchObject({ run: 1, ended: { at: ended!.at, by: ended!.by } });
  });

  it("[L9] two hosts send Start at once: one run, and both are in it", async ({ expect, onTestFinished }) => {
    const { testRoom, hosts } = await setUp(onTestFinished);
    await hosts[0].room!.end();
    await until("both have received the end", () => hosts.every(({ session }) => session?.status === "ended"));
    await Promise.all(hosts.map(({ room }) => room!.start()));
    await testRoom.msUntilConsistent(hosts);
    expect(await testRoom.describe()).toMatchObject({ status: "live", run: 2, hosts: 2 });
  });

  it("[L9] [L10] an End of run 1 that arrives after the Start of run 2 does not affect run 2", async ({
    expect,
    onTestFinished,
  }) => {
    const { testRoom, hosts } = await setUp(onTestFinished);
    const [near, far] = hosts;
    near.network.shape({ delayMs: 0, jitterMs: 0 });
    // Upwards only: Hugo's End is in flight while he still receives everything at once.
    far.network.shape({ delayMs: 1_500, jitterMs: 0 }, "up");
    const late = far.room!.end();
    await near.room!.end();
    await near.room!.start();
    expect(await testRoom.describe()).toMatchObject({ status: "live", run: 2 });
    await late;
    expect(await testRoom.describe()).toMatchObject({ status: "live", run: 2, ended: null });
    expect(near.session).toMatchObject({ status: "live", run: 2 });
  });
});
