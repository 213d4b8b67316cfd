/** The models, their series (version and variant) and how far each is known. */
import { z } from "zod";
import { sql, written } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";

const seriesRow = z.object({
  model: z.string(),
  version: z.string(),
  variant: z.string(),
  window: z.string(),
  windows: z.number(),
  first_ms: z.number(),
  last_ms: z.number(),
  reference_id: z.string(),
});
/** One window of one series: how many windows have results, and from when to when. */
export type SeriesView = z.output<typeof seriesRow>;

/** Every (series, window) with results, those with the newest results first. */
export function selectSeries(lane: Lane): Promise<SeriesView[]> {
  return lane.query(
    sql`SELECT model, version, variant, window, uniqExact(window_start) AS windows, toUnixTimestamp64Milli(min(window_start)) AS first_ms,
        toUnixTimestamp64Milli(max(window_end)) AS last_ms, argMax(reference_id, window_start) AS reference_id
      FROM metrics WHERE segment = '' GROUP BY model, version, variant, window ORDER BY model, last_ms DESC, version DESC, variant`,
    seriesRow,
  );
}

const eventsRow = z.object({
  model: z.string(),
  predictions: z.number(),
  labels: z.number(),
  newest_ms: z.number().nullable(),
});
export type EventsView = z.output<typeof eventsRow>;

/** Stored predictions and labels of each model, from the commit records (which are kept for 14 days). */
export function selectEvents(lane: Lane): Promise<EventsView[]> {
  return lane.query(
    sql`SELECT t.model AS model, sumIf(t.n, t.kind = 'prediction') AS predictions, sumIf(t.n, t.kind = 'label') AS labels,
        toUnixTimestamp64Milli(maxOrNull(max_timestamp)) AS newest_ms
      FROM (SELECT * FROM batches FINAL) ARRAY JOIN touched AS t GROUP BY model`,
    eventsRow,
  );
}

const referenceRow = z.object({
  subject_kind: z.string(),
  subject: z.string(),
  kind: z.enum(["numeric", "categorical"]),
  categories: z.number(),
});
export type SubjectShape = z.output<typeof referenceRow>;

/** Kind and number of categories of each subject of a reference. */
export function selectSubjectShapes(lane: Lane, model: string, referenceId: string): Promise<SubjectShape[]> {
  return lane.query(
    sql`SELECT subject_kind, subject, kind, length(${written("`references`")}.categories) AS categories FROM ${written("`references`")} FINAL
      WHERE model = ${model} AND reference_id = ${referenceId}`,
    referenceRow,
  );
}
