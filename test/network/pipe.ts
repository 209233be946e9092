/** One direction of one TCP connection through the emulated network: forwards bytes in order, delayed and throttled. */
import type { Socket } from "node:net";
import type { Random } from "../random.ts";

export type TrafficShape = {
  /** Delay of every byte, in ms. */
  readonly delayMs: number;
  /** Greatest additional random delay, in ms. The order is kept, as with TCP. */
  readonly jitterMs: number;
  /** Greatest throughput. 0: everything waits, as while TCP retransmits in vain. */
  readonly bytesPerSecond: number;
};

export const UNSHAPED: TrafficShape = { delayMs: 0, jitterMs: 0, bytesPerSecond: Infinity };

/** Above this the pipe stops reading, so that the sender sees backpressure. */
const QUEUED_MAX_BYTES = 64 * 1024;
/** A throttled pipe writes one chunk per this interval. */
const CHUNK_MS = 20;

/** `null`: the end of the stream. */
type Queued = { bytes: Buffer | null; readonly dueAt: number };

export class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #shape: () => TrafficShape;
  readonly #random: Random;
  readonly #queue: Queued[] = [];
  #queuedBytes = 0;
  #lastDueAt = 0;
  /** When the last chunk has used up its share of the bandwidth. */
  #busyUntil = 0;
  #timer: NodeJS.Timeout | undefined;
  #isBlackholed = false;

  constructor(from: Socket, to: Socket, shape: () => TrafficShape, random: Random) {
    this.#from = from;
    this.#to = to;
    this.#shape = shape;
    this.#random = random;
    let hasEnded = false;
    from.on("data", (bytes: Buffer) => this.#enqueue(bytes));
    from.on("end", () => {
      hasEnded = true;
      this.#enqueue(null);
    });
    // "close" without "end" is a reset, which overtakes data in flight.
    from.on("close", () => {
      if (!hasEnded && !this.#isBlackholed) to.destroy();
    });
    to.on("drain", this.#flow);
    to.on("close", () => clearTimeout(this.#timer));
  }

  /** Drops everything from now on, FIN and RST included, for the rest of the connection. */
  blackhole(): void {
    this.#isBlackholed = true;
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    clearTimeout(this.#timer);
    this.#from.resume();
  }

  shapeChanged(): void {
    this.#busyUntil = 0;
    this.#flow();
  }

  #enqueue(bytes: Buffer | null): void {
    if (this.#isBlackholed) return;
    const { delayMs, jitterMs } = this.#shape();
    const dueAt = performance.now() + delayMs + (jitterMs > 0 ? this.#random.below(jitterMs + 1) : 0);
    this.#lastDueAt = Math.max(this.#lastDueAt, dueAt);
    this.#queue.push({ bytes, dueAt: this.#lastDueAt });
    this.#queuedBytes += bytes?.length ?? 0;
    if (this.#queuedBytes > QUEUED_MAX_BYTES) this.#from.pause();
    this.#flow();
  }

  readonly #flow = (): void => {
    clearTimeout(this.#timer);
    for (let head = this.#queue[0]; head !== undefined; head = this.#queue[0]) {
      const { bytesPerSecond } = this.#shape();
      if (bytesPerSecond === 0 || this.#to.writableNeedDrain) return;
      const now = performance.now();
      const waitMs = Math.max(head.dueAt, this.#busyUntil) - now;
      if (waitMs > 0) {
        this.#timer = setTimeout(this.#flow, waitMs);
        return;
      }
      if (head.bytes === null) this.#to.end();
      else {
        const chunk = head.bytes.subarray(0, Math.ceil((bytesPerSecond * CHUNK_MS) / 1000));
        head.bytes = head.bytes.subarray(chunk.length);
        this.#queuedBytes -= chunk.length;
        this.#busyUntil = now + (chunk.length / bytesPerSecond) * 1000;
        this.#to.write(chunk);
      }
      if (head.bytes === null || head.bytes.length === 0) this.#queue.shift();
      if (this.#queuedBytes <= QUEUED_MAX_BYTES) this.#from.resume();
    }
  };
}
