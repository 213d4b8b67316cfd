/**
 * From one plan to the next: a changed budget, tolerance or list of features begins the evidence anew at the present, never at the past. What
 * counted as changed goes on, and what is watched no more ends. The promise holds across plans, since evidence only grows with time that
 * passes under its plan, and no time passes twice.
 */
import { z } from "zod";
import { evidenceMetrics, type noticeMetrics } from "../../core/evidence.ts";
import { type SubjectKind, subjectKinds } from "../../core/summary.ts";
import { sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { ofVersions } from "../version-scope.ts";
import { type Changed, LEAST_HELD_STEPS } from "./changed-subjects.ts";

/** A model and the versions whose plan it is: those of another reference have a plan of their own, which came neither before nor after. */
export type ModelVersions = Pick<PreparedModel, "config" | "versions">;

export interface CarriedOver {
  /** End of the latest step of an earlier plan, ms; -Infinity where there was none. */
  readonly through: number;
  readonly changed: readonly CarriedSubject[];
}

export interface CarriedSubject extends Changed {
  readonly version: string;
  readonly variant: string;
  readonly segment: string;
  readonly subjectKind: SubjectKind;
  readonly subject: string;
}

const row = z.object({
  version: z.string(),
  variant: z.string(),
  segment: z.string(),
  subject_kind: z.enum(subjectKinds),
  subject: z.string(),
  onset: z.number().nullable(),
  onset_from: z.number().nullable(),
  onset_to: z.number().nullable(),
  finding: z.string(),
  start: z.number(),
  end: z.number(),
});

/** Names under which a tier writes of subjects and of the whole. */
export type TierMetrics = typeof evidenceMetrics | typeof noticeMetrics;

/** End of the latest step of an earlier plan, ms; -Infinity where there was none. */
export async function readThrough(
  lane: Lane,
  { config, versions }: ModelVersions,
  planId: string,
  metrics: TierMetrics = evidenceMetrics,
): Promise<number> {
  const [latest] = await lane.query(
    sql`SELECT count() AS rows, toUnixTimestamp64Milli(max(window_end)) AS through FROM evidence
      WHERE model = ${config.name} AND plan_id != ${planId} AND ${ofVersions(versions)} AND metric = ${metrics.model}`,
    z.object({ rows: z.number(), through: z.number() }),
  );
  return latest === undefined || latest.rows === 0 ? Number.NEGATIVE_INFINITY : latest.through;
}

/** Of the whole, or of all segments. */
export async function readCarriedOver(
  lane: Lane,
  prepared: ModelVersions,
  planId: string,
  metrics: TierMetrics = evidenceMetrics,
  ofSegments = false,
): Promise<CarriedOver> {
  const through = await readThrough(lane, prepared, planId, metrics);
  if (!Number.isFinite(through)) return { through, changed: [] };
  const rows = await lane.query(
    sql`SELECT version, variant, segment, subject_kind, subject, toUnixTimestamp64Milli(argMax(onset, window_start)) AS onset,
        toUnixTimestamp64Milli(argMax(onset_from, window_start)) AS onset_from, toUnixTimestamp64Milli(argMax(onset_to, window_start)) AS onset_to, argMax(finding, window_start) AS finding,
        toUnixTimestamp64Milli(max(window_start)) AS start, toUnixTimestamp64Milli(max(window_end)) AS end
      FROM evidence FINAL WHERE model = ${prepared.config.name} AND metric = ${metrics.drift} AND ${ofVersions(prepared.versions)} AND ${ofSegments ? sql`segment != ''` : sql`segment = ''`}
      GROUP BY version, variant, segment, subject_kind, subject HAVING argMax(alarmed, window_start)
      ORDER BY version, variant, segment, subject_kind, subject`,
    row,
  );
  return {
    through,
    changed: rows.map(
      ({ version, variant, segment, subject_kind, subject, onset, onset_from, onset_to, finding, start, end }) => ({
        version,
        variant,
        segment,
        subjectKind: subject_kind,
        subject,
        onset: onset ?? start,
        ...(onset_from === null || onset_to === null ? {} : { onsetFrom: onset_from, onsetTo: onset_to }),
        alarmedAt: end,
        holdUntil: end + LEAST_HELD_STEPS * (end - start),
        finding,
      }),
    ),
  };
}
