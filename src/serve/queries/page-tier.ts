/** What the page tier says of a series: the budget and what has been spent of it, the evidence over time, and what has changed. */
import { z } from "zod";
import { comparedText } from "../../alert/accepted-baselines.ts";
import { readDecisions } from "../../alert/decisions.ts";
import { plainTime } from "../../alert/incident-text.ts";
import type { ModelConfig } from "../../config/schema.ts";
import { evidenceMetrics } from "../../core/evidence.ts";
import { type SubjectKind, subjectKinds } from "../../core/summary.ts";
import { list, sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { loadNotices, type NoticesView, noticesJson } from "./notices.ts";
import { ofAnySegment, ofSeries, type SeriesKey } from "./rows.ts";

export interface EvidencePoint {
  readonly end: number;
  readonly value: number;
  readonly threshold: number;
  readonly alarmed: boolean;
}

export interface SubjectEvidenceView {
  readonly subjectKind: SubjectKind;
  readonly subject: string;
  /** '' is the whole. */
  readonly segment: string;
  readonly value: number;
  readonly threshold: number;
  /** Since when it has been changed, and what it is; null while it has not. */
  readonly changedSince: number | null;
  readonly finding: string;
}

export interface PageTierView {
  readonly budget: { readonly alarms: number; readonly perMs: number };
  /** Time that evidence has been gathered, ms. */
  readonly watchedMs: number;
  /** False alarms that the budget allows in that time, at most, on average. */
  readonly allowed: number;
  /** Alarms that were raised, right or false. */
  readonly alarms: number;
  /** The evidence of the whole, oldest first; each the greatest of its stretch of time. */
  readonly points: readonly EvidencePoint[];
  /** What has changed, then what has most evidence. */
  readonly subjects: readonly SubjectEvidenceView[];
  /** The tier that wakes nobody; null where it is off or has watched nothing yet. */
  readonly notices: NoticesView | null;
  /** How events are compared (by hour of the day, …) and what can't be told, in sentences. */
  readonly notes: readonly string[];
}

const POINTS = 200;
const SUBJECTS = 12;

/** null where the budget is off, or nothing has been watched yet. */
export async function loadPageTier(lane: Lane, model: ModelConfig, series: SeriesKey): Promise<PageTierView | null> {
  const { false_alarms: budget } = model;
  if (budget === null) return null;
  const whole = sql`${ofSeries(series)} AND metric = ${evidenceMetrics.model}`;
  const [span] = await lane.query(
    sql`SELECT count() AS steps, sum(watched_ms) AS watched, countIf(alarmed) AS alarms,
        toUnixTimestamp64Milli(min(window_start)) AS first, toUnixTimestamp64Milli(max(window_end)) AS last FROM evidence FINAL WHERE ${whole}`,
    z.object({ steps: z.number(), watched: z.number(), alarms: z.number(), first: z.number(), last: z.number() }),
  );
  const notices = await loadNotices(lane, model, series);
  const notes = await loadNotes(lane, model.name);
  if (span === undefined || span.steps === 0) {
    // A reference that is too small for the page tier.
    return notices === null
      ? null
      : { budget, watchedMs: 0, allowed: 0, alarms: 0, points: [], subjects: [], notices, notes };
  }
  const stretch = Math.max(1, Math.ceil((span.last - span.first) / POINTS));
  const points = await lane.query(
    sql`SELECT toUnixTimestamp64Milli(max(window_end)) AS end, max(value) AS value, max(threshold) AS threshold, max(alarmed) AS alarmed
      FROM evidence FINAL WHERE ${whole} GROUP BY intDiv(toUnixTimestamp64Milli(window_start) - ${span.first}, ${stretch}) ORDER BY end`,
    z.object({ end: z.number(), value: z.number(), threshold: z.number(), alarmed: z.boolean() }),
  );
  const subjects = await selectSubjects(lane, series, span.last);
  const kpiAlarms = await countKpiAlarms(lane, series);
  const segmentAlarms = await countSegmentAlarms(lane, series);
  return {
    budget,
    watchedMs: span.watched,
    allowed: (span.watched / budget.perMs) * budget.alarms,
    alarms: span.alarms + kpiAlarms + segmentAlarms,
    points,
    subjects,
    notices,
    notes: [...notes, ...(await acceptedNotes(lane, model.name, span.last))],
  };
}

/** What is not compared with the reference at a time of events, and by whose word. */
async function acceptedNotes(lane: Lane, model: string, at: number): Promise<string[]> {
  return (await readDecisions(lane)).flatMap(({ kind, model: of, subject, segment, owner, reason, baseline }) =>
    kind !== "acceptance" || of !== model || baseline === null || at < baseline.through || at > baseline.until
      ? []
      : `${subject}${segment === "" ? "" : ` where ${segment}`}: ${owner} has accepted its drift until ${plainTime(baseline.until)} (${reason}); it is ${comparedText(baseline)}`,
  );
}

/** The same as strict JSON, for the API. */
export function pageTierJson({
  budget,
  points,
  subjects,
  watchedMs,
  notices,
  ...view
}: PageTierView): Record<string, unknown> {
  const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
  return {
    budget: { alarms: budget.alarms, per_ms: budget.perMs },
    watched_ms: watchedMs,
    false_alarms_allowed: view.allowed,
    alarms: view.alarms,
    evidence: points.map(({ end, ...point }) => ({ at: iso(end), ...point })),
    subjects: subjects.map(({ subjectKind, changedSince, ...subject }) => ({
      subject_kind: subjectKind,
      changed_since: iso(changedSince),
      ...subject,
    })),
    notes: view.notes,
    notices: notices === null ? null : noticesJson(notices),
  };
}

async function loadNotes(lane: Lane, model: string): Promise<readonly string[]> {
  const [row] = await lane.query(
    sql`SELECT notes FROM page_tier_notes FINAL WHERE model = ${model}`,
    z.object({ notes: z.array(z.string()) }),
  );
  return row?.notes ?? [];
}

async function countKpiAlarms(lane: Lane, series: SeriesKey): Promise<number> {
  // While a KPI stays bad it alarms again: only the first of each fall is a new one, and its onset tells falls apart.
  const [row] = await lane.query(
    sql`SELECT uniq(subject, onset) AS alarms FROM evidence FINAL WHERE ${ofSeries(series)} AND metric = ${evidenceMetrics.kpi} AND alarmed`,
    z.object({ alarms: z.number() }),
  );
  return row?.alarms ?? 0;
}

async function countSegmentAlarms(lane: Lane, series: SeriesKey): Promise<number> {
  const [row] = await lane.query(
    sql`SELECT uniq(first) AS alarms FROM (SELECT min(window_end) AS first FROM evidence FINAL
      WHERE ${ofAnySegment(series)} AND metric = ${evidenceMetrics.drift} AND segment != '' AND alarmed GROUP BY subject_kind, subject, segment, onset)`,
    z.object({ alarms: z.number() }),
  );
  return row?.alarms ?? 0;
}

async function selectSubjects(lane: Lane, series: SeriesKey, last: number): Promise<SubjectEvidenceView[]> {
  const rows = await lane.query(
    sql`SELECT subject_kind, subject, segment, argMax(value, window_start) AS value, argMax(threshold, window_start) AS threshold,
        argMax(breached, window_start) AS changed, toUnixTimestamp64Milli(argMax(onset, window_start)) AS onset,
        argMax(finding, window_start) AS finding, toUnixTimestamp64Milli(max(window_end)) AS end
      FROM evidence FINAL WHERE ${ofAnySegment(series)} AND metric IN ${list([evidenceMetrics.drift, evidenceMetrics.kpi])}
      GROUP BY metric, subject_kind, subject, segment HAVING changed OR max(window_end) >= ${time(last)}
        OR (segment != '' AND 2 * toUnixTimestamp64Milli(max(window_end)) - toUnixTimestamp64Milli(max(window_start)) > ${last})
      ORDER BY changed DESC, segment != '', value / threshold DESC, subject, segment LIMIT ${SUBJECTS}`,
    z.object({
      subject_kind: z.enum(subjectKinds),
      subject: z.string(),
      segment: z.string(),
      value: z.number().nullable(),
      threshold: z.number().nullable(),
      changed: z.boolean(),
      onset: z.number().nullable(),
      finding: z.string(),
      end: z.number(),
    }),
  );
  return rows.map((row) => ({
    subjectKind: row.subject_kind,
    subject: row.subject,
    segment: row.segment,
    value: row.value ?? 0,
    threshold: row.threshold ?? 0,
    changedSince: row.changed ? (row.onset ?? row.end) : null,
    finding: row.changed ? row.finding : "",
  }));
}
