/**
 * Calls for the periodic work on rooms, one part of them at a time, so that many rooms never need it at once. Each part
 * comes up about every 20 s: y-protocols drops awareness states that were not renewed for 30 s (docs/SPEC.md, P9).
 */
import type { CancelTimer, Clock } from "../../src/clock.ts";

const STEP_MS = 500;
export const HOUSEKEEPING_PARTS = 40;

export class Housekeeping {
  readonly #clock: Pick<Clock, "setTimer">;
  readonly #run: (part: number) => void;
  #part = 0;
  #cancel: CancelTimer;

  /** @param run is called with the number of a part, below `HOUSEKEEPING_PARTS`. */
  constructor(clock: Pick<Clock, "setTimer">, run: (part: number) => void) {
    this.#clock = clock;
    this.#run = run;
    this.#cancel = clock.setTimer(STEP_MS, this.#step);
  }

  stop(): void {
    this.#cancel();
  }

  readonly #step = (): void => {
    this.#cancel = this.#clock.setTimer(STEP_MS, this.#step);
    this.#part = (this.#part + 1) % HOUSEKEEPING_PARTS;
    this.#run(this.#part);
  };
}
