/**
 * Runs long work in slices, one at a time for all rooms of the process, in turn: between two slices the relay handles
 * what has arrived, so no room waits longer than for one slice of another.
 */
import type { Clock } from "../../../src/clock.ts";

/** Work that yields after each slice of a few milliseconds.  */
export type SlicedWork = Generator<undefined, void>;

export class Slices {
  readonly #clock: Pick<Clock, "afterTurn">;
  readonly #onBug: (error: unknown) => void;
  readonly #queue: SlicedWork[] = [];
  #isRunning = false;

  /** @param onBug called with whatever work threw, which is over then. */
  constructor(clock: Pick<Clock, "afterTurn">, onBug: (error: unknown) => void) {
    this.#clock = clock;
    this.#onBug = onBug;
  }

  run(work: SlicedWork): void {
    this.#queue.push(work);
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#clock.afterTurn(this.#step);
  }

  readonly #step = (): void => {
    const work = this.#queue.shift()!;
    try {
      if (work.next().done !== true) this.#queue.push(work);
    } catch (error) {
      this.#onBug(error);
    }
    this.#isRunning = this.#queue.length > 0;
    if (this.#isRunning) this.#clock.afterTurn(this.#step);
  };
}
