/** A WebSocket as rooms see it, with what the heartbeat and back-pressure need to know. */
import type { WebSocket } from "ws";
import { CloseCode } from "../src/close-codes.ts";
import type { Clock } from "../src/clock.ts";
import type { PeerSocket } from "./connection.ts";
import type { Credential } from "./credential.ts";
import type { Batch } from "./frame.ts";

/** Longest reason of a close frame, in bytes (RFC 6455, section 5.5). */
const REASON_MAX_BYTES = 123;

/** How long a peer may take to answer when somebody else waits for its place, in ms. */
const PROBE_MS = 2_000;

/** Cuts a reason to what fits, at a character's edge. */
const fitReason = (reason: string): string => {
  let text = reason;
  while (Buffer.byteLength(text) > REASON_MAX_BYTES) text = text.slice(0, -1);
  return text.toWellFormed();
};

/** What is needed of a WebSocket; one of `ws` has all but `write`. */
export type RawSocket = Pick<
  WebSocket,
  "readyState" | "OPEN" | "bufferedAmount" | "ping" | "close" | "terminate" | "on" | "once"
> & {
  /** Sends frames that are made already, in one write. */
  write(batch: Batch): void;
};

export class WsSocket implements PeerSocket {
  readonly #socket: RawSocket;
  readonly #clock: Pick<Clock, "now" | "setTimer">;
  readonly #bufferedBytes: number;
  readonly #credential: Pick<Credential, "expiresAt">;
  #isProbing = false;
  /** When something was last sent or heard, ms since the epoch. */
  sentAt: number;
  heardAt: number;

  /** @param bufferedBytes how much may wait unsent before the peer counts as too slow. */
  constructor(
    socket: RawSocket,
    clock: Pick<Clock, "now" | "setTimer">,
    bufferedBytes: number,
    credential: Pick<Credential, "expiresAt">,
  ) {
    this.#credential = credential;
    this.#socket = socket;
    this.#clock = clock;
    this.#bufferedBytes = bufferedBytes;
    this.sentAt = this.heardAt = clock.now();
  }

  send(batch: Batch): void {
    const socket = this.#socket;
    if (socket.readyState !== socket.OPEN) return;
    if (socket.bufferedAmount > this.#bufferedBytes) {
      // Nothing is ever skipped: the peer is let go, and gets what it missed by a sync when it returns. If it
      // has not read as far as the code when the goodbye's time is over, it is cut (upgrade.ts).
      this.close(CloseCode.tryAgainLater, `more than ${this.#bufferedBytes} bytes unread (limit-buffered-bytes)`);
      return;
    }
    this.sentAt = this.#clock.now();
    socket.write(batch);
  }

  /** When its token expires, ms since the epoch by the wall clock. */
  get expiresAt(): number {
    return this.#credential.expiresAt;
  }

  ping(): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping();
  }

  probe(): void {
    if (this.#isProbing || this.#socket.readyState !== this.#socket.OPEN) return;
    this.#isProbing = true;
    const askedAt = this.#clock.now();
    this.ping();
    this.#clock.setTimer(PROBE_MS, () => {
      this.#isProbing = false;
      if (this.heardAt < askedAt) this.terminate();
    });
  }

  close(code: CloseCode, reason: string): void {
    this.#socket.close(code, fitReason(reason));
  }

  /** Hangs up without a word; for peers that answer nothing. */
  terminate(): void {
    this.#socket.terminate();
  }
}
