/** When long work pauses: it counts its steps, and yields each time it has done as many as a slice has. */

export type Slice = {
  /** Steps until the next pause. */
  left: number;
  readonly steps: number;
};

/** About 5 ms of scanning, checking or storing structs. */
export const newSlice = (steps = 4_000): Slice => ({ left: steps, steps });

/** For work that is done in one go. */
export const UNSLICED: Slice = { left: Infinity, steps: Infinity };

/** Does sliced work in one go. */
export const finish = <T>(work: Generator<undefined, T>): T => {
  for (;;) {
    const result = work.next();
    if (result.done === true) return result.value;
  }
};
