/** A client's socket as rooms see it, with what back-pressure and the heartbeat need to know of it. */
import type { CloseCode } from "../../src/protocol/close-codes.ts";
import type { CancelTimer, Clock } from "../../src/clock.ts";
import { MAX_PAUSE_MS } from "../room/connection/connection.ts";
import type { PeerSocket } from "../room/connection/connection.ts";
import type { Credential } from "../auth/credential.ts";
import type { Batch } from "../websocket/frame.ts";
import type { ClientSocket } from "../websocket/web-socket.ts";

/** How long a peer may take to answer a probe, in ms: another connection waits for it. */
const PROBE_TIMEOUT_MS = 2_000;

/** So much waits only for a system whose buffers are full. */
const BACKLOG_BYTES = 64 * 1024;

export class Peer implements PeerSocket {
  readonly #socket: ClientSocket;
  readonly #clock: Pick<Clock, "now" | "setTimer">;
  readonly #maxBufferedBytes: number;
  readonly #credential: Pick<Credential, "expiresAt">;
  #isProbing = false;
  /** A probe that waits for the end of a pause, in which no answer could be read. */
  #isProbeDue = false;
  /** The pauses that last, by the timers that end them. */
  readonly #pauses = new Set<CancelTimer>();
  /** Whether there was a pause since the last `updateActivity`. */
  #wasPaused = false;
  /** The socket's counts at the last `updateActivity`, and when that was. */
  #writes = 0;
  #reads = 0;
  #updatedAt: number;
  /** How much the system had taken at the last `checkProgress`, and when it had taken more than before. */
  #acceptedBytes = 0;
  #progressAt: number;
  /** Whether much waited for the system at the last `checkProgress`. */
  #hadNoRoom = false;
  /** Something was sent then or later; something was received then or earlier. ms since the epoch. */
  lastSentAt: number;
  lastReceivedAt: number;

  /** @param maxBufferedBytes how much may wait unread before the peer counts as too slow. */
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
    this.#progressAt = this.#updatedAt = this.lastSentAt = this.lastReceivedAt = clock.now();
  }

  /** Nothing is ever skipped here: what need not be sent to a peer that reads too slowly, the room leaves out. */
  send(batch: Batch): boolean {
    const socket = this.#socket;
    if (!socket.isOpen) return true;
    socket.write(batch);
    return socket.bufferedBytes <= this.#maxBufferedBytes;
  }

  get unreadBytes(): number {
    return this.#socket.bufferedBytes;
  }

  whenRead(bytes: number, callback: () => void): void {
    if (this.unreadBytes <= bytes) callback();
    else this.#socket.whenDrained(callback);
  }

  /** For how long the system has taken nothing although something waits, in ms; to be called now and then. */
  checkProgress(now: number): number {
    const { acceptedBytes, bufferedBytes } = this.#socket;
    const hasAccepted = acceptedBytes !== this.#acceptedBytes;
    if (bufferedBytes === 0 || hasAccepted) this.#progressAt = now;
    // The system had no room, and has made some: the peer reads. What it would answer is asked far behind.
    if (hasAccepted && this.#hadNoRoom) this.lastReceivedAt = now;
    this.#acceptedBytes = acceptedBytes;
    this.#hadNoRoom = bufferedBytes >= BACKLOG_BYTES;
    return now - this.#progressAt;
  }

  /**
   * Notes whether something was sent or received since the last call. Counting and a call now and then cost less than
   * reading the clock for each message.
   */
  updateActivity(now: number): void {
    const { writes, reads } = this.#socket;
    // The earliest time possible: a client that waits for a message must not wait too long.
    if (writes !== this.#writes) this.lastSentAt = this.#updatedAt;
    // The latest time possible: no peer is taken for dead too early. In a pause it is the relay that does not read.
    if (reads !== this.#reads || this.#wasPaused) this.lastReceivedAt = now;
    this.#wasPaused = this.isPaused;
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

  get isPaused(): boolean {
    return this.#pauses.size > 0;
  }

  pause(ms: number): () => void {
    this.#wasPaused = true;
    this.#socket.pause();
    const end = (): void => {
      cancel();
      if (this.#pauses.delete(cancel) && this.#pauses.size === 0) this.#resume();
    };
    const cancel = this.#clock.setTimer(Math.min(ms, MAX_PAUSE_MS), end);
    this.#pauses.add(cancel);
    return end;
  }

  #resume(): void {
    this.#socket.resume();
    if (!this.#isProbeDue || this.isPaused) return;
    this.#isProbeDue = false;
    this.probe();
  }

  /** The socket has closed. */
  closed(): void {
    for (const cancel of this.#pauses) cancel();
    this.#pauses.clear();
  }

  probe(): void {
    if (this.#isProbing || !this.#socket.isOpen) return;
    if (this.isPaused) {
      this.#isProbeDue = true;
      return;
    }
    this.#isProbing = true;
    const { reads } = this.#socket;
    this.ping();
    this.#clock.setTimer(PROBE_TIMEOUT_MS, () => {
      this.#isProbing = false;
      if (this.#socket.reads !== reads) return;
      // What the peer has sent may wait in a pause that began after the probe.
      if (this.isPaused) this.#isProbeDue = true;
      else this.terminate();
    });
  }

  close(code: CloseCode, reason: string): void {
    this.#socket.close(code, reason);
  }

  /** Closes it because of what it does, or does not; its room is to know at once, not when the socket is closed. */
  refuse: (code: CloseCode, reason: string) => void = (code, reason) => this.close(code, reason);

  /** For peers that answer nothing. */
  terminate(): void {
    this.#socket.terminate();
  }
}
