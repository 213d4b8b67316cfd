/** The middle one of the values, or the mean of the two middle ones; 0 of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return ((sorted[sorted.length % 2 === 1 ? middle : middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
