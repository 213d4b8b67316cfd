/**
 * The KPIs that the page tier tests, each as the mean of something bad in [0, 1] that must not exceed a bound: what the configuration sets
 * as its limit, else what the reference showed plus what does not matter. Only means over events can be tested so; others have their rules.
 */
import { impliedEstimates } from "../../config/kpis.ts";
import type { ModelConfig } from "../../config/schema.ts";
import type { LabelledScores } from "../../core/labelled-scores.ts";
import { referenceError } from "../../sequential/tolerance.ts";
import type { Estimation } from "../estimates/estimated-kpis.ts";
import { confusionOf } from "../estimates/score-calibration.ts";
import type { LoadedReference } from "../references/load-reference.ts";

export interface KpiBound {
  /** `accuracy`, `estimated_accuracy`, `brier`. */
  readonly metric: string;
  /** Whether the KPI itself is the good (accuracy) and its complement the bad. */
  readonly isGood: boolean;
  /** Of the bad mean, strictly between 0 and 1. */
  readonly bound: number;
  readonly source: "limit" | "reference";
}

const LEAST_BOUND = 0.0001;

export function kpiBounds(
  config: ModelConfig,
  reference: LoadedReference | null,
  estimation: Estimation,
): readonly KpiBound[] {
  if (config.task === "regression") return [];
  const ofReference = referenceAccuracy(reference?.labelledScores ?? []);
  const bounds: KpiBound[] = [];
  const add = (metric: string, isGood: boolean, bound: number | null, source: KpiBound["source"]) => {
    if (bound !== null && bound > 0 && bound < 1 && !bounds.some((known) => known.metric === metric))
      bounds.push({ metric, isGood, bound: Math.max(LEAST_BOUND, bound), source });
  };
  const accepted = ofReference === null ? null : 1 - ofReference.accuracy + tolerance(config.ignore_below, ofReference);
  const estimated = typeof estimation === "string" ? [] : impliedEstimates(config);
  for (const kpi of [...config.kpis, ...estimated]) {
    if (!("use" in kpi)) continue;
    if (kpi.use === "accuracy" || kpi.use === "estimated_accuracy") {
      if (kpi.min !== undefined) add(kpi.use, true, 1 - kpi.min, "limit");
      else add(kpi.use, true, accepted, "reference");
    }
    if (kpi.use === "brier" && kpi.max !== undefined) add(kpi.use, false, kpi.max, "limit");
  }
  return bounds;
}

interface ReferenceAccuracy {
  readonly accuracy: number;
  readonly rows: number;
}

/** The share of right decisions among the reference's labelled rows; with several classes a row is right in its own. */
function referenceAccuracy(scores: readonly LabelledScores[]): ReferenceAccuracy | null {
  const [first, ...more] = scores.map(confusionOf);
  if (first === undefined) return null;
  const rows = first.tp + first.fp + first.fn + first.tn;
  const right = more.reduce((sum, { tp }) => sum + tp, first.tp + (more.length === 0 ? first.tn : 0));
  return rows === 0 ? null : { accuracy: right / rows, rows };
}

function tolerance(ignoreBelow: number, { accuracy, rows }: ReferenceAccuracy): number {
  return Math.max(ignoreBelow, referenceError(accuracy, rows));
}
