/** p-values made to hold for many tests at once, whatever their dependence: segments overlap, and pairs lie within single ones. */

/**
 * Holm's step-down correction (1979, Scandinavian Journal of Statistics 6, 65-70): the chance that any p-value of a true null comes out at
 * or below a level is at most that level.
 *
 * @param tests how many tests there were, where only some are given; the others then count as having shown nothing
 * @returns adjusted p-values in the order given, each at least its own and at most 1
 */
export function holmAdjusted(pValues: readonly number[], tests = pValues.length): number[] {
  const order = pValues.map((_, index) => index).sort((x, y) => (pValues[x] ?? 1) - (pValues[y] ?? 1));
  const adjusted = pValues.map(() => 1);
  let greatest = 0;
  for (const [rank, index] of order.entries()) {
    greatest = Math.max(greatest, Math.min(1, (Math.max(tests, pValues.length) - rank) * (pValues[index] ?? 1)));
    adjusted[index] = greatest;
  }
  return adjusted;
}
