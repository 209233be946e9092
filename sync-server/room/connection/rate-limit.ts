/** How much one connection may send and request: a token bucket for each thing that costs the relay something. */
import type { Clock } from "../../../src/clock.ts";
import type { Limits } from "../../config/limits.ts";

/** A bucket holds what is allowed in this time: so much may come at once after a quiet while. */
const BURST_S = 4;
/** The same for requests, of which a client makes some together when it connects or starts over. */
const REQUESTS_BURST_S = 10;
/** What may come besides a message of the greatest size: frame headers, and what a client sends when it connects. */
const AROUND_A_MESSAGE_BYTES = 1_024;

class Bucket {
  readonly #perSecond: number;
  readonly capacity: number;
  left: number;

  constructor(perSecond: number, capacity: number) {
    this.#perSecond = perSecond;
    this.capacity = this.left = capacity;
  }

  fill(seconds: number): void {
    this.left = Math.min(this.left + seconds * this.#perSecond, this.capacity);
  }
}

export class RateLimit {
  readonly #limits: Limits;
  readonly #clock: Pick<Clock, "now">;
  readonly #messages: Bucket;
  readonly #bytes: Bucket;
  readonly #requests: Bucket;
  readonly #structs: Bucket;
  readonly #all: readonly Bucket[];
  #filledAt: number;

  constructor(limits: Limits, clock: Pick<Clock, "now">) {
    const { messagesPerSecond, bytesPerSecond, requestsPerSecond, structsPerSecond, messageBytes } = limits;
    this.#limits = limits;
    this.#clock = clock;
    this.#messages = new Bucket(messagesPerSecond, messagesPerSecond * BURST_S);
    // One message of the greatest size must always fit, or a large paste could never be sent.
    this.#bytes = new Bucket(bytesPerSecond, Math.max(bytesPerSecond * BURST_S, messageBytes + AROUND_A_MESSAGE_BYTES));
    this.#requests = new Bucket(requestsPerSecond, requestsPerSecond * REQUESTS_BURST_S);
    this.#structs = new Bucket(structsPerSecond, structsPerSecond * BURST_S);
    this.#all = [this.#messages, this.#bytes, this.#requests, this.#structs];
    this.#filledAt = clock.now();
  }

  /** Counts bytes that came, whole messages or not. @returns the limit that they break, or `null`. */
  takeBytes(bytes: number): string | null {
    this.#fill();
    this.#bytes.left -= bytes;
    return this.#bytes.left >= 0
      ? null
      : `more than ${this.#limits.bytesPerSecond} bytes a second (limit-bytes-per-second)`;
  }

  /** Counts a message, or a control frame. @returns the limit that it breaks, or `null`. */
  takeMessage(): string | null {
    this.#fill();
    return --this.#messages.left >= 0
      ? null
      : `more than ${this.#limits.messagesPerSecond} messages a second (limit-messages-per-second)`;
  }

  /** Counts a request whose answer grows with the room. @returns the limit that it breaks, or `null`. */
  takeRequest(): string | null {
    this.#fill();
    if (--this.#requests.left >= 0) return null;
    return `more than ${this.#limits.requestsPerSecond} requests a second`;
  }

  /** How many structs and deletes may come now. */
  get structsLeft(): number {
    this.#fill();
    return Math.floor(this.#structs.left);
  }

  /** How many may come at once at most, after a quiet while. */
  get structsAtOnce(): number {
    return this.#structs.capacity;
  }

  /** Counts structs and deletes, of which there are no more than `structsLeft`. */
  takeStructs(count: number): void {
    this.#structs.left -= count;
  }

  #fill(): void {
    const now = this.#clock.now();
    if (now <= this.#filledAt) return;
    const seconds = (now - this.#filledAt) / 1000;
    this.#filledAt = now;
    for (const bucket of this.#all) bucket.fill(seconds);
  }
}
