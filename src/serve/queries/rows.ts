/** Rows of `metrics` as the page and the API read them: one list of columns, one schema. */
import { z } from "zod";
import { type MetricRow, metricStatuses } from "../../core/metric.ts";
import { subjectKinds } from "../../core/summary.ts";
import { type Sql, sql, written } from "../../store/sql.ts";

/** A series: what is never drawn as one line with another. */
export interface SeriesKey {
  readonly model: string;
  readonly version: string;
  readonly variant: string;
}

export const metricColumns: Sql =
  written(`model, version, variant, segment, window, toUnixTimestamp64Milli(window_start) AS start_ms,
  toUnixTimestamp64Milli(window_end) AS end_ms, subject_kind, subject, metric, value, lower, upper, threshold, breached, n, coverage, status,
  detail, reference_id, monitor_hash, epoch, revision, toUnixTimestamp64Milli(computed_at) AS computed_ms`);

/** With the number of the epoch that it was computed in. */
export interface StoredMetric extends MetricRow {
  readonly epoch: number;
}

const count = z.number().int().min(0);
const number = z.number().nullable();

export const metricRow = z
  .object({
    model: z.string(),
    version: z.string(),
    variant: z.string(),
    segment: z.string(),
    window: z.string(),
    start_ms: z.number(),
    end_ms: z.number(),
    subject_kind: z.enum(subjectKinds),
    subject: z.string(),
    metric: z.string(),
    value: number,
    lower: number,
    upper: number,
    threshold: number,
    breached: z.boolean(),
    n: count,
    coverage: number.transform((value) => value ?? 0),
    status: z.enum(metricStatuses),
    detail: z.string(),
    reference_id: z.string(),
    monitor_hash: z.string(),
    epoch: count,
    revision: count,
    computed_ms: z.number(),
  })
  .transform(
    ({ start_ms, end_ms, computed_ms, ...row }): StoredMetric => ({
      ...row,
      // A value stands only under "ok": whatever a row holds otherwise must never be drawn as a number.
      value: row.status === "ok" ? row.value : null,
      window_start: start_ms,
      window_end: end_ms,
      computed_at: computed_ms,
    }),
  );

/** WHERE of one series, the whole of it (no segments). */
export const ofSeries = (key: SeriesKey): Sql => sql`${ofAnySegment(key)} AND segment = ''`;

/** The series and its segments. */
export const ofAnySegment = ({ model, version, variant }: SeriesKey): Sql =>
  sql`model = ${model} AND version = ${version} AND variant = ${variant}`;

const detailSchema = z.record(z.string(), z.unknown());

/** The `detail` of a row as an object; empty where it is none. */
export function detailOf(detail: string): ReadonlyMap<string, unknown> {
  try {
    const parsed = detailSchema.safeParse(JSON.parse(detail === "" ? "{}" : detail));
    return new Map(parsed.success ? Object.entries(parsed.data) : []);
  } catch {
    return new Map();
  }
}

/** The number that `detail` has under a key, else null. */
export function detailNumber(detail: string, key: string): number | null {
  const value = detailOf(detail).get(key);
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** The 99 % point of the metric when nothing has changed, at the window's sample size. */
export const noiseOf = (row: MetricRow): number | null => detailNumber(row.detail, "upper99");

/** Why a row has no value, as the evaluation said it. */
export function reasonOf(row: MetricRow): string {
  const reason = detailOf(row.detail).get("reason");
  return typeof reason === "string" ? reason.replace(/\.$/, "") : "";
}
