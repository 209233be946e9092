/**
 * Runs long work in slices, one at a time for all rooms of the process, in turn: between two slices the relay handles
 * what has arrived, so no room waits longer than for one slice of another.
 */
import type { Clock } from "../../../src/clock.ts";

/** Work that yields after each slice of a few milliseconds. It handles its own errors. */
export type SlicedWork = Generator<undefined, void>;

export class Slices {
  readonly #clock: Pick<Clock, "afterTurn">;
  readonly #queue: SlicedWork[] = [];

  constructor(clock: Pick<Clock, "afterTurn">) {
    this.#clock = clock;
  }

  run(work: SlicedWork): void {
    this.#queue.push(work);
    if (this.#queue.length === 1) this.#clock.afterTurn(this.#step);
  }

  readonly #step = (): void => {
    const work = this.#queue[0]!;
    try {
      if (work.next().done !== true) this.#queue.push(work);
    } finally {
      this.#queue.shift();
      if (this.#queue.length > 0) this.#clock.afterTurn(this.#step);
    }
  };
}
