/** What a feature's drift is likely to cost: the change of the model's mean loss if each bin went on losing what it lost in the reference. */

/** Of the labelled reference rows of each bin. */
export interface BinLosses {
  readonly rows: readonly number[];
  readonly losses: readonly number[];
  /** Sums of the squares. */
  readonly squares: readonly number[];
}

export interface PredictedLossChange {
  /** In the unit of the loss; above 0 is worse. */
  readonly change: number;
  /** Standard error, by the rows of the window, of the reference, and of its labels. */
  readonly deviation: number;
  /** What each bin adds: they sum to `change`. */
  readonly parts: readonly number[];
}

/**
 * sum over bins of (q - p) (l - L): q and p the bin's shares in window and reference, l its mean loss and L the mean over the
 * reference's bins. L changes no sum, as the shares sum to 1; it makes a part mean "more rows than before where more is lost than on average".
 * A bin without labelled rows is taken to lose L. Marginal: of correlated features each has the whole effect, so features don't add up.
 *
 * @returns null where a side has no rows or nothing is labelled
 */
export function predictedLossChange(
  reference: readonly number[],
  window: readonly number[],
  { rows, losses, squares }: BinLosses,
): PredictedLossChange | null {
  const [n, m, labelled, lost] = [sum(reference), sum(window), sum(rows), sum(losses)];
  if (!(n > 0) || !(m > 0) || !(labelled > 0)) return null;
  const overall = lost / labelled;
  const means = reference.map((_, bin) => ((rows[bin] ?? 0) > 0 ? (losses[bin] ?? 0) / (rows[bin] ?? 1) - overall : 0));
  const parts = means.map((mean, bin) => ((window[bin] ?? 0) / m - (reference[bin] ?? 0) / n) * mean);
  let ofLosses = 0;
  for (const [bin, count] of rows.entries()) {
    if (!(count > 0)) continue;
    const mean = (losses[bin] ?? 0) / count;
    const variance = Math.max(0, (squares[bin] ?? 0) / count - mean * mean);
    ofLosses += (((window[bin] ?? 0) / m - (reference[bin] ?? 0) / n) ** 2 * variance) / count;
  }
  return {
    change: sum(parts),
    deviation: Math.sqrt(spread(means, window, m) / m + spread(means, reference, n) / n + ofLosses),
    parts,
  };
}

/** Variance of the bins' means over the rows. */
function spread(means: readonly number[], counts: readonly number[], rows: number): number {
  let first = 0;
  let second = 0;
  for (const [bin, mean] of means.entries()) {
    const share = (counts[bin] ?? 0) / rows;
    first += share * mean;
    second += share * mean * mean;
  }
  return Math.max(0, second - first * first);
}

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
