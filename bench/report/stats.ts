/**
 * Medians, and intervals that contain the true value in 95 of 100 runs: Student's t over the rounds. Two servers are
 * compared round by round, because they ran one after the other on a machine whose speed changes. Ratios are computed
 * from their logarithms, so that twice as much and half as much are equally far from 1.
 */

export type Interval = { readonly value: number; readonly low: number; readonly high: number };

/** Student's t for 95 %, two-sided, by degrees of freedom from 1. */
const T_95 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];
/** Student's t for more degrees of freedom than the table has, rounded up. */
const T_95_MANY = 2.042;

export const median = (numbers: readonly number[]): number => {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

/** The median, with the smallest and the largest of the numbers. */
export const spread = (numbers: readonly number[]): { median: number; least: number; most: number } => ({
  median: median(numbers),
  least: Math.min(...numbers),
  most: Math.max(...numbers),
});

/** The mean with its interval, which is infinite for a single number. */
export const meanInterval = (numbers: readonly number[]): Interval => {
  const { length } = numbers;
  const mean = numbers.reduce((sum, each) => sum + each, 0) / length;
  if (length < 2) return { value: mean, low: -Infinity, high: Infinity };
  const variance = numbers.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (length - 1);
  const reach = (T_95[length - 2] ?? T_95_MANY) * Math.sqrt(variance / length);
  return { value: mean, low: mean - reach, high: mean + reach };
};

/** The geometric mean with its interval; the arithmetic one if a value is 0 or less. */
export const valueInterval = (values: readonly number[]): Interval => {
  if (values.some((each) => each <= 0)) return meanInterval(values);
  const { value, low, high } = meanInterval(values.map(Math.log));
  return { value: Math.exp(value), low: Math.exp(low), high: Math.exp(high) };
};

/** `ours` divided by `theirs`: the geometric mean of the ratios of the rounds. */
export const ratioInterval = (ours: readonly number[], theirs: readonly number[]): Interval =>
  valueInterval(ours.map((each, round) => each / theirs[round]!));

/** `ours` minus `theirs`: the mean of the differences of the rounds. */
export const differenceInterval = (ours: readonly number[], theirs: readonly number[]): Interval =>
  meanInterval(ours.map((each, round) => each - theirs[round]!));
