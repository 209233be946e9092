import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { Batch, Frame } from "../../../sync-server/websocket/frame.ts";
import { GOODBYE_MS, ServerWebSocket } from "../../../sync-server/websocket/web-socket.ts";
import { manualClock } from "../../manual-clock.ts";
import { until } from "../harness.ts";

const CLOSE_1000 = Uint8Array.of(0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8);
const ping = (payload: number): Uint8Array => Uint8Array.of(0x89, 0x81, 0, 0, 0, 0, payload);
const message = (byte: number): Uint8Array => Uint8Array.of(0x82, 0x81, 0, 0, 0, 0, byte);

/** A line over a real connection, as it is after the handshake. */
const openLine = async () => {
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
  const heard: number[][] = [];
  const state = { closed: 0, controls: 0, bytes: 0 };
  const line = new ServerWebSocket(stream, new Uint8Array(), 1_000, clock);
  line.listen({
    bytes: (count) => {
      state.bytes += count;
    },
    message: (bytes) => void heard.push([...bytes]),
    control: () => void state.controls++,
    closed: () => void state.closed++,
  });
  const received: number[] = [];
  const read = (): void => void peer.on("data", (bytes: Buffer) => void received.push(...bytes));
  return { clock, line, peer, stream, heard, state, received, read };
};

describe("a line", () => {
  it("[W14] answers a ping with what it brought", async () => {
    const { peer, received, state, read } = await openLine();
    read();
    peer.write(ping(7));
    await until("the pong came", () => received.length >= 3);
    expect(received).toEqual([0x8a, 1, 7]);
    expect(state.controls).toBe(1);
  });

  it("[W14] a peer that does not read gets one pong, the newest, for all its pings", async () => {
    const { line, peer, received, state } = await openLine();
    const much = Frame.of(new Uint8Array(16_000_000));
    line.write(new Batch([much]));
    expect(line.bufferedBytes).toBeGreaterThan(0);
    for (let i = 0; i < 200; i++) peer.write(ping(i));
    await until("they were heard", () => state.controls === 200);
    expect(line.bufferedBytes).toBeLessThanOrEqual(much.bytes.byteLength);
    let bytes = 0;
    peer.on("data", (chunk: Buffer) => {
      bytes += chunk.byteLength;
      received.splice(0, received.length, ...chunk.subarray(-3));
    });
    await until("all was read", () => bytes >= much.bytes.byteLength + 3);
    expect(bytes).toBe(much.bytes.byteLength + 3);
    expect(received).toEqual([0x8a, 1, 199]);
  });

  it("[W14] answers a goodbye with its code, and hears nothing behind it", async () => {
    const { line, peer, heard, received, state, read } = await openLine();
    read();
    peer.write(Buffer.concat([message(1), CLOSE_1000, message(2)]));
    await once(peer, "end");
    expect(received).toEqual([0x88, 2, 0x03, 0xe8]);
    expect(heard).toEqual([[1]]);
    expect(line.isOpen).toBe(false);
    peer.end();
    await until("it is over", () => state.closed === 1);
  });

  it("[W14] says goodbye, ends when that is answered, and hears nothing any more", async () => {
    const { line, peer, heard, received, state, read } = await openLine();
    read();
    line.close(4401, "why");
    line.close(4403, "never said");
    line.write(new Batch([Frame.of(Uint8Array.of(1))]));
    await until("it was heard", () => received.length > 0);
    expect(received).toEqual([0x88, 5, 4401 >> 8, 4401 & 0xff, ...Buffer.from("why")]);
    peer.write(Buffer.concat([message(1), CLOSE_1000]));
    await once(peer, "end");
    peer.end();
    await until("it is over", () => state.closed === 1);
    expect(heard).toEqual([]);
  });

  it("[W14] cuts a peer that does not answer the goodbye, in its time", async () => {
    const { clock, line, peer, state, read } = await openLine();
    read();
    line.close(1000, "");
    clock.advance(GOODBYE_MS - 1);
    expect(peer.readableEnded).toBe(false);
    clock.advance(1);
    await until("it is over", () => state.closed === 1);
  });

  it("[W11] [W13] counts bytes as they come: a peer in the middle of a long message is there", async () => {
    const { line, peer, heard, state } = await openLine();
    peer.write(Uint8Array.of(0x82, 0xfe, 0x03, 0x00, 0, 0, 0, 0));
    for (let i = 1; i <= 5; i++) {
      const before = line.heard;
      peer.write(new Uint8Array(10));
      await until("it came", () => state.bytes === 8 + i * 10);
      expect(line.heard).toBeGreaterThan(before);
    }
    expect(heard).toEqual([]);
  });

  it("[W4] cuts a reason to what a close frame holds", async () => {
    const { line, received, read } = await openLine();
    read();
    line.close(1013, "é".repeat(100));
    await until("it was heard", () => received.length > 2);
    expect(received.slice(0, 2)).toEqual([0x88, 2 + 122]);
  });

  it("[W14] ends with a peer that ends without a word, and tells once", async () => {
    const { peer, state, read, line } = await openLine();
    read();
    peer.end(message(1).slice(0, 4));
    await until("it is over", () => state.closed === 1);
    expect(line.isOpen).toBe(false);
    line.terminate();
    line.close(1000, "");
    await new Promise((resolve) => setImmediate(resolve));
    expect(state.closed).toBe(1);
  });
});
