import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { Batch, Frame } from "../../../sync-server/websocket/frame.ts";
import { ServerWebSocket } from "../../../sync-server/websocket/web-socket.ts";
import { manualClock } from "../../manual-clock.ts";
import { until } from "../harness.ts";

const MAX_MESSAGE_BYTES = 1_000;
const CLOSE_TIMEOUT_MS = 2_000;
const Opcode = { continuation: 0, binary: 2, ping: 9, pong: 10 } as const;

/** A frame as a client sends it, masked with zeros. `claimed`: the length in its header. */
const frame = (opcode: number, payload: Uint8Array, isFinal = true, claimed = payload.byteLength): Uint8Array => {
  const length = claimed < 126 ? [0x80 | claimed] : [0x80 | 126, claimed >> 8, claimed & 0xff];
  return Buffer.concat([Uint8Array.of((isFinal ? 0x80 : 0) | opcode, ...length, 0, 0, 0, 0), payload]);
};
const CLOSE_1000 = frame(8, Uint8Array.of(0x03, 0xe8));
const ping = (payload: number): Uint8Array => frame(Opcode.ping, Uint8Array.of(payload));
const message = (byte: number): Uint8Array => frame(Opcode.binary, Uint8Array.of(byte));

/** A socket over a real connection, as it is after the handshake. */
const openSocket = async () => {
  const clock = manualClock();
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const { port } = server.address() as { port: number };
  const peer = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const [stream] = await accepted;
  server.close();
  stream.on("error", () => stream.destroy());
  peer.on("error", () => {});
  onTestFinished(() => {
    peer.destroy();
    stream.destroy();
  });
  const messages: number[][] = [];
  const counts = { closed: 0, controls: 0, bytes: 0 };
  /** The message after which it is paused. */
  let last: number | null = null;
  const socket = new ServerWebSocket(stream, new Uint8Array(), MAX_MESSAGE_BYTES, clock);
  socket.listen({
    bytes: (count) => {
      counts.bytes += count;
    },
    message: (bytes) => {
      messages.push([...bytes]);
      if (bytes[0] === last) socket.pause();
    },
    control: () => void counts.controls++,
    closed: () => void counts.closed++,
  });
  const received: number[] = [];
  const read = (): void => void peer.on("data", (bytes: Buffer) => void received.push(...bytes));
  /** The code of the close frame that the peer receives. */
  const closeCode = async (): Promise<number> => {
    read();
    await once(peer, "end");
    expect(received[0]).toBe(0x88);
    return (received[2]! << 8) | received[3]!;
  };
  const pauseAfter = (byte: number): void => {
    last = byte;
  };
  return { clock, socket, peer, messages, counts, received, read, closeCode, pauseAfter };
};

describe("a socket of the relay", () => {
  it("[W14] answers a ping with its payload", async () => {
    const { peer, received, counts, read } = await openSocket();
    read();
    peer.write(ping(7));
    await until("the pong arrived", () => received.length >= 3);
    expect(received).toEqual([0x8a, 1, 7]);
    expect(counts.controls).toBe(1);
  });

  it("[W14] a peer that does not read gets one pong, the newest, for all its pings", async () => {
    const { socket, peer, received, counts } = await openSocket();
    const large = Frame.of(new Uint8Array(16_000_000));
    socket.write(new Batch([large]));
    expect(socket.bufferedBytes).toBeGreaterThan(0);
    for (let i = 0; i < 200; i++) peer.write(ping(i));
    await until("the pings arrived", () => counts.controls === 200);
    expect(socket.bufferedBytes).toBeLessThanOrEqual(large.chunks[0]!.byteLength);
    let bytes = 0;
    peer.on("data", (chunk: Buffer) => {
      bytes += chunk.byteLength;
      received.splice(0, received.length, ...chunk.subarray(-3));
    });
    await until("everything was read", () => bytes >= large.chunks[0]!.byteLength + 3);
    expect(bytes).toBe(large.chunks[0]!.byteLength + 3);
    expect(received).toEqual([0x8a, 1, 199]);
  });

  it("[W14] puts a message together from its frames, with a ping between them, however they arrive", async () => {
    const { peer, messages, counts } = await openSocket();
    const bytes = Buffer.concat([
      frame(Opcode.binary, Uint8Array.of(1, 2), false),
      ping(7),
      frame(Opcode.continuation, new Uint8Array(130).fill(3)),
    ]);
    peer.setNoDelay();
    for (const byte of bytes) {
      const before = counts.bytes;
      peer.write(Uint8Array.of(byte));
      await until("the byte arrived", () => counts.bytes > before);
    }
    expect(messages).toEqual([[1, 2, ...new Array<number>(130).fill(3)]]);
    expect(counts.controls).toBe(1);
  });

  it("[W14] answers a close frame with its code, and reads nothing after it", async () => {
    const { socket, peer, messages, received, counts, read } = await openSocket();
    read();
    peer.write(Buffer.concat([message(1), CLOSE_1000, message(2)]));
    await once(peer, "end");
    expect(received).toEqual([0x88, 2, 0x03, 0xe8]);
    expect(messages).toEqual([[1]]);
    expect(socket.isOpen).toBe(false);
    peer.end();
    await until("it is closed", () => counts.closed === 1);
  });

  it("[W14] sends a close frame, ends when that is answered, and passes on no message any more", async () => {
    const { socket, peer, messages, received, counts, read } = await openSocket();
    read();
    socket.close(4401, "why");
    socket.close(4403, "never sent");
    socket.write(new Batch([Frame.of(Uint8Array.of(1))]));
    await until("the close frame arrived", () => received.length > 0);
    expect(received).toEqual([0x88, 5, 4401 >> 8, 4401 & 0xff, ...Buffer.from("why")]);
    peer.write(Buffer.concat([message(1), CLOSE_1000]));
    await once(peer, "end");
    peer.end();
    await until("it is closed", () => counts.closed === 1);
    expect(messages).toEqual([]);
  });

  it("[W14] destroys the connection of a peer that does not answer the close frame in time", async () => {
    const { clock, socket, peer, counts, read } = await openSocket();
    read();
    socket.close(1000, "");
    clock.advance(CLOSE_TIMEOUT_MS - 1);
    expect(peer.readableEnded).toBe(false);
    clock.advance(1);
    await until("it is closed", () => counts.closed === 1);
  });

  it("[W11] [W13] counts bytes as they arrive: a peer in the middle of a long message is alive", async () => {
    const { socket, peer, messages, counts } = await openSocket();
    peer.write(frame(Opcode.binary, new Uint8Array(), true, 0x300));
    for (let i = 1; i <= 5; i++) {
      const before = socket.reads;
      peer.write(new Uint8Array(10));
      await until("the bytes arrived", () => counts.bytes === 8 + i * 10);
      expect(socket.reads).toBeGreaterThan(before);
    }
    expect(messages).toEqual([]);
  });

  it("[W4] cuts a reason to what a close frame holds", async () => {
    const { socket, received, read } = await openSocket();
    read();
    socket.close(1013, "é".repeat(100));
    await until("the close frame arrived", () => received.length > 2);
    expect(received.slice(0, 2)).toEqual([0x88, 2 + 122]);
  });

  it("[W14] closes when the peer ends without a close frame, and reports it once", async () => {
    const { peer, counts, read, socket } = await openSocket();
    read();
    peer.end(message(1).slice(0, 4));
    await until("it is closed", () => counts.closed === 1);
    expect(socket.isOpen).toBe(false);
    socket.terminate();
    socket.close(1000, "");
    await new Promise((resolve) => setImmediate(resolve));
    expect(counts.closed).toBe(1);
  });

  it.each([
    ["a message above the limit", 4413, frame(Opcode.binary, new Uint8Array(), true, MAX_MESSAGE_BYTES + 1)],
    [
      "a message above the limit in several frames",
      4413,
      Buffer.concat([
        frame(Opcode.binary, new Uint8Array(MAX_MESSAGE_BYTES - 1), false),
        // Control frames are no part of the message.
        frame(Opcode.pong, new Uint8Array(100)),
        frame(Opcode.continuation, new Uint8Array(), true, 2),
      ]),
    ],
    ["a message far above the limit", 1009, frame(Opcode.binary, new Uint8Array(), true, 2 * MAX_MESSAGE_BYTES + 1)],
    [
      "a message in endless frames",
      1009,
      Buffer.concat([
        frame(Opcode.binary, new Uint8Array(), false),
        ...Array.from({ length: 16_384 }, () => frame(Opcode.continuation, new Uint8Array(), false)),
      ]),
    ],
  ])("[W13] [W14] for %s closes with %i, before it is read", async (_what, code, bytes) => {
    const { peer, messages, closeCode } = await openSocket();
    peer.write(bytes);
    expect(await closeCode()).toBe(code);
    expect(messages).toEqual([]);
  });

  it("[W13] in a pause passes nothing on, and afterwards everything in order, with what follows", async () => {
    const { socket, peer, messages, counts, pauseAfter } = await openSocket();
    pauseAfter(1);
    peer.write(Buffer.concat([message(1), message(2), message(3)]));
    await until("the chunk was read", () => counts.bytes === 21);
    expect(messages).toEqual([[1]]);
    pauseAfter(2);
    socket.resume();
    expect(messages).toEqual([[1], [2]]);
    peer.write(Buffer.concat([message(4), CLOSE_1000]));
    socket.resume();
    await until("the close frame was read", () => !socket.isOpen);
    expect(messages).toEqual([[1], [2], [3], [4]]);
  });
  it.each([
    ["a frame without a mask", Uint8Array.of(0x82, 0x01, 1), 1002],
    ["an unknown opcode", frame(3, new Uint8Array()), 1002],
    ["a close frame with a reserved code", frame(8, Uint8Array.of(0x03, 0xed)), 1002],
    ["a text that is no UTF-8", frame(1, Uint8Array.of(0xff)), 1007],
  ])("[W14] closes with the code of RFC 6455 for %s, and reads nothing after it", async (_what, bytes, code) => {
    const { peer, messages, closeCode } = await openSocket();
    peer.write(Buffer.concat([message(1), bytes, message(2)]));
    expect(await closeCode()).toBe(code);
    expect(messages).toEqual([[1]]);
  });
});
