/** KPIs before their labels: estimated from calibrated scores, with the band that sampling gives and the fall from the reference that matters. */
import type { ModelConfig } from "../../config/schema.ts";
import {
  type EstimatedRate,
  type ExpectedConfusion,
  estimatedRate,
  estimatedRocAuc,
  expectedConfusion,
  type ProbabilityCells,
} from "../../math/confidence-based-estimates.ts";
import type { ConfusionCounts } from "../../math/confusion-rates.ts";
import { rateDeviation } from "../../math/rate-deviation.ts";
import { rocAucInterval } from "../../math/roc-auc-interval.ts";
import { type KpiValue, undefinedKpi, Z95 } from "../kpis/kpi-value.ts";
import type { LoadedReference } from "../references/load-reference.ts";
import type { LossModel } from "./loss-model.ts";
import { calibrate, type ScoreCalibration } from "./score-calibration.ts";
import { probabilityCells, type WindowScores } from "./window-scores.ts";

export type EstimatedKpi = EstimatedRate | "roc_auc";

/** Standard errors that an estimate must have fallen by. */
const DEVIATIONS = 3;
/** The chance that the normal law leaves within so many. */
const LEVEL = 0.9973;
/** A smaller fall is not worth a breach, however many rows show it. */
const LEAST_FALL = 0.01;

/** What estimates come from: one calibration a class, or the model of a regression's losses; or in words why there are none. */
export type Estimation =
  | { readonly from: "scores"; readonly calibrations: readonly ScoreCalibration[] }
  | { readonly from: "losses"; readonly model: LossModel }
  | string;

export function estimationOf({ task }: ModelConfig, reference: LoadedReference | null): Estimation {
  if (reference === null) return "The model has no reference.";
  if (task === "regression")
    return reference.lossModel === null
      ? "The reference has no rows with a prediction and a label beside their features."
      : { from: "losses", model: reference.lossModel };
  if (reference.labelledScores.length === 0)
    return task === "binary"
      ? "The reference has no rows with a prediction, a label and a probability of the positive class."
      : "The reference has no rows with a prediction, a label and probabilities; name their columns in reference.probabilities.";
  const calibrations: ScoreCalibration[] = [];
  for (const scores of reference.labelledScores) {
    const calibration = calibrate(scores);
    if (typeof calibration === "string")
      return task === "binary" ? calibration : `Class ${scores.positive}: ${calibration}`;
    calibrations.push(calibration);
  }
  return { from: "scores", calibrations };
}

/** An estimate as a KPI's value; `floor` is what it must not fall below, where the user has set no limit. */
export function estimatedKpi(
  kpi: EstimatedKpi,
  calibrations: readonly ScoreCalibration[],
  scores: WindowScores,
  events: number,
): KpiValue {
  const cells = calibrations.map((calibration, index) => probabilityCells(calibration, scores[index] ?? []));
  const confusions = cells.map(expectedConfusion);
  const [first] = confusions;
  const n = first === undefined ? 0 : Math.round(first.tp + first.fp + first.fn + first.tn);
  if (n === 0) return undefinedKpi(0, "no prediction of the window has a probability");
  const estimate = kpi === "roc_auc" ? areaEstimate(cells) : rateEstimate(kpi, confusions);
  if (estimate === null) return undefinedKpi(n, `${kpi} is not defined for what is expected of the window`);
  const known = kpi === "roc_auc" ? areaOfReference(calibrations, n) : rateOfReference(kpi, calibrations, n);
  const { value, lower, upper, ...more } = estimate;
  return {
    status: "ok",
    value,
    lower: Math.max(0, lower),
    upper: Math.min(1, upper),
    n,
    ...(known === null ? {} : { floor: known.floor }),
    tolerance: Math.max(LEAST_FALL, (DEVIATIONS * Math.max(upper - value, value - lower)) / Z95),
    detail: {
      reference: known?.value ?? null,
      calibration: calibrations.some(({ curve }) => curve !== null) ? "isotonic" : "none needed",
      calibration_error: Math.max(...calibrations.map(({ error }) => error)),
      ...(events > n ? { without_probability: events - n } : {}),
      ...(confusions.length === 1 && first !== undefined && kpi !== "roc_auc" ? expectedCounts(first) : {}),
      ...more,
    },
  };
}

/** Of two classes: what the rates are shares of. */
const expectedCounts = ({ tp, fp, fn, tn }: ExpectedConfusion) => ({ tp, fp, fn, tn });

interface Band {
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
}

function areaEstimate([cells]: readonly ProbabilityCells[]): (Band & { readonly bound: number }) | null {
  return cells === undefined ? null : estimatedRocAuc(cells);
}

/** Two classes: of the positive one. More: accuracy over all rows, else the mean over the classes that have the rate. */
function rateEstimate(rate: EstimatedRate, confusions: readonly ExpectedConfusion[]): Band | null {
  const [first, ...more] = confusions;
  if (first === undefined) return null;
  if (more.length === 0) return banded(estimatedRate(rate, first));
  if (rate === "accuracy") {
    const rows = first.tp + first.fp + first.fn + first.tn;
    const right = confusions.reduce((sum, { tp }) => sum + tp, 0);
    const variance = confusions.reduce((sum, { decidedVariance }) => sum + decidedVariance, 0);
    return banded({ value: right / rows, deviation: Math.sqrt(variance) / rows });
  }
  const each = confusions.flatMap((confusion) => estimatedRate(rate, confusion) ?? []);
  if (each.length === 0) return null;
  return banded({
    value: each.reduce((sum, { value }) => sum + value, 0) / each.length,
    deviation: Math.hypot(...each.map(({ deviation }) => deviation)) / each.length,
  });
}

function banded(estimate: { readonly value: number; readonly deviation: number } | null): Band | null {
  if (estimate === null) return null;
  const { value, deviation } = estimate;
  return { value, lower: value - Z95 * deviation, upper: value + Z95 * deviation };
}

interface Known {
  readonly value: number;
  readonly floor: number;
}

/** What the reference's labels say, and what a window of n rows would hardly fall below if nothing had changed. */
function rateOfReference(rate: EstimatedRate, calibrations: readonly ScoreCalibration[], n: number): Known | null {
  const confusions = calibrations.map(({ confusion }) => confusion);
  const [first] = confusions;
  if (first === undefined) return null;
  const each =
    confusions.length > 1 && rate === "accuracy"
      ? [rateDeviation(rate, { tp: right(confusions), fp: 0, fn: rowsOf(first) - right(confusions), tn: 0 })]
      : confusions.map((confusion) => rateDeviation(rate, confusion));
  const known = each.filter((one) => one !== null);
  if (known.length === 0) return null;
  const value = known.reduce((sum, one) => sum + one.value, 0) / known.length;
  const error =
    Math.hypot(...known.map(({ deviation, share }) => deviation * Math.sqrt((1 / n + 1 / rowsOf(first)) / share))) /
    known.length;
  return { value, floor: value - Math.max(LEAST_FALL, DEVIATIONS * error) };
}

const right = (confusions: readonly ConfusionCounts[]): number => confusions.reduce((sum, { tp }) => sum + tp, 0);

const rowsOf = ({ tp, fp, fn, tn }: ConfusionCounts): number => tp + fp + fn + tn;

function areaOfReference([calibration]: readonly ScoreCalibration[], n: number): Known | null {
  if (calibration === undefined) return null;
  const { bins, reference, confusion } = calibration;
  const half = (from: number) => ({
    rows: Float64Array.from(reference.rows.slice(from, from + bins)),
    probability: Float64Array.from(reference.positives.slice(from, from + bins)),
  });
  const area = estimatedRocAuc({ others: half(0), decided: half(bins) }, true);
  if (area === null) return null;
  const positives = (confusion.tp + confusion.fn) / rowsOf(confusion);
  // The reference is a sample too: both together vary like one of fewer rows.
  const rows = 1 / (1 / n + 1 / rowsOf(confusion));
  const { lower } = rocAucInterval(area.value, positives * rows, (1 - positives) * rows, LEVEL);
  return { value: area.value, floor: Math.min(lower, area.value - LEAST_FALL) };
}
