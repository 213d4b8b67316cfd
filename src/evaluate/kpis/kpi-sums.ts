/**
 * What a window adds to the page tier's test of a KPI: how much went wrong and how much right. Each event adds at most 1 to both together, so
 * that the test holds whatever else is true of them. The sums are of the events that bear on the KPI: for precision of those that were decided to be
 * positive, not of the whole window.
 */
import { estimatedBy, isEstimate, type KpiName } from "../../config/kpis.ts";
import type { Task } from "../../core/model-schema.ts";
import { badAndGood } from "../../math/confusion-rates.ts";
import { type ClassRate, isClassRate } from "./classification.ts";
import type { KpiValue } from "./kpi-value.ts";

export type KpiSums = readonly [bad: number, good: number];

type Known = Extract<KpiValue, { readonly status: "ok" }>;

/** The Brier score of several classes is a sum over them, between 0 and 2. */
export const brierScale = (task: Task): number => (task === "multiclass" ? 2 : 1);

/** null for a KPI that is no ratio of such sums: ROC-AUC, R², means over classes, errors without a cap. */
export function kpiSums(kpi: KpiName, task: Task, found: KpiValue): KpiSums | null {
  if (found.status !== "ok") return null;
  const name = isEstimate(kpi) ? estimatedBy(kpi) : kpi;
  if (name === "accuracy") {
    const good = found.n * found.value;
    // A count of rows, but for the estimate.
    return ofTotal(found.n - (isEstimate(kpi) ? good : Math.round(good)), found.n);
  }
  if (name === "brier") return ofTotal((found.n * found.value) / brierScale(task), found.n);
  if (name === "mae" || name === "rmse") return cappedSums(found);
  if (name === "ece") return calibrationSums(found);
  return isClassRate(name) && task === "binary" ? rateSums(name, found) : null;
}

const ofTotal = (bad: number, n: number): KpiSums | null => (n > 0 ? [Math.min(bad, n), Math.max(0, n - bad)] : null);

function rateSums(rate: ClassRate, { detail = {} }: Known): KpiSums | null {
  const { tp, fp, fn, tn } = detail;
  if (typeof tp !== "number" || typeof fp !== "number" || typeof fn !== "number" || typeof tn !== "number") return null;
  const { bad, good } = badAndGood(rate, { tp, fp, fn, tn });
  return bad + good > 0 ? [bad, good] : null;
}

/** Of a mean loss: each as a share of a cap, above which it counts as the cap. */
export interface CappedLoss {
  readonly cap: number;
  /** Of min(loss, cap). */
  readonly sum: number;
  readonly rows: number;
}

function cappedSums({ detail = {} }: Known): KpiSums | null {
  const { cap, capped, capped_rows: rows } = detail;
  if (typeof cap !== "number" || typeof capped !== "number" || typeof rows !== "number") return null;
  return ofTotal(capped / cap, rows);
}

/** As `detail` has it. */
export const cappedDetail = ({ cap, sum, rows }: CappedLoss) => ({ cap, capped: sum, capped_rows: rows });

/** Of each event (1 + y - p) / 2: a half on average where positives are as frequent as the scores say. */
function calibrationSums({ n, detail = {} }: Known): KpiSums | null {
  const { positives, scores } = detail;
  if (typeof positives !== "number" || typeof scores !== "number") return null;
  return ofTotal((n + positives - scores) / 2, n);
}
