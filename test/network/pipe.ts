/**
 * One direction of one connection through a cable: what goes in at one end comes out at the other
 * as the weather lets it, always in order.
 */
import type { Socket } from "node:net";
import type { Random } from "../random.ts";

export type Weather = {
  /** How long everything is on its way, in ms. */
  readonly delayMs: number;
  /** How much longer at most. What was sent first still comes first, as with TCP. */
  readonly jitterMs: number;
  /** Most that comes out in a second. 0: everything waits, as while TCP sends in vain what is lost on the way. */
  readonly bytesPerSecond: number;
};

export const CALM: Weather = { delayMs: 0, jitterMs: 0, bytesPerSecond: Infinity };

/** More than this is not taken in: the sender must notice that nobody reads. */
const HELD_MAX_BYTES = 64 * 1024;
/** Bytes of a limited rate come out in portions of so many ms. */
const PORTION_MS = 20;

/** `null`: the end of the stream. */
type Held = { bytes: Buffer | null; readonly dueAt: number };

export class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #weather: () => Weather;
  readonly #random: Random;
  readonly #queue: Held[] = [];
  #heldBytes = 0;
  #lastDueAt = 0;
  /** Until when the rate's last portion takes. */
  #busyUntil = 0;
  #timer: NodeJS.Timeout | undefined;
  #isDead = false;

  constructor(from: Socket, to: Socket, weather: () => Weather, random: Random) {
    this.#from = from;
    this.#to = to;
    this.#weather = weather;
    this.#random = random;
    let hasEnded = false;
    from.on("data", (bytes: Buffer) => this.#take(bytes));
    from.on("end", () => {
      hasEnded = true;
      this.#take(null);
    });
    // Without an end before, this is a reset: it overtakes what is on its way.
    from.on("close", () => {
      if (!hasEnded && !this.#isDead) to.destroy();
    });
    to.on("drain", this.#flow);
    to.on("close", () => clearTimeout(this.#timer));
  }

  /** Loses everything from now on, ends and resets included, for as long as the connection is there. */
  kill(): void {
    this.#isDead = true;
    this.#queue.length = 0;
    this.#heldBytes = 0;
    clearTimeout(this.#timer);
    this.#from.resume();
  }

  /** The weather has changed. */
  changed(): void {
    this.#busyUntil = 0;
    this.#flow();
  }

  #take(bytes: Buffer | null): void {
    if (this.#isDead) return;
    const { delayMs, jitterMs } = this.#weather();
    const dueAt = performance.now() + delayMs + (jitterMs > 0 ? this.#random.below(jitterMs + 1) : 0);
    this.#lastDueAt = Math.max(this.#lastDueAt, dueAt);
    this.#queue.push({ bytes, dueAt: this.#lastDueAt });
    this.#heldBytes += bytes?.length ?? 0;
    if (this.#heldBytes > HELD_MAX_BYTES) this.#from.pause();
    this.#flow();
  }

  readonly #flow = (): void => {
    clearTimeout(this.#timer);
    for (let head = this.#queue[0]; head !== undefined; head = this.#queue[0]) {
      const { bytesPerSecond } = this.#weather();
      if (bytesPerSecond === 0 || this.#to.writableNeedDrain) return;
      const now = performance.now();
      const waitMs = Math.max(head.dueAt, this.#busyUntil) - now;
      if (waitMs > 0) {
        this.#timer = setTimeout(this.#flow, waitMs);
        return;
      }
      if (head.bytes === null) this.#to.end();
      else {
        const portion = head.bytes.subarray(0, Math.ceil((bytesPerSecond * PORTION_MS) / 1000));
        head.bytes = head.bytes.subarray(portion.length);
        this.#heldBytes -= portion.length;
        this.#busyUntil = now + (portion.length / bytesPerSecond) * 1000;
        this.#to.write(portion);
      }
      if (head.bytes === null || head.bytes.length === 0) this.#queue.shift();
      if (this.#heldBytes <= HELD_MAX_BYTES) this.#from.resume();
    }
  };
}
