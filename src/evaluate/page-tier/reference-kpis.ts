/** What a labelled reference says of the KPIs that the page tier tests, each as the mean of something bad in [0, 1] over so many of its rows. */
import type { LabelledScores } from "../../core/labelled-scores.ts";
import { badAndGood, type ConfusionRate } from "../../math/confusion-rates.ts";
import { total } from "../../math/total.ts";
import { type LossModel, lossCap } from "../estimates/loss-model.ts";
import { confusionOf } from "../estimates/score-calibration.ts";

export interface ReferenceMean {
  readonly mean: number;
  readonly rows: number;
}

/** With several classes a row is right in its own, and there is the accuracy alone; null where the rate is not known. */
export function referenceRate(rate: ConfusionRate | "f1", scores: readonly LabelledScores[]): ReferenceMean | null {
  const [first, ...more] = scores.map(confusionOf);
  if (first === undefined) return null;
  if (more.length === 0) {
    const { bad, good } = badAndGood(rate, first);
    return meanOf(bad, bad + good);
  }
  if (rate !== "accuracy") return null;
  const rows = first.tp + first.fp + first.fn + first.tn;
  const right = more.reduce((sum, { tp }) => sum + tp, first.tp);
  return meanOf(rows - right, rows);
}

const meanOf = (bad: number, rows: number): ReferenceMean | null => (rows > 0 ? { mean: bad / rows, rows } : null);

/** Of two classes. The scores of a cell are taken for their mean, which moves the whole by less than two widths of a cell: that is added. */
export function referenceBrier(scores: readonly LabelledScores[]): ReferenceMean | null {
  const [only, ...more] = scores;
  if (only === undefined || more.length > 0) return null;
  const rows = total(only.rows);
  const sum = only.rows.reduce((all, n, cell) => {
    const mean = only.means[cell] ?? 0;
    const positives = only.positives[cell] ?? 0;
    return all + positives * (1 - mean) ** 2 + (n - positives) * mean ** 2;
  }, 0);
  const width = 2 / only.rows.length;
  return rows > 0 ? { mean: sum / rows + 2 * width, rows } : null;
}

export interface ReferenceCalibration {
  /** Share of positive labels less mean score. */
  readonly error: number;
  readonly positives: number;
  readonly rows: number;
}

/** Of two classes. */
export function referenceCalibration(scores: readonly LabelledScores[]): ReferenceCalibration | null {
  const [only, ...more] = scores;
  if (only === undefined || more.length > 0) return null;
  const rows = total(only.rows);
  if (rows === 0) return null;
  const positives = total(only.positives);
  const scored = only.rows.reduce((sum, n, cell) => sum + n * (only.means[cell] ?? 0), 0);
  return { error: (positives - scored) / rows, positives: positives / rows, rows };
}

/**
 * Of absolute or squared errors, as a share of `cap`. Estimates are of the mean error of rows like this one, which hardly ever reaches the cap: their
 * mean is that of all losses as they are.
 */
export function referenceLoss(
  of: "absolute" | "squared",
  model: LossModel | null,
  isEstimated: boolean,
): (ReferenceMean & { readonly cap: number }) | null {
  const moments = model?.moments?.[of];
  if (model === null || moments === undefined || !(moments.mean > 0)) return null;
  const cap = lossCap(moments);
  return { mean: (isEstimated ? moments.mean : moments.capped) / cap, rows: model.rows, cap };
}
