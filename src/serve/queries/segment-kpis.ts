/** KPIs of one series by segment and window, as the page's tables and a report show them. */
import type { ModelConfig } from "../../config/schema.ts";
import type { MetricRow } from "../../core/metric.ts";
import { list, sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { kpiNamesOf, type WindowColumn } from "./grid.ts";
import { metricColumns, metricRow, ofAnySegment, type SeriesKey } from "./rows.ts";

export interface SegmentKpi {
  readonly metric: string;
  /** The whole first, as segment ''; then by name, all others together and events without a value after the values. */
  readonly segments: readonly {
    readonly segment: string;
    /** One a column, null where the store has no row. */
    readonly cells: readonly (MetricRow | null)[];
  }[];
}

/** The newest windows: with their intervals more would not fit. */
const MOST_WINDOWS = 6;

export interface SegmentKpis {
  readonly columns: readonly WindowColumn[];
  /** Those that have a row by segment in these windows. */
  readonly kpis: readonly SegmentKpi[];
}

/** null where the model names no segments, or nothing is known of any. @param columns the windows of the grid, ascending */
export async function loadSegmentKpis(
  lane: Lane,
  model: ModelConfig,
  series: SeriesKey,
  window: string,
  all: readonly WindowColumn[],
): Promise<SegmentKpis | null> {
  const columns = all.slice(-MOST_WINDOWS);
  const [first] = columns;
  const last = columns.at(-1);
  const names = kpiNamesOf(model);
  if ((model.segments ?? []).length === 0 || names.length === 0 || first === undefined || last === undefined)
    return null;
  const rows = await lane.query(
    sql`SELECT ${metricColumns} FROM metrics FINAL WHERE ${ofAnySegment(series)} AND window = ${window} AND subject_kind = 'kpi' AND subject = 'kpi'
      AND metric IN ${list(names)} AND window_start >= ${time(first.start)} AND window_start <= ${time(last.start)} ORDER BY segment, metric, window_start`,
    metricRow,
    { timeoutSeconds: 30 },
  );
  const found = names.flatMap((metric): SegmentKpi[] => {
    const own = rows.filter((row) => row.metric === metric);
    const segments = [...new Set(own.map((row) => row.segment))].sort(byPlace);
    if (segments.every((segment) => segment === "")) return [];
    return [
      {
        metric,
        segments: segments.map((segment) => ({
          segment,
          cells: columns.map(
            ({ start }) => own.find((row) => row.segment === segment && row.window_start === start) ?? null,
          ),
        })),
      },
    ];
  });
  return found.length === 0 ? null : { columns, kpis: found };
}

function byPlace(one: string, other: string): number {
  const key = (segment: string): string => {
    const [dimension, value] = splitSegment(segment);
    const place = segment === "" ? 0 : value === "(other)" ? 2 : value === "" ? 3 : 1;
    return place === 0 ? "" : `${dimension}\u0000${place}${value}`;
  };
  const [a, b] = [key(one), key(other)];
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The dimension and the value of `country=DE`. */
export function splitSegment(segment: string): readonly [dimension: string, value: string] {
  const at = segment.indexOf("=");
  return at < 0 ? [segment, ""] : [segment.slice(0, at), segment.slice(at + 1)];
}
