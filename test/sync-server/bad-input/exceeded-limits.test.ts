/** Messages and documents above their limits: the close reason names the limit, and nobody else is affected. */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { MessageType, SyncStep, writeSyncStep2, writeUpdate } from "../../../src/protocol/protocol.ts";
import { awarenessFrame, exchanged } from "../frames.ts";
import { participant, rawClient, roomState, stockClient, until } from "../harness.ts";
import { liveRoom, closed } from "./live-room.ts";

function docOf(text: string): Y.Doc {
  const doc = new Y.Doc();
  doc.getText("text").insert(0, text);
  return doc;
}

const isSyncStep1 = (frame: Uint8Array): boolean => frame[0] === MessageType.sync && frame[1] === SyncStep.step1;

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
