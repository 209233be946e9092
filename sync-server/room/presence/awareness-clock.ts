/**
 * The clocks of the awareness states that the relay sends. They are its own: a client that reconnects with the clock
 * that it had would be ignored by the others, and so would everybody after a restart of the relay.
 */
import type { Clock } from "../../../src/clock.ts";
import type { Store } from "../../store/store.ts";

const META_KEY = "awareness-clock";
/** Above so many clocks in a millisecond, the relay would overtake the first clock of its next start. */
const PER_MS = 1024;
/** The lowest clock of a relay; a client that counts its own changes never gets there. */
const FIRST = 2 ** 50;
/** Added to the first clock of the last start if the wall clock was set back since; enough for 2^42 changes. */
const STRIDE = 2 ** 42;

/** Whether a clock is a relay's: the state is an echo of one that the relay has sent. */
export const isRelaysClock = (clock: number): boolean => clock >= FIRST;

/** Returns numbers that only grow, across restarts too; all below 2^53. */
export class AwarenessClock {
  #last: number;

  private constructor(start: number) {
    this.#last = start;
  }

  /** @returns the clock, and the value that must be stored under `key` before the clock is used. */
  static async open(
    store: Pick<Store, "readMeta">,
    clock: Pick<Clock, "now">,
  ): Promise<{ awarenessClock: AwarenessClock; key: string; value: string }> {
    const stored = Number(await store.readMeta(META_KEY));
    const fromTime = Math.max(clock.now() * PER_MS, FIRST);
    const start = stored > 0 && stored >= fromTime ? stored + STRIDE : fromTime;
    return { awarenessClock: new AwarenessClock(start), key: META_KEY, value: String(start) };
  }

  next(): number {
    return ++this.#last;
  }
}
