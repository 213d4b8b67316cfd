/**
 * The KPIs that the page tier tests, each as the mean of something bad in [0, 1] that must not exceed a bound: what the configuration sets
 * as its limit, else what the reference showed plus what does not matter. Only means over events can be tested so; others have their rules.
 */
import { impliedEstimates } from "../../config/kpis.ts";
import type { ModelConfig } from "../../config/schema.ts";
import { referenceError } from "../../sequential/tolerance.ts";
import { estimationOf } from "../estimates/estimated-kpis.ts";
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

export function kpiBounds(config: ModelConfig, reference: LoadedReference | null): readonly KpiBound[] {
  if (config.task === "regression") return [];
  const ofReference = referenceAccuracy(reference);
  const bounds: KpiBound[] = [];
  const add = (metric: string, isGood: boolean, bound: number | null, source: KpiBound["source"]) => {
    if (bound !== null && bound > 0 && bound < 1 && !bounds.some((known) => known.metric === metric))
      bounds.push({ metric, isGood, bound: Math.max(LEAST_BOUND, bound), source });
  };
  const accepted = ofReference === null ? null : 1 - ofReference.accuracy + tolerance(config.ignore_below, ofReference);
  const estimated = typeof estimationOf(config, reference) === "string" ? [] : impliedEstimates(config);
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

/** The share of right decisions among the reference's labelled rows. */
function referenceAccuracy(reference: LoadedReference | null): ReferenceAccuracy | null {
  const scores = reference?.labelledScores ?? [];
  const [first] = scores;
  if (first === undefined) return null;
  const rows = sum(first.rows);
  if (rows === 0) return null;
  // Two classes: right where the decision was the positive one and so is the label, or neither. More: right in its own class.
  const right = scores.reduce((all, { rows, positives }) => {
    const half = rows.length / 2;
    const decided = sum(positives.slice(half));
    return all + decided + (scores.length === 1 ? sum(rows.slice(0, half)) - sum(positives.slice(0, half)) : 0);
  }, 0);
  return { accuracy: right / rows, rows };
}

function tolerance(ignoreBelow: number, { accuracy, rows }: ReferenceAccuracy): number {
  return Math.max(ignoreBelow, referenceError(accuracy, rows));
}

const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);
