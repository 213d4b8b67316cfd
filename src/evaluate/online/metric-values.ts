/** The values of watched metrics in computed windows: one observation a subject and window. */
import { z } from "zod";
import { metricStatuses } from "../../core/metric.ts";
import { subjectKinds } from "../../core/summary.ts";
import { list, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { SeriesWindow } from "../drift-rows.ts";
import { windowStartIn } from "../metric-writer.ts";
import type { PreparedModel } from "../prepare-model.ts";

const observed = z.object({
  start: z.number(),
  metric: z.string(),
  subject_kind: z.enum(subjectKinds),
  subject: z.string(),
  value: z.number().nullable(),
  n: z.number(),
  coverage: z.number(),
  status: z.enum(metricStatuses),
});
export type Observation = z.output<typeof observed>;

/** By start of the window; all of one series. Those of another reference are none of this stream. */
export async function readObservations(
  lane: Lane,
  { config, referenceId }: PreparedModel,
  metrics: readonly string[],
  windows: readonly SeriesWindow[],
): Promise<Map<number, Observation[]>> {
  const [first] = windows;
  const found = new Map<number, Observation[]>();
  if (first === undefined || metrics.length === 0) return found;
  const rows = await lane.query(
    sql`SELECT toUnixTimestamp64Milli(window_start) AS start, metric, subject_kind, subject, value, n, coverage, status
      FROM (SELECT * FROM metrics FINAL WHERE model = ${config.name} AND window = ${first.window} AND version = ${first.version} AND variant = ${first.variant}
        AND segment = '' AND metric IN ${list(metrics)} AND reference_id = ${referenceId} AND ${windowStartIn(windows.map(({ start }) => start))})
      ORDER BY start, metric, subject_kind, subject`,
    observed,
  );
  for (const row of rows) {
    const some = found.get(row.start);
    if (some === undefined) found.set(row.start, [row]);
    else some.push(row);
  }
  return found;
}
