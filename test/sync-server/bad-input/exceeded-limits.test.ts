/** Messages, documents and rates above their limits: the close reason names the limit, and nobody else is affected. */
import * as encoding from "lib0/encoding";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { MessageType, writeCommand, writeSyncStep1, writeUpdate } from "../../../src/protocol/protocol.ts";
import { awarenessFrame, exchanged, rawStockClient, typingFrame, userState } from "../frames.ts";
import { participant, rawClient, roomState, until } from "../harness.ts";
import { liveRoom, closed } from "./live-room.ts";

function docOf(text: string): Y.Doc {
  const doc = new Y.Doc();
  doc.getText("text").insert(0, text);
  return doc;
}

describe("exceeded limits", () => {
  it("[W4] a message above the limit: 4413 and the limit's name", async () => {
    const { setting, expectUnaffected } = await liveRoom({ limits: { messageBytes: 10_000, frameBytes: 20_000 } });
    const client = await rawClient(setting, await setting.token(participant));
    client.send(typingFrame("x".repeat(10_000)));
    expect(await closed(client)).toEqual([4413, expect.stringContaining("limit-message-bytes")]);
    await expectUnaffected();
  });

  it("[W4] a frame above the frame limit: 1009, in one piece or fragmented", async () => {
    const { setting, expectUnaffected } = await liveRoom({ limits: { messageBytes: 10_000, frameBytes: 20_000 } });
    const whole = await rawClient(setting, await setting.token(participant));
    whole.send(new Uint8Array(20_001));
    const pieces = await rawClient(setting, await setting.token(participant));
    for (let i = 0; i < 25; i++) pieces.socket.send(new Uint8Array(1_000), { fin: false });
    expect((await closed(whole))[0]).toBe(1009);
    expect((await closed(pieces))[0]).toBe(1009);
    await expectUnaffected();
  });

  it("[W4] a document above the limit: a stock client gets 4413 and the limit's name; its content is unchanged", async () => {
    const { setting, expectUnaffected } = await liveRoom({ limits: { documentBytes: 10_000 } });
    const client = await rawStockClient(setting, await setting.token(participant));
    client.send(typingFrame("x".repeat(10_000)));
    expect(await closed(client)).toEqual([4413, expect.stringContaining("limit-document-bytes")]);
    await expectUnaffected();
  });

  it("[W16] an awareness state above the limit is dropped, counted in bytes; its sender is told and stays", async () => {
    const { setting, expectUnaffected } = await liveRoom({ limits: { awarenessStateBytes: 1_000 } });
    const client = await rawClient(setting, await setting.token(participant));
    await client.command({ type: "join" });
    client.send(awarenessFrame({ id: 7, json: userState("\u{1f600}".repeat(250)) }));
    await until("it is refused", () => client.messages.some(({ type }) => type === "refused"));
    expect(client.messages.at(-1)).toMatchObject({ type: "refused", code: "awareness-too-large" });
    const stock = await rawStockClient(setting, await setting.token({ ...participant, sub: "p2" }));
    stock.send(awarenessFrame({ id: 8, json: userState("x".repeat(1_000)) }));
    await exchanged(client, stock);
    expect([client.closeCode, stock.closeCode]).toEqual([null, null]);
    for (const { socket } of [client, stock]) socket.terminate();
    await until("they are gone", async () => (await roomState(setting))["participants"] === 0);
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

  it("[W13] messages and bytes above the rate: 1013 and the limit's name, once the saved capacity is used up", async () => {
    const slow = await liveRoom({ limits: { messagesPerSecond: 10 } });
    const chatty = await rawClient(slow.setting, await slow.setting.token(participant));
    // The capacity of 4 s may be used at once.
    for (let i = 0; i < 40; i++) chatty.send(awarenessFrame());
    slow.setting.clock.advance(1_000);
    for (let i = 0; i < 10; i++) chatty.send(awarenessFrame());
    await exchanged(chatty);
    chatty.send(awarenessFrame());
    expect(await closed(chatty)).toEqual([1013, expect.stringContaining("limit-messages-per-second")]);
    const pinger = await rawClient(slow.setting, await slow.setting.token(participant));
    for (let i = 0; i < 41; i++) pinger.socket.ping();
    expect(await closed(pinger)).toEqual([1013, expect.stringContaining("limit-messages-per-second")]);
    await slow.expectUnaffected();

    const narrow = await liveRoom({ limits: { bytesPerSecond: 1_000, messageBytes: 5_000, frameBytes: 5_000 } });
    const writer = await rawClient(narrow.setting, await narrow.setting.token(participant));
    writer.send(awarenessFrame({ id: 7, json: userState("x".repeat(4_800)) }));
    await exchanged(writer);
    writer.send(awarenessFrame({ id: 7, json: userState("x".repeat(1_200)) }));
    expect(await closed(writer)).toEqual([1013, expect.stringContaining("limit-bytes-per-second")]);
    await narrow.expectUnaffected();
  });

  it.each([
    ["SyncStep1", () => writeSyncStep1(Uint8Array.of(0))],
    ["queryAwareness", () => Uint8Array.of(MessageType.queryAwareness)],
    ["a command", (i: number) => writeCommand({ type: "join", id: i })],
  ])("[W13] requests above the rate: 1013 and the limit's name (%s)", async (_, request) => {
    const { setting, expectUnaffected } = await liveRoom({ limits: { requestsPerSecond: 2 } });
    const client = await rawClient(setting, await setting.token(participant));
    for (let i = 0; i < 20; i++) client.send(request(i));
    await exchanged(client);
    setting.clock.advance(1_000);
    for (let i = 20; i < 22; i++) client.send(request(i));
    await exchanged(client);
    client.send(request(22));
    expect(await closed(client)).toEqual([1013, expect.stringContaining("requests a second")]);
    await expectUnaffected();
  });

  it("[W13] structs and deletes above the rate: 1013; more in one update than the capacity: 4413", async () => {
    const { setting, expectUnaffected } = await liveRoom({ limits: { structsPerSecond: 100 } });
    // Each letter inserted at the front is a separate struct.
    const typed = (count: number): Uint8Array => {
      const doc = new Y.Doc();
      for (let i = 0; i < count; i++) doc.getText("other").insert(0, "x");
      return writeUpdate(Y.encodeStateAsUpdate(doc));
    };
    const deletes = (count: number): Uint8Array =>
      writeUpdate(
        encoding.encode((encoder) => {
          for (const number of [0, 1, 7, count]) encoding.writeVarUint(encoder, number);
          for (let i = 0; i < 2 * count; i++) encoding.writeVarUint(encoder, 0);
        }),
      );
    for (const many of [typed, deletes]) {
      const busy = await rawClient(setting, await setting.token(participant));
      busy.send(many(300));
      busy.send(many(101));
      expect(await closed(busy)).toEqual([1013, expect.stringContaining("structs a second")]);
      const greedy = await rawClient(setting, await setting.token(participant));
      greedy.send(many(401));
      expect(await closed(greedy)).toEqual([4413, expect.stringContaining("structs in an update")]);
    }
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
