/**
 * Turns the scores of one class into probabilities by what a labelled reference tells: as they are where nothing speaks against it, by isotonic
 * regression where they are poorly calibrated, and not at all where that does not hold on rows it has not seen.
 */
import type { LabelledScores } from "../../core/labelled-scores.ts";
import { calibrationError, calibrationPValue, type ReliabilityBin } from "../../math/calibration-error.ts";
import type { ConfusionCounts } from "../../math/confusion-rates.ts";
import { type IsotonicCurve, isotonicCurve, isotonicValue } from "../../math/isotonic-regression.ts";
import { splitCounts } from "../../math/split-counts.ts";
import { total } from "../../math/total.ts";

/** Labelled rows of either kind below which a reference can't say what a score means. */
const LEAST_OF_A_KIND = 30;
const LEAST_ROWS = 500;
/** A mean distance of scores from probabilities that estimates don't survive: it is what they may be off by. */
const MOST_ERROR = 0.02;
const RELIABILITY_BINS = 10;
/** Scores are corrected where the reference would be so far off by less than this chance. */
const SIGNIFICANCE = 0.01;
/** 95 % point of the normal law, one-sided. */
const Z95_ONE_SIDED = 1.6448536269514722;
const SEED = 20_240_117;

export interface ScoreCalibration {
  readonly positive: string;
  /** Bins of a score; its histograms have two cells each. */
  readonly bins: number;
  /** null: the scores are taken as probabilities. */
  readonly curve: IsotonicCurve | null;
  /** Expected calibration error of the probabilities, on rows that the curve was not fitted to; debiased. */
  readonly error: number;
  /** The confusion matrix of the reference, by its labels. */
  readonly confusion: ConfusionCounts;
  readonly reference: LabelledScores;
}

/** The calibration, or in words why there is none. */
export function calibrate(reference: LabelledScores): ScoreCalibration | string {
  const bins = reference.rows.length / 2;
  const rows = total(reference.rows);
  const positives = total(reference.positives);
  if (rows < LEAST_ROWS || positives < LEAST_OF_A_KIND || rows - positives < LEAST_OF_A_KIND)
    return `The reference has ${rows} rows with a score and a label, ${positives} of them positive; estimates need ${LEAST_ROWS}, ${LEAST_OF_A_KIND} of either kind.`;
  const [fitted, held] = halves(reference);
  const isPoor = calibrationPValue(reliability(reference, null)) < SIGNIFICANCE;
  const curve = isPoor ? isotonicCurve(fitted.means, shares(fitted), fitted.rows) : null;
  const { debiased, deviation } = calibrationError(reliability(held, curve));
  if (debiased - Z95_ONE_SIDED * deviation > MOST_ERROR)
    return `The scores of the reference are no probabilities, and isotonic regression does not make them such: their expected calibration error is ${debiased.toFixed(3)}, ${MOST_ERROR} is the most.`;
  return {
    positive: reference.positive,
    bins,
    // What has stood the test on half of the rows is fitted to all of them.
    curve: isPoor ? isotonicCurve(reference.means, shares(reference), reference.rows) : null,
    error: debiased,
    confusion: confusionOf(reference),
    reference,
  };
}

/** The probability that a row of a cell with this mean score is of the class. */
export const probabilityOf = ({ curve }: ScoreCalibration, score: number): number =>
  curve === null ? score : isotonicValue(curve, score);

interface Cells {
  readonly rows: ArrayLike<number>;
  readonly positives: ArrayLike<number>;
  readonly means: readonly number[];
}

function halves({ rows, positives, means }: LabelledScores): readonly [Cells, Cells] {
  const negatives = rows.map((count, cell) => count - (positives[cell] ?? 0));
  const first = splitCounts(positives, SEED);
  const second = splitCounts(negatives, SEED + 1);
  const fitted = { rows: first.map((count, cell) => count + (second[cell] ?? 0)), positives: first, means };
  const held = {
    rows: rows.map((count, cell) => count - (fitted.rows[cell] ?? 0)),
    positives: positives.map((count, cell) => count - (first[cell] ?? 0)),
    means,
  };
  return [fitted, held];
}

function shares({ rows, positives }: Pick<Cells, "rows" | "positives">): Float64Array {
  return Float64Array.from({ length: rows.length }, (_, cell) =>
    (rows[cell] ?? 0) > 0 ? (positives[cell] ?? 0) / (rows[cell] ?? 1) : 0,
  );
}

/** Bins by raw score, so that both ways are compared on the same rows. */
function reliability({ rows, positives, means }: Cells, curve: IsotonicCurve | null): ReliabilityBin[] {
  const bins = Array.from({ length: RELIABILITY_BINS }, () => ({ rows: 0, scores: 0, positives: 0 }));
  const width = rows.length / 2 / RELIABILITY_BINS;
  for (let cell = 0; cell < rows.length; cell++) {
    const bin = bins[Math.floor((cell % (rows.length / 2)) / width)];
    const count = rows[cell] ?? 0;
    if (bin === undefined || count === 0) continue;
    const mean = means[cell] ?? 0;
    bin.rows += count;
    bin.positives += positives[cell] ?? 0;
    bin.scores += count * (curve === null ? mean : isotonicValue(curve, mean));
  }
  return bins;
}

/** The confusion matrix of a class against the rest, by the labels. */
export function confusionOf({ rows, positives }: LabelledScores): ConfusionCounts {
  const bins = rows.length / 2;
  const counts = { tp: 0, fp: 0, fn: 0, tn: 0 };
  for (let cell = 0; cell < rows.length; cell++) {
    const right = positives[cell] ?? 0;
    const wrong = (rows[cell] ?? 0) - right;
    counts[cell < bins ? "fn" : "tp"] += right;
    counts[cell < bins ? "tn" : "fp"] += wrong;
  }
  return counts;
}
