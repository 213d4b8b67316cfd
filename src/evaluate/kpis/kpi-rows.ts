/** All that labels tell of windows (KPIs, drift of the labels) as rows of `metrics`: one path for windows by time and by number of events. */
import { z } from "zod";
import { estimatedBy, impliedEstimates, isEstimate, type KpiConfig, type KpiName } from "../../config/kpis.ts";
import type { MetricRow } from "../../core/metric.ts";
import { join, name, type Sql, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { blankRow, type SeriesWindow } from "../drift-rows.ts";
import { estimatedError } from "../estimates/estimated-errors.ts";
import { estimatedKpi } from "../estimates/estimated-kpis.ts";
import { binnedRows } from "../estimates/loss-inputs.ts";
import { readWindowLosses, type WindowLosses } from "../estimates/window-losses.ts";
import { scoreColumns, scoreRow } from "../estimates/window-scores.ts";
import { estimatedFairnessRows } from "../fairness/estimated-fairness.ts";
import { fairnessRows } from "../fairness/fairness-rows.ts";
import { groupColumns, groupedFeatures, groupRow } from "../fairness/group-columns.ts";
import { calibratedFeatures, groupScoreColumns, groupScoreRow } from "../fairness/group-scores.ts";
import { withinSpan } from "../kept-rows.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { seriesKey } from "../window-series.ts";
import {
  attributedFeatures,
  attributionColumns,
  attributionRankingRow,
  attributionRow,
} from "./attribution-ranking.ts";
import { calibrationColumns, calibrationRow, expectedCalibrationError } from "./calibration.ts";
import { cappedColumns, cappedRow, lossCaps, withCapped } from "./capped-losses.ts";
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
import { conceptColumns, conceptDriftRow, conceptReference, conceptRow } from "./concept-drift.ts";
import { type CustomKpi, customValue, needsLabels, readCustom, unknownFeatures } from "./custom.ts";
import { joinedRows, type WindowRows } from "./joined-rows.ts";
import { kpiSums } from "./kpi-sums.ts";
import { type KpiValue, notJudged, undefinedKpi } from "./kpi-value.ts";
import { labelColumns, labelDriftRows, labelRow, labelSubject } from "./label-drift.ts";
import { type LabelSelection, readLabelSelections, withSelection } from "./label-selection.ts";
import { ownColumns, ownValue } from "./own-kpis.ts";
import { errorColumns, errorRow, errorScale, mae, r2, rmse } from "./regression.ts";
import { areaColumns, areaRow, brier, logLoss, lossColumns, lossRow, rocAuc } from "./scores.ts";
import { weightedKpi } from "./weighted-kpis.ts";

type Placed = { readonly slice: number; readonly version: string; readonly variant: string };
type ValueOf = (at: string) => KpiValue;
type BuiltInKpi = Extract<KpiConfig, { readonly use: KpiName }>;

const placeOf = (row: Placed): string => `${row.slice} ${seriesKey(row)}`;

/** Rows of every KPI of the model, and of its labels' drift, for the windows, which must lie in `rows`. */
export async function kpiRows(
  lane: Lane,
  prepared: PreparedModel,
  rows: WindowRows,
  windows: readonly SeriesWindow[],
  computedAt: number,
): Promise<MetricRow[]> {
  const kpis = kpisOf(prepared);
  const label = labelSubject(prepared);
  const grouped = groupedFeatures(prepared);
  const concept = conceptReference(prepared);
  const attributed = attributedFeatures(prepared);
  const nothing = kpis.length + grouped.length + attributed.length === 0 && label === null && concept === null;
  if (nothing || windows.length === 0) return [];
  const unknown = kpis.flatMap((kpi) => ("sql" in kpi ? unknownFeatures(kpi, prepared.schema) : []));
  const labelled = await hasOutcomes(lane, prepared, rows);
  const joined = await joinedRows(lane, prepared, rows, { features: [...new Set(unknown)], labelled });
  const builtIn = await readBuiltIn(lane, prepared, kpis, joined, labelled);
  for (const losses of await windowLosses(lane, prepared, kpis, rows, windows)) {
    const at = placeOf(losses);
    builtIn.set(at, { ...(builtIn.get(at) ?? { ...losses, n: losses.predicted, labels: 0 }), sample: losses });
  }
  const selections = await labelSelections(lane, prepared, kpis, joined, builtIn);
  const foundAt = (window: SeriesWindow): BuiltIn =>
    builtIn.get(placeOf({ slice: window.start, version: window.version, variant: window.variant })) ?? {
      ...window,
      slice: window.start,
      labels: 0,
    };
  const result: MetricRow[] = [];
  for (const kpi of kpis) {
    const custom = "sql" in kpi ? await customValues(lane, kpi, joined) : null;
    for (const window of windows) {
      const at = placeOf({ slice: window.start, version: window.version, variant: window.variant });
      const found = foundAt(window);
      const value = "use" in kpi ? valueOf(prepared, kpi, found) : custom?.(at);
      if (value === undefined) continue;
      const row = kpiRow(prepared, window, kpi, value, found, computedAt);
      const selection = "use" in kpi && !isEstimate(kpi.use) ? selections.get(at) : undefined;
      result.push(selection === undefined ? row : selected(prepared, kpi, row, selection));
    }
  }
  for (const window of windows) {
    const found = foundAt(window);
    const fairness = fairnessRows(prepared, grouped, window, found, computedAt);
    const calibrated = calibratedFeatures(prepared);
    result.push(
      ...fairness,
      ...estimatedFairnessRows(prepared, calibrated, window, found.group_scores, fairness, computedAt),
    );
    if (concept !== null) result.push(conceptDriftRow(prepared, concept, window, found.concept, found, computedAt));
    if (attributed.length > 0)
      result.push(attributionRankingRow(prepared, attributed, window, found.attribution_sums, computedAt));
    if (label !== null)
      result.push(...labelDriftRows(prepared, label, window, found.label_bins, found.labels, computedAt));
  }
  return result;
}

/** Which stored rows `kpiRows` gives anew. */
export const ofLabels: Sql = sql`subject_kind IN ('kpi', 'label')`;

/** Before the first label of a span there is nothing to join. */
async function hasOutcomes(lane: Lane, { config }: PreparedModel, { span }: WindowRows): Promise<boolean> {
  for (const table of config.join_labels.by === "id" ? ["outcomes"] : ["outcomes", "entity_outcomes"]) {
    const found = await lane.query(
      sql`SELECT 1 AS one FROM ${name(table)} WHERE model = ${config.name} AND ${withinSpan(span)} LIMIT 1`,
      z.object({ one: z.number() }),
    );
    if (found.length > 0) return true;
  }
  return false;
}

function byPlace<Row extends Placed>(rows: readonly Row[]): Map<string, Row> {
  return new Map(rows.map((row) => [placeOf(row), row]));
}

async function customValues(lane: Lane, kpi: CustomKpi, joined: Sql): Promise<ValueOf> {
  const found = await readCustom(lane, kpi, joined);
  if (typeof found === "string") return () => ({ status: "error", n: 0, reason: found });
  const values = byPlace(found);
  return (at) => customValue(values.get(at));
}

const isOfClasses = (kpi: KpiName): boolean =>
  kpi === "accuracy" || isClassRate(kpi) || weightedRateOf(kpi) !== undefined;
const LOSS_KPIS: ReadonlySet<KpiName> = new Set<KpiName>(["log_loss", "brier"]);
const ERROR_KPIS: ReadonlySet<KpiName> = new Set<KpiName>(["mae", "rmse", "r2"]);

// Loose: a KPI with columns of its own reads them itself.
const builtInRow = z.looseObject({
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
type BuiltIn = z.output<typeof builtInRow> & { readonly sample?: WindowLosses };

const positiveOf = ({ config, schema }: PreparedModel): string | null =>
  config.task === "binary" ? (schema.classes[1] ?? "1") : null;
const scaleOf = ({ reference }: PreparedModel): number => errorScale(reference?.subjects ?? []);

/** The written KPIs, and the estimates that come with them where the reference allows any. */
const kpisOf = ({ config, estimation }: PreparedModel): readonly KpiConfig[] =>
  typeof estimation === "string" ? config.kpis : [...config.kpis, ...impliedEstimates(config)];

/** What the KPIs need, by one statement; `labelled`: whether there is a label at all. */
async function readBuiltIn(
  lane: Lane,
  prepared: PreparedModel,
  kpis: readonly KpiConfig[],
  joined: Sql,
  labelled: boolean,
): Promise<Map<string, BuiltIn>> {
  const grouped = groupedFeatures(prepared);
  const groups = grouped.length === 0 ? [] : [sql`, ${groupColumns(prepared, grouped)} AS groups`];
  const calibrated = calibratedFeatures(prepared);
  if (calibrated.length > 0) groups.push(sql`, ${groupScoreColumns(prepared, calibrated)} AS group_scores`);
  const attributed = attributedFeatures(prepared);
  const attributions = attributed.length === 0 ? [] : [sql`, ${attributionColumns(attributed)} AS attribution_sums`];
  const columns = [
    ...scoreHistograms(prepared, kpis),
    ...groups,
    ...attributions,
    ...(labelled ? labelledColumns(prepared, kpis) : []),
  ];
  if (!labelled && columns.length === 0) return new Map<string, BuiltIn>();
  return byPlace(
    await lane.query(
      sql`SELECT slice, version, variant, count() AS n, countIf(labelled) AS labels${join(columns, "")} FROM (${joined}) GROUP BY slice, version, variant`,
      builtInRow,
    ),
  );
}

/** Of the windows that are labelled in part. */
async function labelSelections(
  lane: Lane,
  prepared: PreparedModel,
  kpis: readonly KpiConfig[],
  joined: Sql,
  builtIn: ReadonlyMap<string, BuiltIn>,
): Promise<Map<string, LabelSelection>> {
  const partial = [...builtIn.values()].filter(({ n, labels }) => labels > 0 && labels < n);
  const starts = [...new Set(partial.map(({ slice }) => slice))];
  return readLabelSelections(lane, prepared, joined, starts, weightedColumns(prepared, wantedKpis(kpis)), placeOf);
}

function selected(prepared: PreparedModel, kpi: KpiConfig, row: MetricRow, selection: LabelSelection): MetricRow {
  const by = { positive: positiveOf(prepared), errorScale: scaleOf(prepared) };
  return withSelection(
    row,
    selection,
    "use" in kpi && row.status === "ok" ? weightedKpi(kpi.use, selection, by) : null,
  );
}

function scoreHistograms({ config, estimation }: PreparedModel, kpis: readonly KpiConfig[]): Sql[] {
  if (typeof estimation === "string" || estimation.from !== "scores" || !kpis.some(estimates)) return [];
  return [sql`, ${scoreColumns(config.task, estimation.calibrations)} AS scores`];
}

const estimates = (kpi: KpiConfig): boolean => "use" in kpi && isEstimate(kpi.use);

/** Labels have no part in it, so nothing is joined. */
async function windowLosses(
  lane: Lane,
  prepared: PreparedModel,
  kpis: readonly KpiConfig[],
  rows: WindowRows,
  windows: readonly SeriesWindow[],
): Promise<WindowLosses[]> {
  const { estimation } = prepared;
  if (typeof estimation === "string" || estimation.from !== "losses" || !kpis.some(estimates)) return [];
  const joined = await joinedRows(lane, prepared, rows, { features: [], labelled: false });
  return readWindowLosses(lane, estimation.model, joined, windows);
}

/** An estimate is shown beside what it stands for once that is known. */
const wantedKpis = (kpis: readonly KpiConfig[]): ReadonlySet<KpiName> =>
  new Set(kpis.flatMap((kpi) => ("use" in kpi ? [isEstimate(kpi.use) ? estimatedBy(kpi.use) : kpi.use] : [])));

/** Sums over labelled rows, of which those of cells can be weighted. */
function weightedColumns(prepared: PreparedModel, wanted: ReadonlySet<KpiName>): Sql[] {
  const { task } = prepared.config;
  const wants = (names: ReadonlySet<KpiName>) => [...wanted].some((kpi) => names.has(kpi));
  const columns: Sql[] = [];
  if (task !== "regression" && [...wanted].some(isOfClasses)) columns.push(sql`, ${confusionCells} AS cells`);
  if (task !== "regression" && wants(LOSS_KPIS)) columns.push(sql`, ${lossColumns(positiveOf(prepared))} AS losses`);
  if (task === "regression" && wants(ERROR_KPIS)) columns.push(sql`, ${errorColumns(scaleOf(prepared))} AS errors`);
  return columns;
}

function labelledColumns(prepared: PreparedModel, kpis: readonly KpiConfig[]): Sql[] {
  const wanted = wantedKpis(kpis);
  const positive = positiveOf(prepared);
  const columns = weightedColumns(prepared, wanted);
  const concept = conceptReference(prepared);
  if (concept !== null) columns.push(sql`, ${conceptColumns(concept)} AS concept`);
  if (positive !== null && wanted.has("roc_auc")) columns.push(sql`, ${areaColumns(positive)} AS area`);
  if (positive !== null && wanted.has("ece"))
    columns.push(sql`, ${calibrationColumns(sql`ifNull(score, -1)`, sql`label_text = ${positive}`)} AS calibration`);
  columns.push(...ownColumns(prepared, wanted));
  const capped = cappedColumns(scaleOf(prepared), lossCaps(prepared));
  if (capped !== null) columns.push(sql`, ${capped} AS capped`);
  const label = labelSubject(prepared);
  if (label !== null) columns.push(sql`, ${labelColumns(label)} AS label_bins`);
  return columns;
}

function valueOf(prepared: PreparedModel, kpi: BuiltInKpi, found: BuiltIn): KpiValue {
  if (!isEstimate(kpi.use)) return builtInValue(prepared, kpi.use, found);
  const name = estimatedBy(kpi.use);
  const estimate = estimateOf(prepared, name, found);
  const realised = found.labels > 0 ? builtInValue(prepared, name, found) : null;
  if (estimate.status !== "ok" || realised?.status !== "ok" || found.labels < kpi.min_coverage * found.n)
    return estimate;
  // How good the estimate was: told once the labels are there, by the window's own events alone.
  const error = estimate.value - realised.value;
  const missed = Math.abs(error) > (estimate.tolerance ?? Number.POSITIVE_INFINITY);
  return { ...estimate, detail: { ...estimate.detail, realised: realised.value, error, missed } };
}

function estimateOf(
  prepared: PreparedModel,
  kpi: ReturnType<typeof estimatedBy>,
  { scores = [], sample, n }: BuiltIn,
): KpiValue {
  const { estimation } = prepared;
  if (typeof estimation === "string") return undefinedKpi(0, estimation);
  const ofErrors = kpi === "mae" || kpi === "rmse";
  if (estimation.from === "scores")
    return ofErrors
      ? undefinedKpi(0, `${kpi} is not defined for classes`)
      : estimatedKpi(kpi, estimation.calibrations, scores, n);
  if (!ofErrors) return undefinedKpi(0, `${kpi} is not defined for numbers`);
  const { model } = estimation;
  const cap = lossCaps(prepared, "estimated_")[kpi];
  return estimatedError(kpi, model, binnedRows(model.inputs, sample?.codes ?? ""), sample?.predicted ?? 0, cap);
}

function builtInValue(prepared: PreparedModel, kpi: KpiName, found: BuiltIn): KpiValue {
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

function kpiRow(
  prepared: PreparedModel,
  window: SeriesWindow,
  kpi: KpiConfig,
  found: KpiValue,
  counts: { readonly n: number; readonly labels: number },
  computedAt: number,
): MetricRow {
  const metric = "sql" in kpi ? kpi.name : kpi.use;
  const coverage = counts.n === 0 ? 0 : counts.labels / counts.n;
  const unlabelled = "sql" in kpi ? !needsLabels(kpi) : kpi.use === "label_coverage" || isEstimate(kpi.use);
  const row: MetricRow = {
    ...blankRow(prepared, window, computedAt),
    subject_kind: "kpi",
    subject: "kpi",
    metric,
    n: found.n,
    coverage: unlabelled ? 1 : coverage,
  };
  const needed = kpi.min_rows ?? prepared.config.min_rows;
  if (found.status !== "ok")
    return { ...row, status: found.status, detail: JSON.stringify({ reason: found.reason, ...found.detail }) };
  const tested = "use" in kpi ? kpiSums(kpi.use, prepared.config.task, found) : null;
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
  const below = floor !== undefined && found.value < floor;
  const ceiling = kpi.max ?? (kpi.min === undefined ? found.ceiling : undefined);
  const above = ceiling !== undefined && found.value > ceiling;
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
