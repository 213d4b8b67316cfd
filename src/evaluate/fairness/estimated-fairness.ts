/** Fairness before labels as rows of `metrics`: what needs labels is expected from each group's calibrated scores. */
import { z } from "zod";
import { type EstimatedFairnessName, estimatedFairness, estimatedFairnessNames } from "../../config/fairness.ts";
import type { MetricRow } from "../../core/metric.ts";
import type { ConfusionCounts } from "../../math/confusion-rates.ts";
import {
  type EstimatedGroup,
  type EstimatedGroupRate,
  estimatedDifference,
  estimatedGroupRate,
  otherClass,
} from "../../math/estimated-fairness.ts";
import { normalQuantile } from "../../math/normal-quantile.ts";
import { blankRow, type SeriesWindow } from "../drift-rows.ts";
import { LEAST_COVERAGE, Z95 } from "../kpis/kpi-value.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { favourableClass } from "./group-columns.ts";
import { type CalibratedFeature, expectedByGroup, type groupScoreRow } from "./group-scores.ts";

type LabelledRate = "true_positive_rate" | "false_positive_rate" | "precision";

const RATES: Readonly<Record<EstimatedFairnessName, readonly LabelledRate[]>> = {
  estimated_equal_opportunity_difference: ["true_positive_rate"],
  estimated_equalised_odds_difference: ["true_positive_rate", "false_positive_rate"],
  estimated_predictive_parity_difference: ["precision"],
};
/** A rate that lies no farther from the realised one is not wrong, however many rows there are. */
const LEAST_MISS = 0.02;
/** The chance of a miss, of any group, where the estimate holds: that of three standard errors. */
const MISS_LEVEL = 0.0027;

/** @param realised the window's rows of fairness by its labels */
export function estimatedFairnessRows(
  prepared: PreparedModel,
  features: readonly CalibratedFeature[],
  window: SeriesWindow,
  found: z.output<typeof groupScoreRow> | undefined,
  realised: readonly MetricRow[],
  computedAt: number,
): MetricRow[] {
  const blank = { ...blankRow(prepared, window, computedAt), subject_kind: "kpi" as const, coverage: 1 };
  return features.flatMap((feature, index) => {
    const groups = groupsOf(prepared, feature, found?.[index] ?? []);
    return estimatedFairnessNames.map((metric): MetricRow => {
      const known = realised.find((row) => row.metric === estimatedFairness[metric] && row.subject === feature.feature);
      return { ...blank, subject: feature.feature, metric, ...estimated(prepared, metric, feature, groups, known) };
    });
  });
}

function groupsOf(
  prepared: PreparedModel,
  feature: CalibratedFeature,
  found: z.output<typeof groupScoreRow>[number],
): EstimatedGroup[] {
  // Scores are of the positive class; the favourable one may be the other.
  const isOther = favourableClass(prepared) !== (prepared.schema.classes[1] ?? "1");
  return expectedByGroup(feature, found).map(({ group, expected, calibration }) => ({
    group,
    expected: isOther ? otherClass(expected) : expected,
    reference: isOther ? swapped(calibration.confusion) : calibration.confusion,
  }));
}

const swapped = ({ tp, fp, fn, tn }: ConfusionCounts): ConfusionCounts => ({ tp: tn, fp: fn, fn: fp, tn: tp });

type Estimated = Pick<MetricRow, "n" | "status" | "detail"> &
  Partial<Pick<MetricRow, "value" | "lower" | "upper" | "threshold" | "breached">>;

function estimated(
  { config }: PreparedModel,
  metric: EstimatedFairnessName,
  { without }: CalibratedFeature,
  groups: readonly EstimatedGroup[],
  realised: MetricRow | undefined,
): Estimated {
  const { min_rows: least = 30, max_difference: most = 0.1 } = config.fairness ?? {};
  const rates = RATES[metric];
  const all = groups.map((group) => ({
    group: group.group,
    rates: rates.map((rate) => estimatedGroupRate(rate, group)).filter((rate) => rate !== null),
  }));
  const compared = all.filter(
    (one) => one.rates.length === rates.length && one.rates.every(({ rows }) => rows >= least),
  );
  const n = Math.round(compared.reduce((sum, one) => sum + one.rates.reduce((rows, rate) => rows + rate.rows, 0), 0));
  const shown = shownGroups(
    compared,
    all.filter((one) => !compared.includes(one)).map(({ group }) => group),
    without,
  );
  const gaps = rates.map((_, index) => estimatedDifference(compared.flatMap((one) => one.rates[index] ?? [])));
  const gap = gaps.reduce((worst, one) => (worst === null || (one !== null && one.value > worst.value) ? one : worst));
  if (gap === null) {
    const reason = `${compared.length === 0 ? "No group has" : "Only one group has"} ${least} expected rows that bear on it and scores that the reference has calibrated; two are needed.`;
    return { n, status: "insufficient", detail: JSON.stringify({ reason, needed: least, ...shown }) };
  }
  const { value, lower, upper, highest, lowest } = gap;
  return {
    n,
    status: "ok",
    value,
    lower,
    upper,
    threshold: most,
    breached: lower > most,
    detail: JSON.stringify({ highest, lowest, ...shown, ...outcome(compared, realised) }),
  };
}

interface ComparedGroup {
  readonly group: string;
  readonly rates: readonly EstimatedGroupRate[];
}

/** The greatest gap of any of the rates between groups. */
function widest(groups: readonly (readonly number[])[]): number {
  const [first] = groups;
  return Math.max(
    ...(first ?? []).map((_, rate) => {
      const values = groups.map((rates) => rates[rate] ?? 0);
      return Math.max(...values) - Math.min(...values);
    }),
  );
}

function shownGroups(
  compared: readonly ComparedGroup[],
  small: readonly string[],
  without: CalibratedFeature["without"],
) {
  const leftOut = [...small, ...without.map(({ group }) => group)];
  const ends = ({ value, deviation }: EstimatedGroupRate) => [
    Math.max(0, value - Z95 * deviation),
    Math.min(1, value + Z95 * deviation),
  ];
  return {
    rates: Object.fromEntries(compared.map(({ group, rates }) => [group, rates.map(({ value }) => value)])),
    intervals: Object.fromEntries(compared.map(({ group, rates }) => [group, rates.map(ends)])),
    ...(leftOut.length === 0 ? {} : { left_out: leftOut }),
  };
}

const ratesSchema = z.object({ rates: z.record(z.string(), z.array(z.number())) });

/**
 * How good the estimate was, once the labels are there: over the groups that both have, as labels may tell of more of them. Missed is an
 * estimate of which some group's rate is off beyond chance; the gap is no measure of that, since chance alone widens the realised one.
 */
function outcome(compared: readonly ComparedGroup[], realised: MetricRow | undefined) {
  if (realised?.status !== "ok" || realised.coverage < LEAST_COVERAGE) return {};
  const known = ratesSchema.parse(JSON.parse(realised.detail)).rates;
  const both = compared.flatMap(({ group, rates }) => {
    const found = known[group];
    return found === undefined ? [] : [{ rates, found }];
  });
  if (both.length < 2) return {};
  const value = widest(both.map(({ found }) => found));
  const error = widest(both.map(({ rates }) => rates.map((rate) => rate.value))) - value;
  const tests = both.reduce((sum, { rates }) => sum + rates.length, 0);
  const most = normalQuantile(1 - MISS_LEVEL / 2 / tests);
  const missed = both.some(({ rates, found }) =>
    rates.some(
      (rate, index) => Math.abs(rate.value - (found[index] ?? 0)) > Math.max(LEAST_MISS, most * rate.deviation),
    ),
  );
  return { realised: value, error, missed };
}
