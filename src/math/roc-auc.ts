/** What a score is worth for telling two classes apart, from the scores and true classes themselves. */

export interface ScoreRanking {
  /** Area under the ROC curve: the probability that a positive row scores above a negative one, ties counting half. NaN without either class. */
  readonly rocAuc: number;
  /** Sum of (recall gained) · precision over the distinct scores, from above; not interpolated. NaN without positives. */
  readonly averagePrecision: number;
  /** Greatest difference of the true and the false positive rate over all cuts (Kolmogorov-Smirnov of the two classes' scores). */
  readonly greatestSeparation: number;
}

/**
 * All three by one pass over the scores in descending order (Hanley & McNeil 1982, Radiology 143, 29-36; Davis & Goadrich 2006, ICML).
 *
 * @param isPositive of the same length as the scores
 */
export function scoreRanking(scores: readonly number[], isPositive: readonly boolean[]): ScoreRanking {
  const order = Uint32Array.from(scores, (_, index) => index).sort((i, j) => (scores[j] ?? 0) - (scores[i] ?? 0));
  let positives = 0;
  for (const positive of isPositive) if (positive) positives++;
  const negatives = scores.length - positives;
  let truePositives = 0;
  let falsePositives = 0;
  let pairs = 0;
  let averagePrecision = 0;
  let greatestSeparation = 0;
  for (let place = 0; place < order.length; ) {
    const score = scores[order[place] ?? 0];
    let gained = 0;
    let lost = 0;
    for (; place < order.length && scores[order[place] ?? 0] === score; place++) {
      if (isPositive[order[place] ?? 0] === true) gained++;
      else lost++;
    }
    pairs += lost * (truePositives + gained / 2);
    truePositives += gained;
    falsePositives += lost;
    averagePrecision += (gained / positives) * (truePositives / (truePositives + falsePositives));
    greatestSeparation = Math.max(greatestSeparation, Math.abs(truePositives / positives - falsePositives / negatives));
  }
  return { rocAuc: pairs / (positives * negatives), averagePrecision, greatestSeparation };
}
