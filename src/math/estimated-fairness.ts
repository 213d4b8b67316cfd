/** Gaps between groups' rates that are estimated before labels: how far apart the expected rates lie, with an interval. */
import { type EstimatedRate, type ExpectedConfusion, estimatedRate } from "./confidence-based-estimates.ts";
import type { ConfusionCounts } from "./confusion-rates.ts";
import type { Gap, GroupRate } from "./group-fairness.ts";
import { normalQuantile } from "./normal-quantile.ts";
import { rateDeviation } from "./rate-deviation.ts";

export interface EstimatedGroup {
  readonly group: string;
  readonly expected: ExpectedConfusion;
  /** Of the group's labelled reference rows, which its probabilities were learnt from. */
  readonly reference: ConfusionCounts;
}

export interface EstimatedGroupRate {
  readonly group: string;
  readonly value: number;
  /** Standard error: the chance in the window's labels and that in the reference's. */
  readonly deviation: number;
  /** Expected rows that bear on the rate. */
  readonly rows: number;
}

/** Which rate of a confusion matrix a group's rate is, or is one less. */
const RATE_OF: Readonly<Record<Exclude<GroupRate, "selection_rate">, EstimatedRate>> = {
  true_positive_rate: "recall",
  false_positive_rate: "specificity",
  precision: "precision",
};

/** null where the rate is not defined for what is expected. */
export function estimatedGroupRate(
  rate: Exclude<GroupRate, "selection_rate">,
  { group, expected, reference }: EstimatedGroup,
): EstimatedGroupRate | null {
  const estimate = estimatedRate(RATE_OF[rate], expected);
  const known = rateDeviation(RATE_OF[rate], reference);
  if (estimate === null || known === null) return null;
  const { tp, fp, fn, tn } = expected;
  const referenceRows = (reference.tp + reference.fp + reference.fn + reference.tn) * known.share;
  return {
    group,
    value: rate === "false_positive_rate" ? 1 - estimate.value : estimate.value,
    deviation: Math.hypot(estimate.deviation, known.deviation / Math.sqrt(referenceRows)),
    rows: rate === "true_positive_rate" ? tp + fn : rate === "false_positive_rate" ? fp + tn : tp + fp,
  };
}

/** The same matrix with the other class as the positive one. */
export function otherClass(confusion: ExpectedConfusion): ExpectedConfusion {
  const { tp, fp, fn, tn, decidedVariance, otherVariance } = confusion;
  return { tp: tn, fp: fn, fn: fp, tn: tp, decidedVariance: otherVariance, otherVariance: decidedVariance };
}

/**
 * Greatest rate less the least one. The interval is normal, its lower end not below 0, wide enough for the two groups' being picked
 * among all pairs (Bonferroni). null with fewer than two groups.
 */
export function estimatedDifference(rates: readonly EstimatedGroupRate[]): Gap | null {
  const [first] = rates;
  if (first === undefined || rates.length < 2) return null;
  let high = first;
  let low = first;
  for (const one of rates) {
    if (one.value > high.value) high = one;
    if (one.value < low.value) low = one;
  }
  const pairs = (rates.length * (rates.length - 1)) / 2;
  const deviation = Math.hypot(high.deviation, low.deviation);
  const half = normalQuantile(1 - 0.025 / pairs) * deviation;
  const value = high.value - low.value;
  return {
    value,
    lower: Math.max(0, value - half),
    upper: Math.min(1, value + half),
    highest: high.group,
    lowest: low.group,
  };
}
