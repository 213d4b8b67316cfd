/** What the overview says: for each model the newest window's verdicts, its KPIs over time, its incidents, its labels. */
import type { ModelConfig } from "../../config/schema.ts";
import { modelsOf } from "../../core/incident.ts";
import type { MetricRow } from "../../core/metric.ts";
import { join, type Sql, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { ServeContext } from "../context.ts";
import { countDeadLetters, type DeadLetterCounts } from "./dead-letters.ts";
import { gridMetric, kpiNamesOf } from "./grid.ts";
import { type IncidentView, selectIncidents } from "./incidents.ts";
import { type EventsView, type SeriesView, selectEvents, selectSeries } from "./models.ts";
import { metricColumns, metricRow, type SeriesKey } from "./rows.ts";
import { selectUnknownModels, type UnknownModels } from "./unknown-models.ts";

/** A model's newest series in its first window, with what the newest of these windows shows. */
export interface ModelSummary {
  readonly model: ModelConfig;
  readonly series: SeriesKey | null;
  /** All series of the model in any window. */
  readonly allSeries: readonly SeriesView[];
  readonly window: string;
  readonly referenceId: string;
  /** Why there is no reference yet; null where there is one, or none is wanted. */
  readonly referenceWaiting: string | null;
  /** Features by the verdict of the grid's metric in the newest window. */
  readonly steady: number;
  readonly tooFew: number;
  readonly moved: readonly MetricRow[];
  /** Breaches of other detectors in the newest window, on subjects that have not moved. */
  readonly otherBreaches: readonly MetricRow[];
  /** Rows of each KPI, oldest first, up to 12. */
  readonly kpis: ReadonlyMap<string, readonly MetricRow[]>;
  readonly newestStart: number | null;
  readonly newestEnd: number | null;
  readonly events: EventsView | null;
  readonly incidents: readonly IncidentView[];
}

export interface Overview {
  readonly models: readonly ModelSummary[];
  readonly incidents: readonly IncidentView[];
  readonly deadLetters: DeadLetterCounts;
  readonly unknown: UnknownModels;
  /** Greatest event time of any model, null before the first event. */
  readonly newestEvent: number | null;
  readonly firstWindow: number | null;
}

const HOUR = 3_600_000;
const SPARK_WINDOWS = 12;
const OPEN_INCIDENTS = 200;

/** `isWanted` picks the series that summaries may be of; all are, where it is left out. */
export async function loadOverview(
  context: ServeContext,
  isWanted: (row: SeriesView) => boolean = () => true,
): Promise<Overview> {
  const lane = context.store.lane("serve");
  const series = await selectSeries(lane);
  const events = await selectEvents(lane);
  const incidents = await selectIncidents(lane, { state: "open", limit: OPEN_INCIDENTS });
  const deadLetters = await countDeadLetters(lane, context.clock.now() - HOUR);
  const unknown = await selectUnknownModels(lane);
  const chosen = context.models.map((model) => ({ model, series: newestSeries(model, series.filter(isWanted)) }));
  const newest = await selectNewestWindow(
    lane,
    chosen.flatMap(({ series: one }) => (one === null ? [] : [one])),
  );
  const kpis = await selectKpis(
    lane,
    chosen.flatMap(({ series: one }) => (one === null ? [] : [one])),
  );
  const models = chosen.map(({ model, series: one }) => ({
    ...summarise(model, one, series, newest, kpis, events.find((row) => row.model === model.name) ?? null, incidents),
    referenceWaiting: context.references?.state(model.name)?.waiting ?? null,
  }));
  const times = [
    ...events.flatMap((row) => (row.newest_ms === null ? [] : [row.newest_ms])),
    ...series.map((row) => row.last_ms),
  ];
  return {
    models: models.sort(worstFirst),
    incidents,
    deadLetters,
    unknown,
    newestEvent: times.length === 0 ? null : times.reduce((most, ms) => Math.max(most, ms)),
    firstWindow:
      series.length === 0
        ? null
        : series.reduce((least, row) => Math.min(least, row.first_ms), Number.MAX_SAFE_INTEGER),
  };
}

/** The series with the newest results in the model's first window, else in any. */
export function newestSeries(model: ModelConfig, series: readonly SeriesView[]): SeriesView | null {
  const own = series.filter((row) => row.model === model.name);
  const first = model.windows[0]?.name;
  return own.find((row) => row.window === first) ?? own[0] ?? null;
}

/** Rows of these series in these windows; never called with none. */
function inKeys(series: readonly SeriesView[]): Sql {
  const tuples = series.map((row) => sql`(${row.model}, ${row.version}, ${row.variant}, ${row.window})`);
  return sql`(model, version, variant, window) IN (${join(tuples)})`;
}

/** All rows that are no KPI of the newest window of each series. */
function selectNewestWindow(lane: Lane, series: readonly SeriesView[]): Promise<MetricRow[]> {
  if (series.length === 0) return Promise.resolve([]);
  const wanted = inKeys(series);
  return lane.query(
    sql`SELECT ${metricColumns} FROM metrics FINAL WHERE segment = '' AND subject_kind != 'kpi' AND ${wanted}
      AND (model, version, variant, window, window_start) IN (
        SELECT model, version, variant, window, max(window_start) FROM metrics WHERE segment = '' AND subject_kind != 'kpi' AND ${wanted}
        GROUP BY model, version, variant, window)`,
    metricRow,
    { timeoutSeconds: 30 },
  );
}

function selectKpis(lane: Lane, series: readonly SeriesView[]): Promise<MetricRow[]> {
  if (series.length === 0) return Promise.resolve([]);
  return lane.query(
    sql`SELECT ${metricColumns} FROM metrics FINAL WHERE segment = '' AND subject_kind = 'kpi' AND ${inKeys(series)}
      ORDER BY window_start DESC LIMIT ${SPARK_WINDOWS} BY model, version, variant, window, metric`,
    metricRow,
    { timeoutSeconds: 30 },
  );
}

function summarise(
  model: ModelConfig,
  chosen: SeriesView | null,
  allSeries: readonly SeriesView[],
  newest: readonly MetricRow[],
  kpis: readonly MetricRow[],
  events: EventsView | null,
  incidents: readonly IncidentView[],
): Omit<ModelSummary, "referenceWaiting"> {
  const isOurs = (row: MetricRow) =>
    chosen !== null &&
    row.model === chosen.model &&
    row.version === chosen.version &&
    row.variant === chosen.variant &&
    row.window === chosen.window;
  const rows = newest.filter(isOurs);
  const metric = gridMetric(model);
  const features = rows.filter((row) => row.subject_kind === "feature" && row.metric === metric);
  const moved = features.filter((row) => row.breached).sort((a, b) => (b.value ?? 0) - (a.value ?? 0));
  const movedNames = new Set(moved.map((row) => row.subject));
  const last = rows[0] ?? null;
  return {
    model,
    series: chosen === null ? null : { model: chosen.model, version: chosen.version, variant: chosen.variant },
    allSeries: allSeries.filter((row) => row.model === model.name),
    window: chosen?.window ?? model.windows[0]?.name ?? "",
    referenceId: chosen?.reference_id ?? "",
    steady: features.filter((row) => row.status === "ok" && !row.breached).length,
    tooFew: features.filter((row) => row.status !== "ok").length,
    moved,
    otherBreaches: rows.filter(
      (row) =>
        row.breached && row.metric !== metric && !(row.subject_kind === "feature" && movedNames.has(row.subject)),
    ),
    kpis: new Map(
      kpiNamesOf(model).map((kpi) => [kpi, kpis.filter((row) => isOurs(row) && row.metric === kpi).reverse()]),
    ),
    newestStart: last?.window_start ?? null,
    newestEnd: last?.window_end ?? null,
    events,
    incidents: incidents.filter((incident) => modelsOf(incident).includes(model.name)),
  };
}

/** 3 a page, 2 an incident or a breach, 1 too little to tell, 0 steady. */
export function urgency(summary: ModelSummary): 0 | 1 | 2 | 3 {
  if (summary.incidents.some((incident) => incident.severity === "page")) return 3;
  if (
    summary.incidents.length > 0 ||
    summary.moved.length > 0 ||
    summary.otherBreaches.length > 0 ||
    lowKpis(summary).length > 0
  )
    return 2;
  return summary.series === null || summary.steady === 0 ? 1 : 0;
}

/** KPIs beyond their limit in the newest window that has a value. */
export function lowKpis(summary: ModelSummary): MetricRow[] {
  return [...summary.kpis.values()].flatMap((rows) => {
    const last = rows.findLast((row) => row.status === "ok");
    return last?.breached === true ? [last] : [];
  });
}

function worstFirst(a: ModelSummary, b: ModelSummary): number {
  const difference = urgency(b) - urgency(a) || b.moved.length - a.moved.length;
  if (difference !== 0) return difference;
  return a.model.name < b.model.name ? -1 : 1;
}
