/** KPIs of predicted numbers, from exact sums: a sum of floats would differ with the order in which threads read rows. */
import { z } from "zod";
import type { ReferenceSubject } from "../../core/summary.ts";
import { type Sql, sql } from "../../store/sql.ts";
import { meanKpi } from "./classification.ts";
import { type KpiValue, undefinedKpi, Z95 } from "./kpi-value.ts";

/** (rows, Σ|e|, Σe², Σe⁴, Σy, Σy²) in fixed point. */
export const errorRow = z.tuple([z.number(), z.string(), z.string(), z.string(), z.string(), z.string()]);
export type Errors = z.output<typeof errorRow>;

/** The power of two of the fixed point: 40 binary digits below the size of what the model predicts. */
export function errorScale(subjects: readonly ReferenceSubject[]): number {
  const subject =
    subjects.find(({ subjectKind }) => subjectKind === "label") ??
    subjects.find(({ subjectKind }) => subjectKind === "prediction");
  const size = Math.max(Math.abs(subject?.minimum ?? 1), Math.abs(subject?.maximum ?? 1), Number.MIN_VALUE);
  return 2 ** Math.max(-200, Math.min(200, 40 - Math.ceil(Math.log2(size))));
}

// Clipped far beyond the model's range, so that squares of 256 bits can't overflow.
const whole = (value: Sql, scale: number) =>
  sql`toInt256(round(least(greatest(${value} * ${scale}, -1.2e27), 1.2e27)))`;
/** Prediction less label in fixed point. */
export const wholeError = (scale: number) => whole(sql`(ifNull(prediction, 0) - ifNull(label, 0))`, scale);
/** Rows that have an error. */
export const usable = sql`labelled AND isNotNull(prediction)`;
/** Exact sum over those rows, as text. */
export const total = (value: Sql) => sql`toString(sumIf(${value}, ${usable}))`;

export function errorColumns(scale: number): Sql {
  const error = wholeError(scale);
  const label = whole(sql`ifNull(label, 0)`, scale);
  // The fourth powers carry half the digits.
  const half = sql`intDiv(${error} * ${error}, toInt256(1099511627776))`;
  return sql`(countIf(${usable}), ${total(sql`abs(${error})`)}, ${total(sql`${error} * ${error}`)}, ${total(sql`${half} * ${half}`)}, ${total(label)}, ${total(sql`${label} * ${label}`)})`;
}

const NONE = "no prediction has a label";

export function mae([rows, absolute, squares]: Errors, scale: number): KpiValue {
  return meanKpi(Number(BigInt(absolute)) / scale, Number(BigInt(squares)) / scale / scale, rows, NONE);
}

/** The interval is that of the mean squared error (normal), its ends rooted. */
export function rmse([n, , squares, fourths]: Errors, scale: number): KpiValue {
  if (n === 0) return undefinedKpi(0, NONE);
  const mean = Number(BigInt(squares)) / scale / scale / n;
  const fourth = (Number(BigInt(fourths)) * 2 ** 80) / scale ** 4 / n;
  const half = Z95 * Math.sqrt(Math.max(0, fourth - mean * mean) / n);
  return {
    status: "ok",
    value: Math.sqrt(mean),
    lower: Math.sqrt(Math.max(0, mean - half)),
    upper: Math.sqrt(mean + half),
    n,
  };
}

/** 1 − Σe² / Σ(y − ȳ)²; not defined where all labels are equal. */
export function r2([rows, , squares, , labels, labelSquares]: Errors): KpiValue {
  if (rows === 0) return undefinedKpi(0, NONE);
  const n = BigInt(rows);
  const spread = n * BigInt(labelSquares) - BigInt(labels) ** 2n;
  if (spread <= 0n) return undefinedKpi(rows, "all labels are equal: there is no variance to explain");
  return { status: "ok", value: 1 - Number(n * BigInt(squares)) / Number(spread), n: rows };
}
