/** The row of `metrics` that a KPI of a window has: its value and interval, or why there is none, held against its limits. */
import { isEstimate, type KpiConfig } from "../../config/kpis.ts";
import type { MetricRow } from "../../core/metric.ts";
import { blankRow, type SeriesWindow } from "../drift-rows.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { needsLabels } from "./custom.ts";
import { kpiSums } from "./kpi-sums.ts";
import { type KpiValue, notJudged } from "./kpi-value.ts";

export const kpiNameOf = (kpi: KpiConfig): string => ("sql" in kpi ? kpi.name : kpi.use);

/** @param segment left out: the whole */
export function kpiRow(
  prepared: PreparedModel,
  window: SeriesWindow,
  kpi: KpiConfig,
  found: KpiValue,
  counts: { readonly n: number; readonly labels: number },
  computedAt: number,
  segment = "",
): MetricRow {
  const coverage = counts.n === 0 ? 0 : counts.labels / counts.n;
  const unlabelled = "sql" in kpi ? !needsLabels(kpi) : kpi.use === "label_coverage" || isEstimate(kpi.use);
  const row: MetricRow = {
    ...blankRow(prepared, window, computedAt),
    subject_kind: "kpi",
    subject: "kpi",
    metric: kpiNameOf(kpi),
    segment,
    n: found.n,
    coverage: unlabelled ? 1 : coverage,
  };
  const needed = kpi.min_rows ?? prepared.config.min_rows;
  if (found.status !== "ok")
    return { ...row, status: found.status, detail: JSON.stringify({ reason: found.reason, ...found.detail }) };
  // The page tier tests KPIs of the whole alone.
  const tested = "use" in kpi && segment === "" ? kpiSums(kpi.use, prepared.config.task, found) : null;
  const sums = tested === null ? {} : { sums: tested };
  if (found.n < needed)
    return {
      ...row,
      detail: JSON.stringify({
        reason: `The window has ${found.n} rows that count; ${needed} are needed.`,
        needed,
        ...sums,
      }),
    };
  const floor = kpi.min ?? (kpi.max === undefined ? found.floor : undefined);
  const [greatest, least] = judgedEnds(found, segment);
  const below = floor !== undefined && greatest < floor;
  const ceiling = kpi.max ?? (kpi.min === undefined ? found.ceiling : undefined);
  const above = ceiling !== undefined && least > ceiling;
  const judged = unlabelled || coverage >= kpi.min_coverage;
  return {
    ...row,
    status: "ok",
    value: found.value,
    lower: found.lower ?? null,
    upper: found.upper ?? null,
    threshold: (above ? ceiling : (floor ?? ceiling)) ?? null,
    breached: judged && (below || above),
    detail: JSON.stringify({
      ...found.detail,
      ...sums,
      ...(judged ? {} : notJudged(coverage, kpi.min_coverage)),
    }),
  };
}

/**
 * What must be beyond a limit for a breach, on either side: the value of the whole; all of the interval of a segment, of which there are
 * many and some are small, so that one is always beyond a limit by chance.
 */
const judgedEnds = (
  { value, lower, upper }: Extract<KpiValue, { status: "ok" }>,
  segment: string,
): readonly [greatest: number, least: number] => (segment === "" ? [value, value] : [upper ?? value, lower ?? value]);
