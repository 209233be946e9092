/** Frames that violate the protocol: their connection is closed with 4400, and nobody else is affected. */
import { describe, expect, it } from "vitest";
import {
  MessageType,
  SUBPROTOCOL,
  writeCommand,
  writeSyncStep1,
  writeSyncStep2,
  writeUpdate,
} from "../../../src/protocol/protocol.ts";
import { awarenessFrame, exchanged, rawStockClient, typing, typingFrame } from "../frames.ts";
import { host, participant, rawClient, until } from "../harness.ts";
import { liveRoom, closed } from "./live-room.ts";

describe("malformed frames", () => {
  const tooDeep = (depth: number) => `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  const varString = (text: string) => [text.length, ...Buffer.from(text)];

  it.each<[string, Uint8Array]>([
    ["an empty frame", new Uint8Array()],
    ["an unknown type", Uint8Array.of(99)],
    ["auth, which only relays send", Uint8Array.of(MessageType.auth, 0, 0)],
    ["a type that never ends", new Uint8Array(20).fill(0xff)],
    ["an unknown sync step", Uint8Array.of(0, 3, 0)],
    ["a sync frame that ends early", Uint8Array.of(0, 2, 200, 1, 1)],
    ["a length of 2^53 and more", Uint8Array.of(0, 2, 255, 255, 255, 255, 255, 255, 255, 127)],
    ["an update of nothing", writeUpdate(new Uint8Array())],
    ["an update that ends early", writeUpdate(typing("text").subarray(0, 8))],
    ["an update of a billion sections", writeUpdate(Uint8Array.of(255, 255, 255, 255, 3))],
    ["an update of zeros as a SyncStep2", writeSyncStep2(new Uint8Array(1000).fill(0xff))],
    ["a state vector that ends early", writeSyncStep1(Uint8Array.of(2, 1))],
    ["a state vector of 2^32 clients", writeSyncStep1(Uint8Array.of(255, 255, 255, 255, 15, 1, 1))],
    ["an awareness frame without a body", Uint8Array.of(1)],
    ["an awareness update that ends early", Uint8Array.of(1, 3, 1, 7, 1)],
    ["an awareness update of a billion states", Uint8Array.of(1, 5, 255, 255, 255, 255, 3)],
    ["an awareness state that is not JSON", awarenessFrame({ id: 7, json: "{" })],
    ["an awareness state that is a number", awarenessFrame({ id: 7, json: "7" })],
    ["an awareness state that is a list", awarenessFrame({ id: 7, json: "[]" })],
    ["an awareness state that is `undefined`", awarenessFrame({ id: 7, json: "undefined" })],
    ["a command that is not JSON", Uint8Array.of(83, ...varString("{"))],
    ["a command that is null", Uint8Array.of(83, ...varString("null"))],
    ["a command without an id", Uint8Array.of(83, ...varString('{"type":"join"}'))],
    ["a command with half an id", Uint8Array.of(83, ...varString('{"type":"join","id":0.5}'))],
    ["an unknown command", Uint8Array.of(83, ...varString('{"type":"promote","id":1}'))],
    ["an inherited command", Uint8Array.of(83, ...varString('{"type":"constructor","id":1}'))],
    ["an End without a run", Uint8Array.of(83, ...varString('{"type":"end","id":1}'))],
    ["an End of run -1", Uint8Array.of(83, ...varString('{"type":"end","id":1,"run":-1}'))],
    ["a command that is not UTF-8", Uint8Array.of(83, 2, 0xff, 0xfe)],
  ])("[G6] %s: 4400", async (_what, frame) => {
    const { setting, expectUnaffected } = await liveRoom();
    const client = await rawClient(setting, await setting.token(participant));
    await client.command({ type: "join" });
    client.send(frame);
    // Frames after it are ignored.
    client.send(typingFrame("too late"));
    const [code, reason] = await closed(client);
    expect(code).toBe(4400);
    expect(reason).not.toBe("");
    await expectUnaffected();
  });

  it("[G6] a text frame: 4400", async () => {
    const { setting, expectUnaffected } = await liveRoom();
    const client = await rawClient(setting, await setting.token(participant));
    client.socket.send("hello");
    expect(await closed(client)).toEqual([4400, expect.stringContaining("text frames")]);
    await expectUnaffected();
  });

  it("[W3] a session message of a stock client: 4400", async () => {
    const { setting, expectUnaffected } = await liveRoom();
    const client = await rawStockClient(setting, await setting.token(host));
    client.send(writeCommand({ type: "end", id: 1, run: 1 }));
    expect(await closed(client)).toEqual([4400, expect.stringContaining(SUBPROTOCOL)]);
    await expectUnaffected();
  });

  it("bytes after a message are ignored, and an empty update and an empty awareness update have no effect", async () => {
    const { setting, expectUnaffected } = await liveRoom();
    const client = await rawClient(setting, await setting.token(participant));
    client.send(Uint8Array.of(MessageType.queryAwareness, 1, 2, 3));
    client.send(writeUpdate(Uint8Array.of(0, 0)));
    client.send(Uint8Array.of(1, 1, 0));
    await exchanged(client);
    expect(client.closeCode).toBeNull();
    client.socket.close();
    await expectUnaffected();
  });

  it("a nested awareness state is passed on; a deeply nested one is dropped, and its sender is told and stays", async () => {
    for (const depth of [100, 8_000]) {
      const { setting, bystander } = await liveRoom();
      const client = await rawClient(setting, await setting.token(participant));
      await client.command({ type: "join" });
      client.send(awarenessFrame({ id: 7, json: tooDeep(depth) }));
      await exchanged(client);
      await exchanged(bystander);
      const isPassedOn = depth === 100;
      expect(bystander.provider.awareness.states.has(7)).toBe(isPassedOn);
      await until("it is told", () => client.refused.length === (isPassedOn ? 0 : 1));
      expect(client.refused.map(({ code }) => code)).toEqual(isPassedOn ? [] : ["too-deep"]);
      expect(client.closeCode).toBeNull();
      expect(bystander.text.toString()).toBe("safe");
    }
  });
});
