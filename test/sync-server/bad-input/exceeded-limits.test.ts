/** Messages and documents above their limits: the close reason names the limit, and nobody else is affected. */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { writeUpdate } from "../../../src/protocol/protocol.ts";
import { awarenessFrame, exchanged, rawStockClient, typingFrame } from "../frames.ts";
import { participant, rawClient, roomState, until } from "../harness.ts";
import { liveRoom, closed } from "./live-room.ts";

function docOf(text: string): Y.Doc {
  const doc = new Y.Doc();
  doc.getText("text").insert(0, text);
  return doc;
}

describe("exceeded limits", () => {
  it("[W4] a message larger than a document may be: 4413 as soon as its size is known, far above it 1009", async () => {
    const documentBytes = 10_000;
    const most = documentBytes + 64 * 1024;
    const { setting, expectUnaffected } = await liveRoom({ limits: { documentBytes } });
    const whole = await rawClient(setting, await setting.token(participant));
    whole.send(new Uint8Array(most + 1));
    expect(await closed(whole)).toEqual([4413, expect.stringContaining("limit-document-bytes")]);
    const pieces = await rawClient(setting, await setting.token(participant));
    for (let i = 0; i <= most; i += 1_000) pieces.socket.send(new Uint8Array(1_000), { fin: false });
    expect((await closed(pieces))[0]).toBe(4413);
    const larger = await rawClient(setting, await setting.token(participant));
    larger.send(new Uint8Array(2 * most + 1));
    expect((await closed(larger))[0]).toBe(1009);
    await expectUnaffected();
  });

  it("[W4] a document above the limit: a stock client gets 4413 and the limit's name; its content is unchanged", async () => {
    const { setting, expectUnaffected } = await liveRoom({ limits: { documentBytes: 10_000 } });
    const client = await rawStockClient(setting, await setting.token(participant));
    client.send(typingFrame("x".repeat(10_000)));
    expect(await closed(client)).toEqual([4413, expect.stringContaining("limit-document-bytes")]);
    await expectUnaffected();
  });

  it("many states of one message are sent to others in at most one message", async () => {
    const { setting, expectUnaffected } = await liveRoom();
    const watcher = await rawClient(setting, await setting.token({ ...participant, sub: "p2" }));
    await watcher.command({ type: "join" });
    const client = await rawClient(setting, await setting.token(participant));
    await client.command({ type: "join" });
    await exchanged(client, watcher);
    const before = watcher.frames.length;
    const entries = Array.from({ length: 5_000 }, (_, i) => [
      { id: i + 1, json: "{}" },
      { id: i + 1, json: "null" },
    ]).flat();
    client.send(awarenessFrame(...entries));
    await exchanged(client, watcher);
    expect(watcher.frames.length - before).toBeLessThanOrEqual(1);
    for (const { socket } of [client, watcher]) socket.close();
    await until("both are gone", async () => (await roomState(setting))["participants"] === 0);
    await expectUnaffected();
  });

  it("pending updates above the limit: 1013 and the limit's name", async () => {
    for (const [count, length] of [
      [2, 8_000],
      [20, 1],
    ] as const) {
      const { setting, expectUnaffected } = await liveRoom({ limits: { pendingBytes: 10_000 } });
      const client = await rawClient(setting, await setting.token(participant));
      const doc = docOf("a");
      const before = Y.encodeStateVector(doc);
      doc.getText("text").insert(1, "x".repeat(length));
      const lone = writeUpdate(Y.encodeStateAsUpdate(doc, before));
      for (let i = 0; i < count; i++) client.send(lone);
      expect(await closed(client)).toEqual([1013, expect.stringContaining("bytes wait for missing updates")]);
      await expectUnaffected();
    }
  });
});
