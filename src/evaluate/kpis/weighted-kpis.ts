/** KPIs of labelled rows that are weighted to be like all rows of their window. */
import type { KpiName } from "../../config/kpis.ts";
import type { ConfusionCounts } from "../../math/confusion-rates.ts";
import { type WeightedRatio, weightedMean, weightedRatio } from "../../math/importance-weights.ts";
import { confusionOf, isClassRate, readCells } from "./classification.ts";
import { fromFixed, Z95 } from "./kpi-value.ts";
import type { CellSums, LabelSelection, Weighted } from "./label-selection.ts";
import { LOSS_SCALE } from "./scores.ts";

/** Share of all rows in cells without a label beyond which nothing is weighted: too much has nobody to stand for it. */
const MOST_UNCOVERED = 0.05;
/** Fewer effective rows say too little. */
const LEAST_ROWS = 50;

export interface WeightedBy {
  /** The positive class, null for many classes: then accuracy alone is weighted. */
  readonly positive: string | null;
  /** Of the fixed point of errors. */
  readonly errorScale: number;
}

/** The weighted KPI, why there is none, or null for a KPI that is not weighted. */
export function weightedKpi(kpi: KpiName, selection: LabelSelection, by: WeightedBy): Weighted | string | null {
  const estimate = ratioOf(kpi, selection, by);
  if (estimate === undefined) return null;
  const { effectiveRows, uncovered } = selection.weights;
  if (uncovered > MOST_UNCOVERED)
    return `${(100 * uncovered).toFixed(1)} % of the window have a score of which no label has come; ${100 * MOST_UNCOVERED} % are the most.`;
  if (effectiveRows < LEAST_ROWS)
    return `The weighted rows count as ${effectiveRows.toFixed(0)}; ${LEAST_ROWS} are the least.`;
  if (estimate === null) return "It is not defined for the labelled rows.";
  const most = isRate(kpi) ? 1 : Number.POSITIVE_INFINITY;
  const ends = (value: number) => Math.min(most, Math.max(0, value));
  const lower = ends(estimate.value - Z95 * estimate.deviation);
  const upper = ends(estimate.value + Z95 * estimate.deviation);
  if (kpi !== "rmse") return { value: estimate.value, lower, upper };
  return { value: Math.sqrt(estimate.value), lower: Math.sqrt(lower), upper: Math.sqrt(upper) };
}

const isRate = (kpi: KpiName): boolean => kpi === "accuracy" || isClassRate(kpi);

/** undefined: the KPI is not weighted. */
function ratioOf(kpi: KpiName, selection: LabelSelection, by: WeightedBy): WeightedRatio | null | undefined {
  if (isRate(kpi)) return rateOf(kpi, selection, by);
  const sums = MEANS[kpi];
  if (sums === undefined) return undefined;
  return weightedMean(
    selection.cells.map((cell, index) => ({ weight: selection.weights.weights[index] ?? 0, ...sums(cell, by) })),
  );
}

type Terms = Readonly<Record<keyof ConfusionCounts, readonly [of: number, per: number]>>;

/** What a row of each kind adds to a rate's numerator and denominator. */
const TERMS: Partial<Readonly<Record<KpiName, Terms>>> = {
  accuracy: { tp: [1, 1], fp: [0, 1], fn: [0, 1], tn: [1, 1] },
  precision: { tp: [1, 1], fp: [0, 1], fn: [0, 0], tn: [0, 0] },
  recall: { tp: [1, 1], fp: [0, 0], fn: [0, 1], tn: [0, 0] },
  specificity: { tp: [0, 0], fp: [0, 1], fn: [0, 0], tn: [1, 1] },
  false_positive_rate: { tp: [0, 0], fp: [1, 1], fn: [0, 0], tn: [0, 1] },
  f1: { tp: [2, 2], fp: [0, 1], fn: [0, 1], tn: [0, 0] },
};

function rateOf(kpi: KpiName, { cells, weights }: LabelSelection, { positive }: WeightedBy) {
  const terms = TERMS[kpi];
  if (terms === undefined || (positive === null && kpi !== "accuracy")) return undefined;
  return weightedRatio(
    cells.flatMap((cell, index) => {
      const weight = weights.weights[index] ?? 0;
      const counts = countsOf(cell, positive);
      return (["tp", "fp", "fn", "tn"] as const).map((kind) => {
        const [of, per] = terms[kind];
        return { weight, rows: counts[kind], of, per };
      });
    }),
  );
}

function countsOf({ cells = [] }: CellSums, positive: string | null): ConfusionCounts {
  const confusion = readCells(cells);
  if (positive !== null) return confusionOf(confusion, positive);
  const right = confusion.reduce((sum, { predicted, actual, rows }) => sum + (predicted === actual ? rows : 0), 0);
  return { tp: right, fp: confusion.reduce((sum, { rows }) => sum + rows, 0) - right, fn: 0, tn: 0 };
}

interface Sums {
  readonly rows: number;
  readonly sum: number;
  readonly squares: number;
}

const NO_LOSS = [0, "0", "0", "0", "0"] as const;
const NO_ERROR = [0, "0", "0", "0", "0", "0"] as const;
const number = (text: string): number => Number(BigInt(text));

const MEANS: Partial<Readonly<Record<KpiName, (cell: CellSums, by: WeightedBy) => Sums>>> = {
  log_loss({ losses: [rows, sum, squares] = NO_LOSS }) {
    return { rows, sum: fromFixed(sum, LOSS_SCALE), squares: fromFixed(squares, LOSS_SCALE) };
  },
  brier({ losses: [rows, , , sum, squares] = NO_LOSS }) {
    return { rows, sum: fromFixed(sum, LOSS_SCALE), squares: fromFixed(squares, LOSS_SCALE) };
  },
  mae({ errors: [rows, absolute, squares] = NO_ERROR }, { errorScale }) {
    return { rows, sum: number(absolute) / errorScale, squares: number(squares) / errorScale ** 2 };
  },
  rmse({ errors: [rows, , squares, fourths] = NO_ERROR }, { errorScale }) {
    return { rows, sum: number(squares) / errorScale ** 2, squares: (number(fourths) * 2 ** 80) / errorScale ** 4 };
  },
};
