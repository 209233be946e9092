/**
 * The network between people and the relay, one TCP connection at a time: what is sent arrives in order and
 * late, or waits while the way is dark, or is lost with its connection. The two ends are sockets as the
 * browser and as `ws` have them.
 */
import { EventEmitter } from "node:events";
import type { Batch } from "../../sync-server/frame.ts";
import type { RawSocket } from "../../sync-server/ws-socket.ts";
import type { Random } from "../random.ts";
import { NATURE } from "./time.ts";
import type { Owner, SimTime } from "./time.ts";

/** Close code of a line that ended without a word (RFC 6455, 7.1.5). */
const ABNORMAL = 1006;
/** How long `ws` waits for the answer to a close frame, ms (`closeTimeout` in upgrade.ts). */
const CLOSE_TIMEOUT_MS = 2_000;

/** One person's way to the network. */
export type Uplink = {
  /** Nothing gets through; what was sent is sent again later, as TCP does. */
  isDark: boolean;
  /** One way, ms. */
  latencyMs: number;
  /** Added to it, by chance. */
  jitterMs: number;
  bytesPerMs: number;
  readonly links: Set<Link>;
};

export const createUplink = (): Uplink => ({
  isDark: false,
  latencyMs: 10,
  jitterMs: 10,
  bytesPerMs: 1_000,
  links: new Set(),
});

/** What a relay is to the network. */
export type Listener = {
  /** Owner of what happens there; `null` while no relay is running. */
  readonly life: Owner | null;
  /** Somebody opens a line; `open` answers it, `null` if they are gone. */
  accept(link: Link, url: string, protocols: readonly string[], open: () => ServerSocket | null): void;
};

type Packet = { readonly bytes: number; readonly owner: () => Owner; readonly arrive: () => void };

/** One direction of a connection. */
class Pipe {
  readonly #time: SimTime;
  readonly #random: Random;
  readonly #uplink: Uplink;
  #lastAt = 0;
  /** What has not arrived yet, in order. */
  #packets: Packet[] = [];
  inFlightBytes = 0;

  constructor(time: SimTime, random: Random, uplink: Uplink) {
    this.#time = time;
    this.#random = random;
    this.#uplink = uplink;
  }

  send(bytes: number, owner: () => Owner, arrive: () => void): void {
    this.#packets.push({ bytes, owner, arrive });
    this.inFlightBytes += bytes;
    if (!this.#uplink.isDark) this.#plan(bytes);
  }

  /** The way is light again: everything that waits is sent once more. */
  resume(): void {
    this.#lastAt = 0;
    for (const { bytes } of this.#packets) this.#plan(bytes);
  }

  clear(): void {
    this.#packets = [];
    this.inFlightBytes = 0;
  }

  #plan(bytes: number): void {
    const { latencyMs, jitterMs, bytesPerMs } = this.#uplink;
    const at = this.#time.now + latencyMs + this.#random.fraction() * jitterMs + bytes / bytesPerMs;
    this.#lastAt = Math.max(this.#lastAt, at);
    this.#time.schedule(this.#lastAt - this.#time.now, () => this.#arrive(), NATURE);
  }

  #arrive(): void {
    if (this.#uplink.isDark) return;
    const packet = this.#packets.shift();
    if (packet === undefined) return;
    this.inFlightBytes -= packet.bytes;
    // As an event of its own: it is its receiver's doing, who may be frozen or dead.
    this.#time.schedule(0, packet.arrive, packet.owner());
  }
}

/** One connection. */
export class Link {
  readonly time: SimTime;
  readonly up: Pipe;
  readonly down: Pipe;
  readonly uplink: Uplink;
  readonly client: ClientSocket;
  server: ServerSocket | null = null;
  /** The relay's life that it leads to. */
  life: Owner | null = null;

  constructor(client: ClientSocket, uplink: Uplink, listener: Listener, time: SimTime, random: Random) {
    this.client = client;
    this.uplink = uplink;
    this.time = time;
    this.up = new Pipe(time, random, uplink);
    this.down = new Pipe(time, random, uplink);
    uplink.links.add(this);
    this.up.send(
      500,
      () => NATURE,
      () => {
        const { life } = listener;
        // Nobody listens: the connection is refused.
        if (life === null) return this.breakTowardsClient();
        this.life = life;
        listener.accept(this, client.url, client.offered, () => this.#open(life));
      },
    );
  }

  #open(life: Owner): ServerSocket | null {
    if (this.client.readyState !== ClientSocket.CONNECTING) return null;
    const server = new ServerSocket(this, life);
    this.server = server;
    this.down.send(
      200,
      () => this.client.owner,
      () => this.client.opened(),
    );
    return server;
  }

  /** The connection ends for the client without a word, once what is on its way has arrived. */
  breakTowardsClient(): void {
    this.down.send(
      0,
      () => this.client.owner,
      () => this.client.closed(ABNORMAL, ""),
    );
  }

  /** Both sides lose the connection, and with it what is on its way. */
  cut(): void {
    this.up.clear();
    this.down.clear();
    // A dead browser's end of it is gone with it.
    if (!this.client.owner.isAlive) this.client.readyState = 3;
    this.time.schedule(1, () => this.client.closed(ABNORMAL, ""), this.client.owner);
    if (this.server !== null) this.time.schedule(1, () => this.server!.closed(ABNORMAL), this.server.life);
    this.forgetIfOver();
  }

  /** Forgets a connection that has ended on both sides. */
  forgetIfOver(): void {
    const { client, server } = this;
    if (client.readyState >= 2 && (server === null || server.readyState === 3)) this.uplink.links.delete(this);
  }

  /** The relay's process is gone; what its system still had to send may arrive. */
  loseServer(keepsSent: boolean): void {
    if (this.server !== null) this.server.readyState = 3;
    this.up.clear();
    if (!keepsSent) this.down.clear();
    this.breakTowardsClient();
    this.forgetIfOver();
  }
}

export const setDark = (uplink: Uplink, isDark: boolean): void => {
  if (uplink.isDark === isDark) return;
  uplink.isDark = isDark;
  if (isDark) return;
  for (const link of uplink.links) {
    link.up.resume();
    link.down.resume();
  }
};

const sizeOf = (data: Uint8Array | ArrayBuffer): number => data.byteLength + 6;

/** A WebSocket as browsers have it, as far as y-websocket uses it. */
export class ClientSocket {
  static readonly CONNECTING = 0;
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
    this.link = new Link(this, uplink, listener, time, random);
  }

  send(data: Uint8Array): void {
    if (this.readyState !== 1) return;
    const bytes = data.slice();
    const { link } = this;
    link.up.send(
      sizeOf(bytes),
      () => link.life!,
      () => link.server?.received(bytes),
    );
  }

  close(): void {
    if (this.readyState >= 2) return;
    const wasOpen = this.readyState === 1;
    this.readyState = 2;
    const { link } = this;
    const life = link.life;
    if (life === null) return link.forgetIfOver();
    if (!wasOpen) {
      // The browser drops the connection; the other side reads its end.
      link.up.send(
        0,
        () => life,
        () => {
          link.server?.closed(ABNORMAL);
          link.forgetIfOver();
        },
      );
      return;
    }
    link.up.send(
      8,
      () => life,
      () => link.server?.closed(1000),
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
    this.link.forgetIfOver();
    if (wasConnecting) this.onerror?.();
    this.onclose?.({ code, reason });
  }
}

/** A WebSocket as `ws` has it on the relay's side. */
export class ServerSocket extends EventEmitter {
  readonly OPEN = 1;
  readonly life: Owner;
  readonly link: Link;
  readyState = 1;
  /** When something last arrived, by the world's time, ms. */
  heardAtMs: number;
  /** Told of everything that the relay sends, before it is on its way. */
  onSend: ((bytes: Uint8Array) => void) | null = null;
  /** Told of everything that the relay has handled. */
  onHandled: ((bytes: Uint8Array) => void) | null = null;
  /** Told when the relay knows that it is over. */
  onClosed: (() => void) | null = null;

  constructor(link: Link, life: Owner) {
    super();
    this.link = link;
    this.life = life;
    this.heardAtMs = link.time.now;
  }

  get bufferedAmount(): number {
    return this.link.down.inFlightBytes;
  }

  write({ frames }: Batch): void {
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

  /** Browsers answer by themselves, those of frozen pages too. */
  ping(): void {
    const { link, life } = this;
    link.down.send(
      6,
      () => NATURE,
      () => {
        if (link.client.readyState >= 2) return;
        link.up.send(
          6,
          () => life,
          () => {
            this.heardAtMs = link.time.now;
            this.#emit("pong");
          },
        );
      },
    );
  }

  close(code: number, reason: string): void {
    if (this.readyState >= 2) return;
    this.readyState = 2;
    const { link, life } = this;
    link.down.send(
      8,
      () => link.client.owner,
      () => {
        link.client.closed(code, reason);
        link.up.send(
          8,
          () => life,
          () => this.closed(code),
        );
      },
    );
    link.time.schedule(CLOSE_TIMEOUT_MS, () => this.terminate(), life);
  }

  terminate(): void {
    if (this.readyState === 3) return;
    this.link.up.clear();
    this.link.down.clear();
    this.link.breakTowardsClient();
    this.readyState = 3;
    this.link.time.schedule(0, () => this.#end(ABNORMAL), this.life);
  }

  received(bytes: Uint8Array): void {
    if (this.readyState === 3) return;
    this.heardAtMs = this.link.time.now;
    this.#emit("message", Buffer.from(bytes), true);
    this.onHandled?.(bytes);
  }

  closed(code: number): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#end(code);
  }

  #end(code: number): void {
    this.link.forgetIfOver();
    this.onClosed?.();
    this.#emit("close", code, Buffer.alloc(0));
  }

  #emit(name: string, ...args: unknown[]): void {
    this.emit(name, ...args);
  }

  get asRaw(): RawSocket {
    return this as unknown as RawSocket;
  }
}
