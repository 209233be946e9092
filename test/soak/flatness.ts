/**
 * Whether a series of samples is flat. The first half is warm-up; the growth is the slope of the second half
 * (the median of the slopes between all pairs of samples, after Theil and Sen, which is robust against
 * outliers) times its length. It is flat if that is within the allowed growth or within the samples' scatter.
 */

/** Fewer samples are not judged. */
export const LEAST_SAMPLES = 6;
/** Growth up to this many times the median distance from the fitted line is scatter. */
const SCATTER = 3;

type Flatness = {
  readonly first: number;
  readonly last: number;
  /** SoakEnded the second half; negative if it shrank. */
  readonly growth: number;
  /** Greatest growth that counts as flat. */
  readonly allowed: number;
  readonly isFlat: boolean;
};

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

/** @param floor growth that is always allowed. @returns `null` if there are too few samples. */
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
