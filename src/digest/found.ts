/** What the store holds for a digest: one query a kind of thing, over all models. A time is that of the clock, so that nothing falls between two digests. */
import { z } from "zod";
import { evidenceMetrics, noticeMetrics } from "../core/evidence.ts";
import { incidentStates, severities } from "../core/incident.ts";
import { subjectKinds } from "../core/summary.ts";
import { join, list, type Sql, sql, time } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";

/** After `from`, up to `to`; ms. */
export interface Period {
  readonly from: number;
  readonly to: number;
}

const SECONDS_MAX = 120;
const ROWS_MAX = 20_000;

const within = (column: Sql, { from, to }: Period): Sql => sql`${column} > ${time(from)} AND ${column} <= ${time(to)}`;
const computed = (period: Period): Sql => within(sql`computed_at`, period);
const query = <Row>(lane: Lane, statement: Sql, row: z.ZodType<Row>): Promise<Row[]> =>
  lane.query(statement, row, { timeoutSeconds: SECONDS_MAX });

/** The same of rows of `metrics`. What a rebuild has written is of the time at which its window ended: the past is no news. */
const computedMetrics = ({ from, to }: Period): Sql =>
  sql`computed_at > ${time(from)} AND if(rebuilt, window_end, computed_at) > ${time(from)} AND if(rebuilt, window_end, computed_at) <= ${time(to)}`;

/** Rows computed in the period; the parts of the table that hold none are not read. */
const recentMetrics = (models: readonly string[], period: Period): Sql =>
  sql`model IN ${list(models)} AND window_start >= (SELECT min(window_start) FROM metrics WHERE ${computedMetrics(period)}) AND ${computedMetrics(period)}`;

const of = { model: z.string(), version: z.string(), variant: z.string(), segment: z.string() };

const breachRow = z.object({
  ...of,
  window: z.string(),
  subject_kind: z.enum(subjectKinds),
  subject: z.string(),
  metric: z.string(),
  breaches: z.number(),
  windows: z.number(),
  value: z.number().nullable(),
  threshold: z.number().nullable(),
  /** How many times its threshold the worst value is. */
  excess: z.number().nullable(),
  start_ms: z.number(),
});
export type BreachRow = z.output<typeof breachRow>;

/** Of every series of a detector with a breach: how often, and its worst window; the worst first, the whole before its segments. */
export function readBreaches(lane: Lane, models: readonly string[], period: Period): Promise<BreachRow[]> {
  return query(
    lane,
    sql`SELECT model, version, variant, segment, window, subject_kind, subject, metric, countIf(breached) AS breaches, count() AS windows,
        argMaxIf(number, times, breached) AS value, argMaxIf(least, times, breached) AS threshold, maxIf(times, breached) AS excess,
        toUnixTimestamp64Milli(argMaxIf(window_start, times, breached)) AS start_ms
      FROM (SELECT model, version, variant, segment, window, window_start, subject_kind, subject, metric, value AS number, threshold AS least, breached,
          if(isNull(value) OR isNull(threshold) OR threshold <= 0, 1, assumeNotNull(value) / assumeNotNull(threshold)) AS times
        FROM metrics FINAL WHERE ${recentMetrics(models, period)} AND subject_kind != 'kpi')
      GROUP BY model, version, variant, segment, window, subject_kind, subject, metric HAVING breaches > 0
      ORDER BY segment != '', excess DESC, breaches DESC, model, subject, metric, version, variant, window LIMIT ${ROWS_MAX}`,
    breachRow,
  );
}

const noticeRow = z.object({
  ...of,
  subject_kind: z.enum(subjectKinds),
  subject: z.string(),
  finding: z.string(),
  onset_ms: z.number().nullable(),
});
export type NoticeRow = z.output<typeof noticeRow>;

/** What the notice tier held for changed in the period and the page tier did not: that is an incident. */
export function readNotices(lane: Lane, models: readonly string[], period: Period): Promise<NoticeRow[]> {
  const subject = sql`model, version, variant, segment, subject_kind, subject`;
  return query(
    lane,
    sql`SELECT ${subject}, argMaxIf(found, window_start, alarmed) AS finding, argMaxIf(toUnixTimestamp64Milli(onset), window_start, alarmed) AS onset_ms
      FROM (SELECT ${subject}, finding AS found, onset, alarmed, window_start, value, threshold FROM evidence FINAL
        WHERE model IN ${list(models)} AND metric = ${noticeMetrics.drift} AND ${computed(period)})
      WHERE (${subject}) NOT IN (SELECT ${subject} FROM evidence FINAL
        WHERE model IN ${list(models)} AND metric = ${evidenceMetrics.drift} AND breached AND ${computed(period)})
      GROUP BY ${subject} HAVING countIf(alarmed) > 0
      ORDER BY segment != '', maxIf(value / threshold, alarmed) DESC, model, subject LIMIT ${ROWS_MAX}`,
    noticeRow,
  );
}

const kpiRow = z.object({
  model: z.string(),
  version: z.string(),
  variant: z.string(),
  window: z.string(),
  metric: z.string(),
  end_ms: z.number(),
  value: z.number().nullable(),
  lower: z.number().nullable(),
  upper: z.number().nullable(),
  threshold: z.number().nullable(),
  breached: z.boolean(),
  before: z.number().nullable(),
});
export type KpiRow = z.output<typeof kpiRow>;

/** KPIs of which new values came in the period: the newest window, and the newest of those that lie a whole period earlier. */
export async function readKpis(
  lane: Lane,
  wanted: readonly { readonly model: string; readonly window: string; readonly metrics: readonly string[] }[],
  period: Period,
): Promise<KpiRow[]> {
  const choices = wanted.filter(({ metrics }) => metrics.length > 0);
  if (choices.length === 0) return [];
  const chosen = join(
    choices.map(
      ({ model, window, metrics }) => sql`(model = ${model} AND window = ${window} AND metric IN ${list(metrics)})`,
    ),
    " OR ",
  );
  const series = sql`model, version, variant, window, metric`;
  const rows = sql`subject_kind = 'kpi' AND subject = 'kpi' AND segment = '' AND status = 'ok' AND (${chosen})`;
  const before = sql`ends <= last_end - INTERVAL ${Math.round((period.to - period.from) / 1000)} SECOND`;
  return await query(
    lane,
    sql`SELECT ${series}, toUnixTimestamp64Milli(last_end) AS end_ms, numbers.1 AS value, numbers.2 AS lower, numbers.3 AS upper, numbers.4 AS threshold,
        is_beyond AS breached, earlier AS before
      FROM (SELECT ${series}, last_end, argMax((number, low, high, least), ends) AS numbers, argMax(is_low, ends) AS is_beyond,
          argMaxIf(number, ends, ${before}) AS earlier
        FROM (SELECT ${series}, window_end AS ends, value AS number, lower AS low, upper AS high, threshold AS least, breached AS is_low FROM metrics FINAL WHERE ${rows}) AS known
        INNER JOIN (SELECT ${series}, max(window_end) AS last_end FROM metrics FINAL WHERE ${rows} AND ${computedMetrics(period)} GROUP BY ${series}) AS newest
          USING (${series})
        WHERE ends <= last_end GROUP BY ${series}, last_end)
      ORDER BY model, metric, end_ms DESC, version, variant LIMIT ${ROWS_MAX}`,
    kpiRow,
  );
}

const incidentRow = z.object({
  id: z.string(),
  model: z.string(),
  models: z.array(z.string()),
  state: z.enum(incidentStates),
  severity: z.enum(severities),
  title: z.string(),
  opened: z.number(),
  resolved: z.number(),
});
export type IncidentRow = z.output<typeof incidentRow>;

/** Incidents that were open at the end of the period, or ended in it: as they were then, the most urgent first. */
export function readIncidents(lane: Lane, models: readonly string[], period: Period): Promise<IncidentRow[]> {
  return query(
    lane,
    sql`SELECT toString(incident_id) AS id, argMax(of_model, sequence) AS model, argMax(of_models, sequence) AS models, argMax(state_then, sequence) AS state,
        argMax(severity_then, sequence) AS severity, JSONExtractString(argMax(body, sequence), 'incident', 'title') AS title,
        countIf(transition = 'opened' AND at > ${time(period.from)}) AS opened, countIf(state_then = 'resolved' AND at > ${time(period.from)}) AS resolved
      FROM (SELECT incident_id, sequence, model AS of_model, models AS of_models, state AS state_then, severity AS severity_then, body, transition, at
        FROM incidents FINAL WHERE at <= ${time(period.to)})
      WHERE of_model IN ${list(models)} OR hasAny(of_models, ${[...models]})
      GROUP BY incident_id HAVING countIf(transition = 'opened') > 0 AND (state != 'resolved' OR resolved > 0)
      ORDER BY state = 'resolved', indexOf(['page', 'ticket', 'info'], severity), max(at) DESC, id LIMIT ${ROWS_MAX}`,
    incidentRow,
  );
}

const statusRow = z
  .object({ ...of, ok: z.number(), insufficient: z.number(), errors: z.number() })
  .omit({ segment: true });
export type StatusRow = z.output<typeof statusRow>;

/** How many of each series' results there were, and were none. */
export function readStatuses(lane: Lane, models: readonly string[], period: Period): Promise<StatusRow[]> {
  return query(
    lane,
    sql`SELECT model, version, variant, countIf(status = 'ok') AS ok, countIf(status = 'insufficient') AS insufficient, countIf(status = 'error') AS errors
      FROM metrics FINAL WHERE ${recentMetrics(models, period)} AND segment = '' AND subject_kind != 'kpi'
      GROUP BY model, version, variant ORDER BY model, version, variant`,
    statusRow,
  );
}

const volumeRow = z.object({ model: z.string(), now: z.number(), before: z.number() });
export type VolumeRow = z.output<typeof volumeRow>;

/** Predictions by their event time, in the period and in the one before, from the commit records. */
export function readVolumes(lane: Lane, models: readonly string[], { from, to }: Period): Promise<VolumeRow[]> {
  return query(
    lane,
    sql`SELECT t.model AS model, sumIf(t.n, t.pane > ${time(from)}) AS now, sumIf(t.n, t.pane <= ${time(from)}) AS before
      FROM (SELECT touched FROM batches FINAL WHERE max_timestamp > ${time(2 * from - to)}) ARRAY JOIN touched AS t
      WHERE t.kind = 'prediction' AND t.pane > ${time(2 * from - to)} AND t.pane <= ${time(to)} AND t.model IN ${list(models)} GROUP BY model`,
    volumeRow,
  );
}

const deadLetterRow = z.object({ reason: z.string(), count: z.number() });

export function readDeadLetters(lane: Lane, period: Period): Promise<z.output<typeof deadLetterRow>[]> {
  return query(
    lane,
    sql`SELECT toString(reason) AS reason, count() AS count FROM dead_letters FINAL WHERE ${within(sql`received_at`, period)}
      GROUP BY reason ORDER BY count DESC, reason LIMIT 100`,
    deadLetterRow,
  );
}
