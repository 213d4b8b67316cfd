/** Proper scores of predicted probabilities: least on average where the probabilities are true. */

/** Mean of (probability - outcome)² (Brier 1950, Monthly Weather Review 78, 1-3); 0..1, NaN without rows. */
export function brierScore(probabilities: readonly number[], isPositive: readonly boolean[]): number {
  let sum = 0;
  for (const [index, probability] of probabilities.entries()) {
    sum += (probability - (isPositive[index] === true ? 1 : 0)) ** 2;
  }
  return sum / probabilities.length;
}

/** Mean of -ln(probability of what happened), in nats, probabilities kept `clip` away from 0 and 1; NaN without rows. */
export function logLoss(probabilities: readonly number[], isPositive: readonly boolean[], clip = 1e-15): number {
  let sum = 0;
  for (const [index, probability] of probabilities.entries()) {
    const kept = Math.min(1 - clip, Math.max(clip, probability));
    sum -= isPositive[index] === true ? Math.log(kept) : Math.log1p(-kept);
  }
  return sum / probabilities.length;
}
