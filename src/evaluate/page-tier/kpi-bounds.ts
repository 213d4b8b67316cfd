/**
 * The KPIs that the page tier tests, each as the mean of something bad in [0, 1] that must not exceed a bound: what the configuration sets
 * as its limit, else what the reference showed plus what does not matter. Only means over events, or over those of a set of events, can be
 * tested so; others have their rules.
 */
import { estimatedBy, impliedEstimates, isEstimate, type KpiConfig, type KpiName } from "../../config/kpis.ts";
import type { ModelConfig } from "../../config/schema.ts";
import { referenceError } from "../../sequential/tolerance.ts";
import type { Estimation } from "../estimates/estimated-kpis.ts";
import { isClassRate } from "../kpis/classification.ts";
import { brierScale } from "../kpis/kpi-sums.ts";
import type { LoadedReference } from "../references/load-reference.ts";
import {
  type ReferenceMean,
  referenceBrier,
  referenceCalibration,
  referenceLoss,
  referenceRate,
} from "./reference-kpis.ts";

export interface KpiBound {
  /** `accuracy`, `estimated_recall`, `brier`. */
  readonly metric: string;
  /** Whether the KPI itself is the good (accuracy) and its complement the bad. */
  readonly isGood: boolean;
  /** Of the bad mean, strictly between 0 and 1. */
  readonly bound: number;
  readonly source: "limit" | "reference";
  /** Of a loss: what a bad mean of 1 is in the KPI's unit, of `rmse` in its square. Left out: 1. */
  readonly cap?: number;
  /** Where the mean may neither be too great nor too small (calibration): the bound of its complement. */
  readonly otherBound?: number;
}

type Limits = Extract<KpiConfig, { readonly use: KpiName }>;
type Bound = Omit<KpiBound, "metric">;

const LEAST_BOUND = 0.0001;
/**
 * Losses above so many times their limit count as that much. A greater cap sees more of what few great errors do, a smaller one more of what
 * many do; of normal errors these leave less than 2 % of the mean out.
 */
const CAP_OF_LIMIT = { mae: 4, rmse: 6 } as const;

export function kpiBounds(
  config: ModelConfig,
  reference: LoadedReference | null,
  estimation: Estimation,
): readonly KpiBound[] {
  const canEstimate = typeof estimation !== "string";
  const bounds: KpiBound[] = [];
  for (const kpi of [...config.kpis, ...(canEstimate ? impliedEstimates(config) : [])]) {
    if (!("use" in kpi) || (isEstimate(kpi.use) && !canEstimate)) continue;
    const found = boundOf(kpi, config, reference);
    if (found === null || !(found.bound > 0 && found.bound < 1)) continue;
    if (bounds.some(({ metric }) => metric === kpi.use)) continue;
    bounds.push({ metric: kpi.use, ...found, bound: Math.max(LEAST_BOUND, found.bound) });
  }
  return bounds;
}

/** null for a KPI that can't be tested, or that nothing says a bound of. */
function boundOf(kpi: Limits, config: ModelConfig, reference: LoadedReference | null): Bound | null {
  const name = isEstimate(kpi.use) ? estimatedBy(kpi.use) : kpi.use;
  const { task, ignore_below: ignoreBelow } = config;
  const scores = reference?.labelledScores ?? [];
  if (task === "regression")
    return name === "mae" || name === "rmse" ? lossBound(name, kpi, ignoreBelow, reference) : null;
  if (name === "accuracy" || (isClassRate(name) && task === "binary")) {
    const isGood = name !== "false_positive_rate";
    const limit = isGood ? kpi.min : kpi.max;
    if (limit !== undefined) return { isGood, bound: isGood ? 1 - limit : limit, source: "limit" };
    return accepted(referenceRate(name, scores), ignoreBelow, isGood);
  }
  if (name === "brier") {
    const scale = brierScale(task);
    const cap = scale === 1 ? {} : { cap: scale };
    if (kpi.max !== undefined) return { isGood: false, bound: kpi.max / scale, source: "limit", ...cap };
    return scale === 1 ? accepted(referenceBrier(scores), ignoreBelow, false) : null;
  }
  return name === "ece" && task === "binary" ? calibrationBound(kpi, ignoreBelow, reference) : null;
}

function accepted(known: ReferenceMean | null, ignoreBelow: number, isGood: boolean): Bound | null {
  if (known === null) return null;
  const bound = known.mean + Math.max(ignoreBelow, referenceError(known.mean, known.rows));
  return { isGood, bound, source: "reference" };
}

function lossBound(
  name: "mae" | "rmse",
  { use, max }: Limits,
  ignoreBelow: number,
  reference: LoadedReference | null,
): Bound | null {
  if (max !== undefined) {
    const times = CAP_OF_LIMIT[name];
    const limit = name === "mae" ? max : max * max;
    return max > 0 ? { isGood: false, bound: 1 / times, source: "limit", cap: times * limit } : null;
  }
  const known = referenceLoss(name === "mae" ? "absolute" : "squared", reference?.lossModel ?? null, isEstimate(use));
  const bound = accepted(known, ignoreBelow, false);
  return known === null || bound === null ? null : { ...bound, cap: known.cap };
}

/** Of (1 + y - p) / 2. The expected calibration error is no less than the error of the mean score, so its limit is one for both sides. */
function calibrationBound({ max }: Limits, ignoreBelow: number, reference: LoadedReference | null): Bound | null {
  if (max !== undefined)
    return max > 0 ? { isGood: false, bound: (1 + max) / 2, otherBound: (1 + max) / 2, source: "limit" } : null;
  const known = referenceCalibration(reference?.labelledScores ?? []);
  if (known === null) return null;
  const tolerance = Math.max(ignoreBelow, referenceError(known.positives, known.rows));
  // Scores that come nearer to the truth than they were in the reference are no fault.
  const bound = (1 + Math.max(0, known.error) + tolerance) / 2;
  const otherBound = (1 + Math.max(0, -known.error) + tolerance) / 2;
  return otherBound < 1 ? { isGood: false, bound, otherBound, source: "reference" } : null;
}
