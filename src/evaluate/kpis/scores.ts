/** KPIs of scores: ROC-AUC by exact ranks, log loss and Brier score by exact sums. */
import { z } from "zod";
import { rocAucInterval } from "../../math/roc-auc-interval.ts";
import { type Sql, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { meanKpi } from "./classification.ts";
import { fromFixed, type KpiValue, undefinedKpi } from "./kpi-value.ts";

/** 2^40: sums of losses keep twelve decimal places and are the same in any order of rows. */
const SCALE = 2 ** 40;
/** A score of 0 or 1 that is wrong would cost infinitely much; it is moved in by this, as scikit-learn does for doubles. */
const CLIP = 2.220446049250313e-16;

const areaRow = z.object({ slice: z.number(), version: z.string(), variant: z.string(), pairs: z.string(), positives: z.number(), negatives: z.number() });
export type Area = z.output<typeof areaRow>;

/** Twice the number of (positive, negative) pairs in the right order, ties counting one of two. */
export const readAreas = (lane: Lane, joined: Sql, positive: string): Promise<Area[]> =>
  lane.query(
    sql`SELECT slice, version, variant, toString(sum(toUInt256(pos) * toUInt256(2 * below + neg))) AS pairs, sum(pos) AS positives, sum(neg) AS negatives
      FROM (SELECT slice, version, variant, pos, neg, sum(neg) OVER (PARTITION BY slice, version, variant ORDER BY s ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - neg AS below
        FROM (SELECT slice, version, variant, assumeNotNull(score) AS s, countIf(label_text = ${positive}) AS pos, countIf(label_text != ${positive}) AS neg
          FROM (${joined}) WHERE labelled AND isNotNull(score) GROUP BY slice, version, variant, s))
      GROUP BY slice, version, variant`,
    areaRow,
  );

export function rocAuc(area: Area | undefined): KpiValue {
  const { positives = 0, negatives = 0 } = area ?? {};
  const n = positives + negatives;
  if (area === undefined || n === 0) return undefinedKpi(0, "no labelled prediction has a score");
  if (positives === 0 || negatives === 0) return undefinedKpi(n, `all labels are ${positives === 0 ? "negative" : "positive"}: there is no pair to order`);
  const value = Number(BigInt(area.pairs)) / 2 / (positives * negatives);
  return { status: "ok", value, ...rocAucInterval(value, positives, negatives), n, detail: { positives, negatives } };
}

const lossRow = z.object({
  slice: z.number(),
  version: z.string(),
  variant: z.string(),
  rows: z.number(),
  log1: z.string(),
  log2: z.string(),
  brier1: z.string(),
  brier2: z.string(),
});
export type Losses = z.output<typeof lossRow>;

/**
 * Binary: from the score of the positive class. Multiclass: from `probabilities`; a class that it leaves out has probability 0, and
 * the Brier score is the sum over the classes, between 0 and 2.
 */
export function readLosses(lane: Lane, joined: Sql, positive: string | null): Promise<Losses[]> {
  const truth = positive === null ? sql`probabilities[label_text]` : sql`if(label_text = ${positive}, assumeNotNull(score), 1 - assumeNotNull(score))`;
  const usable = positive === null ? sql`notEmpty(probabilities)` : sql`score >= 0 AND score <= 1`;
  const brier =
    positive === null
      ? sql`arraySum(p -> p * p, mapValues(probabilities)) - 2 * ${truth} + 1`
      : sql`pow(assumeNotNull(score) - (label_text = ${positive}), 2)`;
  const fixed = (value: Sql) => sql`toString(sum(toInt256(round(${value} * ${SCALE}))))`;
  return lane.query(
    sql`SELECT slice, version, variant, count() AS rows, ${fixed(sql`loss`)} AS log1, ${fixed(sql`loss * loss`)} AS log2, ${fixed(sql`square`)} AS brier1, ${fixed(sql`square * square`)} AS brier2
      FROM (SELECT slice, version, variant, -log(least(greatest(${truth}, ${CLIP}), ${1 - CLIP})) AS loss, ${brier} AS square FROM (${joined}) WHERE labelled AND ${usable})
      GROUP BY slice, version, variant`,
    lossRow,
  );
}

export function logLoss(losses: Losses | undefined): KpiValue {
  return losses === undefined ? undefinedKpi(0, NO_SCORES) : meanKpi(fromFixed(losses.log1, SCALE), fromFixed(losses.log2, SCALE), losses.rows, NO_SCORES);
}

export function brier(losses: Losses | undefined): KpiValue {
  return losses === undefined ? undefinedKpi(0, NO_SCORES) : meanKpi(fromFixed(losses.brier1, SCALE), fromFixed(losses.brier2, SCALE), losses.rows, NO_SCORES);
}

const NO_SCORES = "no labelled prediction has a probability";
