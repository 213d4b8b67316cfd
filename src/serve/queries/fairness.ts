/** Fairness of one series by window: for each feature the measures, and the rates of its groups, as the page's table shows them. */
import { z } from "zod";
import { estimatedFairnessNames, fairnessNames } from "../../config/fairness.ts";
import type { MetricRow } from "../../core/metric.ts";
import { list, sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { WindowColumn } from "./grid.ts";
import { metricColumns, metricRow, ofSeries, type SeriesKey } from "./rows.ts";

/** A measure over the windows: the gap between groups, and below it each group's rate. */
export interface FairnessMeasure {
  readonly metric: string;
  /** One a column, null where the store has no row. */
  readonly cells: readonly (MetricRow | null)[];
  readonly groups: readonly {
    readonly group: string;
    readonly rates: readonly (readonly GroupRate[] | null)[];
  }[];
}

/** A group's rate with its 95 % interval; equalised odds has two, of true and of false positives. */
export interface GroupRate {
  readonly value: number;
  readonly lower: number | null;
  readonly upper: number | null;
}

export interface FeatureFairness {
  readonly feature: string;
  readonly measures: readonly FairnessMeasure[];
}

/** Each measure followed by its estimate. */
const MEASURES: readonly string[] = fairnessNames.flatMap((name) => [
  name,
  ...estimatedFairnessNames.filter((estimate) => estimate === `estimated_${name}`),
]);

export async function loadFairness(
  lane: Lane,
  series: SeriesKey,
  window: string,
  columns: readonly WindowColumn[],
): Promise<FeatureFairness[]> {
  const rows = await lane.query(
    sql`SELECT ${metricColumns} FROM metrics FINAL WHERE ${ofSeries(series)} AND window = ${window} AND subject_kind = 'kpi'
      AND metric IN ${list(MEASURES)} AND window_start >= ${time(columns[0]?.start ?? 0)} ORDER BY subject, metric, window_start`,
    metricRow,
    { timeoutSeconds: 30 },
  );
  return [...new Set(rows.map((row) => row.subject))].map((feature) => ({
    feature,
    measures: MEASURES.flatMap((metric) => {
      const own = rows.filter((row) => row.subject === feature && row.metric === metric);
      return own.length === 0 ? [] : [measureOf(metric, own, columns)];
    }),
  }));
}

const detailSchema = z.object({
  rates: z.record(z.string(), z.array(z.number())).default({}),
  intervals: z.record(z.string(), z.array(z.tuple([z.number(), z.number()]))).default({}),
});

function measureOf(metric: string, rows: readonly MetricRow[], columns: readonly WindowColumn[]): FairnessMeasure {
  const cells = columns.map((column) => rows.find((row) => row.window_start === column.start) ?? null);
  const details = cells.map((cell) => {
    const parsed = cell === null ? null : detailSchema.safeParse(JSON.parse(cell.detail === "" ? "{}" : cell.detail));
    return parsed?.success === true ? parsed.data : null;
  });
  const groups = [...new Set(details.flatMap((detail) => Object.keys(detail?.rates ?? {})))].sort();
  return {
    metric,
    cells,
    groups: groups.map((group) => ({
      group,
      rates: details.map((detail) => {
        const found = detail?.rates[group];
        if (detail === null || found === undefined) return null;
        return found.map((value, index) => {
          const [lower = null, upper = null] = detail.intervals[group]?.[index] ?? [];
          return { value, lower, upper };
        });
      }),
    })),
  };
}
