/** Measures of predicted numbers against what they came to be. */

export interface RegressionMetrics {
  readonly mae: number;
  readonly rmse: number;
  /** 1 - (squared errors) / (squared distances from the mean truth); NaN for a constant truth. */
  readonly r2: number;
  /** Mean of |error / truth|; where the truth is 0 it is divided by the least double step from 1 (2^-52), as scikit-learn does. */
  readonly mape: number;
  readonly medianAbsoluteError: number;
  /** Mean of prediction - truth: above 0 where predictions are too high. */
  readonly meanError: number;
  /** As r2, without the part of the errors that is a constant. */
  readonly explainedVariance: number;
  readonly greatestError: number;
}

/** All NaN (the greatest error 0) without rows. Two passes, so that a large constant in the truth costs no digits. */
export function regressionMetrics(actual: readonly number[], predicted: readonly number[]): RegressionMetrics {
  const n = actual.length;
  const errors = Float64Array.from(actual, (truth, index) => (predicted[index] ?? Number.NaN) - truth);
  const absolute = errors.map(Math.abs).sort();
  const meanTruth = mean(actual);
  const meanError = mean(errors);
  let [sumAbsolute, sumSquares, sumShares, errorSpread, truthSpread] = [0, 0, 0, 0, 0];
  for (const [index, error] of errors.entries()) {
    const truth = actual[index] ?? 0;
    sumAbsolute += Math.abs(error);
    sumSquares += error * error;
    sumShares += Math.abs(error) / Math.max(Math.abs(truth), Number.EPSILON);
    errorSpread += (error - meanError) ** 2;
    truthSpread += (truth - meanTruth) ** 2;
  }
  const middle = n >> 1;
  return {
    mae: sumAbsolute / n,
    rmse: Math.sqrt(sumSquares / n),
    r2: 1 - sumSquares / truthSpread,
    mape: sumShares / n,
    medianAbsoluteError: ((absolute[n % 2 === 1 ? middle : middle - 1] ?? Number.NaN) + (absolute[middle] ?? 0)) / 2,
    meanError,
    explainedVariance: 1 - errorSpread / truthSpread,
    greatestError: absolute[n - 1] ?? 0,
  };
}

/** Mean pinball loss of a predicted quantile at the level alpha (Koenker & Bassett 1978, Econometrica 46, 33-50). */
export function pinballLoss(actual: readonly number[], predicted: readonly number[], alpha: number): number {
  return mean(
    actual.map((truth, index) => {
      const short = truth - (predicted[index] ?? Number.NaN);
      return short >= 0 ? alpha * short : (alpha - 1) * short;
    }),
  );
}

function mean(values: readonly number[] | Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}
