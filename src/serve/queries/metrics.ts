/** `GET /v1/metrics`: rows of the metrics table, newest window first, as strict JSON. */
import { z } from "zod";
import type { MetricRow } from "../../core/metric.ts";
import { join, list, name, type Sql, sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { detailOf, metricColumns, metricRow } from "./rows.ts";

const instant = z.string().transform((text, context) => {
  const ms = /^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isFinite(ms)) return ms;
  context.addIssue({
    code: "custom",
    message: `"${text.slice(0, 60)}" is no time; write 2026-03-02T10:00:00Z or milliseconds since 1970`,
  });
  return z.NEVER;
});

export const metricsFilter = z.object({
  model: z.string().optional().describe("Name of a model."),
  version: z.string().optional().describe("Version of the model; left out: all."),
  variant: z.string().optional().describe("Variant of the model; left out: all."),
  segment: z.string().optional().describe("Segment, `` for the whole; left out: all."),
  metric: z.string().optional().describe("Name of a detector or KPI; several separated by commas."),
  subject: z.string().optional().describe("Name of the feature, else the kind of subject."),
  subject_kind: z.string().optional().describe("feature, prediction, score, label, kpi or model."),
  window: z.string().optional().describe("The window as configured, for example `1h` or `20000 events`."),
  from: instant.optional().describe("Windows that start at or after this time: ISO 8601 or milliseconds since 1970."),
  to: instant.optional().describe("Windows that start before this time."),
  breached: z.enum(["true", "false"]).optional().describe("Only rows that have breached, or have not."),
  history: z.enum(["true", "false"]).default("false").describe("`true`: every revision, not the newest alone."),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(1000)
    .describe("Rows at most; the newest windows come first."),
});
export type MetricsFilter = z.output<typeof metricsFilter>;

/** Asks for one row more than the limit, so that the caller knows whether there are more. */
export function selectMetrics(lane: Lane, filter: MetricsFilter): Promise<MetricRow[]> {
  const table = filter.history === "true" ? sql`${name("metric_history")}` : sql`${name("metrics")} FINAL`;
  const newest = filter.history === "true" ? sql`, revision DESC` : sql``;
  return lane.query(
    sql`SELECT ${metricColumns} FROM ${table} WHERE ${where(filter)}
      ORDER BY window_start DESC, model, version, variant, segment, window, subject_kind, subject, metric${newest} LIMIT ${filter.limit + 1}`,
    metricRow,
    { timeoutSeconds: 30 },
  );
}

function where(filter: MetricsFilter): Sql {
  const conditions: Sql[] = [sql`1`];
  for (const column of ["model", "version", "variant", "segment", "subject", "subject_kind", "window"] as const) {
    const value = filter[column];
    if (value !== undefined) conditions.push(sql`${name(column)} = ${value}`);
  }
  if (filter.metric !== undefined) conditions.push(sql`metric IN ${list(filter.metric.split(","))}`);
  if (filter.from !== undefined) conditions.push(sql`window_start >= ${time(filter.from)}`);
  if (filter.to !== undefined) conditions.push(sql`window_start < ${time(filter.to)}`);
  if (filter.breached !== undefined) conditions.push(sql`breached = ${filter.breached === "true"}`);
  return join(conditions, " AND ");
}

/** A row as the API shows it: times as ISO 8601, `detail` as an object. */
export function metricJson(row: MetricRow): Record<string, unknown> {
  return {
    ...row,
    window_start: new Date(row.window_start).toISOString(),
    window_end: new Date(row.window_end).toISOString(),
    detail: Object.fromEntries(detailOf(row.detail)),
    computed_at: new Date(row.computed_at).toISOString(),
  };
}
