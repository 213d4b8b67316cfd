/** Online detectors of one series on what belongs to the whole model: its errors, its KPIs, its volume. Those of features stand with the features. */
import { onlineDetectorsOf } from "../../config/detectors.ts";
import type { ModelConfig } from "../../config/schema.ts";
import type { MetricRow } from "../../core/metric.ts";
import { list, sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { WindowColumn } from "./grid.ts";
import { metricColumns, metricRow, ofSeries, type SeriesKey } from "./rows.ts";

/** One detector on one stream. */
export interface OnlineLane {
  readonly metric: string;
  readonly subject: string;
  /** One a column, null where the store has no row. */
  readonly cells: readonly (MetricRow | null)[];
}

export async function loadOnline(
  lane: Lane,
  model: ModelConfig,
  series: SeriesKey,
  window: string,
  columns: readonly WindowColumn[],
): Promise<OnlineLane[]> {
  const names = [...new Set(onlineDetectorsOf(model).map(({ use }) => use))];
  if (names.length === 0) return [];
  const rows = await lane.query(
    sql`SELECT ${metricColumns} FROM metrics FINAL WHERE ${ofSeries(series)} AND window = ${window} AND metric IN ${list(names)}
      AND subject_kind IN ('kpi', 'model') AND window_start >= ${time(columns[0]?.start ?? 0)} ORDER BY subject, metric, window_start`,
    metricRow,
    { timeoutSeconds: 30 },
  );
  const lanes = new Map<string, MetricRow[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.subject, row.metric]);
    const some = lanes.get(key);
    if (some === undefined) lanes.set(key, [row]);
    else some.push(row);
  }
  return [...lanes.values()].flatMap((own) => {
    const [first] = own;
    if (first === undefined) return [];
    const byStart = new Map(own.map((row) => [row.window_start, row]));
    return [
      {
        metric: first.metric,
        subject: first.subject,
        cells: columns.map((column) => byStart.get(column.start) ?? null),
      },
    ];
  });
}
