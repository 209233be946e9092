/** Awareness states that are too large or too deep, too many, or under too many ids. */
import { describe, expect, it } from "vitest";
import { MessageType } from "../../../../src/protocol/protocol.ts";
import { awarenessFrame, exchanged, passTime, rawStockClient, userState } from "../../frames.ts";
import { host, participant, rawClient, startRelay, until } from "../../harness.ts";
import { joined } from "../../wire/clients.ts";

const STATE_BYTES = 64 * 1024;
const deep = (levels: number): string => `{"a":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`;
/** A state whose JSON is so many bytes long when it comes. */
const large = (bytes: number): string => `{"x":"${"\u{1f600}".repeat((bytes - 8) / 4)}"}`;

describe("awareness states", () => {
  it.each([
    ["too large", large(STATE_BYTES), large(STATE_BYTES + 4), "awareness-too-large"],
    ["nested too deep", deep(256), deep(257), "too-deep"],
    ["with brackets in its texts", `{"a":"${'[\\"{'.repeat(300)}"}`, deep(5_000), "too-deep"],
  ])("[P12] a state that is %s is dropped, and its sender is told and stays", async (_what, good, bad, code) => {
    const setting = await startRelay();
    const watcher = await joined(setting, host);
    const client = await joined(setting, participant);
    client.send(awarenessFrame({ id: 7, json: good }));
    await until("the state came", () => watcher.seen.has(7));
    const before = watcher.seen.get(7)!.state;
    client.send(awarenessFrame({ id: 7, clock: 2, json: bad }));
    await exchanged(client, watcher);
    expect(client.refused).toEqual([{ type: "refused", code, message: expect.any(String) }]);
    expect(watcher.seen.get(7)!.state).toEqual(before);
    client.send(awarenessFrame({ id: 7, clock: 3, json: '{"n":1}' }));
    await until("the next state came", () => watcher.seen.get(7)?.state?.["n"] === 1);
    expect(client.closeCode).toBeNull();
  });

  it("[P12] a stock client with such a state stays too", async () => {
    const setting = await startRelay();
    await joined(setting, host);
    const stock = await rawStockClient(setting, await setting.token({ role: "participant" }));
    stock.send(awarenessFrame({ id: 7, json: large(STATE_BYTES + 4) }));
    stock.send(awarenessFrame({ id: 7, json: deep(257) }));
    await exchanged(stock);
    expect(stock.closeCode).toBeNull();
    expect(stock.frames.filter(([type]) => type === MessageType.session)).toEqual([]);
  });

  it("[P12] the states of a room are bounded together: small ones are always accepted", async () => {
    const setting = await startRelay({ limits: { presenceBytes: 10_000 } });
    const watcher = await joined(setting, host);
    const [first, second] = [
      await joined(setting, participant),
      await joined(setting, { ...participant, sub: "p2" } as never),
    ];
    first.send(awarenessFrame({ id: 1, json: large(7_000) }));
    await until("the first is seen", () => watcher.seen.has(1));
    second.send(awarenessFrame({ id: 2, json: large(7_000) }));
    second.send(awarenessFrame({ id: 2, clock: 2, json: userState("Pia", { n: 1 }) }));
    await until("a small state is seen", () => watcher.seen.get(2)?.state);
    expect(second.refused.map(({ code }) => code)).toEqual(["awareness-too-large"]);
    // What is gone makes room, and so does what replaces a larger one.
    first.send(awarenessFrame({ id: 1, clock: 2, json: large(7_200) }));
    await exchanged(first);
    expect(first.refused).toEqual([]);
    first.socket.close();
    await until("the first is gone", () => watcher.seen.get(1)?.state === null);
    second.send(awarenessFrame({ id: 2, clock: 3, json: large(7_000) }));
    await until("the second is seen", () => watcher.seen.get(2)?.state?.["x"]);
  });

  it("[P12] one connection shows states under a bounded number of ids", async () => {
    const setting = await startRelay();
    const watcher = await joined(setting, host);
    const client = await joined(setting, participant);
    for (let id = 1; id <= 65; id++) {
      client.send(awarenessFrame({ id, json: "{}" }));
      client.send(awarenessFrame({ id, clock: 2, json: "null" }));
    }
    await exchanged(client, watcher);
    expect(client.closeCode).toBeNull();
    client.send(awarenessFrame({ id: 65, clock: 3, json: '{"n":1}' }));
    await until("the last id may be shown again", () => watcher.seen.get(65)?.state?.["n"] === 1);
    client.send(awarenessFrame({ id: 65, clock: 4, json: "null" }));
    client.send(awarenessFrame({ id: 66, json: "{}" }));
    await until("it is closed", () => client.closeCode === 1013);
    expect(client.closeReason).toContain("64 client ids");
  });
});

describe("all states", () => {
  it("[P8] [P9] everybody who asks gets all others' states, whole, and never the own", async () => {
    const setting = await startRelay();
    const people = await Promise.all(
      Array.from({ length: 8 }, async (_, i) => {
        const token = await setting.token({ role: i === 0 ? "host" : "participant" });
        return i % 2 === 0 ? rawStockClient(setting, token) : rawClient(setting, token);
      }),
    );
    for (const person of people) if (person.welcome !== null) await person.command({ type: "join" });
    // Large enough that the messages share their bytes.
    people.forEach((person, i) =>
      person.send(awarenessFrame({ id: i, json: JSON.stringify({ i, x: "ü".repeat(8_000) }) })),
    );
    await exchanged(...people);
    const late = await rawStockClient(setting, await setting.token({ role: "participant" }));
    await exchanged(late);
    expect([...late.seen].map(([id, { state }]) => [id, state!["i"]])).toEqual(people.map((_, i) => [i, i]));
    const clocks = (i: number): number[] => [...people[i]!.seen.values()].map(({ clock }) => clock);
    const before = people.map((_, i) => clocks(i));
    for (const person of people) person.send(Uint8Array.of(MessageType.queryAwareness));
    await passTime(setting, 20_000, ...people, late);
    people.forEach((person, i) => {
      expect([...person.seen.keys()].toSorted()).toEqual(people.map((_, id) => id).filter((id) => id !== i));
      for (const { state } of person.seen.values()) expect(state!["x"]).toHaveLength(8_000);
      expect(Math.min(...clocks(i))).toBeGreaterThan(Math.max(...before[i]!));
    });
  });

  it("[P9] of one person's connections that have no state yet, each gets those of other people alone", async () => {
    const setting = await startRelay();
    const hana = await joined(setting, host);
    const pia = await joined(setting, participant);
    pia.send(awarenessFrame({ id: 1, json: "{}" }));
    hana.send(awarenessFrame({ id: 2, json: "{}" }));
    await exchanged(pia, hana);
    const tab = await joined(setting, participant);
    await exchanged(tab);
    expect([...tab.seen.keys()]).toEqual([2]);
    tab.send(awarenessFrame({ id: 3, json: "{}" }));
    await until("the other tab is seen", () => tab.seen.has(1));
  });

  it("[P9] however much it is in all, everybody gets it, a part of them at a time", async () => {
    const setting = await startRelay();
    const watcher = await joined(setting, host);
    const crowd = await Promise.all(
      Array.from({ length: 25 }, (_, i) => joined(setting, { ...participant, sub: `p${i}` } as never)),
    );
    crowd.forEach((person, i) => person.send(awarenessFrame({ id: i, json: large(60_000) })));
    await until("all are seen", () => crowd.every(({ seen }) => seen.size === 24) && watcher.seen.size === 25);
    const before = crowd.map(({ frames }) => frames.length);
    for (const person of crowd) person.send(Uint8Array.of(MessageType.queryAwareness));
    await until("all were answered", () => crowd.every(({ frames }, i) => frames.length > before[i]!));
  });
});
