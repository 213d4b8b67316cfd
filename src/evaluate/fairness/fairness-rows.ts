/** Fairness of a window as rows of `metrics`: one for each measure and feature that names groups, with the groups' rates in `detail`. */
import { type FairnessName, fairnessNames } from "../../config/fairness.ts";
import type { MetricRow } from "../../core/metric.ts";
import {
  equalisedOddsDifference,
  type Gap,
  type GroupCounts,
  type GroupRate,
  groupShare,
  rateDifference,
  rateRatio,
} from "../../math/group-fairness.ts";
import { wilsonInterval } from "../../math/wilson-interval.ts";
import { blankRow, type SeriesWindow } from "../drift-rows.ts";
import { LEAST_COVERAGE, notJudged } from "../kpis/kpi-value.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { type GroupedFeature, groupCounts } from "./group-columns.ts";

/** The rates that a measure compares. */
const RATES: Readonly<Record<FairnessName, readonly GroupRate[]>> = {
  demographic_parity_difference: ["selection_rate"],
  demographic_parity_ratio: ["selection_rate"],
  equal_opportunity_difference: ["true_positive_rate"],
  equalised_odds_difference: ["true_positive_rate", "false_positive_rate"],
  predictive_parity_difference: ["precision"],
};

const withoutLabels = (metric: FairnessName): boolean => metric.startsWith("demographic_parity");

export interface FoundGroups {
  /** Predictions of the window, and those with a label. */
  readonly n: number;
  readonly labels: number;
  readonly groups?: readonly (readonly number[])[] | undefined;
}

export function fairnessRows(
  prepared: PreparedModel,
  features: readonly GroupedFeature[],
  window: SeriesWindow,
  found: FoundGroups,
  computedAt: number,
): MetricRow[] {
  const blank = blankRow(prepared, window, computedAt);
  return features.flatMap((feature, index) => {
    const groups = groupCounts(feature, found.groups?.[index] ?? []);
    return fairnessNames.map((metric): MetricRow => {
      const coverage = withoutLabels(metric) ? 1 : found.n === 0 ? 0 : found.labels / found.n;
      const row = { ...blank, subject_kind: "kpi" as const, subject: feature.feature, metric, coverage };
      return feature.fault === null
        ? { ...row, ...measured(prepared, metric, groups, coverage) }
        : { ...row, status: "error", detail: JSON.stringify({ reason: feature.fault }) };
    });
  });
}

type Measured = Pick<MetricRow, "n" | "status" | "detail"> &
  Partial<Pick<MetricRow, "value" | "lower" | "upper" | "threshold" | "breached">>;

function measured(
  { config }: PreparedModel,
  metric: FairnessName,
  groups: readonly GroupCounts[],
  coverage: number,
): Measured {
  const { min_rows: least = 30, max_difference: most = 0.1, min_ratio: ratio = 0.8 } = config.fairness ?? {};
  const rates = RATES[metric];
  const isLarge = (counts: GroupCounts) => rates.every((rate) => groupShare(rate, counts).rows >= least);
  const compared = groups.filter(isLarge);
  const small = groups.filter((counts) => counts.rows > 0 && !isLarge(counts)).map(({ group }) => group);
  const n = compared.reduce((sum, counts) => sum + rowsOf(rates, counts), 0);
  const shown = {
    rates: Object.fromEntries(compared.map((counts) => [counts.group, rates.map((rate) => valueOf(rate, counts))])),
    intervals: Object.fromEntries(
      compared.map((counts) => [counts.group, rates.map((rate) => intervalOf(rate, counts))]),
    ),
    ...(small.length === 0 ? {} : { left_out: small }),
  };
  const gap = compared.length < 2 ? null : gapOf(metric, compared);
  if (gap === null)
    return {
      n,
      status: "insufficient",
      detail: JSON.stringify({ reason: reasonOf(metric, compared.length, least), needed: least, ...shown }),
    };
  const judged = withoutLabels(metric) || coverage >= LEAST_COVERAGE;
  const isRatio = metric === "demographic_parity_ratio";
  return {
    n,
    status: "ok",
    value: gap.value,
    lower: gap.lower,
    upper: gap.upper,
    threshold: isRatio ? ratio : most,
    breached: judged && (isRatio ? gap.upper < ratio : gap.lower > most),
    detail: JSON.stringify({
      highest: gap.highest,
      lowest: gap.lowest,
      ...shown,
      ...(judged ? {} : notJudged(coverage, LEAST_COVERAGE)),
    }),
  };
}

const rowsOf = (rates: readonly GroupRate[], counts: GroupCounts): number =>
  rates.reduce((sum, rate) => sum + groupShare(rate, counts).rows, 0);

function valueOf(rate: GroupRate, counts: GroupCounts): number {
  const { of, rows } = groupShare(rate, counts);
  return of / rows;
}

/** Of one group for itself, 95 %. */
function intervalOf(rate: GroupRate, counts: GroupCounts): readonly [number, number] {
  const { of, rows } = groupShare(rate, counts);
  const { lower, upper } = wilsonInterval(of, rows);
  return [lower, upper];
}

function gapOf(metric: FairnessName, groups: readonly GroupCounts[]): Gap | null {
  if (metric === "demographic_parity_ratio") return rateRatio("selection_rate", groups);
  if (metric === "equalised_odds_difference") return equalisedOddsDifference(groups);
  return rateDifference(RATES[metric][0] ?? "selection_rate", groups);
}

function reasonOf(metric: FairnessName, compared: number, least: number): string {
  if (compared >= 2) return "No group has a favourable decision: there is no ratio.";
  const rows = withoutLabels(metric) ? "predictions" : "labelled rows that bear on it";
  return `${compared === 0 ? "No group has" : "Only one group has"} ${least} ${rows}; two are needed.`;
}
