/**
 * Attribution drift: whether the features matter in the order in which they did in the reference, by their mean absolute attributions
 * (SHAP values or the like), which events carry along.
 */
import { z } from "zod";
import type { MetricRow } from "../../core/metric.ts";
import type { ReferenceSubject } from "../../core/summary.ts";
import { normalisedDiscountedGain } from "../../math/normalised-discounted-gain.ts";
import { rankingNoise } from "../../math/ranking-noise.ts";
import { join, type Sql, sql } from "../../store/sql.ts";
import { blankRow, type SeriesWindow } from "../drift-rows.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { momentScale } from "../value-expressions.ts";

export const ATTRIBUTION_RANKING = "attribution-ranking";
/** The agreement below which a breach is worth it, as Amazon SageMaker Clarify takes it. */
const LEAST_AGREEMENT = 0.9;
/** Features named in `detail`. */
const MOST_NAMED = 20;

export interface AttributedFeature {
  readonly feature: string;
  /** Mean and standard deviation of the absolute attribution in the reference, and its rows. */
  readonly mean: number;
  readonly deviation: number;
  readonly rows: number;
  readonly subject: ReferenceSubject;
}

/** Empty where the reference has attributions of fewer than two features: then there is no order. */
export function attributedFeatures({ reference }: PreparedModel): AttributedFeature[] {
  const subjects = new Map(
    (reference?.subjects ?? [])
      .filter(({ subjectKind }) => subjectKind === "attribution")
      .map((subject) => [subject.subject, subject]),
  );
  const found = (reference?.importances ?? []).flatMap((importance) => {
    const subject = subjects.get(importance.feature);
    return subject === undefined || importance.rows === 0 ? [] : [{ ...importance, subject }];
  });
  return found.length < 2 ? [] : found;
}

/** Of each feature: events that have its attribution, and the sums of its size and its square in fixed point. */
export function attributionColumns(features: readonly AttributedFeature[]): Sql {
  const column = ({ feature, subject }: AttributedFeature) => {
    const present = sql`mapContains(attributions, ${feature}) AND isFinite(attributions[${feature}])`;
    const whole = sql`toInt64(round(least(abs(attributions[${feature}]) * ${momentScale(subject)}, 1e18)))`;
    return sql`(countIf(${present}), toString(sumIf(toInt128(${whole}), ${present})), toString(sumIf(toInt256(toInt128(${whole}) * toInt128(${whole})), ${present})))`;
  };
  return sql`[${join(features.map(column))}]`;
}

export const attributionRow = z.array(z.tuple([z.number(), z.string(), z.string()]));

export function attributionRankingRow(
  prepared: PreparedModel,
  features: readonly AttributedFeature[],
  window: SeriesWindow,
  found: z.output<typeof attributionRow> | undefined,
  computedAt: number,
): MetricRow {
  const means = features.map(({ subject }, index) => {
    const [rows = 0, first = "0", second = "0"] = found?.[index] ?? [];
    const scale = momentScale(subject);
    const mean = rows === 0 ? 0 : Number(BigInt(first)) / scale / rows;
    const variance = rows === 0 ? 0 : Math.max(0, Number(BigInt(second)) / scale / scale / rows - mean * mean);
    return { rows, mean, deviation: rows === 0 ? 0 : Math.sqrt(variance / rows) };
  });
  const n = means.reduce((most, { rows }) => Math.max(most, rows), 0);
  const needed = prepared.config.min_rows;
  const row: MetricRow = {
    ...blankRow(prepared, window, computedAt),
    subject_kind: "kpi",
    subject: "kpi",
    metric: ATTRIBUTION_RANKING,
    n,
  };
  if (n < needed)
    return {
      ...row,
      detail: JSON.stringify({
        reason: `The window has ${n} predictions with attributions; ${needed} are needed.`,
        needed,
      }),
    };
  const before = features.map(({ mean, deviation, rows }) => ({ mean, deviation: deviation / Math.sqrt(rows) }));
  const value = normalisedDiscountedGain(
    before.map(({ mean }) => mean),
    means.map(({ mean }) => mean),
  );
  const { expected, lower01 } = rankingNoise(
    before,
    means.map(({ deviation }) => deviation),
  );
  const threshold = Math.min(LEAST_AGREEMENT, lower01);
  return {
    ...row,
    status: "ok",
    value,
    threshold,
    breached: value < threshold,
    detail: JSON.stringify({ expected, lower01, least: LEAST_AGREEMENT, ...ranking(features, means) }),
  };
}

/** Means by feature, the greatest of the reference first. */
function ranking(features: readonly AttributedFeature[], means: readonly { readonly mean: number }[]) {
  const named = features
    .map(({ feature, mean }, index) => ({ feature, before: mean, after: means[index]?.mean ?? 0 }))
    .sort((a, b) => b.before - a.before || (a.feature < b.feature ? -1 : 1))
    .slice(0, MOST_NAMED);
  return { means: named.map(({ feature, before, after }) => [feature, before, after]) };
}
