/** `GET /v1/metrics`: rows of the metrics table, newest window first, as strict JSON. */
import { z } from "zod";
import { join, list, name, type Sql, sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { detailOf, metricColumns, metricRow, type StoredMetric } from "./rows.ts";

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
  epoch: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .describe(
      "Rows as they were computed in this epoch, those included that a later one has replaced; 1 is that before the first rebuild.",
    ),
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

const KEY = sql`model, version, variant, segment, window, window_start, subject_kind, subject, metric`;

/** Asks for one row more than the limit, so that the caller knows whether there are more. */
export function selectMetrics(lane: Lane, filter: MetricsFilter): Promise<StoredMetric[]> {
  const isHistory = filter.history === "true" || filter.epoch !== undefined;
  const table = isHistory ? sql`${name("metric_history")}` : sql`${name("metrics")} FINAL`;
  const newest = isHistory ? sql`, revision DESC` : sql``;
  // Of an epoch the last revision, unless all are asked for.
  const once = filter.history === "true" || filter.epoch === undefined ? sql`` : sql`LIMIT 1 BY ${KEY}`;
  return lane.query(
    sql`SELECT ${metricColumns} FROM ${table} WHERE ${where(filter)}
      ORDER BY window_start DESC, model, version, variant, segment, window, subject_kind, subject, metric${newest} ${once} LIMIT ${filter.limit + 1}`,
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
  if (filter.epoch !== undefined) conditions.push(sql`epoch = ${filter.epoch}`);
  if (filter.metric !== undefined) conditions.push(sql`metric IN ${list(filter.metric.split(","))}`);
  if (filter.from !== undefined) conditions.push(sql`window_start >= ${time(filter.from)}`);
  if (filter.to !== undefined) conditions.push(sql`window_start < ${time(filter.to)}`);
  if (filter.breached !== undefined) conditions.push(sql`breached = ${filter.breached === "true"}`);
  return join(conditions, " AND ");
}

/** A row as the API shows it: times as ISO 8601, `detail` as an object. */
export function metricJson(row: StoredMetric): Record<string, unknown> {
  return {
    ...row,
    window_start: new Date(row.window_start).toISOString(),
    window_end: new Date(row.window_end).toISOString(),
    detail: Object.fromEntries(detailOf(row.detail)),
    computed_at: new Date(row.computed_at).toISOString(),
  };
}
