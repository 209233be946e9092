/** Messages, documents and rates above their limits: the close reason names the limit, and nobody else is affected. */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import {
  MessageType,
  SyncStep,
  writeCommand,
  writeSyncStep1,
  writeSyncStep2,
  writeUpdate,
} from "../../../src/protocol/protocol.ts";
import { awarenessFrame, exchanged, typingFrame, userState } from "../frames.ts";
import { participant, rawClient, roomState, stockClient, until } from "../harness.ts";
import { liveRoom, closed } from "./live-room.ts";

function docOf(text: string): Y.Doc {
  const doc = new Y.Doc();
  doc.getText("text").insert(0, text);
  return doc;
}

const isSyncStep1 = (frame: Uint8Array): boolean => frame[0] === MessageType.sync && frame[1] === SyncStep.step1;

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

  it("[W21] a document above the limit takes deletes, and no additions; nobody is closed, and there may be room again", async () => {
    const { setting, expectUnaffected } = await liveRoom({ limits: { documentBytes: 10_000 } });
    const client = await rawClient(setting, await setting.token(participant));
    const watcher = await stockClient(setting, participant);
    const doc = new Y.Doc();
    const [text, other] = [doc.getText("large"), doc.getText("other")];
    doc.on("update", (update: Uint8Array) => client.send(writeUpdate(update)));
    const seen = (): string => watcher.provider.doc.getText("large").toString();
    text.insert(0, "x".repeat(8_000));
    await until("it fits", () => seen().length === 8_000);
    other.insert(0, "y".repeat(3_000));
    text.delete(0, 7_000);
    await until("the delete is taken", () => seen().length === 1_000);
    expect(watcher.provider.doc.getText("other").length).toBe(0);
    // As a client does when it is asked.
    client.send(writeSyncStep2(Y.encodeStateAsUpdate(doc)));
    setting.clock.advance(3_000);
    client.send(writeSyncStep2(Y.encodeStateAsUpdate(doc)));
    await until("there is room again", () => watcher.provider.doc.getText("other").length === 3_000);
    watcher.provider.destroy();
    client.socket.close();
    await until("both are gone", async () => (await roomState(setting))["participants"] === 0);
    await expectUnaffected();
  });

  it("[W4] an awareness state above the limit: 4413 and the limit's name, counted in bytes", async () => {
    const { setting, expectUnaffected } = await liveRoom({ limits: { awarenessStateBytes: 1_000 } });
    const client = await rawClient(setting, await setting.token(participant));
    await client.command({ type: "join" });
    client.send(awarenessFrame({ id: 7, json: userState("\u{1f600}".repeat(250)) }));
    expect(await closed(client)).toEqual([4413, expect.stringContaining("awareness state larger than")]);
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

  it("[W22] what waits above the limit is dropped, the oldest first, and asked for again later; nobody is closed", async () => {
    for (const [count, length] of [
      [2, 8_000],
      [200, 1],
    ] as const) {
      const { setting, expectUnaffected } = await liveRoom({ limits: { pendingBytes: 10_000 } });
      const client = await rawClient(setting, await setting.token(participant));
      const doc = docOf("a");
      const before = Y.encodeStateVector(doc);
      doc.getText("text").insert(1, "x".repeat(length));
      const lone = writeUpdate(Y.encodeStateAsUpdate(doc, before));
      for (let i = 0; i < count; i++) client.send(lone);
      await exchanged(client);
      expect(client.socket.readyState).toBe(client.socket.OPEN);
      const questions = (): number => client.frames.filter(isSyncStep1).length;
      const asked = questions();
      setting.clock.advance(21_000);
      await until("it is asked again", () => questions() > asked);
      client.socket.close();
      await expectUnaffected();
    }
  });
});
