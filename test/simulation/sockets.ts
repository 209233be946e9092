/** The two ends of a simulated connection: a WebSocket as browsers have it, and the relay's line. */
import type { Batch } from "../../sync-server/websocket/frame.ts";
import type { ClientSocket as RelaySocket, SocketListener } from "../../sync-server/websocket/web-socket.ts";
import type { Random } from "../random.ts";
import { Link } from "./network.ts";
import type { Listener, Uplink } from "./network.ts";
import { NATURE } from "./time.ts";
import type { Owner, SimTime } from "./time.ts";

/** As in `web-socket.ts`. */
const CLOSE_TIMEOUT_MS = 2_000;

const sizeOf = (data: Uint8Array | ArrayBuffer): number => data.byteLength + 6;

/** A WebSocket as browsers have it, as far as y-websocket uses it. */
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
    this.link = new Link(this, (link, life) => new ServerSocket(link, life), uplink, listener, time, random);
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
          link.server?.closed();
          link.forgetIfOver();
        },
      );
      return;
    }
    link.up.send(
      8,
      () => life,
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
    this.link.forgetIfOver();
    if (wasConnecting) this.onerror?.();
    this.onclose?.({ code, reason });
  }
}

/** The relay's line, as `web-socket.ts` has it. */
export class ServerSocket implements RelaySocket {
  readonly life: Owner;
  readonly link: Link;
  readyState = 1;
  writes = 0;
  reads = 0;
  /** When something last arrived, by the world's time, ms. */
  heardAtMs: number;
  /** Told of everything that the relay sends, before it is on its way. */
  onSend: ((bytes: Uint8Array) => void) | null = null;
  /** Told of everything that the relay has handled. */
  onHandled: ((bytes: Uint8Array) => void) | null = null;
  /** Told when the relay knows that it is over. */
  readonly onClosed: (() => void)[] = [];

  #listener: SocketListener | null = null;

  constructor(link: Link, life: Owner) {
    this.link = link;
    this.life = life;
    this.heardAtMs = link.time.now;
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
            this.reads++;
            this.#listener?.control();
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
          () => this.closed(),
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
    this.link.time.schedule(0, () => this.#end(), this.life);
  }

  received(bytes: Uint8Array): void {
    if (this.readyState === 3) return;
    this.heardAtMs = this.link.time.now;
    this.reads++;
    // What comes behind a goodbye is passed over.
    if (this.isOpen) this.#listener?.bytes(sizeOf(bytes));
    if (this.isOpen) this.#listener?.message(bytes.slice(), true);
    this.onHandled?.(bytes);
  }

  closed(): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#end();
  }

  #end(): void {
    this.link.forgetIfOver();
    for (const tell of this.onClosed) tell();
    this.#listener?.closed();
  }
}
