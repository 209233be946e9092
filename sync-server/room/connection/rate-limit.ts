/**
 * How much one connection may send and request: a token bucket for each thing that costs the relay something. A bucket
 * may go into debt: what has arrived is handled, and nothing more is read until the debt is earned.
 */
import type { Clock } from "../../../src/clock.ts";
import type { Limits } from "../../config/limits.ts";

/** A bucket holds what is allowed in this time: so much may come at once after a quiet while. */
const BURST_S = 4;
/** The same for requests, of which a client makes some together when it connects or starts over. */
const REQUESTS_BURST_S = 10;

class Bucket {
  readonly #perSecond: number;
  readonly #capacity: number;
  left: number;

  constructor(perSecond: number, capacity: number) {
    this.#perSecond = perSecond;
    this.#capacity = this.left = capacity;
  }

  fill(seconds: number): void {
    this.left = Math.min(this.left + seconds * this.#perSecond, this.#capacity);
  }

  /** How long it takes until its debt is earned; 0 or less if it has none. */
  get debtMs(): number {
    return (-this.left / this.#perSecond) * 1000;
  }
}

export class RateLimit {
  readonly #clock: Pick<Clock, "now">;
  readonly #messages: Bucket;
  readonly #bytes: Bucket;
  readonly #requests: Bucket;
  readonly #structs: Bucket;
  readonly #all: readonly Bucket[];
  #filledAt: number;

  constructor(limits: Limits, clock: Pick<Clock, "now">) {
    const { messagesPerSecond, bytesPerSecond, requestsPerSecond, structsPerSecond } = limits;
    this.#clock = clock;
    this.#messages = new Bucket(messagesPerSecond, messagesPerSecond * BURST_S);
    this.#bytes = new Bucket(bytesPerSecond, bytesPerSecond * BURST_S);
    this.#requests = new Bucket(requestsPerSecond, requestsPerSecond * REQUESTS_BURST_S);
    this.#structs = new Bucket(structsPerSecond, structsPerSecond * BURST_S);
    this.#all = [this.#messages, this.#bytes, this.#requests, this.#structs];
    this.#filledAt = clock.now();
  }

  /** Counts bytes that came, whole messages or not. */
  takeBytes(bytes: number): void {
    this.#fill();
    this.#bytes.left -= bytes;
  }

  /** Counts a message, or a control frame. */
  takeMessage(): void {
    this.#fill();
    this.#messages.left--;
  }

  /** Counts a request whose answer grows with the room. */
  takeRequest(): void {
    this.#fill();
    this.#requests.left--;
  }

  /** Counts structs and deletes. */
  takeStructs(count: number): void {
    this.#fill();
    this.#structs.left -= count;
  }

  /** How long nothing more may be read, in ms; 0 if something may. */
  get debtMs(): number {
    let mostMs = 0;
    for (const { debtMs } of this.#all) if (debtMs > mostMs) mostMs = debtMs;
    return mostMs;
  }

  #fill(): void {
    const now = this.#clock.now();
    if (now <= this.#filledAt) return;
    const seconds = (now - this.#filledAt) / 1000;
    this.#filledAt = now;
    for (const bucket of this.#all) bucket.fill(seconds);
  }
}
