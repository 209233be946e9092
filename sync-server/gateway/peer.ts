/** A client's socket as rooms see it, with what back-pressure and the heartbeat need to know of it. */
import { CloseCode } from "../../src/protocol/close-codes.ts";
import type { Clock } from "../../src/clock.ts";
import type { PeerSocket } from "../room/connection/connection.ts";
import type { Credential } from "../auth/credential.ts";
import type { Batch } from "../websocket/frame.ts";
import type { ClientSocket } from "../websocket/web-socket.ts";

/** How long a peer may take to answer a probe, in ms: another connection waits for it. */
const PROBE_TIMEOUT_MS = 2_000;

export class Peer implements PeerSocket {
  readonly #socket: ClientSocket;
  readonly #clock: Pick<Clock, "now" | "setTimer">;
  readonly #maxBufferedBytes: number;
  readonly #credential: Pick<Credential, "expiresAt">;
  #isProbing = false;
  /** The socket's counts at the last `updateActivity`, and when that was. */
  #writes = 0;
  #reads = 0;
  #updatedAt: number;
  /** Something was sent then or later; something was received then or earlier. ms since the epoch. */
  lastSentAt: number;
  lastReceivedAt: number;

  /** @param maxBufferedBytes how much may wait unsent before the peer counts as too slow. */
  constructor(
    socket: ClientSocket,
    clock: Pick<Clock, "now" | "setTimer">,
    maxBufferedBytes: number,
    credential: Pick<Credential, "expiresAt">,
  ) {
    this.#socket = socket;
    this.#clock = clock;
    this.#maxBufferedBytes = maxBufferedBytes;
    this.#credential = credential;
    this.#updatedAt = this.lastSentAt = this.lastReceivedAt = clock.now();
  }

  send(batch: Batch): void {
    const socket = this.#socket;
    if (!socket.isOpen) return;
    if (socket.bufferedBytes > this.#maxBufferedBytes) {
      // Nothing is ever skipped: the peer is closed, and gets what it missed by a sync when it returns. If it
      // has not read as far as the close frame in time, the connection is destroyed (web-socket.ts).
      const reason = `more than ${this.#maxBufferedBytes} bytes unread (limit-buffered-bytes)`;
      this.close(CloseCode.tryAgainLater, reason);
      return;
    }
    socket.write(batch);
  }

  /**
   * Notes whether something was sent or received since the last call. Counting and a call now and then cost less than
   * reading the clock for each message.
   */
  updateActivity(now: number): void {
    const { writes, reads } = this.#socket;
    // The earliest time possible: a client that waits for a message must not wait too long.
    if (writes !== this.#writes) this.lastSentAt = this.#updatedAt;
    // The latest time possible: no peer is taken for dead too early.
    if (reads !== this.#reads) this.lastReceivedAt = now;
    this.#writes = writes;
    this.#reads = reads;
    this.#updatedAt = now;
  }

  /** When its token expires, ms since the epoch by the wall clock. */
  get expiresAt(): number {
    return this.#credential.expiresAt;
  }

  ping(): void {
    this.#socket.ping();
  }

  probe(): void {
    if (this.#isProbing || !this.#socket.isOpen) return;
    this.#isProbing = true;
    const { reads } = this.#socket;
    this.ping();
    this.#clock.setTimer(PROBE_TIMEOUT_MS, () => {
      this.#isProbing = false;
      if (this.#socket.reads === reads) this.terminate();
    });
  }

  close(code: CloseCode, reason: string): void {
    this.#socket.close(code, reason);
  }

  /** For peers that answer nothing. */
  terminate(): void {
    this.#socket.terminate();
  }
}
