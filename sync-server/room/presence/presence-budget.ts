/** How many bytes of presence a room may send in a second, to all its recipients together: each state goes to all. */
import type { Clock } from "../../../src/clock.ts";
import type { Outbox } from "../connection/outbox.ts";

/** Several times what a thousand moving cursors take. */
const BYTES_PER_MS = 512 * 1024;
/** Most bytes at once: some 15 ms of writing. */
export const FLUSH_BYTES = 32 * 1024 * 1024;

/** So much of it may be used at once after a quiet while, in ms. */
const SAVED_MS = FLUSH_BYTES / BYTES_PER_MS;

export class PresenceBudget {
  readonly #clock: Pick<Clock, "now" | "gather">;
  readonly #outbox: Outbox;
  /** When what was sent is earned, ms since the epoch. */
  #readyAt = -Infinity;
  #isPlanned = false;
  #isReady = false;

  constructor(clock: Pick<Clock, "now" | "gather">, outbox: Outbox) {
    this.#clock = clock;
    this.#outbox = outbox;
  }

  /** Whether something may be sent now; if not, the outbox is flushed again when it may. */
  allows(): boolean {
    const waitMs = this.#readyAt - this.#clock.now() - SAVED_MS;
    if (this.#isReady || waitMs <= 0) return true;
    if (!this.#isPlanned) {
      this.#isPlanned = true;
      this.#clock.gather(waitMs, () => {
        this.#isPlanned = false;
        this.#isReady = true;
        this.#outbox.flushBy(-Infinity);
      });
    }
    return false;
  }

  spend(bytes: number): void {
    this.#isReady = false;
    this.#readyAt = Math.max(this.#readyAt, this.#clock.now()) + bytes / BYTES_PER_MS;
  }
}
