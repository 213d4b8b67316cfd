/** All that labels tell of windows (KPIs, drift of the labels) as rows of `metrics`: one path for windows by time and by number of events. */
import { z } from "zod";
import { estimatedBy, impliedEstimates, isEstimate, type KpiConfig, type KpiName } from "../../config/kpis.ts";
import type { MetricRow } from "../../core/metric.ts";
import { join, name, type Sql, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { SeriesWindow } from "../drift-rows.ts";
import { estimatedError } from "../estimates/estimated-errors.ts";
import { estimatedKpi } from "../estimates/estimated-kpis.ts";
import { binnedRows } from "../estimates/loss-inputs.ts";
import { readWindowLosses, type WindowLosses } from "../estimates/window-losses.ts";
import { scoreColumns } from "../estimates/window-scores.ts";
import { estimatedFairnessRows } from "../fairness/estimated-fairness.ts";
import { fairnessRows } from "../fairness/fairness-rows.ts";
import { groupColumns, groupedFeatures } from "../fairness/group-columns.ts";
import { calibratedFeatures, groupScoreColumns } from "../fairness/group-scores.ts";
import { withinSpan } from "../kept-rows.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { attributedFeatures, attributionColumns, attributionRankingRow } from "./attribution-ranking.ts";
import {
  type BuiltIn,
  builtInRow,
  builtInValue,
  kpiColumns,
  type Placed,
  placeOf,
  positiveOf,
  scaleOf,
  wantedKpis,
  weightedColumns,
} from "./built-in-kpis.ts";
import { cappedColumns, lossCaps } from "./capped-losses.ts";
import { conceptColumns, conceptDriftRow, conceptReference } from "./concept-drift.ts";
import { type CustomKpi, customValue, readCustom, unknownFeatures } from "./custom.ts";
import { joinedRows, type WindowRows } from "./joined-rows.ts";
import { kpiRow } from "./kpi-row.ts";
import { type KpiValue, undefinedKpi } from "./kpi-value.ts";
import { labelColumns, labelDriftRows, labelSubject } from "./label-drift.ts";
import { type LabelSelection, readLabelSelections, withSelection } from "./label-selection.ts";
import { segmentKpiRows } from "./segment-kpis.ts";
import { weightedKpi } from "./weighted-kpis.ts";

type BuiltInKpi = Extract<KpiConfig, { readonly use: KpiName }>;
/** `sample`: what estimates of errors need. */
type FoundKpis = BuiltIn & { readonly sample?: WindowLosses };
type ValueOf = (at: string) => KpiValue;
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
  const foundAt = (window: SeriesWindow): FoundKpis =>
    builtIn.get(placeOf({ slice: window.start, version: window.version, variant: window.variant })) ?? {
      ...window,
      slice: window.start,
      labels: 0,
    };
  const result = await segmentKpiRows(lane, prepared, joined, labelled, windows, computedAt);
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
): Promise<Map<string, FoundKpis>> {
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
  if (!labelled && columns.length === 0) return new Map<string, FoundKpis>();
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
  builtIn: ReadonlyMap<string, FoundKpis>,
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

function labelledColumns(prepared: PreparedModel, kpis: readonly KpiConfig[]): Sql[] {
  const columns = kpiColumns(prepared, wantedKpis(kpis));
  const concept = conceptReference(prepared);
  if (concept !== null) columns.push(sql`, ${conceptColumns(concept)} AS concept`);
  const capped = cappedColumns(scaleOf(prepared), lossCaps(prepared));
  if (capped !== null) columns.push(sql`, ${capped} AS capped`);
  const label = labelSubject(prepared);
  if (label !== null) columns.push(sql`, ${labelColumns(label)} AS label_bins`);
  return columns;
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

function valueOf(prepared: PreparedModel, kpi: BuiltInKpi, found: FoundKpis): KpiValue {
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
  { scores = [], sample, n }: FoundKpis,
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
