/** More KPIs of predicted numbers: their bias, their errors as shares of the truth, and the loss of a predicted quantile. */
import { z } from "zod";
import { type Sql, sql } from "../../store/sql.ts";
import { share } from "./classification.ts";
import { fromFixed, type KpiValue, undefinedKpi, Z95 } from "./kpi-value.ts";
import { total, usable, wholeError } from "./regression.ts";

const NONE = "no prediction has a label";

/** Mean of n values with a normal interval; below zero too. */
function meanOf(sum: number, squares: number, n: number): Extract<KpiValue, { status: "ok" }> {
  const value = sum / n;
  const half = Z95 * Math.sqrt(Math.max(0, squares / n - value * value) / n);
  return { status: "ok", value, lower: value - half, upper: value + half, n };
}

/** (rows, Σe, Σe²) in fixed point; e is prediction less label. */
export function biasColumns(scale: number): Sql {
  const error = wholeError(scale);
  return sql`(countIf(${usable}), ${total(error)}, ${total(sql`${error} * ${error}`)})`;
}

export const biasRow = z.tuple([z.number(), z.string(), z.string()]);

/** Mean error: above 0 where predictions are too high. */
export const bias = ([n, sum, squares]: z.output<typeof biasRow>, scale: number): KpiValue =>
  n === 0 ? undefinedKpi(0, NONE) : meanOf(fromFixed(sum, scale), fromFixed(squares, scale) / scale, n);

/** A label smaller than this share of its usual size is too near to zero to divide by. */
const LEAST_LABEL = 0.001;
/** Share of rows with such labels, beyond which the mean says too little of the window. */
const MOST_LEFT_OUT = 0.05;
const SHARE_SCALE = 2 ** 40;

/** (rows, rows left out, Σ|e / y|, Σ(e / y)²) in fixed point. `size`: usual size of a label. */
export function mapeColumns(size: number): Sql {
  const label = sql`abs(ifNull(label, 0))`;
  const divisible = sql`${usable} AND ${label} > ${LEAST_LABEL * size} AND ${label} > 0`;
  const part = sql`least(abs(ifNull(prediction, 0) - ifNull(label, 0)) / if(${label} > 0, ${label}, 1), 1e12)`;
  const fixed = (value: Sql) => sql`toString(sumIf(toInt256(round(${value} * ${SHARE_SCALE})), ${divisible}))`;
  return sql`(countIf(${divisible}), countIf(${usable} AND NOT (${divisible})), ${fixed(part)}, ${fixed(sql`${part} * ${part}`)})`;
}

export const mapeRow = z.tuple([z.number(), z.number(), z.string(), z.string()]);

/** Mean of |error / label|; labels near zero are left out and counted, and where they are many there is no value. */
export function mape([n, leftOut, sum, squares]: z.output<typeof mapeRow>): KpiValue {
  if (n + leftOut === 0) return undefinedKpi(0, NONE);
  if (leftOut > MOST_LEFT_OUT * (n + leftOut))
    return undefinedKpi(
      n,
      `${leftOut} of ${n + leftOut} labels are too near to zero to divide by; look at mae or median_absolute_error`,
    );
  return { ...meanOf(fromFixed(sum, SHARE_SCALE), fromFixed(squares, SHARE_SCALE), n), detail: { left_out: leftOut } };
}

/** (rows, rows not above the prediction, Σ over, Σ under, Σ over², Σ under²) in fixed point. */
export function pinballColumns(scale: number): Sql {
  const error = wholeError(scale);
  const over = sql`greatest(${error}, toInt256(0))`;
  const under = sql`greatest(-(${error}), toInt256(0))`;
  return sql`(countIf(${usable}), countIf(${usable} AND label <= prediction), ${total(over)}, ${total(under)}, ${total(sql`${over} * ${over}`)}, ${total(sql`${under} * ${under}`)})`;
}

export const pinballRow = z.tuple([z.number(), z.number(), z.string(), z.string(), z.string(), z.string()]);

/**
 * Mean pinball loss at the level (Koenker & Bassett 1978, Econometrica 46, 33-50): a label above the prediction costs `level` a unit, one below it
 * 1 - level. `detail.covered`: the share of labels at or below the prediction, which should be the level.
 */
export function pinball(
  [n, below, over, under, overSquares, underSquares]: z.output<typeof pinballRow>,
  scale: number,
  level: number,
): KpiValue {
  const covered = share(below, n, NONE);
  if (covered.status !== "ok") return covered;
  const sum = level * fromFixed(under, scale) + (1 - level) * fromFixed(over, scale);
  const squares =
    (level ** 2 * fromFixed(underSquares, scale) + (1 - level) ** 2 * fromFixed(overSquares, scale)) / scale;
  const mean = meanOf(sum, squares, n);
  return {
    ...mean,
    lower: Math.max(0, mean.lower ?? 0),
    detail: {
      quantile: level,
      covered: covered.value,
      covered_lower: covered.lower ?? null,
      covered_upper: covered.upper ?? null,
    },
  };
}
