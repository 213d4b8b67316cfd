/** What the notice tier says of a series, and of one subject: smaller changes than those that alarm, told to nobody. */
import { z } from "zod";
import type { FalseAlarmBudget } from "../../config/false-alarms.ts";
import type { ModelConfig } from "../../config/schema.ts";
import { evidenceMetrics, noticeMetrics } from "../../core/evidence.ts";
import { type SubjectKind, subjectKinds } from "../../core/summary.ts";
import { sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { ofSeries, type SeriesKey } from "./rows.ts";

export interface NoticedSubject {
  readonly subjectKind: SubjectKind;
  readonly subject: string;
  readonly value: number;
  readonly threshold: number;
  /** null where it is on its way to a notice only. */
  readonly noticedSince: number | null;
  readonly finding: string;
}

export interface NoticesView {
  readonly budget: FalseAlarmBudget;
  /** Notices, right or false. */
  readonly notices: number;
  /** False ones that the budget allows in the time that was watched, at most, on average. */
  readonly allowed: number;
  /** Evidence of a new change in the newest step, of `threshold`. */
  readonly value: number;
  readonly threshold: number;
  /** What is noticed, then what has most evidence. */
  readonly subjects: readonly NoticedSubject[];
}

/** How a subject stands in both tiers: since when, and what has changed. */
export interface SubjectTiers {
  readonly changed: { readonly since: number; readonly finding: string } | null;
  readonly noticed: { readonly since: number; readonly finding: string } | null;
}

const SUBJECTS = 12;

/** null where notices are off, or nothing has been watched yet. */
export async function loadNotices(lane: Lane, model: ModelConfig, series: SeriesKey): Promise<NoticesView | null> {
  const { notices: budget, false_alarms: pages } = model;
  if (budget === null || pages === null) return null;
  const [whole] = await lane.query(
    sql`SELECT count() AS steps, sum(watched_ms) AS watched, countIf(alarmed) AS notices, argMax(value, window_start) AS value,
        argMax(threshold, window_start) AS threshold, toUnixTimestamp64Milli(max(window_end)) AS last
      FROM evidence FINAL WHERE ${ofSeries(series)} AND metric = ${noticeMetrics.model}`,
    z.object({
      steps: z.number(),
      watched: z.number(),
      notices: z.number(),
      value: z.number().nullable(),
      threshold: z.number().nullable(),
      last: z.number(),
    }),
  );
  if (whole === undefined || whole.steps === 0) return null;
  return {
    budget,
    notices: whole.notices,
    allowed: (whole.watched / budget.perMs) * budget.alarms,
    value: whole.value ?? 0,
    threshold: whole.threshold ?? 0,
    subjects: await selectSubjects(lane, series, whole.last),
  };
}

async function selectSubjects(lane: Lane, series: SeriesKey, last: number): Promise<NoticedSubject[]> {
  const rows = await lane.query(
    sql`SELECT subject_kind, subject, argMax(value, window_start) AS value, argMax(threshold, window_start) AS threshold,
        argMax(alarmed, window_start) AS noticed, toUnixTimestamp64Milli(argMax(onset, window_start)) AS onset,
        argMax(finding, window_start) AS finding, toUnixTimestamp64Milli(max(window_end)) AS end
      FROM evidence FINAL WHERE ${ofSeries(series)} AND metric = ${noticeMetrics.drift}
      GROUP BY subject_kind, subject HAVING noticed OR max(window_end) >= ${time(last)}
      ORDER BY noticed DESC, value / threshold DESC, subject LIMIT ${SUBJECTS}`,
    z.object({
      subject_kind: z.enum(subjectKinds),
      subject: z.string(),
      value: z.number().nullable(),
      threshold: z.number().nullable(),
      noticed: z.boolean(),
      onset: z.number().nullable(),
      finding: z.string(),
      end: z.number(),
    }),
  );
  return rows.map((row) => ({
    subjectKind: row.subject_kind,
    subject: row.subject,
    value: row.value ?? 0,
    threshold: row.threshold ?? 0,
    noticedSince: row.noticed ? (row.onset ?? row.end) : null,
    finding: row.noticed ? row.finding : "",
  }));
}

/** null where the page tier is off. */
export async function loadSubjectTiers(
  lane: Lane,
  model: ModelConfig,
  series: SeriesKey,
  subjectKind: SubjectKind,
  subject: string,
): Promise<SubjectTiers | null> {
  if (model.false_alarms === null) return null;
  const rows = await lane.query(
    sql`SELECT metric, argMax(alarmed, window_start) AS holds, toUnixTimestamp64Milli(argMax(onset, window_start)) AS onset,
        argMax(finding, window_start) AS finding, toUnixTimestamp64Milli(max(window_end)) AS end
      FROM evidence FINAL WHERE ${ofSeries(series)} AND subject_kind = ${subjectKind} AND subject = ${subject}
        AND metric IN (${evidenceMetrics.drift}, ${noticeMetrics.drift}) GROUP BY metric`,
    z.object({
      metric: z.string(),
      holds: z.boolean(),
      onset: z.number().nullable(),
      finding: z.string(),
      end: z.number(),
    }),
  );
  const stateOf = (metric: string) => {
    const row = rows.find((one) => one.metric === metric && one.holds);
    return row === undefined ? null : { since: row.onset ?? row.end, finding: row.finding };
  };
  const noticed = model.notices === null ? null : stateOf(noticeMetrics.drift);
  return { changed: stateOf(evidenceMetrics.drift), noticed };
}

/** The same as strict JSON, for the API. */
export function noticesJson({ budget, subjects, ...view }: NoticesView): Record<string, unknown> {
  return {
    budget: { alarms: budget.alarms, per_ms: budget.perMs },
    false_notices_allowed: view.allowed,
    notices: view.notices,
    value: view.value,
    threshold: view.threshold,
    subjects: subjects.map(({ subjectKind, noticedSince, ...subject }) => ({
      subject_kind: subjectKind,
      noticed_since: noticedSince === null ? null : new Date(noticedSince).toISOString(),
      ...subject,
    })),
  };
}
