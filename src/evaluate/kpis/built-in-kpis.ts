/** The built-in KPIs of windows: what one statement sums up of their joined rows, and the value of each KPI. */
import { z } from "zod";
import { estimatedBy, isEstimate, type KpiConfig, type KpiName } from "../../config/kpis.ts";
import { type Sql, sql } from "../../store/sql.ts";
import { scoreRow } from "../estimates/window-scores.ts";
import { groupRow } from "../fairness/group-columns.ts";
import { groupScoreRow } from "../fairness/group-scores.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { seriesKey } from "../window-series.ts";
import { attributionRow } from "./attribution-ranking.ts";
import { calibrationColumns, calibrationRow, expectedCalibrationError } from "./calibration.ts";
import { cappedRow, lossCaps, withCapped } from "./capped-losses.ts";
import {
  accuracy,
  type ConfusionCell,
  classRate,
  confusionCells,
  isClassRate,
  labelCoverage,
  readCells,
  weightedClassRate,
  weightedRateOf,
} from "./classification.ts";
import { conceptRow } from "./concept-drift.ts";
import { type KpiValue, undefinedKpi } from "./kpi-value.ts";
import { labelRow } from "./label-drift.ts";
import { ownColumns, ownValue } from "./own-kpis.ts";
import { errorColumns, errorRow, errorScale, mae, r2, rmse } from "./regression.ts";
import { areaColumns, areaRow, brier, logLoss, lossColumns, lossRow, rocAuc } from "./scores.ts";

export type Placed = { readonly slice: number; readonly version: string; readonly variant: string };

export const placeOf = (row: Placed): string => `${row.slice} ${seriesKey(row)}`;

const isOfClasses = (kpi: KpiName): boolean =>
  kpi === "accuracy" || isClassRate(kpi) || weightedRateOf(kpi) !== undefined;
const LOSS_KPIS: ReadonlySet<KpiName> = new Set<KpiName>(["log_loss", "brier"]);
const ERROR_KPIS: ReadonlySet<KpiName> = new Set<KpiName>(["mae", "rmse", "r2"]);

// Loose: a KPI with columns of its own reads them itself.
export const builtInRow = z.looseObject({
  slice: z.number(),
  version: z.string(),
  variant: z.string(),
  n: z.number(),
  labels: z.number(),
  scores: scoreRow.optional(),
  groups: groupRow.optional(),
  group_scores: groupScoreRow.optional(),
  cells: z.array(z.tuple([z.string(), z.number()])).optional(),
  area: areaRow.optional(),
  calibration: calibrationRow.optional(),
  losses: lossRow.optional(),
  errors: errorRow.optional(),
  capped: cappedRow.optional(),
  label_bins: labelRow.optional(),
  concept: conceptRow.optional(),
  attribution_sums: attributionRow.optional(),
});
export type BuiltIn = z.output<typeof builtInRow>;

export const positiveOf = ({ config, schema }: PreparedModel): string | null =>
  config.task === "binary" ? (schema.classes[1] ?? "1") : null;
export const scaleOf = ({ reference }: PreparedModel): number => errorScale(reference?.subjects ?? []);

/** An estimate is shown beside what it stands for once that is known. */
export const wantedKpis = (kpis: readonly KpiConfig[]): ReadonlySet<KpiName> =>
  new Set(kpis.flatMap((kpi) => ("use" in kpi ? [isEstimate(kpi.use) ? estimatedBy(kpi.use) : kpi.use] : [])));

/** Sums over labelled rows, of which those of cells can be weighted. */
export function weightedColumns(prepared: PreparedModel, wanted: ReadonlySet<KpiName>): Sql[] {
  const { task } = prepared.config;
  const wants = (names: ReadonlySet<KpiName>) => [...wanted].some((kpi) => names.has(kpi));
  const columns: Sql[] = [];
  if (task !== "regression" && [...wanted].some(isOfClasses)) columns.push(sql`, ${confusionCells} AS cells`);
  if (task !== "regression" && wants(LOSS_KPIS)) columns.push(sql`, ${lossColumns(positiveOf(prepared))} AS losses`);
  if (task === "regression" && wants(ERROR_KPIS)) columns.push(sql`, ${errorColumns(scaleOf(prepared))} AS errors`);
  return columns;
}

/** Sums over labelled rows, those of `weightedColumns` included; each after a comma. */
export function kpiColumns(prepared: PreparedModel, wanted: ReadonlySet<KpiName>): Sql[] {
  const positive = positiveOf(prepared);
  const columns = weightedColumns(prepared, wanted);
  if (positive !== null && wanted.has("roc_auc")) columns.push(sql`, ${areaColumns(positive)} AS area`);
  if (positive !== null && wanted.has("ece"))
    columns.push(sql`, ${calibrationColumns(sql`ifNull(score, -1)`, sql`label_text = ${positive}`)} AS calibration`);
  columns.push(...ownColumns(prepared, wanted));
  return columns;
}

/** Of a KPI that is no estimate. */
export function builtInValue(prepared: PreparedModel, kpi: KpiName, found: BuiltIn): KpiValue {
  const { task } = prepared.config;
  const { n, labels: labelled } = found;
  if (kpi === "label_coverage") return labelCoverage(labelled, n);
  const own = ownValue(prepared, kpi, found);
  if (own !== undefined) return own;
  if (ERROR_KPIS.has(kpi) !== (task === "regression"))
    return undefinedKpi(labelled, `${kpi} is not defined for a ${task} model`);
  if (labelled === 0) return undefinedKpi(0, "no prediction has a label");
  const positive = positiveOf(prepared);
  const { cells = [], area, calibration, losses, errors, capped } = found;
  if (kpi === "ece" && calibration !== undefined) return expectedCalibrationError(calibration);
  if (kpi === "roc_auc" && area !== undefined) return rocAuc(area);
  if (kpi === "log_loss" && losses !== undefined) return logLoss(losses);
  if (kpi === "brier" && losses !== undefined) return brier(losses);
  if ((kpi === "mae" || kpi === "rmse") && errors !== undefined) {
    const scale = scaleOf(prepared);
    const value = kpi === "mae" ? mae(errors, scale) : rmse(errors, scale);
    return withCapped(kpi, value, capped, { scale, caps: lossCaps(prepared) });
  }
  if (kpi === "r2" && errors !== undefined) return r2(errors);
  const confusion = readCells(cells);
  if (kpi === "accuracy") return accuracy(confusion);
  if (isClassRate(kpi)) return classRate(kpi, confusion, positive === null ? classesIn(confusion) : [positive]);
  const weighted = weightedRateOf(kpi);
  if (weighted !== undefined) return weightedClassRate(weighted, confusion, classesIn(confusion));
  return undefinedKpi(labelled, `${kpi} was not computed`);
}

const classesIn = (cells: readonly ConfusionCell[]): string[] =>
  [...new Set(cells.flatMap((cell) => [cell.predicted, cell.actual]))].sort();
