/**
 * The clocks of awareness states as others see them. The relay owns them: a client that returns
 * with the clock it had would be invisible, and so would everybody after a restart of the relay.
 */
import type { Clock } from "../../../src/clock.ts";
import type { Store } from "../../store/store.ts";

const META_KEY = "awareness-clock";
/** A relay may hand out this many a millisecond before it runs ahead of the next start's clocks. */
const PER_MS = 1024;
/** The least that a relay hands out; a client that counts its own changes never gets there. */
const FIRST = 2 ** 50;
/** Added to the stored start when the wall clock was set back between two starts; room for 2^42 changes. */
const STRIDE = 2 ** 42;

/** Whether a relay has set this clock: the state is an echo of one that a client got from it. */
export const isRelaysClock = (clock: number): boolean => clock >= FIRST;

/** Hands out numbers that only grow, across restarts too; all below 2^53. */
export class AwarenessClock {
  #last: number;

  private constructor(start: number) {
    this.#last = start;
  }

  /** @returns the clock, and the value that must be kept under `key` before it is used. */
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
