/** What is done with the content of one room, one after the other: long work in slices, and what comes after it. */
import type { SlicedWork, Slices } from "./slices.ts";

const NOTHING_MORE: readonly undefined[] = [];

export class Lane {
  readonly #slices: Slices;
  readonly #queue: (() => Iterable<undefined>)[] = [];
  readonly #onBug: (error: unknown) => void;
  #isBusy = false;
  #onIdle: (() => void)[] = [];

  /** @param onBug called with whatever work threw; what comes after it is still done. */
  constructor(slices: Slices, onBug: (error: unknown) => void) {
    this.#slices = slices;
    this.#onBug = onBug;
  }

  /** Whether anything is going on, so that whatever comes now has to wait. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Does this after all that was handed over before. */
  push(makeWork: () => Iterable<undefined>): void {
    this.#queue.push(makeWork);
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#slices.run(this.#work());
  }

  /** Does this at once if nothing is going on, otherwise after that. */
  inOrder(act: () => void): void {
    if (!this.#isBusy) return act();
    this.push(() => {
      act();
      return NOTHING_MORE;
    });
  }

  /** Calls `run` once nothing is going on any more. */
  whenIdle(run: () => void): void {
    if (this.#isBusy) this.#onIdle.push(run);
    else run();
  }

  *#work(): SlicedWork {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      try {
        yield* next();
      } catch (error) {
        this.#onBug(error);
      }
      yield;
    }
    this.#isBusy = false;
    const onIdle = this.#onIdle;
    this.#onIdle = [];
    for (const run of onIdle) run();
  }
}
