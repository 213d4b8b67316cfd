/** Mean and variance of a stream, one value at a time, without the cancellation of sums of squares. */

export interface RunningMoments {
  readonly count: number;
  readonly mean: number;
  /** Sum of the squared differences from the mean. */
  readonly squares: number;
}

export const noMoments: RunningMoments = { count: 0, mean: 0, squares: 0 };

/** The moments with one value more (Welford, B. P., 1962, Technometrics 4, 419-420). */
export function withValue({ count, mean, squares }: RunningMoments, value: number): RunningMoments {
  const difference = value - mean;
  const next = mean + difference / (count + 1);
  return { count: count + 1, mean: next, squares: squares + difference * (value - next) };
}

/** Sample standard deviation (n - 1); 0 for fewer than two values. */
export function standardDeviation({ count, squares }: RunningMoments): number {
  return count > 1 ? Math.sqrt(Math.max(0, squares) / (count - 1)) : 0;
}
