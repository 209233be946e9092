/** How much one connection may send: two token buckets, one of messages and one of bytes. */
import type { Clock } from "../src/clock.ts";
import type { Limits } from "./limits.ts";

/** A bucket holds as much as may come in this time: what was saved while quiet may come at once. */
const BURST_S = 4;

export class RateLimit {
  readonly #limits: Limits;
  readonly #clock: Pick<Clock, "now">;
  #messages: number;
  #bytes: number;
  #filledAt: number;

  constructor(limits: Limits, clock: Pick<Clock, "now">) {
    this.#limits = limits;
    this.#clock = clock;
    this.#messages = limits.messagesPerSecond * BURST_S;
    // One message of the greatest size must always fit, or a large paste could never be sent.
    this.#bytes = Math.max(limits.bytesPerSecond * BURST_S, limits.messageBytes);
    this.#filledAt = clock.now();
  }

  /** Counts a message. @returns the limit that it breaks, or `null`. */
  take(bytes: number): string | null {
    const { messagesPerSecond, bytesPerSecond, messageBytes } = this.#limits;
    const now = this.#clock.now();
    if (now > this.#filledAt) {
      const seconds = (now - this.#filledAt) / 1000;
      this.#filledAt = now;
      this.#messages = Math.min(this.#messages + seconds * messagesPerSecond, messagesPerSecond * BURST_S);
      const mostBytes = Math.max(bytesPerSecond * BURST_S, messageBytes);
      this.#bytes = Math.min(this.#bytes + seconds * bytesPerSecond, mostBytes);
    }
    this.#messages--;
    this.#bytes -= bytes;
    if (this.#messages < 0) return `more than ${messagesPerSecond} messages a second (limit-messages-per-second)`;
    if (this.#bytes < 0) return `more than ${bytesPerSecond} bytes a second (limit-bytes-per-second)`;
    return null;
  }
}
