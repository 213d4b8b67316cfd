/** Polya's urn: the probability of a batch of counts when the shares of the bins are known by earlier rows alone. */
import { risingFactorialExcess } from "./rising-factorial.ts";

/**
 * ln of the probability of one sequence of events with these counts (not of the counts: without the multinomial coefficient) when the
 * shares have the Dirichlet law with these weights: the product of Γ(a_b + c_b)/Γ(a_b) over the bins, times Γ(A)/Γ(A + m).
 *
 * @param weights a_b > 0, the earlier rows of each bin
 * @param counts whole numbers, one per weight
 */
export function urnLogProbability(weights: ArrayLike<number>, counts: ArrayLike<number>): number {
  let all = 0;
  for (let bin = 0; bin < weights.length; bin++) all += weights[bin] ?? 0;
  let atFixedShares = 0;
  for (let bin = 0; bin < weights.length; bin++) {
    const count = counts[bin] ?? 0;
    if (count > 0) atFixedShares += count * Math.log((weights[bin] ?? 0) / all);
  }
  return atFixedShares + urnExcess(weights, 0, counts, all);
}

/**
 * The same against the probability of the sequence at the fixed shares a_b / A: what learning from the batch itself is worth, in nats.
 * For many small batches this is the part that does not cancel.
 *
 * @param from where the bins' weights begin in `weights`
 * @param all the sum of the weights
 */
export function urnExcess(weights: ArrayLike<number>, from: number, counts: ArrayLike<number>, all: number): number {
  let excess = 0;
  let rows = 0;
  for (let bin = 0; bin < counts.length; bin++) {
    const count = counts[bin] ?? 0;
    rows += count;
    if (count > 1) excess += risingFactorialExcess(weights[from + bin] ?? 1, count);
  }
  return excess - risingFactorialExcess(all, rows);
}
