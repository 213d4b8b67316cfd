/** The errors of a regression before its labels: estimated by the model of the loss, with the band of chance and the rise that matters. */
import { type BinnedRows, boostedValues } from "../../math/boosted-trees.ts";
import { cappedDetail } from "../kpis/kpi-sums.ts";
import { type KpiValue, undefinedKpi, Z95 } from "../kpis/kpi-value.ts";
import type { LearntLoss, LossModel } from "./loss-model.ts";

export type EstimatedError = "mae" | "rmse";

/** Standard errors that an estimate must have risen by. */
const DEVIATIONS = 3;
/** A smaller rise, as a share of the reference's error, is not worth a breach, however many rows show it. */
const LEAST_RISE = 0.05;

/**
 * An estimate as a KPI's value; `ceiling` is what it must not rise above, where the user has set no limit.
 *
 * The band holds the realised value in 95 % of windows if errors are still as large as features and prediction say: it has the chance in
 * the labels, the chance in the reference that the level was learnt from, and, where not all rows were read, the chance in which.
 *
 * @param rows the window's rows that were read, all of them or a sample
 * @param n rows of the window that have a prediction
 * @param cap for the page tier: above which an estimated loss counts as that much, of `rmse` in the label's unit squared
 */
export function estimatedError(
  kpi: EstimatedError,
  model: LossModel,
  rows: BinnedRows,
  n: number,
  cap?: number,
): KpiValue {
  const learnt = kpi === "mae" ? model.absolute : model.squared;
  if (typeof learnt === "string") return undefinedKpi(0, learnt);
  if (rows.rows === 0) return undefinedKpi(0, "no prediction of the window is a number");
  const { mean, variance, capped } = meanLoss(learnt, model.rows, rows, n, cap);
  // An error is in the label's unit: of squares the band's ends are rooted.
  const unit = (loss: number) => (kpi === "mae" ? loss : Math.sqrt(Math.max(0, loss)));
  const reference = unit(learnt.mean);
  const value = unit(mean);
  const half = Z95 * Math.sqrt(variance);
  const chance = DEVIATIONS * learnt.deviation * Math.sqrt(1 / n + 1 / model.rows);
  return {
    status: "ok",
    value,
    lower: unit(Math.max(0, mean - half)),
    upper: unit(mean + half),
    n,
    ceiling: Math.max(reference * (1 + LEAST_RISE), unit(learnt.mean + chance)),
    tolerance: Math.max(reference * LEAST_RISE, unit(mean + DEVIATIONS * Math.sqrt(variance)) - value),
    detail: {
      reference,
      trees: learnt.trees.trees.length,
      calibration_error: learnt.calibration_error,
      ...(rows.rows < n ? { rows_read: rows.rows } : {}),
      ...(cap === undefined ? {} : cappedDetail({ cap, sum: capped, rows: rows.rows })),
    },
  };
}

/** Mean of the estimated losses, and the variance of the realised mean around it. */
function meanLoss(
  { trees, spread }: LearntLoss,
  referenceRows: number,
  rows: BinnedRows,
  n: number,
  cap = Number.POSITIVE_INFINITY,
) {
  let sum = 0;
  let squares = 0;
  let capped = 0;
  for (const value of boostedValues(trees, rows)) {
    const loss = Math.max(0, value);
    sum += loss;
    squares += loss * loss;
    capped += Math.min(loss, cap);
  }
  const mean = sum / rows.rows;
  const square = squares / rows.rows;
  const read = (Math.max(0, square - mean * mean) / rows.rows) * Math.max(0, 1 - rows.rows / n);
  return { mean, variance: spread * square * (1 / n + 1 / referenceRows) + read, capped };
}
