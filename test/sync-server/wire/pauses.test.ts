/** Connections that the relay stops reading for a while, because they send more than a second's worth. */
import type { Socket } from "node:net";
import * as encoding from "lib0/encoding";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { MessageType, writeCommand, writeSyncStep1, writeUpdate } from "../../../src/protocol/protocol.ts";
import type { Limits } from "../../../sync-server/config/limits.ts";
import { awarenessFrame, exchanged, passTime } from "../frames.ts";
import { host, participant, rawClient, roomState, startRelay, until } from "../harness.ts";
import type { RawClient, Setting } from "../harness.ts";
import { EMPTY_STATE_VECTOR, joined, textInRoom } from "./clients.ts";

const setUp = async (limits: Partial<Limits>) => {
  const setting = await startRelay({ limits });
  const witness = await joined(setting, host);
  const client = await rawClient(setting, await setting.token(participant));
  return { setting, witness, client };
};

/** Resolves when the relay has read what has arrived before, from whoever it reads. */
const settled = async (witness: RawClient): Promise<void> => {
  for (let i = 0; i < 3; i++) await exchanged(witness);
};

/** Expects that the relay reads a client again in so many ms and no earlier; the client is not closed. */
const expectPause = async (setting: Setting, witness: RawClient, client: RawClient, ms: number): Promise<void> => {
  await settled(witness);
  let isRead = false;
  client.socket.once("pong", () => {
    isRead = true;
  });
  client.socket.ping();
  setting.clock.advance(ms - 1);
  await settled(witness);
  expect(isRead).toBe(false);
  setting.clock.advance(1);
  await until("the client is read again", () => isRead);
  expect(client.closeCode).toBeNull();
};

/** An update of so many structs: each letter that is inserted at the front is one of its own. */
const structs = (count: number): Uint8Array => {
  const doc = new Y.Doc();
  for (let i = 0; i < count; i++) doc.getText("text").insert(0, "x");
  return writeUpdate(Y.encodeStateAsUpdate(doc));
};

/** An update of so many deletes, of nothing that is held. */
const deletes = (count: number): Uint8Array =>
  writeUpdate(
    encoding.encode((encoder) => {
      for (const number of [0, 1, 7, count]) encoding.writeVarUint(encoder, number);
      for (let i = 0; i < count; i++) for (const number of [2 * i, 1]) encoding.writeVarUint(encoder, number);
    }),
  );

describe("a connection that sends too much in a second", () => {
  it.each([
    ["messages", (client: RawClient) => client.send(awarenessFrame())],
    ["pings", (client: RawClient) => client.socket.ping()],
  ])("[W13] is read no more until its %s are earned, and not closed", async (_what, send) => {
    const { setting, witness, client } = await setUp({ messagesPerSecond: 10 });
    setting.clock.advance(10_000);
    // What 4 s are worth may come at once.
    for (let i = 0; i < 38; i++) send(client);
    await exchanged(client);
    send(client);
    await expectPause(setting, witness, client, 100);
  });

  it("[W13] is read no more until its bytes are earned", async () => {
    const { setting, witness, client } = await setUp({ bytesPerSecond: 1_000 });
    // With the header of its frame 5,000 bytes, of which 4,000 are allowed; bytes after a message's body are ignored.
    client.send(Buffer.concat([awarenessFrame()], 5_000 - 8));
    await expectPause(setting, witness, client, 1_000);
  });

  it.each([
    ["structs", structs],
    ["deletes", deletes],
  ])("[W13] is read no more until its %s are earned, however many one message holds", async (_what, many) => {
    const { setting, witness, client } = await setUp({ structsPerSecond: 100 });
    client.send(many(500));
    await expectPause(setting, witness, client, 1_000);
    // 100 s are owed, and after 20 s it is read all the same.
    client.send(many(10_500));
    await expectPause(setting, witness, client, 20_000);
  });

  it("[W13] nothing of what it sends is lost", async () => {
    const { setting, witness, client } = await setUp({ structsPerSecond: 100 });
    client.send(structs(500));
    client.send(structs(3));
    for (let i = 0; i < 2; i++) {
      await settled(witness);
      setting.clock.advance(1_000);
    }
    await exchanged(client);
    expect(await textInRoom(setting)).toBe("x".repeat(503));
  });

  it.each([
    ["SyncStep1", () => writeSyncStep1(EMPTY_STATE_VECTOR)],
    ["a command", (id: number) => writeCommand({ type: "join", id })],
  ])("[W13] what came in the same packet waits too, each request for its own time (%s)", async (_what, request) => {
    const { setting, witness, client } = await setUp({ requestsPerSecond: 2 });
    await exchanged(client);
    const before = client.frames.length;
    const answers = (): number =>
      client.frames.slice(before).filter(([type, step]) => type === MessageType.session || (type === 0 && step === 1))
        .length;
    const { _socket: stream } = client.socket as unknown as { _socket: Socket };
    stream.cork();
    for (let i = 0; i < 23; i++) client.send(request(i));
    stream.uncork();
    await until("what is allowed was answered", () => answers() === 21);
    await settled(witness);
    expect(answers()).toBe(21);
    setting.clock.advance(499);
    await settled(witness);
    expect(answers()).toBe(21);
    setting.clock.advance(1);
    await until("the next was answered", () => answers() === 22);
    setting.clock.advance(500);
    await until("the last was answered", () => answers() === 23);
    expect(client.closeCode).toBeNull();
  });

  it("[W11] is not taken for silent while it is not read, and when it is dead, that is noticed afterwards", async () => {
    const { setting, witness } = await setUp({ structsPerSecond: 100 });
    const alive = await joined(setting, participant);
    const dead = await joined(setting, { ...participant, sub: "p2" } as never);
    await passTime(setting, 15_000, witness, alive, dead);
    for (const client of [alive, dead]) client.send(structs(2_500));
    await settled(witness);
    dead.socket.pause();
    await passTime(setting, 35_000, witness);
    // For 20 s nobody read, so that the silence is one of 15 s.
    expect(await roomState(setting)).toMatchObject({ participants: 2 });
    await passTime(setting, 25_000, witness, alive);
    expect(await roomState(setting)).toMatchObject({ participants: 1 });
    expect(alive.closeCode).toBeNull();
  });

  it("[W13] is closed at once when the relay closes it, and reads why", async () => {
    const { setting, witness, client } = await setUp({ structsPerSecond: 100 });
    client.send(structs(2_500));
    await settled(witness);
    await setting.relay.close();
    await until("it is closed", () => client.closeCode === 1012);
  });

  it("leaves no timer behind when the client goes in a pause", async () => {
    const { setting, witness, client } = await setUp({ structsPerSecond: 100 });
    await exchanged(client);
    const before = setting.clock.timers;
    client.send(structs(2_500));
    await until("it is paused", () => setting.clock.timers === before + 1);
    client.socket.terminate();
    setting.clock.advance(20_000);
    await settled(witness);
    await until("no timer is left", () => setting.clock.timers <= before);
  });
});
