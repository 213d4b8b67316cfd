/** Accepted baselines in the store, and the acceptances that they come of. */
import { z } from "zod";
import { type SubjectKind, subjectKinds } from "../../core/summary.ts";
import { sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { AcceptedBaseline } from "./accepted-baseline.ts";

const numbers = z.array(z.number());
const contentSchema = z.object({
  segment: z.string().default(""),
  bins: z
    .object({
      subject: z.object({
        subjectKind: z.enum(subjectKinds),
        subject: z.string(),
        kind: z.enum(["numeric", "categorical"]),
        edges: numbers,
        categories: z.array(z.string()),
        bins: numbers,
        singletons: z.number().exactOptional(),
        means: numbers,
        n: z.number(),
        missing: z.number(),
        invalid: z.number(),
        mean: z.number(),
        standardDeviation: z.number(),
        minimum: z.number(),
        maximum: z.number(),
      }),
      tail: z.array(z.string()),
    })
    .nullable(),
  series: z.array(
    z.object({
      version: z.string(),
      variant: z.string(),
      rows: z.number(),
      baseline: z
        .object({
          from: z.number(),
          counts: z.object({ bins: numbers, missing: z.number(), invalid: z.number(), n: z.number() }),
        })
        .nullable(),
    }),
  ),
});

const row = z.object({
  decision_id: z.string(),
  reference_id: z.string(),
  baseline_id: z.string(),
  subject_kind: z.enum(subjectKinds),
  subject: z.string(),
  since_ms: z.number(),
  through_ms: z.number(),
  until_ms: z.number(),
  needed: z.number(),
  content: z.string(),
  revision: z.number(),
});

export interface StoredBaseline extends AcceptedBaseline {
  readonly revision: number;
}

/** Those of a reference, in a fixed order. */
export async function readBaselines(lane: Lane, model: string, referenceId: string): Promise<StoredBaseline[]> {
  const rows = await lane.query(
    sql`SELECT decision_id, reference_id, baseline_id, subject_kind, subject, toUnixTimestamp64Milli(since) AS since_ms, toUnixTimestamp64Milli(through) AS through_ms,
        toUnixTimestamp64Milli(until) AS until_ms, needed, content, revision FROM accepted_baselines FINAL
      WHERE model = ${model} AND reference_id = ${referenceId} ORDER BY through, baseline_id`,
    row,
  );
  return rows.map((stored) => ({
    decisionId: stored.decision_id,
    referenceId: stored.reference_id,
    baselineId: stored.baseline_id,
    subjectKind: stored.subject_kind,
    subject: stored.subject,
    since: stored.since_ms,
    through: stored.through_ms,
    until: stored.until_ms,
    needed: stored.needed,
    revision: stored.revision,
    ...contentSchema.parse(JSON.parse(stored.content)),
  }));
}

/** Writes baselines as they are now, all or none of them, and returns them with their revisions. */
export async function writeBaselines(
  lane: Lane,
  model: string,
  baselines: readonly StoredBaseline[],
  now: number,
): Promise<StoredBaseline[]> {
  if (baselines.length === 0) return [];
  await lane.insertRows(
    "accepted_baselines",
    baselines.map(({ bins, series, segment, revision, ...baseline }) => ({
      model,
      decision_id: baseline.decisionId,
      reference_id: baseline.referenceId,
      baseline_id: baseline.baselineId,
      subject_kind: baseline.subjectKind,
      subject: baseline.subject,
      since: baseline.since,
      through: baseline.through,
      until: baseline.until,
      needed: baseline.needed,
      content: JSON.stringify({ ...(segment === "" ? {} : { segment }), bins, series }),
      revision: revision + 1,
      written_at: now,
    })),
  );
  return baselines.map((baseline) => ({ ...baseline, revision: baseline.revision + 1 }));
}

/** Writes a baseline as it is now, and returns it with its revision. */
export async function writeBaseline(
  lane: Lane,
  model: string,
  baseline: StoredBaseline,
  now: number,
): Promise<StoredBaseline> {
  const [stored = baseline] = await writeBaselines(lane, model, [baseline], now);
  return stored;
}

/** A person's word that the drift of a subject is the new normal. */
export interface Acceptance {
  readonly decisionId: string;
  readonly subject: string;
  /** '' is the whole, and with it its segments. */
  readonly segment: string;
  /** Clock times, ms. */
  readonly at: number;
  readonly until: number;
  /** Event time at which the drift began, ms; null where none was known. */
  readonly since: number | null;
  /** Whether it was taken back. */
  readonly isEnded: boolean;
}

/** Acceptances of subjects of a model and of its segments, whether they hold or not. */
export function readAcceptances(lane: Lane, model: string): Promise<Acceptance[]> {
  return lane.query(
    sql`SELECT toString(decision_id) AS id, subject, segment, toUnixTimestamp64Milli(at) AS at_ms, toUnixTimestamp64Milli(assumeNotNull(until)) AS until_ms,
        if(isNull(since), NULL, toUnixTimestamp64Milli(assumeNotNull(since))) AS since_ms,
        toString(decision_id) IN (SELECT ends FROM decisions WHERE kind = 'end') AS is_ended
      FROM decisions FINAL WHERE kind = 'acceptance' AND model = ${model} AND isNotNull(until) ORDER BY at, id`,
    z
      .object({
        id: z.string(),
        subject: z.string(),
        segment: z.string(),
        at_ms: z.number(),
        until_ms: z.number(),
        since_ms: z.number().nullable(),
        is_ended: z.number(),
      })
      .transform(({ id, subject, segment, at_ms, until_ms, since_ms, is_ended }) => ({
        decisionId: id,
        subject,
        segment,
        at: at_ms,
        until: until_ms,
        since: since_ms,
        isEnded: is_ended === 1,
      })),
  );
}

/** Kinds of subjects whose drift can be accepted. */
export const acceptableKinds: ReadonlySet<SubjectKind> = new Set<SubjectKind>(["feature", "prediction", "score"]);
