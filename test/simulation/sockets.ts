/** The two endpoints of a simulated connection: the browser's WebSocket and the relay's socket. */
import type { Batch } from "../../sync-server/websocket/frame.ts";
import type { ClientSocket as RelaySocket, SocketListener } from "../../sync-server/websocket/web-socket.ts";
import type { Random } from "../random.ts";
import { Link } from "./network.ts";
import type { Listener, Uplink } from "./network.ts";
import { ENVIRONMENT } from "./time.ts";
import type { Owner, SimTime } from "./time.ts";

/** As in `web-socket.ts`. */
const CLOSE_TIMEOUT_MS = 2_000;

const sizeOf = (data: Uint8Array | ArrayBuffer): number => data.byteLength + 6;

/** The part of the browser's WebSocket that y-websocket uses. */
export class ClientSocket {
  static readonly OPEN = 1;
  readonly OPEN = 1;
  readonly owner: Owner;
  readonly url: string;
  readonly offered: readonly string[];
  readonly link: Link;
  readyState = 0;
  binaryType = "arraybuffer";
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: ArrayBuffer }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: (() => void) | null = null;

  constructor(
    url: string,
    offered: readonly string[],
    owner: Owner,
    uplink: Uplink,
    listener: Listener,
    time: SimTime,
    random: Random,
  ) {
    this.url = url;
    this.offered = offered;
    this.owner = owner;
    this.link = new Link(
      this,
      (link, relayOwner) => new ServerSocket(link, relayOwner),
      uplink,
      listener,
      time,
      random,
    );
  }

  send(data: Uint8Array): void {
    if (this.readyState !== 1) return;
    const bytes = data.slice();
    const { link } = this;
    link.up.send(
      sizeOf(bytes),
      () => link.relayOwner!,
      () => link.server?.received(bytes),
    );
  }

  close(): void {
    if (this.readyState >= 2) return;
    const wasOpen = this.readyState === 1;
    this.readyState = 2;
    const { link } = this;
    const relayOwner = link.relayOwner;
    if (relayOwner === null) return link.removeIfClosed();
    if (!wasOpen) {
      // The browser drops the connection, and the relay reads the end of the stream.
      link.up.send(
        0,
        () => relayOwner,
        () => {
          link.server?.closed();
          link.removeIfClosed();
        },
      );
      return;
    }
    link.up.send(
      8,
      () => relayOwner,
      () => link.server?.closed(),
    );
  }

  opened(): void {
    if (this.readyState !== 0) return;
    this.readyState = 1;
    this.onopen?.();
  }

  received(bytes: Uint8Array): void {
    if (this.readyState !== 1) return;
    this.onmessage?.({ data: bytes.slice().buffer });
  }

  closed(code: number, reason: string): void {
    if (this.readyState === 3) return;
    const wasConnecting = this.readyState === 0;
    this.readyState = 3;
    this.link.removeIfClosed();
    if (wasConnecting) this.onerror?.();
    this.onclose?.({ code, reason });
  }
}

/** The relay's socket, with the interface of `web-socket.ts`. */
export class ServerSocket implements RelaySocket {
  readonly owner: Owner;
  readonly link: Link;
  readyState = 1;
  readonly unfinishedBytes = 0;
  writes = 0;
  reads = 0;
  /** When something last arrived, ms of simulated time. */
  receivedAtMs: number;
  /** Called with everything that the relay sends, before it is sent. */
  onSend: ((bytes: Uint8Array) => void) | null = null;
  /** Called with every message that the relay has handled. */
  onHandled: ((bytes: Uint8Array) => void) | null = null;
  /** Called when the relay has noticed the end of the connection. */
  readonly onClosed: (() => void)[] = [];

  #listener: SocketListener | null = null;
  #isPaused = false;
  /** What has arrived in a pause. */
  #waiting: (() => void)[] = [];

  constructor(link: Link, relayOwner: Owner) {
    this.link = link;
    this.owner = relayOwner;
    this.receivedAtMs = link.time.now;
  }

  get isOpen(): boolean {
    return this.readyState === 1;
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
  }

  get bufferedBytes(): number {
    return this.link.down.inFlightBytes;
  }

  get acceptedBytes(): number {
    return this.link.down.arrivedBytes;
  }

  whenDrained(callback: () => void): void {
    this.link.down.onDrained.push(callback);
  }

  write({ frames }: Batch): void {
    this.writes++;
    for (const { payload } of frames) this.send(payload);
  }

  send(data: Uint8Array): void {
    if (this.readyState !== 1) return;
    this.onSend?.(data);
    const bytes = data.slice();
    const { client, down } = this.link;
    down.send(
      sizeOf(bytes),
      () => client.owner,
      () => client.received(bytes),
    );
  }

  /** The browser answers pings by itself, also for frozen pages. */
  ping(): void {
    const { link, owner: relayOwner } = this;
    link.down.send(
      6,
      () => ENVIRONMENT,
      () => {
        if (link.client.readyState >= 2) return;
        link.up.send(
          6,
          () => relayOwner,
          () => {
            this.#read(() => {
              this.receivedAtMs = link.time.now;
              this.reads++;
              this.#listener?.control();
            });
          },
        );
      },
    );
  }

  pause(): void {
    if (this.isOpen) this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    while (!this.#isPaused && this.#waiting.length > 0) this.#waiting.shift()!();
  }

  #read(what: () => void): void {
    if (this.#isPaused) this.#waiting.push(what);
    else what();
  }

  close(code: number, reason: string): void {
    if (this.readyState >= 2) return;
    this.readyState = 2;
    this.resume();
    const { link, owner: relayOwner } = this;
    link.down.send(
      8,
      () => link.client.owner,
      () => {
        link.client.closed(code, reason);
        link.up.send(
          8,
          () => relayOwner,
          () => this.closed(),
        );
      },
    );
    link.time.schedule(CLOSE_TIMEOUT_MS, () => this.terminate(), relayOwner);
  }

  terminate(): void {
    if (this.readyState === 3) return;
    this.link.up.clear();
    this.link.down.clear();
    this.link.breakTowardsClient();
    this.readyState = 3;
    this.link.time.schedule(0, () => this.#end(), this.owner);
  }

  received(bytes: Uint8Array): void {
    this.#read(() => {
      if (this.readyState === 3) return;
      this.receivedAtMs = this.link.time.now;
      this.reads++;
      // Messages after the close frame are ignored.
      if (this.isOpen) this.#listener?.message(bytes.slice(), true);
      if (this.isOpen) this.#listener?.bytes(sizeOf(bytes));
      this.onHandled?.(bytes);
    });
  }

  closed(): void {
    this.#read(() => {
      if (this.readyState === 3) return;
      this.readyState = 3;
      this.#end();
    });
  }

  #end(): void {
    this.link.removeIfClosed();
    for (const listener of this.onClosed) listener();
    this.#listener?.closed();
  }
}
