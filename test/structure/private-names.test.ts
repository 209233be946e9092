/**
 * What we use of other packages beyond their documented interface. package.json pins their minor versions; a new one
 * that changes any of this fails here, and not only in some race of an end-to-end test. Each use is in one file:
 * `src/client/room-provider.ts` (y-websocket, y-protocols) and `sync-server/websocket/ws-internals.ts` (ws).
 */
/* oxlint-disable no-underscore-dangle -- private names are what this is about. */
import { createServer, request } from "node:http";
import { connect, createServer as createTcpServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { readFileSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { WebSocketServer } from "ws";
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate, removeAwarenessStates } from "y-protocols/awareness";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import {
  announcedBytes,
  bufferedBytes,
  HandshakeOnly,
  missingBytes,
  Receiver,
} from "../../sync-server/websocket/ws-internals.ts";
import { acceptedBytes } from "../../sync-server/websocket/tcp-internals.ts";

/** Nests maps so deep that deleting the outermost overflows the stack of Yjs. */
const nest = (doc: Y.Doc, depth: number): void => {
  let map = doc.getMap("map");
  doc.transact(() => {
    for (let left = depth; left > 0; left--) {
      const inner = new Y.Map<unknown>();
      map.set("key", inner);
      map = inner;
    }
  });
};

it("the packages are pinned to their minor versions", () => {
  const { dependencies } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  for (const name of ["ws", "y-protocols", "y-websocket"]) expect(dependencies[name]).toMatch(/^~/);
});

describe("y-protocols", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("has its timer in _checkInterval", () => {
    const awareness = new Awareness(new Y.Doc());
    expect(vi.getTimerCount()).toBe(1);
    clearInterval(awareness._checkInterval);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("forgets the clock of a client that is removed from meta", () => {
    const [other, own] = [new Awareness(new Y.Doc()), new Awareness(new Y.Doc())];
    other.setLocalState({ name: "early" });
    const early = encodeAwarenessUpdate(other, [other.clientID]);
    other.setLocalState({ name: "late" });
    applyAwarenessUpdate(own, encodeAwarenessUpdate(other, [other.clientID]), null);
    removeAwarenessStates(own, [other.clientID], null);
    applyAwarenessUpdate(own, early, null);
    expect(own.states.has(other.clientID)).toBe(false);
    own.meta.delete(other.clientID);
    applyAwarenessUpdate(own, early, null);
    expect(own.states.get(other.clientID)).toEqual({ name: "early" });
  });
});

describe("y-websocket", () => {
  class FakeSocket {
    static sockets: FakeSocket[] = [];
    readonly OPEN = 1;
    readyState = 1;
    readonly protocols: readonly string[];
    readonly sent: Uint8Array[] = [];
    onopen: (() => void) | null = null;
    onmessage: ((event: { data: Uint8Array }) => void) | null = null;
    onclose: ((event: { code: number }) => void) | null = null;

    constructor(_url: string, protocols: readonly string[]) {
      this.protocols = [...protocols];
      FakeSocket.sockets.push(this);
    }

    send(data: Uint8Array): void {
      this.sent.push(data);
    }

    close(): void {}
  }

  const newest = (): FakeSocket => FakeSocket.sockets.at(-1)!;
  const makeProvider = (): WebsocketProvider =>
    new WebsocketProvider("ws://relay", "room", new Y.Doc(), {
      connect: false,
      disableBc: true,
      WebSocketPolyfill: FakeSocket as unknown as typeof WebSocket,
    });

  beforeEach(() => {
    vi.useFakeTimers();
    FakeSocket.sockets = [];
  });
  afterEach(() => void vi.useRealTimers());

  it("sends awareness by _awarenessUpdateHandler, and destroy() removes whatever is there", () => {
    const provider = makeProvider();
    const { awareness } = provider;
    provider.connect();
    newest().onopen!();
    const own = provider._awarenessUpdateHandler;
    const before = newest().sent.length;
    awareness.setLocalState({ at: 1 });
    expect(newest().sent).toHaveLength(before + 1);
    awareness.off("update", own);
    awareness.setLocalState({ at: 2 });
    expect(newest().sent).toHaveLength(before + 1);
    const replacement = vi.fn<() => void>();
    provider._awarenessUpdateHandler = replacement;
    awareness.on("update", replacement);
    provider.destroy();
    replacement.mockClear();
    awareness.setLocalState({ at: 3 });
    expect(replacement).not.toHaveBeenCalled();
  });

  it("reads messageHandlers of the instance at each message", () => {
    const [one, other] = [makeProvider(), makeProvider()];
    one.connect();
    newest().onopen!();
    const handler = vi.fn<() => void>();
    one.messageHandlers[100] = handler;
    newest().onmessage!({ data: Uint8Array.of(100) });
    expect(handler).toHaveBeenCalledOnce();
    expect(other.messageHandlers[100]).toBeUndefined();
  });

  it("sends everything as a Uint8Array by the send of its socket", () => {
    const { doc } = makeProvider();
    const provider = new WebsocketProvider("ws://relay", "room", doc, {
      disableBc: true,
      WebSocketPolyfill: FakeSocket as unknown as typeof WebSocket,
    });
    newest().onopen!();
    doc.getText("text").insert(0, "x");
    newest().onmessage!({ data: Uint8Array.of(0, 0, 1, 0) });
    // SyncStep1 and awareness at the start, then an Update and the SyncStep2 that was requested.
    expect(newest().sent.map(([type, step]) => (type === 0 ? step : "awareness"))).toEqual([0, "awareness", 2, 1]);
    expect(newest().sent.every((message) => message instanceof Uint8Array)).toBe(true);
    provider.destroy();
  });

  it("sends an update while connected is true and its socket is open, and at no other time", () => {
    const provider = makeProvider();
    const write = (): void => provider.doc.getText("text").insert(0, "x");
    const updates = (): number => newest().sent.filter(([type, step]) => type === 0 && step === 2).length;
    provider.connect();
    write();
    expect([provider.wsconnected, updates()]).toEqual([false, 0]);
    newest().onopen!();
    write();
    expect([provider.wsconnected, updates()]).toEqual([true, 1]);
    newest().readyState = 2;
    write();
    expect([provider.wsconnected, updates()]).toEqual([true, 1]);
  });

  it("reads protocols at each connect", () => {
    const provider = makeProvider();
    provider.protocols = ["first"];
    provider.connect();
    provider.disconnect();
    provider.protocols = ["second"];
    provider.connect();
    expect(FakeSocket.sockets.map(({ protocols }) => protocols)).toEqual([["first"], ["second"]]);
  });

  it("emits connection-close before it computes the delay from wsUnsuccessfulReconnects and maxBackoffTime", () => {
    const provider = makeProvider();
    provider.connect();
    newest().onopen!();
    let unsuccessful: number | null = null;
    provider.on("connection-close", () => {
      unsuccessful = provider.wsUnsuccessfulReconnects;
      provider.maxBackoffTime = 70;
    });
    newest().onclose!({ code: 1006 });
    expect(unsuccessful).toBe(0);
    expect(provider.wsUnsuccessfulReconnects).toBe(1);
    vi.advanceTimersByTime(69);
    expect(FakeSocket.sockets).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(FakeSocket.sockets).toHaveLength(2);
  });

  it("connects again after disconnect() once shouldConnect is set", () => {
    const provider = makeProvider();
    provider.connect();
    newest().onopen!();
    provider.disconnect();
    provider.shouldConnect = true;
    vi.advanceTimersByTime(provider.maxBackoffTime);
    expect(FakeSocket.sockets).toHaveLength(2);
  });

  it("calls disconnectBc at disconnect() and destroy()", () => {
    const provider = makeProvider();
    const disconnectBc = vi.fn<() => void>();
    provider.disconnectBc = disconnectBc;
    provider.disconnect();
    expect(disconnectBc).toHaveBeenCalled();
  });
});

describe("yjs", () => {
  it("emits afterAllTransactions for each update, also if an observer throws or nothing is new", () => {
    const [from, doc] = [new Y.Doc(), new Y.Doc()];
    const done = vi.fn<() => void>();
    doc.on("afterAllTransactions", done);
    from.getMap("map").set("key", 1);
    const update = Y.encodeStateAsUpdate(from);
    doc.getMap("map").observe(() => {
      throw new Error("the page's own");
    });
    expect(() => Y.applyUpdate(doc, update)).toThrow("the page's own");
    expect(done).toHaveBeenCalledTimes(1);
    Y.applyUpdate(doc, update);
    expect(done).toHaveBeenCalledTimes(2);
  });

  it("emits it no more after an error of its own", () => {
    const [from, doc] = [new Y.Doc(), new Y.Doc()];
    nest(from, 20_000);
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(from));
    const done = vi.fn<() => void>();
    doc.on("afterAllTransactions", done);
    expect(() => doc.getMap("map").delete("key")).toThrow(RangeError);
    expect(done).not.toHaveBeenCalled();
    doc.getMap("map").set("key", 1);
    expect(done).not.toHaveBeenCalled();
  });
});

describe("ws", () => {
  const newReceiver = (): Receiver =>
    new Receiver({ isServer: true, maxPayload: 16_000_000, maxFragments: 4, maxBufferedChunks: 4 });

  it("has a Receiver that emits what is written to it at once", () => {
    const receiver = newReceiver();
    const events: unknown[][] = [];
    receiver.on("message", (bytes, isBinary) => events.push(["message", [...bytes], isBinary]));
    receiver.on("ping", (bytes) => events.push(["ping", [...bytes]]));
    receiver.on("pong", (bytes) => events.push(["pong", [...bytes]]));
    receiver.on("conclude", (code) => events.push(["conclude", code]));
    receiver.write(Buffer.of(0x82, 0x82, 1, 2, 3, 4, 1 ^ 7, 2 ^ 8));
    receiver.write(Buffer.of(0x89, 0x81, 0, 0, 0, 0, 1, 0x8a, 0x80, 0, 0, 0, 0));
    receiver.write(Buffer.of(0x88, 0x80, 0, 0, 0, 0));
    expect(events).toEqual([
      ["message", [7, 8], true],
      ["ping", [1]],
      ["pong", []],
      ["conclude", 1005],
    ]);
  });

  it.each([
    ["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", [Buffer.of(0x82, 0xff, 0, 0, 0, 0, 0xff, 0, 0, 0)]],
    ["WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH", [Buffer.of(0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0)]],
    [
      "WS_ERR_TOO_MANY_BUFFERED_PARTS",
      new Array<Buffer>(5).fill(Buffer.of(0x00, 0x80, 0, 0, 0, 0)).with(0, Buffer.of(0x02, 0x80, 0, 0, 0, 0)),
    ],
    ["WS_ERR_TOO_MANY_BUFFERED_PARTS", [Buffer.of(0x82, 0x90, 0, 0, 0, 0), ...new Array<Buffer>(5).fill(Buffer.of(0))]],
    ["WS_ERR_INVALID_UTF8", [Buffer.of(0x81, 0x81, 0, 0, 0, 0, 0xff)]],
  ])("[W13] fails with %s", async (code, chunks) => {
    const receiver = newReceiver();
    const failed = once(receiver, "error") as Promise<[{ code: string }]>;
    for (const chunk of chunks) receiver.write(chunk);
    expect((await failed)[0].code).toBe(code);
  });

  it("[W14] allocates nothing for bytes that a header only announces", () => {
    const receivers = Array.from({ length: 200 }, newReceiver);
    const before = process.memoryUsage().arrayBuffers;
    // 15 MB announced by each.
    for (const each of receivers)
      each.write(Buffer.of(0x82, 0xff, 0, 0, 0, 0, 0, 0xe4, 0xe1, 0xc0, 0, 0, 0, 0, 1, 2, 3));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  });

  it("knows of a message that is not complete how much is there, and how much was announced", () => {
    const receiver = newReceiver();
    receiver.on("error", () => {});
    const counts = (): number[] => [missingBytes(receiver), bufferedBytes(receiver), announcedBytes(receiver)];
    receiver.write(Buffer.of(0x02, 0x82, 0, 0, 0, 0, 1, 2));
    expect(counts()).toEqual([0, 2, 2]);
    receiver.write(Buffer.of(0x80, 0x83, 0, 0, 0, 0, 3));
    expect(counts()).toEqual([2, 3, 5]);
    receiver.write(Buffer.of(4, 5));
    expect(counts()).toEqual([0, 0, 0]);
    // 16 MB, above the limit of this receiver.
    receiver.write(Buffer.of(0x82, 0xff, 0, 0, 0, 0, 0xff, 0, 0, 0));
    expect(announcedBytes(receiver)).toBe(0xff000000);
  });

  it("hands the stream to setSocket once the handshake is answered, and takes no notice of it any more", async () => {
    const upgrades = new WebSocketServer({ noServer: true, clientTracking: false, WebSocket: HandshakeOnly });
    const server = createServer();
    const { promise: upgraded, resolve } = Promise.withResolvers<HandshakeOnly>();
    server.on("upgrade", (incoming, stream, head) => {
      upgrades.handleUpgrade(incoming, stream, head, resolve);
      // It is there when `handleUpgrade` returns.
      stream.on("close", () => server.close());
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const headers = {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    };
    const call = request({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", headers });
    call.end();
    const [response, socket] = (await once(call, "upgrade")) as [{ statusCode: number }, { destroy(): void }];
    expect(response.statusCode).toBe(101);
    const { accepted } = await upgraded;
    expect(accepted!.head).toHaveLength(0);
    expect(accepted!.stream.listenerCount("data")).toBe(0);
    socket.destroy();
  });
});

it("node:net says how much of a write in progress the system has taken", async () => {
  const server = createTcpServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const peer = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [socket] = await accepted;
  server.close();
  peer.pause();
  const bytes = 64_000_000;
  socket.write(new Uint8Array(bytes));
  // What the buffers of the system take at once.
  const before = acceptedBytes(socket);
  expect(before).toBeGreaterThan(0);
  expect(before).toBeLessThan(bytes);
  let read = 0;
  peer.on("data", (chunk: Buffer) => {
    read += chunk.byteLength;
    if (read > bytes / 2) peer.pause();
  });
  peer.resume();
  await expect.poll(() => acceptedBytes(socket)).toBeGreaterThan(before);
  expect(socket.writableLength).toBe(bytes);
  peer.removeAllListeners("data").resume();
  await expect.poll(() => acceptedBytes(socket)).toBe(bytes);
  socket.destroy();
  expect(acceptedBytes(socket)).toBe(0);
  peer.destroy();
});
