/**
 * Whether a figure that was taken at equal moments stays what it is. The first half of a run warms up;
 * of the second half the typical slope is taken (the median of the slopes between all pairs of samples,
 * by Theil and Sen, which a few outliers do not bend) and multiplied by the time that it covers: what
 * has grown. It is flat while that is no more than what is allowed, or than the samples scatter anyway.
 */

/** With fewer samples nothing can be said. */
export const LEAST_SAMPLES = 6;
/** Growth within so many times the typical distance from the line is scatter. */
const SCATTER = 3;

export type Flatness = {
  readonly first: number;
  readonly last: number;
  /** Over the second half; negative if it shrank. */
  readonly growth: number;
  /** Greatest growth that still is flat. */
  readonly allowed: number;
  readonly isFlat: boolean;
};

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

/** @param floor growth that is allowed in any case. `null`: too few samples to tell. */
export const judgeFlatness = (values: readonly number[], floor: number): Flatness | null => {
  if (values.length < LEAST_SAMPLES) return null;
  const half = values.slice(Math.floor(values.length / 2));
  const slopes = half.flatMap((from, i) => half.slice(i + 1).map((to, j) => (to - from) / (j + 1)));
  const slope = median(slopes);
  const growth = slope * (half.length - 1);
  const level = median(half.map((value, i) => value - slope * i));
  const scatter = median(half.map((value, i) => Math.abs(value - slope * i - level)));
  const allowed = Math.max(floor, SCATTER * scatter);
  return { first: values[0]!, last: values.at(-1)!, growth, allowed, isFlat: growth <= allowed };
};
