/**
 * The network between people and the relay, one TCP connection at a time: what is sent arrives in order and
 * late, or waits while the way is dark, or is lost with its connection. Its ends are in
 * `sockets.ts`.
 */
import type { Random } from "../random.ts";
import type { ClientSocket, ServerSocket } from "./sockets.ts";
import { NATURE } from "./time.ts";
import type { Owner, SimTime } from "./time.ts";

/** Close code of a line that ended without a word (RFC 6455, 7.1.5). */
export const ABNORMAL = 1006;
/** `readyState` of a WebSocket that is not open yet. */
const CONNECTING = 0;

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
  readonly #makeServer: (link: Link, life: Owner) => ServerSocket;
  server: ServerSocket | null = null;
  /** The relay's life that it leads to. */
  life: Owner | null = null;

  /** @param makeServer makes the relay's end, should the line be accepted. */
  constructor(
    client: ClientSocket,
    makeServer: (link: Link, life: Owner) => ServerSocket,
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
    // They may be gone by now.
    if (this.client.readyState !== CONNECTING) return null;
    const server = this.#makeServer(this, life);
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
    if (this.server !== null) this.time.schedule(1, () => this.server!.closed(), this.server.life);
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
