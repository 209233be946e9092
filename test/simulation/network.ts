/**
 * The network between people and the relay, as TCP connections: packets arrive in order and delayed, wait
 * while the network is stalled, or are lost with their connection. The endpoints are in `sockets.ts`.
 */
import type { Random } from "../random.ts";
import type { ClientSocket, ServerSocket } from "./sockets.ts";
import { ENVIRONMENT } from "./time.ts";
import type { Owner, SimTime } from "./time.ts";

/** Close code of a connection that ended without a close frame (RFC 6455, 7.1.5). */
const ABNORMAL = 1006;
/** `readyState` of a WebSocket that is not open yet. */
const CONNECTING = 0;

/** One person's network connection. */
export type Uplink = {
  /** No packet arrives; they are retransmitted later, as TCP does. */
  isStalled: boolean;
  /** In each direction, ms. */
  latencyMs: number;
  /** Greatest additional random latency, ms. */
  jitterMs: number;
  bytesPerMs: number;
  readonly links: Set<Link>;
};

export const createUplink = (): Uplink => ({
  isStalled: false,
  latencyMs: 10,
  jitterMs: 10,
  bytesPerMs: 1_000,
  links: new Set(),
});

/** The relay as seen by the network. */
export type Listener = {
  /** Owner of the relay's events; `null` while it does not listen. */
  readonly owner: Owner | null;
  /** A client opens a connection; `open` accepts it, and returns `null` if the client has closed it meanwhile. */
  accept(link: Link, url: string, protocols: readonly string[], open: () => ServerSocket | null): void;
};

type Packet = { readonly bytes: number; readonly owner: () => Owner; readonly arrive: () => void };

/** One direction of a connection. */
class Pipe {
  readonly #time: SimTime;
  readonly #random: Random;
  readonly #uplink: Uplink;
  #lastAt = 0;
  /** Packets in flight, in order. */
  #packets: Packet[] = [];
  inFlightBytes = 0;
  arrivedBytes = 0;
  /** Called, once each, when nothing is in flight any more. */
  onDrained: (() => void)[] = [];

  constructor(time: SimTime, random: Random, uplink: Uplink) {
    this.#time = time;
    this.#random = random;
    this.#uplink = uplink;
  }

  send(bytes: number, owner: () => Owner, arrive: () => void): void {
    this.#packets.push({ bytes, owner, arrive });
    this.inFlightBytes += bytes;
    if (!this.#uplink.isStalled) this.#plan(bytes);
  }

  /** The network works again: retransmits all packets. */
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
    this.#time.schedule(this.#lastAt - this.#time.now, () => this.#arrive(), ENVIRONMENT);
  }

  #arrive(): void {
    if (this.#uplink.isStalled) return;
    const packet = this.#packets.shift();
    if (packet === undefined) return;
    this.inFlightBytes -= packet.bytes;
    this.arrivedBytes += packet.bytes;
    // A separate event, owned by the receiver, which may be frozen or dead.
    this.#time.schedule(0, packet.arrive, packet.owner());
    if (this.inFlightBytes > 0) return;
    for (const callback of this.onDrained.splice(0)) callback();
  }
}

/** One connection. */
export class Link {
  readonly time: SimTime;
  readonly up: Pipe;
  readonly down: Pipe;
  readonly uplink: Uplink;
  readonly client: ClientSocket;
  readonly #makeServer: (link: Link, relayOwner: Owner) => ServerSocket;
  server: ServerSocket | null = null;
  /** Owner of the relay's events at the time of the connection. */
  relayOwner: Owner | null = null;

  /** @param makeServer creates the relay's endpoint if the connection is accepted. */
  constructor(
    client: ClientSocket,
    makeServer: (link: Link, relayOwner: Owner) => ServerSocket,
    uplink: Uplink,
    listener: Listener,
    time: SimTime,
    random: Random,
  ) {
    this.client = client;
    this.#makeServer = makeServer;
    this.uplink = uplink;
    this.time = time;
    this.up = new Pipe(time, random, uplink);
    this.down = new Pipe(time, random, uplink);
    uplink.links.add(this);
    this.up.send(
      500,
      () => ENVIRONMENT,
      () => {
        const { owner: relayOwner } = listener;
        // The relay does not listen: connection refused.
        if (relayOwner === null) return this.breakTowardsClient();
        this.relayOwner = relayOwner;
        listener.accept(this, client.url, client.offered, () => this.#open(relayOwner));
      },
    );
  }

  #open(relayOwner: Owner): ServerSocket | null {
    // The client may have closed it meanwhile.
    if (this.client.readyState !== CONNECTING) return null;
    const server = this.#makeServer(this, relayOwner);
    this.server = server;
    this.down.send(
      200,
      () => this.client.owner,
      () => this.client.opened(),
    );
    return server;
  }

  /** Ends the connection for the client without a close frame, after the packets in flight have arrived. */
  breakTowardsClient(): void {
    this.down.send(
      0,
      () => this.client.owner,
      () => this.client.closed(ABNORMAL, ""),
    );
  }

  /** Breaks the connection for both sides; packets in flight are lost. */
  cut(): void {
    this.up.clear();
    this.down.clear();
    // A dead browser's endpoint has gone with its process.
    if (!this.client.owner.isAlive) this.client.readyState = 3;
    this.time.schedule(1, () => this.client.closed(ABNORMAL, ""), this.client.owner);
    if (this.server !== null) this.time.schedule(1, () => this.server!.closed(), this.server.owner);
    this.removeIfClosed();
  }

  /** Removes a connection that has ended on both sides. */
  removeIfClosed(): void {
    const { client, server } = this;
    if (client.readyState >= 2 && (server === null || server.readyState === 3)) this.uplink.links.delete(this);
  }

  /** The relay's process has ended. @param keepsSent whether data that its system has buffered still arrives. */
  loseServer(keepsSent: boolean): void {
    if (this.server !== null) this.server.readyState = 3;
    this.up.clear();
    if (!keepsSent) this.down.clear();
    this.breakTowardsClient();
    this.removeIfClosed();
  }
}

export const setStalled = (uplink: Uplink, isStalled: boolean): void => {
  if (uplink.isStalled === isStalled) return;
  uplink.isStalled = isStalled;
  if (isStalled) return;
  for (const link of uplink.links) {
    link.up.resume();
    link.down.resume();
  }
};
