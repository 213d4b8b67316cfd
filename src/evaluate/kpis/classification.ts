/**
 * KPIs of predicted classes. Binary: of the positive class, the second of `classes`. Multiclass: accuracy over all rows; precision,
 * recall, specificity, false positive rate and F1 are means over the classes for which they are defined, each class counting alike (macro average).
 */
import { type ConfusionCounts, confusionShare, f1Score } from "../../math/confusion-rates.ts";
import { wilsonInterval } from "../../math/wilson-interval.ts";
import { type Sql, sql } from "../../store/sql.ts";
import { type KpiValue, undefinedKpi, Z95 } from "./kpi-value.ts";

/** Rows by (predicted class, true class). */
export interface ConfusionCell {
  readonly predicted: string;
  readonly actual: string;
  readonly rows: number;
}

/**
 * Array of (predicted, actual, rows). A map from one text, the lengths first, since a map's key can be no pair and a class may hold
 * any character.
 */
export const confusionCells: Sql = sql`CAST(sumMapIf(map(concat(toString(length(prediction_text)), ':', prediction_text, label_text), toUInt64(1)), labelled AND prediction_text != '') AS Array(Tuple(String, UInt64)))`;

/** Cells from what `confusionCells` gives, the length being that of UTF-8 bytes. */
export function readCells(cells: readonly (readonly [string, number])[]): ConfusionCell[] {
  return cells.map(([key, rows]) => {
    const colon = key.indexOf(":");
    const bytes = Buffer.from(key.slice(colon + 1));
    const length = Number(key.slice(0, colon));
    return { predicted: bytes.subarray(0, length).toString(), actual: bytes.subarray(length).toString(), rows };
  });
}

export function confusionOf(cells: readonly ConfusionCell[], positive: string): ConfusionCounts {
  const count = { tp: 0, fp: 0, fn: 0, tn: 0 };
  for (const { predicted, actual, rows } of cells) {
    if (predicted === positive) count[actual === positive ? "tp" : "fp"] += rows;
    else count[actual === positive ? "fn" : "tn"] += rows;
  }
  return count;
}

export function accuracy(cells: readonly ConfusionCell[]): KpiValue {
  const n = cells.reduce((sum, cell) => sum + cell.rows, 0);
  const right = cells.reduce((sum, cell) => sum + (cell.predicted === cell.actual ? cell.rows : 0), 0);
  return share(right, n, "no prediction has a label");
}

/** Ratios of the cells of a confusion matrix over a part of its rows. */
const classRates = ["precision", "recall", "specificity", "false_positive_rate", "f1"] as const;
export type ClassRate = (typeof classRates)[number];
export const isClassRate = (kpi: string): kpi is ClassRate => classRates.some((rate) => rate === kpi);

/** The rate of which a KPI is the mean over classes weighted by their rows. */
export const weightedRateOf = (kpi: string): "precision" | "recall" | "f1" | undefined =>
  (["precision", "recall", "f1"] as const).find((rate) => kpi === `weighted_${rate}`);

/** `classes`: one for binary (the positive), all that occur for multiclass. */
export function classRate(rate: ClassRate, cells: readonly ConfusionCell[], classes: readonly string[]): KpiValue {
  const values = classes.map((positive) => binaryRate(rate, confusionOf(cells, positive)));
  const [only] = values;
  if (values.length === 1 && only !== undefined) return only;
  const n = cells.reduce((sum, cell) => sum + cell.rows, 0);
  const known = knownRates(rate, cells, classes);
  if (known.length === 0) return undefinedKpi(n, `${rate} is defined for no class`);
  const value = known.reduce((sum, one) => sum + one.value, 0) / known.length;
  return { status: "ok", value, ...macroInterval(value, known), n, detail: perClass(known) };
}

/** Precision, recall or F1 of each class for which it is defined, each counting by the class's own rows. */
export function weightedClassRate(
  rate: "precision" | "recall" | "f1",
  cells: readonly ConfusionCell[],
  classes: readonly string[],
): KpiValue {
  const n = cells.reduce((sum, cell) => sum + cell.rows, 0);
  const known = knownRates(rate, cells, classes);
  const weight = known.reduce((sum, { rows }) => sum + rows, 0);
  if (weight === 0) return undefinedKpi(n, `${rate} is defined for no class that has labels`);
  const value = known.reduce((sum, one) => sum + one.rows * one.value, 0) / weight;
  // Weighted by its own rows the mean of recalls is the share of rows that are right.
  const interval = rate === "recall" ? wilsonInterval(value * weight, weight) : {};
  return { status: "ok", value, ...interval, n, detail: perClass(known) };
}

interface KnownRate {
  readonly name: string;
  readonly value: number;
  /** Labels of the class. */
  readonly rows: number;
  /** Rows that the rate is a share of; null for F1, which is no share. */
  readonly of: number | null;
}

function knownRates(rate: ClassRate, cells: readonly ConfusionCell[], classes: readonly string[]): KnownRate[] {
  return classes.flatMap((name) => {
    const confusion = confusionOf(cells, name);
    const value = binaryRate(rate, confusion);
    const of = rate === "f1" ? null : confusionShare(rate, confusion).rows;
    return value.status === "ok" ? [{ name, value: value.value, rows: confusion.tp + confusion.fn, of }] : [];
  });
}

/** Normal interval of a mean of shares, each of its own rows; two rows are added to each, one of them right, so that 0 and 1 have a width. */
function macroInterval(value: number, known: readonly KnownRate[]): { lower?: number; upper?: number } {
  let variance = 0;
  for (const { value: rate, of } of known) {
    if (of === null) return {};
    const smoothed = (rate * of + 1) / (of + 2);
    variance += (smoothed * (1 - smoothed)) / (of + 2);
  }
  const half = (Z95 * Math.sqrt(variance)) / known.length;
  return { lower: Math.max(0, value - half), upper: Math.min(1, value + half) };
}

/** Classes told one by one. */
const MOST_CLASSES = 50;

const perClass = (known: readonly KnownRate[]) => ({
  classes: known.length,
  per_class: Object.fromEntries(known.slice(0, MOST_CLASSES).map(({ name, value }) => [name, value])),
});

const undefinedFor: Readonly<Record<ClassRate, string>> = {
  precision: "no row was predicted positive",
  recall: "no label is positive",
  specificity: "no label is negative",
  false_positive_rate: "no label is negative",
  f1: "no row is positive, by prediction or by label",
};

/** A rate whose denominator is zero has no value: it is neither 0 nor 1. */
function binaryRate(rate: ClassRate, confusion: ConfusionCounts): KpiValue {
  const { tp, fp, fn, tn } = confusion;
  const n = tp + fp + fn + tn;
  const detail = { tp, fp, fn, tn };
  if (rate !== "f1") {
    const { of, rows } = confusionShare(rate, confusion);
    return { ...share(of, rows, undefinedFor[rate]), n, detail };
  }
  const value = f1Score(confusion);
  if (value === null) return undefinedKpi(n, undefinedFor.f1);
  return { status: "ok", value, ...f1Interval(confusion), n, detail };
}

/**
 * F1 = 2s / (1 + s) rises with s, the share of tp among tp + fp + fn, which is a proportion: its Wilson interval is carried through and
 * stays in 0..1.
 */
function f1Interval({ tp, fp, fn }: ConfusionCounts): { lower: number; upper: number } {
  const { lower, upper } = wilsonInterval(tp, tp + fp + fn);
  return { lower: (2 * lower) / (1 + lower), upper: (2 * upper) / (1 + upper) };
}

/** A share of rows with its Wilson interval; without rows there is none. */
export function share(of: number, n: number, reason: string): KpiValue {
  return n === 0 ? undefinedKpi(0, reason) : { status: "ok", value: of / n, ...wilsonInterval(of, n), n };
}

/** Share of predictions that have a label. */
export const labelCoverage = (labelled: number, n: number): KpiValue => share(labelled, n, "there are no predictions");

/** Mean of exact sums with a normal interval. `sum` and `squares` are of the n values. */
export function meanKpi(sum: number, squares: number, n: number, reason: string): KpiValue {
  if (n === 0) return undefinedKpi(0, reason);
  const value = sum / n;
  const variance = Math.max(0, squares / n - value * value);
  const half = Z95 * Math.sqrt(variance / n);
  return { status: "ok", value, lower: Math.max(0, value - half), upper: value + half, n };
}
