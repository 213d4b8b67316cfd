/** What the feature view says: the subject's windows, their distribution over the reference, and every detector on it. */
import type { WindowSpec } from "../../config/duration.ts";
import type { ModelConfig } from "../../config/schema.ts";
import type { MetricRow } from "../../core/metric.ts";
import type { ReferenceSubject, SubjectKind } from "../../core/summary.ts";
import { sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { gridMetric, selectColumns, type WindowColumn } from "./grid.ts";
import { loadSubjectTiers, type SubjectTiers } from "./notices.ts";
import { metricColumns, metricRow, ofSeries, type SeriesKey } from "./rows.ts";
import { selectReferenceSubject, selectWindowCounts, type WindowCounts } from "./window-counts.ts";

/** One detector on the subject: a row a column, null where the store has none. */
export interface DetectorLane {
  readonly metric: string;
  readonly cells: readonly (MetricRow | null)[];
}

export interface FeatureView {
  readonly model: ModelConfig;
  readonly series: SeriesKey;
  readonly window: WindowSpec;
  readonly subjectKind: SubjectKind;
  readonly subject: string;
  readonly columns: readonly WindowColumn[];
  /** Index of the chosen window in `columns`. */
  readonly chosen: number;
  readonly reference: ReferenceSubject | null;
  readonly counts: ReadonlyMap<number, WindowCounts>;
  /** The grid's metric first, then by name. */
  readonly lanes: readonly DetectorLane[];
  /** How it stands in the page and the notice tier; null where they are off. */
  readonly tiers: SubjectTiers | null;
}

export interface FeatureChoice {
  readonly series: SeriesKey;
  readonly window: WindowSpec;
  readonly referenceId: string;
  readonly subjectKind: SubjectKind;
  readonly subject: string;
  /** Start of the wanted window; null: the newest. */
  readonly at: number | null;
}

const WINDOWS = 12;

/** null where nothing is known of such a subject in this series and window. */
export async function loadFeature(lane: Lane, model: ModelConfig, choice: FeatureChoice): Promise<FeatureView | null> {
  const { series, window, subjectKind, subject } = choice;
  const columns = await selectColumns(lane, series, { window, timezone: model.timezone }, WINDOWS);
  const rows = await lane.query(
    sql`SELECT ${metricColumns} FROM metrics FINAL WHERE ${ofSeries(series)} AND window = ${window.name}
      AND window_start >= ${time(columns[0]?.start ?? 0)} AND subject_kind = ${subjectKind} AND subject = ${subject} ORDER BY window_start, metric`,
    metricRow,
    { timeoutSeconds: 30 },
  );
  const referenceId = rows.at(-1)?.reference_id ?? choice.referenceId;
  const reference = await selectReferenceSubject(lane, { model: model.name, referenceId, subjectKind, subject });
  if (rows.length === 0 && reference === null) return null;
  const counts = await selectWindowCounts(lane, {
    series,
    subjectKind,
    subject,
    referenceId,
    window,
    paneMs: model.pane,
    windows: columns,
  });
  return {
    model,
    series,
    window,
    subjectKind,
    subject,
    columns,
    chosen: chosenColumn(columns, choice.at),
    reference,
    counts,
    lanes: lanesOf(rows, columns, gridMetric(model)),
    tiers: await loadSubjectTiers(lane, model, series, subjectKind, subject),
  };
}

/** The column that holds the wanted time, else the newest that has rows. */
function chosenColumn(columns: readonly WindowColumn[], at: number | null): number {
  const wanted =
    at === null ? -1 : columns.findIndex((column) => column.start === at || (column.start <= at && at < column.end));
  if (wanted !== -1) return wanted;
  return columns.findLastIndex((column) => column.present);
}

function lanesOf(rows: readonly MetricRow[], columns: readonly WindowColumn[], first: string): DetectorLane[] {
  const metrics = [...new Set(rows.map((row) => row.metric))].sort((a, b) => {
    if (a === first || b === first) return a === first ? -1 : 1;
    return a < b ? -1 : 1;
  });
  return metrics.map((metric) => {
    const byStart = new Map(rows.filter((row) => row.metric === metric).map((row) => [row.window_start, row]));
    return { metric, cells: columns.map((column) => byStart.get(column.start) ?? null) };
  });
}
