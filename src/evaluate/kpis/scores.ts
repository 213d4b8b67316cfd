/** KPIs of scores: ROC-AUC by exact ranks, log loss and Brier score by exact sums. */
import { z } from "zod";
import { rocAucInterval } from "../../math/roc-auc-interval.ts";
import { type Sql, sql } from "../../store/sql.ts";
import { meanKpi } from "./classification.ts";
import { fromFixed, type KpiValue, undefinedKpi } from "./kpi-value.ts";

/** 2^40: sums of losses keep twelve decimal places and are the same in any order of rows. */
export const LOSS_SCALE = 2 ** 40;
/** A score of 0 or 1 that is wrong would cost infinitely much; it is moved in by this, as scikit-learn does for doubles. */
const CLIP = 2.220446049250313e-16;

const NO_SCORES = "no labelled prediction has a probability";

/** (positives, negatives, area): the area is the share of (positive, negative) pairs in the right order, ties counting one half. */
export function areaColumns(positive: string): Sql {
  const scored = sql`labelled AND isNotNull(score)`;
  const isPositive = sql`label_text = ${positive}`;
  return sql`(countIf(${scored} AND ${isPositive}), countIf(${scored} AND NOT ${isPositive}), arrayROCAUC(groupArrayIf(ifNull(score, 0), ${scored}), groupArrayIf(toUInt8(${isPositive}), ${scored})))`;
}

export const areaRow = z.tuple([z.number(), z.number(), z.number().nullable()]);

export function rocAuc([positives, negatives, value]: z.output<typeof areaRow>): KpiValue {
  const n = positives + negatives;
  if (n === 0) return undefinedKpi(0, "no labelled prediction has a score");
  if (positives === 0 || negatives === 0 || value === null)
    return undefinedKpi(n, `all labels are ${positives === 0 ? "negative" : "positive"}: there is no pair to order`);
  return { status: "ok", value, ...rocAucInterval(value, positives, negatives), n, detail: { positives, negatives } };
}

/**
 * (rows, sum and sum of squares of the log loss, the same of the Brier score). Binary: from the score of the positive class.
 * Multiclass: from `probabilities`; a class that it leaves out has probability 0, and the Brier score is the sum over the classes,
 * between 0 and 2.
 */
export function lossColumns(positive: string | null): Sql {
  const truth =
    positive === null
      ? sql`probabilities[label_text]`
      : sql`if(label_text = ${positive}, ifNull(score, 0), 1 - ifNull(score, 0))`;
  const usable = sql`labelled AND ${positive === null ? sql`notEmpty(probabilities)` : sql`ifNull(score >= 0 AND score <= 1, false)`}`;
  const loss = sql`-log(least(greatest(${truth}, ${CLIP}), ${1 - CLIP}))`;
  const brier =
    positive === null
      ? sql`(arraySum(p -> p * p, mapValues(probabilities)) - 2 * ${truth} + 1)`
      : sql`pow(ifNull(score, 0) - (label_text = ${positive}), 2)`;
  const fixed = (value: Sql) => sql`toString(sumIf(toInt128(round(${value} * ${LOSS_SCALE})), ${usable}))`;
  return sql`(countIf(${usable}), ${fixed(loss)}, ${fixed(sql`pow(${loss}, 2)`)}, ${fixed(brier)}, ${fixed(sql`pow(${brier}, 2)`)})`;
}

export const lossRow = z.tuple([z.number(), z.string(), z.string(), z.string(), z.string()]);
type Losses = z.output<typeof lossRow>;

export const logLoss = ([rows, sum, squares]: Losses): KpiValue =>
  meanKpi(fromFixed(sum, LOSS_SCALE), fromFixed(squares, LOSS_SCALE), rows, NO_SCORES);

export const brier = ([rows, , , sum, squares]: Losses): KpiValue =>
  meanKpi(fromFixed(sum, LOSS_SCALE), fromFixed(squares, LOSS_SCALE), rows, NO_SCORES);
