/**
 * The test of one law against every law near another: the likelihood ratio, clipped so that no law within a total-variation distance makes it
 * grow on average.
 */

/** Lower and upper limit of the ratio; null where the alternative itself lies within the distance, so that nothing can be learned. */
export interface ClipLimits {
  readonly lower: number;
  readonly upper: number;
}

/**
 * Limits c0 and c1 of q_b/p_b such that the mean of the clipped ratio is at most 1 under every law within `distance` of p: the sums of
 * (q_b/c1 - p_b)+ and of (p_b - q_b/c0)+ are the distance (Huber 1965, the least favourable pair). Exact: sorted by ratio, each limit is a
 * quotient of two sums.
 *
 * @param p shares, all positive
 * @param q shares
 * @param distance 0 to 1
 */
export function clipLimits(q: readonly number[], p: readonly number[], distance: number): ClipLimits | null {
  let apart = 0;
  for (let bin = 0; bin < p.length; bin++) apart += Math.abs((q[bin] ?? 0) - (p[bin] ?? 0));
  if (apart / 2 <= distance) return null;
  const ratio = (bin: number) => (q[bin] ?? 0) / (p[bin] ?? 1);
  const ascending = [...p.keys()].sort((a, b) => ratio(a) - ratio(b));
  const lower = limit(ascending, q, p, -distance, (next, quotient) => next >= quotient);
  return { lower, upper: limit(ascending.reverse(), q, p, distance, (next, quotient) => next <= quotient) };
}

/** Takes bins in order until the quotient of the sums, Q / (P + shift), reaches the next bin's ratio. */
function limit(
  order: readonly number[],
  q: readonly number[],
  p: readonly number[],
  shift: number,
  isReached: (nextRatio: number, quotient: number) => boolean,
): number {
  let sumQ = 0;
  let sumP = 0;
  for (const [index, bin] of order.entries()) {
    sumQ += q[bin] ?? 0;
    sumP += p[bin] ?? 0;
    const next = order[index + 1];
    if (next === undefined || sumP + shift <= 0) continue;
    const quotient = sumQ / (sumP + shift);
    if (isReached((q[next] ?? 0) / (p[next] ?? 1), quotient)) return quotient;
  }
  // Only for distances at the very edge, where rounding leaves no bin that stops the sweep.
  return 1;
}

/** ln of the clipped ratio per bin; all zero where nothing can be learned. */
export function clippedLogRatios(q: readonly number[], p: readonly number[], distance: number): readonly number[] {
  const limits = clipLimits(q, p, distance);
  if (limits === null) return p.map(() => 0);
  const { lower, upper } = limits;
  return p.map((share, bin) => Math.log(Math.min(upper, Math.max(lower, (q[bin] ?? 0) / share))));
}
