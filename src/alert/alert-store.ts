/** What alerting reads and writes: metric rows in the order of their windows, incidents, and how far it has come. */
import { z } from "zod";
import { isEvidence } from "../core/evidence.ts";
import { type Incident, modelsOf } from "../core/incident.ts";
import { incidentSchema } from "../core/incident-schema.ts";
import { metricStatuses } from "../core/metric.ts";
import { subjectKinds } from "../core/summary.ts";
import { readEpoch } from "../store/rebuilds.ts";
import { list, type Sql, sql, time, written } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import type { RecordedChange } from "./incident-changes.ts";
import { type IncidentRecord, parseIncidentRecord } from "./incident-record.ts";
import type { JudgedRow } from "./rules.ts";

/** Rows read at a time. */
const PAGE_ROWS = 20_000;
/** Incidents that are over and touch the judged time, newest first. */
const ENDED_MAX = 1_000;
/** Rows stamped this long before the newest judged one are looked at again: a clock may have stepped back. */
const OVERLAP_MS = 10_000;

/** How far the rows of a model have been judged, by the time they were computed; null at the very first time. */
export async function readJudged(lane: Lane, model: string): Promise<number | null> {
  const rows = await lane.query(
    sql`SELECT toUnixTimestamp64Milli(max(computed_through)) AS through, count() AS n FROM judged WHERE model = ${model}`,
    z.object({ through: z.number(), n: z.number() }),
  );
  const row = rows[0];
  return row === undefined || row.n === 0 ? null : row.through;
}

export async function writeJudged(lane: Lane, model: string, through: number): Promise<void> {
  await lane.insertRows("judged", [{ model, computed_through: through }]);
}

const changedSchema = z.object({ window: z.string(), metric: z.string(), since: z.number(), through: z.number() });
/** A metric of a window that has new rows: the start of its earliest changed window. */
export type ChangedMetric = z.output<typeof changedSchema>;

/** Rows of the whole; of the metrics `bySegment` those of segments too. */
const ofSegments = (bySegment: ReadonlySet<string>): Sql => sql`(segment = '' OR metric IN ${list([...bySegment])})`;

/** What a rebuild has written is no news, nor what lies before it: of the past nobody is told again. */
export async function readChanged(
  lane: Lane,
  model: string,
  metrics: readonly string[],
  bySegment: ReadonlySet<string>,
  after: number | null,
): Promise<ChangedMetric[]> {
  const fresh = after === null ? written("true") : sql`computed_at >= ${time(after - OVERLAP_MS)}`;
  const changed = await lane.query(
    sql`SELECT window, metric, toUnixTimestamp64Milli(min(window_start)) AS since, toUnixTimestamp64Milli(max(computed_at)) AS through
      FROM (SELECT window, metric, window_start, computed_at FROM metrics WHERE model = ${model} AND metric IN ${list(metrics)} AND ${ofSegments(bySegment)} AND NOT rebuilt AND ${fresh}
        UNION ALL SELECT window, metric, window_start, computed_at FROM evidence WHERE model = ${model} AND metric IN ${list(metrics)} AND ${fresh})
      GROUP BY window, metric ORDER BY window, metric`,
    changedSchema,
  );
  return changed.length === 0 || (await readEpoch(lane, model)) === 1
    ? changed
    : await pastRebuilt(lane, model, bySegment, changed);
}

/**
 * Begins each after the last window whose values are all as a rebuild has written them. Where events or labels have changed one since, of any
 * version, they are not, so the newest windows, whose labels come one after the other, are judged as they come.
 */
async function pastRebuilt(
  lane: Lane,
  model: string,
  bySegment: ReadonlySet<string>,
  changed: readonly ChangedMetric[],
): Promise<ChangedMetric[]> {
  const metrics = [...new Set(changed.map(({ metric }) => metric))];
  const floors = await lane.query(
    sql`SELECT window, metric, toUnixTimestamp64Milli(max(start)) AS floor
      FROM (SELECT window, metric, window_start AS start FROM metrics FINAL
        WHERE model = ${model} AND metric IN ${list(metrics)} AND ${ofSegments(bySegment)}
          AND window_start >= ${time(Math.min(...changed.map(({ since }) => since)))}
        GROUP BY window, metric, start HAVING min(rebuilt) AND countIf(status = 'ok') > 0)
      GROUP BY window, metric`,
    z.object({ window: z.string(), metric: z.string(), floor: z.number() }),
  );
  return changed.map((one) => {
    const found = floors.find(({ window, metric }) => window === one.window && metric === one.metric);
    return found === undefined ? one : { ...one, since: Math.max(one.since, found.floor + 1) };
  });
}

const segments = (of: SeriesRows) => (of.bySegment.has(of.metric) ? written("true") : written("segment = ''"));

/** The rows of a metric in windows of one length. */
export interface SeriesRows {
  readonly model: string;
  readonly window: string;
  readonly metric: string;
  /** Metrics of which segments are read too. */
  readonly bySegment: ReadonlySet<string>;
}
/** The page tier's evidence lies in a table of its own, with the same columns and two more. */
const tableOf = (metric: string) => (isEvidence(metric) ? written("evidence") : written("metrics"));
const more = (metric: string) =>
  isEvidence(metric)
    ? written(
        ", toUnixTimestamp64Milli(onset) AS onset_ms, toUnixTimestamp64Milli(onset_from) AS from_ms, toUnixTimestamp64Milli(onset_to) AS to_ms, finding",
      )
    : written(
        ", startsWith(metric, 'estimated_') AND JSONExtractString(detail, 'reliability', 'verdict') = 'unreliable' AS unreliable, if(subject_kind = 'model', JSONExtractString(detail, 'finding'), '') AS finding",
      );

const COLUMNS =
  written(`segment, version, variant, subject_kind, subject, metric, toUnixTimestamp64Milli(window_start) AS start_ms,
  toUnixTimestamp64Milli(window_end) AS end_ms, value, threshold, breached, n, coverage, status`);

const rowSchema = z
  .object({
    segment: z.string(),
    version: z.string(),
    variant: z.string(),
    subject_kind: z.enum(subjectKinds),
    subject: z.string(),
    metric: z.string(),
    start_ms: z.number(),
    end_ms: z.number(),
    value: z.number().nullable(),
    threshold: z.number().nullable(),
    breached: z.boolean(),
    n: z.number(),
    coverage: z.number().nullable(),
    status: z.enum(metricStatuses),
    onset_ms: z.number().nullable().default(null),
    from_ms: z.number().nullable().default(null),
    to_ms: z.number().nullable().default(null),
    finding: z.string().default(""),
    unreliable: z.number().default(0),
  })
  .transform(
    ({ start_ms, end_ms, coverage, onset_ms, from_ms, to_ms, finding, unreliable, ...row }): JudgedRow => ({
      ...row,
      ...(onset_ms === null ? {} : { onset: onset_ms }),
      ...(from_ms === null || to_ms === null ? {} : { onset_from: from_ms, onset_to: to_ms }),
      ...(finding === "" ? {} : { finding }),
      ...(unreliable === 1 ? { unreliable: true } : {}),
      coverage: coverage ?? 0,
      window_start: start_ms,
      window_end: end_ms,
    }),
  );

/** The rows of a metric from a window's start on, in the order of their windows, page by page. */
export async function* readRows(lane: Lane, of: SeriesRows, since: number): AsyncGenerator<readonly JudgedRow[]> {
  const { model, window, metric } = of;
  let from = sql`window_start >= ${time(since)}`;
  while (true) {
    const rows = await lane.query(
      sql`SELECT ${COLUMNS}${more(metric)} FROM ${tableOf(metric)} FINAL
        WHERE model = ${model} AND metric = ${metric} AND window = ${window} AND ${segments(of)} AND ${from}
        ORDER BY window_start LIMIT ${PAGE_ROWS} WITH TIES`,
      rowSchema,
    );
    if (rows.length > 0) yield rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE_ROWS) return;
    from = sql`window_start > ${time(last.window_start)}`;
  }
}

/**
 * The windows before `since` that bear on what comes: of each series the last `count` that have a value and the last `count` that have
 * none, in the order of their windows.
 */
export async function readEarlier(
  lane: Lane,
  at: SeriesRows & { readonly since: number; readonly floor: number },
  count: number,
): Promise<JudgedRow[]> {
  const rows = await lane.query(
    sql`SELECT ${COLUMNS}${more(at.metric)} FROM ${tableOf(at.metric)} FINAL
      WHERE model = ${at.model} AND metric = ${at.metric} AND window = ${at.window} AND ${segments(at)}
        AND window_start < ${time(at.since)} AND window_start >= ${time(at.floor)}
      ORDER BY window_start DESC LIMIT ${count} BY subject_kind, subject, version, variant, segment, status`,
    rowSchema,
  );
  return rows.reverse();
}

const bodySchema = z.object({ body: z.string() });
const parseRecord = ({ body }: { body: string }): IncidentRecord => parseIncidentRecord(body);

const takesPart = (model: string) => sql`(model = ${model} OR has(models, ${model}))`;
const EVER_OPENED = written("countIf(transition = 'opened') > 0");

/** Bodies are long and most incidents are over, so only those of the open ones are read. */
const openIds = (lane: Lane, which: Sql) =>
  lane.query(
    sql`SELECT toString(incident_id) AS id FROM incidents WHERE ${which} GROUP BY incident_id HAVING argMax(state, sequence) != 'resolved'`,
    z.object({ id: z.string() }),
  );

/** The newest record of each incident in which a model takes part and that is open, or pending. */
export async function readOpen(lane: Lane, model: string): Promise<IncidentRecord[]> {
  return await readNewest(lane, await openIds(lane, takesPart(model)));
}

/** All incidents that are open, or pending, as people see them. */
export async function readOpenIncidents(lane: Lane): Promise<Incident[]> {
  const bodies = await readBodies(lane, await openIds(lane, written("true")));
  return bodies.map(({ body }) => shownSchema.parse(JSON.parse(body)).incident);
}

/** The newest record of each incident that is open, or pending, of models that the configuration has no more too. */
export async function readAllOpen(lane: Lane): Promise<IncidentRecord[]> {
  return await readNewest(lane, await openIds(lane, written("true")));
}

const shownSchema = z.object({ incident: incidentSchema });

const readNewest = async (lane: Lane, ids: readonly { readonly id: string }[]): Promise<IncidentRecord[]> =>
  (await readBodies(lane, ids)).map(parseRecord);

async function readBodies(lane: Lane, ids: readonly { readonly id: string }[]) {
  if (ids.length === 0) return [];
  return await lane.query(
    sql`SELECT argMax(body, sequence) AS body FROM incidents WHERE incident_id IN ${list(ids.map(({ id }) => id))} GROUP BY incident_id ORDER BY incident_id`,
    bodySchema,
  );
}

/** Incidents of other models alone that are open, or ended after a time: what they share with a model may have one cause. */
export async function readForeign(lane: Lane, model: string, after: number): Promise<IncidentRecord[]> {
  const ids = await lane.query(
    sql`SELECT toString(incident_id) AS id FROM incidents GROUP BY incident_id
      HAVING countIf(${takesPart(model)}) = 0 AND ${EVER_OPENED} AND (argMax(state, sequence) != 'resolved' OR max(resolved_at) >= ${time(after)})
      ORDER BY any(opened_at) DESC, incident_id LIMIT ${ENDED_MAX}`,
    z.object({ id: z.string() }),
  );
  return readNewest(lane, ids.reverse());
}

/** All incidents that have opened, as they are now, oldest first; the newest 1,000 of them. */
export async function readIncidents(lane: Lane): Promise<Incident[]> {
  const rows = await lane.query(
    sql`SELECT argMax(body, sequence) AS body FROM incidents GROUP BY incident_id HAVING ${EVER_OPENED} ORDER BY any(opened_at) DESC LIMIT 1000`,
    bodySchema,
  );
  return rows.map((row) => parseRecord(row).incident).reverse();
}

/** The newest record of each incident in which a model takes part that is over and ended, or opened, after a time. */
export async function readEnded(lane: Lane, model: string, after: number): Promise<IncidentRecord[]> {
  const rows = await lane.query(
    sql`SELECT body FROM (SELECT argMax(body, sequence) AS body, argMax(state, sequence) AS last_state,
        max(resolved_at) AS ended, any(opened_at) AS opened FROM incidents
        WHERE ${takesPart(model)} GROUP BY incident_id)
      WHERE last_state = 'resolved' AND (ended >= ${time(after)} OR opened >= ${time(after)}) ORDER BY opened DESC LIMIT ${ENDED_MAX}`,
    bodySchema,
  );
  return rows.map(parseRecord);
}

/** Writes changes as rows, all in one insert. A second time the same changes are the same rows. */
export async function writeChanges(lane: Lane, changes: readonly RecordedChange[], now: number): Promise<void> {
  await lane.insertRows(
    "incidents",
    changes.map(({ kind, record, incident }) => ({
      incident_id: incident.incident_id,
      sequence: record.sequence,
      model: incident.model,
      models: modelsOf(incident),
      window: incident.window,
      state: incident.state,
      severity: incident.severity,
      opened_at: incident.opened_at,
      resolved_at: incident.resolved_at,
      at: now,
      transition: kind,
      body: JSON.stringify(record),
    })),
  );
}
