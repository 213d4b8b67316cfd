/** How far predicted probabilities lie from what happened: in bins of probability, and row by row. */

export interface CalibrationError {
  /** Mean over the rows of the difference, in their bin, of mean probability and share of positives; 0..1. Never 0 by chance: see below. */
  readonly expected: number;
  /** The greatest such difference of a bin with rows. */
  readonly greatest: number;
}

/**
 * Over equal bins of probability, the last one closed (Naeini, Cooper & Hauskrecht 2015, AAAI 29). Of few rows it is biased upwards, by
 * about 0.8 times the mean standard deviation of a bin's share. NaN without rows.
 */
export function calibrationError(
  probabilities: readonly number[],
  isPositive: readonly boolean[],
  bins = 10,
): CalibrationError {
  const rows = new Float64Array(bins);
  const confidence = new Float64Array(bins);
  const positives = new Float64Array(bins);
  for (const [index, probability] of probabilities.entries()) {
    const bin = Math.min(bins - 1, Math.floor(probability * bins));
    rows[bin] = (rows[bin] ?? 0) + 1;
    confidence[bin] = (confidence[bin] ?? 0) + probability;
    if (isPositive[index] === true) positives[bin] = (positives[bin] ?? 0) + 1;
  }
  let sum = 0;
  let greatest = 0;
  for (const [bin, n] of rows.entries()) {
    if (n === 0) continue;
    const difference = Math.abs((positives[bin] ?? 0) - (confidence[bin] ?? 0));
    sum += difference;
    greatest = Math.max(greatest, difference / n);
  }
  return { expected: sum / probabilities.length, greatest };
}

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
