/** The KPIs of windows as rows of `metrics`: one path for windows by time and by number of events. */
import { z } from "zod";
import type { KpiConfig, KpiName } from "../../config/kpis.ts";
import type { MetricRow } from "../../core/metric.ts";
import { sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { blankRow, type SeriesWindow } from "../drift-rows.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { seriesKey } from "../window-series.ts";
import { accuracy, classRate, type ConfusionCell, labelCoverage, readConfusion } from "./classification.ts";
import { type CustomKpi, customValue, needsLabels, readCustom, unknownFeatures } from "./custom.ts";
import { joinedRows, type WindowRows } from "./joined-rows.ts";
import { type KpiValue, undefinedKpi } from "./kpi-value.ts";
import { errorScale, mae, r2, readErrors, rmse } from "./regression.ts";
import { brier, logLoss, readAreas, readLosses, rocAuc } from "./scores.ts";

type Placed = { readonly slice: number; readonly version: string; readonly variant: string };
type ValueOf = (at: string) => KpiValue;

const placeOf = (row: Placed): string => `${row.slice} ${seriesKey(row)}`;

const countRow = z.object({ slice: z.number(), version: z.string(), variant: z.string(), n: z.number(), labelled: z.number() });

/** Rows of every KPI of the model for the windows, which must lie in `rows`. */
export async function kpiRows(lane: Lane, prepared: PreparedModel, rows: WindowRows, windows: readonly SeriesWindow[], computedAt: number): Promise<MetricRow[]> {
  const { kpis } = prepared.config;
  if (kpis.length === 0 || windows.length === 0) return [];
  const custom = kpis.filter((kpi): kpi is CustomKpi => "sql" in kpi);
  const joined = await joinedRows(lane, prepared, rows, [...new Set(custom.flatMap((kpi) => unknownFeatures(kpi, prepared.schema)))]);
  const counts = byPlace(
    await lane.query(sql`SELECT slice, version, variant, count() AS n, countIf(labelled) AS labelled FROM (${joined}) GROUP BY slice, version, variant`, countRow),
  );
  const builtIn = await builtInValues(lane, prepared, joined, (at) => counts.get(at) ?? { n: 0, labelled: 0 });
  const result: MetricRow[] = [];
  for (const kpi of kpis) {
    const valueOf = "sql" in kpi ? await customValues(lane, kpi, joined) : builtIn(kpi.use);
    for (const window of windows) {
      const at = placeOf({ slice: window.start, version: window.version, variant: window.variant });
      result.push(kpiRow(prepared, window, kpi, valueOf(at), counts.get(at) ?? { n: window.n, labelled: 0 }, computedAt));
    }
  }
  return result;
}

function byPlace<Row extends Placed>(rows: readonly Row[]): Map<string, Row> {
  return new Map(rows.map((row) => [placeOf(row), row]));
}

async function customValues(lane: Lane, kpi: CustomKpi, joined: Awaited<ReturnType<typeof joinedRows>>): Promise<ValueOf> {
  const found = await readCustom(lane, kpi, joined);
  if (typeof found === "string") return () => ({ status: "error", n: 0, reason: found });
  const values = byPlace(found);
  return (at) => customValue(values.get(at));
}

const CLASS_KPIS: ReadonlySet<KpiName> = new Set<KpiName>(["accuracy", "precision", "recall", "specificity", "f1"]);
const LOSS_KPIS: ReadonlySet<KpiName> = new Set<KpiName>(["log_loss", "brier"]);
const ERROR_KPIS: ReadonlySet<KpiName> = new Set<KpiName>(["mae", "rmse", "r2"]);

/** Reads what the configured KPIs need, each family by one statement. */
async function builtInValues(
  lane: Lane,
  prepared: PreparedModel,
  joined: Awaited<ReturnType<typeof joinedRows>>,
  countOf: (at: string) => { readonly n: number; readonly labelled: number },
): Promise<(kpi: KpiName) => ValueOf> {
  const { config, schema, reference } = prepared;
  const wanted = new Set(config.kpis.flatMap((kpi) => ("use" in kpi ? [kpi.use] : [])));
  const wants = (names: ReadonlySet<KpiName>) => [...wanted].some((kpi) => names.has(kpi));
  const classifies = config.task !== "regression";
  const positive = config.task === "binary" ? (schema.classes[1] ?? "1") : null;

  const cells = new Map<string, ConfusionCell[]>();
  if (classifies && wants(CLASS_KPIS)) {
    for (const cell of await readConfusion(lane, joined)) {
      const at = placeOf(cell);
      const list = cells.get(at);
      if (list === undefined) cells.set(at, [cell]);
      else list.push(cell);
    }
  }
  const areas = byPlace(positive !== null && wanted.has("roc_auc") ? await readAreas(lane, joined, positive) : []);
  const losses = byPlace(classifies && wants(LOSS_KPIS) ? await readLosses(lane, joined, positive) : []);
  const errors = byPlace(!classifies && wants(ERROR_KPIS) ? await readErrors(lane, joined, errorScale(reference?.subjects ?? [])) : []);

  return (kpi) => (at) => {
    const counts = countOf(at);
    if (kpi === "label_coverage") return labelCoverage(counts.labelled, counts.n);
    if (ERROR_KPIS.has(kpi) === classifies) return undefinedKpi(counts.labelled, `${kpi} is not defined for a ${config.task} model`);
    if (kpi === "mae") return mae(errors.get(at));
    if (kpi === "rmse") return rmse(errors.get(at));
    if (kpi === "r2") return r2(errors.get(at));
    if (kpi === "log_loss") return logLoss(losses.get(at));
    if (kpi === "brier") return brier(losses.get(at));
    if (kpi === "roc_auc") {
      return positive === null ? undefinedKpi(counts.labelled, "roc_auc is not defined for a multiclass model") : rocAuc(areas.get(at));
    }
    const found = cells.get(at) ?? [];
    if (found.length === 0) return undefinedKpi(0, "no prediction has a label");
    if (kpi === "accuracy") return accuracy(found);
    return classRate(kpi, found, positive === null ? classesIn(found) : [positive]);
  };
}

const classesIn = (cells: readonly ConfusionCell[]): string[] => [...new Set(cells.flatMap((cell) => [cell.predicted, cell.actual]))].sort();

function kpiRow(
  prepared: PreparedModel,
  window: SeriesWindow,
  kpi: KpiConfig,
  found: KpiValue,
  counts: { readonly n: number; readonly labelled: number },
  computedAt: number,
): MetricRow {
  const metric = "sql" in kpi ? kpi.name : kpi.use;
  const coverage = counts.n === 0 ? 0 : counts.labelled / counts.n;
  const unlabelled = "sql" in kpi ? !needsLabels(kpi) : kpi.use === "label_coverage";
  const row: MetricRow = {
    ...blankRow(prepared, window, computedAt),
    subject_kind: "kpi",
    subject: "kpi",
    metric,
    n: found.n,
    coverage: unlabelled ? 1 : coverage,
  };
  const needed = kpi.min_rows ?? prepared.config.min_rows;
  if (found.status !== "ok") return { ...row, status: found.status, detail: JSON.stringify({ reason: found.reason, ...found.detail }) };
  if (found.n < needed) return { ...row, detail: JSON.stringify({ reason: `The window has ${found.n} rows that count; ${needed} are needed.`, needed }) };
  const below = kpi.min !== undefined && found.value < kpi.min;
  const above = kpi.max !== undefined && found.value > kpi.max;
  const judged = unlabelled || coverage >= kpi.min_coverage;
  return {
    ...row,
    status: "ok",
    value: found.value,
    lower: found.lower ?? null,
    upper: found.upper ?? null,
    threshold: (above ? kpi.max : (kpi.min ?? kpi.max)) ?? null,
    breached: judged && (below || above),
    detail: JSON.stringify({ ...found.detail, ...(judged ? {} : { not_judged: `${coverage} of the predictions have a label; ${kpi.min_coverage} are needed.` }) }),
  };
}
