/** How the relay sends people away when it is told to stop, with time in the test's hands (docs/SPEC.md, R6 and R7). */
import { describe, expect, it } from "vitest";
import { writeSyncStep1 } from "../../../src/protocol/protocol.ts";
import { stagger } from "../../../sync-server/gateway/stagger.ts";
import { manualClock } from "../../manual-clock.ts";
import { awarenessFrame, exchanged, typingFrame, userState } from "../frames.ts";
import { GatedStore } from "../store/gated-store.ts";
import { rawClient, roomState, startRelay, until } from "../harness.ts";
import type { RawClient, Setting, StartOptions } from "../harness.ts";

const host = { role: "host", sub: "h1", name: "Hana" } as const;
const STEP_MS = 20;

/** A relay with a live run: a host, and guests who have joined it and are told of edits. */
const inClass = async (guestCount: number, options: StartOptions = {}) => {
  const setting = await startRelay(options);
  const enter = async (claims: Parameters<Setting["token"]>[0]): Promise<RawClient> => {
    const client = await rawClient(setting, await setting.token(claims));
    expect(await client.command({ type: "join" })).toMatchObject({ ok: true });
    client.send(writeSyncStep1(Uint8Array.of(0)));
    return client;
  };
  const first = await enter(host);
  const guests: RawClient[] = [];
  for (let i = 0; i < guestCount; i++) guests.push(await enter({ role: "participant", sub: `p${i}`, name: `P${i}` }));
  await exchanged(first, ...guests);
  return { setting, first, guests };
};

const goneOf = (clients: readonly RawClient[]): RawClient[] => clients.filter(({ closeCode }) => closeCode !== null);

/** How many are gone, once everything that the relay has sent them so far has come. */
const countGone = async (clients: readonly RawClient[]): Promise<number> => {
  await exchanged(...clients);
  await until("goodbyes are over", () => clients.every(({ socket }) => socket.readyState !== socket.CLOSING));
  return goneOf(clients).length;
};

describe("a relay that is told to stop", () => {
  it("[R6] closes with 1012 in equal portions, each 20 ms after the one before, and hosts last", async () => {
    const { setting, first, guests } = await inClass(59);
    const everybody = [first, ...guests];
    const retired = setting.relay.retire();
    const counts = [await countGone(everybody)];
    for (let i = 0; i < 5; i++) {
      expect(first.closeCode).toBe(null);
      setting.clock.advance(STEP_MS);
      counts.push(await countGone(everybody));
    }
    // 60 of them take 2 ms each.
    expect(counts).toEqual([10, 20, 30, 40, 50, 60]);
    await retired;
    expect(new Set(everybody.map(({ closeCode }) => closeCode))).toEqual(new Set([1012]));
  });

  it("[R6] does not let few wait", async () => {
    const { setting, first, guests } = await inClass(4);
    await setting.relay.retire();
    expect(await countGone([first, ...guests])).toBe(5);
  });

  it("[R6] meanwhile refuses new connections with 1012, and is alive but not ready", async () => {
    const { setting, first, guests } = await inClass(30);
    const retired = setting.relay.retire();
    const late = await rawClient(setting, await setting.token({ ...host, sub: "late" }));
    await until("the newcomer is refused", () => late.closeCode !== null);
    expect(late.closeCode).toBe(1012);
    expect((await setting.api("GET", "/readyz")).status).toBe(503);
    expect((await setting.api("GET", "/livez")).status).toBe(200);
    expect(await countGone([first, ...guests])).toBeLessThan(31);
    setting.clock.advance(1_000);
    await retired;
  });

  it("[R7] meanwhile serves whoever is still there, and keeps what they are told", async () => {
    const store = new GatedStore();
    const { setting, first, guests } = await inClass(30, { store });
    const retired = setting.relay.retire();
    await countGone(guests);
    const [writer, ...readers] = guests.filter(({ closeCode }) => closeCode === null);
    writer!.send(typingFrame("to the last"));
    await exchanged(writer!, first, ...readers);
    for (const { doc } of [first, ...readers]) expect(doc.getText("text").toString()).toBe("to the last");
    setting.clock.advance(1_000);
    await retired;
    expect((await store.readRoom("room"))!.content).toHaveLength(1);
  });

  it("[R6] tells nobody of the others' going: a thousand would each be told a thousand times", async () => {
    const { setting, first, guests } = await inClass(30);
    const everybody = [first, ...guests];
    everybody.forEach(({ send }, i) => send(awarenessFrame({ id: 1_000 + i, json: userState(`P${i}`) })));
    await exchanged(...everybody);
    const retired = setting.relay.retire();
    await countGone(everybody);
    expect(goneOf(everybody).length).toBeGreaterThan(0);
    for (const { seen } of everybody) expect([...seen.values()].every(({ state }) => state !== null)).toBe(true);
    setting.clock.advance(1_000);
    await retired;
  });

  it("[R7] serves no deadline any more: the next start does, with its grace", async () => {
    const store = new GatedStore();
    const { setting, first, guests } = await inClass(100, { store, config: { hostAbsenceMs: 100 } });
    first.socket.terminate();
    await until("the absence has begun", async () => (await roomState(setting))["endsAt"] !== null);
    const { endsAt } = await roomState(setting);
    const retired = setting.relay.retire();
    for (let ms = 0; ms < 120; ms += STEP_MS) setting.clock.advance(STEP_MS);
    expect(setting.clock.now()).toBeGreaterThan(endsAt as number);
    expect(await countGone(guests)).toBeLessThan(guests.length);
    setting.clock.advance(1_000);
    await retired;
    expect((await store.readRoom("room"))!.record.state).toMatchObject({
      status: "live",
      absence: { deadlineAt: endsAt },
    });
  });

  it("[R5] that cannot store what comes meanwhile says so, and closes the rest with 1013", async () => {
    const store = new GatedStore();
    const { setting, first, guests } = await inClass(30, { store });
    const retired = setting.relay.retire();
    await countGone(guests);
    const left = guests.filter(({ closeCode }) => closeCode === null);
    store.fail("no space is left");
    left[0]!.send(typingFrame("never told"));
    await until("all are gone", () => goneOf(left).length === left.length && first.closeCode !== null);
    expect(new Set([first, ...left].map(({ closeCode }) => closeCode))).toEqual(new Set([1013]));
    expect(setting.fatal?.message).toBe("no space is left");
    setting.clock.advance(1_000);
    await retired;
  });

  it("that is in more of a hurry after all closes the rest at once", async () => {
    const { setting, first, guests } = await inClass(30);
    void setting.relay.retire();
    await setting.relay.close();
    expect(await countGone([first, ...guests])).toBe(31);
  });
});

describe("a spread", () => {
  const portions = (count: number): number[] => {
    const clock = manualClock();
    const seen: number[] = [];
    const sizes: number[] = [];
    void stagger(
      Array.from({ length: count }, (_, i) => i),
      () => false,
      clock,
      (item) => void seen.push(item),
    );
    for (let before = 0; seen.length > before; before = seen.length, clock.advance(STEP_MS))
      sizes.push(seen.length - before);
    expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
    expect(clock.timers).toBe(0);
    return sizes;
  };

  it("[R6] takes 2 ms for each, but never more than 2 s", () => {
    expect(portions(0)).toEqual([]);
    expect(portions(1)).toEqual([1]);
    expect(portions(100)).toEqual(Array.from({ length: 10 }, () => 10));
    expect(portions(1_000)).toEqual(Array.from({ length: 100 }, () => 10));
    expect(portions(10_000)).toEqual(Array.from({ length: 100 }, () => 100));
  });

  it("[R6] is in another order each time", () => {
    const order = (): number[] => {
      const seen: number[] = [];
      const items = Array.from({ length: 10 }, (_, i) => i);
      // Few enough to go at once.
      void stagger(
        items,
        () => false,
        manualClock(),
        (item) => void seen.push(item),
      );
      return seen;
    };
    const orders = new Set(Array.from({ length: 20 }, () => order().join()));
    // That all twenty are alike happens by chance once in 10!^19 times.
    expect(orders.size).toBeGreaterThan(1);
  });
});
