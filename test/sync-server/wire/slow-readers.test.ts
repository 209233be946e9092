/** Clients that read slowly, or not at all, although they are alive. */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { KEEPALIVE, writeSyncStep1, writeUpdate } from "../../../src/protocol/protocol.ts";
import { awarenessFrame, exchanged, passTime } from "../frames.ts";
import { host, participant, roomState, startRelay, until } from "../harness.ts";
import type { RawClient, Setting } from "../harness.ts";
import { EMPTY_STATE_VECTOR, joined } from "./clients.ts";

const MIB = 1024 * 1024;

/** A live room whose host writes so many parts of 1 MiB each. */
const setUp = async () => {
  const setting = await startRelay({ limits: { bytesPerSecond: 100 * MIB } });
  const author = await joined(setting, host);
  const doc = new Y.Doc();
  doc.on("update", (update: Uint8Array) => author.send(writeUpdate(update)));
  const write = async (parts: number): Promise<void> => {
    for (let i = 0; i < parts; i++) doc.getArray("parts").push([new Uint8Array(MIB).fill(i)]);
    await exchanged(author);
  };
  return { setting, author, doc, write };
};

/** It answers no ping but shows that it is there. */
const pass = async (setting: Setting, ms: number, author: RawClient, ...alive: RawClient[]): Promise<void> => {
  for (let left = ms; left > 0; left -= 5_000) {
    for (const client of alive) client.send(KEEPALIVE);
    await passTime(setting, 5_000, author);
  }
};
const participants = async (setting: Setting): Promise<unknown> => (await roomState(setting))["participants"];
const partsOf = ({ doc }: RawClient): number => doc.getArray("parts").length;

describe("a client that is alive", () => {
  it("[W19] and reads nothing of what waits for it for 30 s is closed with 1013", async () => {
    const { setting, author, write } = await setUp();
    const client = await joined(setting, participant);
    client.socket.pause();
    await write(20);
    await pass(setting, 25_000, author, client);
    expect(await participants(setting)).toBe(1);
    await pass(setting, 15_000, author, client);
    expect(await participants(setting)).toBe(0);
    const closing = setting.log.filter((line) => line.includes("1013"));
    expect(closing.length).toBeLessThanOrEqual(1);
    client.socket.resume();
    await until("it has read the code, or the connection is gone", () => client.closeCode !== null);
    expect([1013, 1006]).toContain(client.closeCode);
  });

  it("[W19] and reads a little now and then stays, and has everything in the end", async () => {
    const { setting, author, doc, write } = await setUp();
    const client = await joined(setting, participant);
    client.send(writeSyncStep1(EMPTY_STATE_VECTOR));
    client.socket.pause();
    await write(20);
    for (let i = 0; i < 8; i++) {
      const before = partsOf(client);
      client.socket.resume();
      await until("it has read some", () => partsOf(client) > before || partsOf(client) === 20);
      client.socket.pause();
      await pass(setting, 10_000, author, client);
    }
    expect(await participants(setting)).toBe(1);
    client.socket.resume();
    await until("it has caught up", () => partsOf(client) === 20);
    doc.getText("text").insert(0, "as it comes");
    await until("it is live", () => client.doc.getText("text").toString() === "as it comes");
    expect(client.closeCode).toBeNull();
  });

  it("[P7] [W19] that reads slowly learns in the end who came, who changed and who went meanwhile", async () => {
    const { setting, write } = await setUp();
    const client = await joined(setting, participant);
    const [first, second] = [
      await joined(setting, { ...participant, sub: "p2" } as never),
      await joined(setting, { ...participant, sub: "p3" } as never),
    ];
    first.send(awarenessFrame({ id: 1, json: '{"n":1}' }));
    second.send(awarenessFrame({ id: 2, json: '{"n":1}' }));
    await until("both are seen", () => client.seen.size === 2);
    client.socket.pause();
    await write(20);
    first.socket.close();
    await until("the first has gone", async () => (await participants(setting)) === 2);
    second.send(awarenessFrame({ id: 2, clock: 2, json: '{"n":2}' }));
    await exchanged(second);
    client.socket.resume();
    await until("the change is seen", () => client.seen.get(2)?.state?.["n"] === 2);
    await until("the first is seen no more", () => client.seen.get(1)?.state === null);
  });

  it("[W19] and has nothing to read for long stays", async () => {
    const { setting, author } = await setUp();
    const client = await joined(setting, participant);
    await exchanged(client);
    client.socket.pause();
    await pass(setting, 60_000, author, client);
    expect(await participants(setting)).toBe(1);
  });
});
