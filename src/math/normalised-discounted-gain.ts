/** How well one ranking agrees with the importances that another gives (nDCG): 1 where the order is the same or better can't be. */

/**
 * Normalised discounted cumulative gain (Järvelin & Kekäläinen 2002, ACM TOIS 20, 422-446) with linear gain; items of equal score share
 * the mean of their gains, as in scikit-learn.
 *
 * @param relevance none negative
 * @param scores by which items are ranked, the greatest first
 * @param top ranks that count; left out: all
 * @returns between 0 and 1; 0 where nothing is relevant
 */
export function normalisedDiscountedGain(
  relevance: readonly number[],
  scores: readonly number[],
  top = relevance.length,
): number {
  const best = gain(relevance, relevance, top);
  return best > 0 ? gain(relevance, scores, top) / best : 0;
}

function gain(relevance: readonly number[], scores: readonly number[], top: number): number {
  const order = relevance.map((_, index) => index).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
  let sum = 0;
  for (let from = 0; from < order.length && from < top; ) {
    let to = from;
    let tied = 0;
    let discounts = 0;
    while (to < order.length && scores[order[to] ?? 0] === scores[order[from] ?? 0]) {
      tied += relevance[order[to] ?? 0] ?? 0;
      if (to < top) discounts += 1 / Math.log2(to + 2);
      to++;
    }
    sum += (tied / (to - from)) * discounts;
    from = to;
  }
  return sum;
}
