/** A WebSocket as rooms see it, with what the heartbeat and back-pressure need to know. */
import { CloseCode } from "../../src/protocol/close-codes.ts";
import type { Clock } from "../../src/clock.ts";
import type { PeerSocket } from "../room/connection/connection.ts";
import type { Credential } from "../auth/credential.ts";
import type { Batch } from "../websocket/frame.ts";
import type { Line } from "../websocket/web-socket.ts";

/** How long a peer may take to answer when somebody else waits for its place, in ms. */
const PROBE_MS = 2_000;

export class Peer implements PeerSocket {
  readonly #line: Line;
  readonly #clock: Pick<Clock, "now" | "setTimer">;
  readonly #bufferedBytes: number;
  readonly #credential: Pick<Credential, "expiresAt">;
  #isProbing = false;
  /** What the line had sent and heard when the heartbeat last looked, and when that was. */
  #writes = 0;
  #heard = 0;
  #lookedAt: number;
  /** Something was sent then, or since; something was heard until then. ms since the epoch. */
  sentAt: number;
  heardAt: number;
  /** Which of the heartbeat's beats is its own. */
  readonly beat: number;

  /**
   * @param bufferedBytes how much may wait unsent before the peer counts as too slow.
   * @param beat of `Heartbeat`.
   */
  constructor(
    line: Line,
    clock: Pick<Clock, "now" | "setTimer">,
    bufferedBytes: number,
    credential: Pick<Credential, "expiresAt">,
    beat: number,
  ) {
    this.beat = beat;
    this.#credential = credential;
    this.#line = line;
    this.#clock = clock;
    this.#bufferedBytes = bufferedBytes;
    this.#lookedAt = this.sentAt = this.heardAt = clock.now();
  }

  send(batch: Batch): void {
    const line = this.#line;
    if (!line.isOpen) return;
    if (line.bufferedBytes > this.#bufferedBytes) {
      // Nothing is ever skipped: the peer is let go, and gets what it missed by a sync when it returns. If it
      // has not read as far as the code when the goodbye's time is over, it is cut (web-socket.ts).
      this.close(CloseCode.tryAgainLater, `more than ${this.#bufferedBytes} bytes unread (limit-buffered-bytes)`);
      return;
    }
    line.write(batch);
  }

  /**
   * Takes note of what has gone and come since the last look. Counted instead of timed: a look now and then
   * costs less than a clock for each message.
   */
  look(now: number): void {
    const { writes, heard } = this.#line;
    // At the worst right after the last look: whoever waits for a message must not wait too long.
    if (writes !== this.#writes) this.sentAt = this.#lookedAt;
    // At the best right now: nobody is taken for dead too early.
    if (heard !== this.#heard) this.heardAt = now;
    this.#writes = writes;
    this.#heard = heard;
    this.#lookedAt = now;
  }

  /** When its token expires, ms since the epoch by the wall clock. */
  get expiresAt(): number {
    return this.#credential.expiresAt;
  }

  ping(): void {
    this.#line.ping();
  }

  probe(): void {
    if (this.#isProbing || !this.#line.isOpen) return;
    this.#isProbing = true;
    const { heard } = this.#line;
    this.ping();
    this.#clock.setTimer(PROBE_MS, () => {
      this.#isProbing = false;
      if (this.#line.heard === heard) this.terminate();
    });
  }

  close(code: CloseCode, reason: string): void {
    this.#line.close(code, reason);
  }

  /** Hangs up without a word; for peers that answer nothing. */
  terminate(): void {
    this.#line.terminate();
  }
}
