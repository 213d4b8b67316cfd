/**
 * From a person's acceptance to a baseline with times of events. The evaluation fixes them when it first sees the decision, before it seals more
 * steps: what was sealed before is never compared anew.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { LEAST_PAGE_TIER_ROWS } from "../../sequential/stream-reference.ts";
import { sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { watchedKey } from "../page-tier/segment-streams.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { subjectKey } from "../references/load-reference.ts";
import { segmentPaneMs } from "../segments/segment.ts";
import type { AcceptedSubject } from "./accepted-baseline.ts";
import {
  type Acceptance,
  acceptableKinds,
  readAcceptances,
  type StoredBaseline,
  writeBaseline,
  writeBaselines,
} from "./baseline-store.ts";

/** Rows that a baseline is made of, about, at most: the newest. */
const MOST_ROWS = 1_000_000;

/** Starts of the first panes that have no steps, ms; -Infinity where none has any. */
export interface NextSteps {
  readonly whole: number;
  readonly segments: number;
}

/** Steps of a subject, of the whole or of a segment, under a reference's id. */
export const ofSubject = (
  { config, referenceId }: Pick<PreparedModel, "config" | "referenceId">,
  { subjectKind, subject, segment }: AcceptedSubject,
) =>
  sql`model = ${config.name} AND reference_id = ${referenceId} AND subject_kind = ${subjectKind} AND subject = ${subject} AND segment = ${segment}`;

/**
 * Takes note of acceptances that are new, and of those that were taken back.
 *
 * @param decided under which references, as of before any of the model's references took note
 * @returns all baselines of the model's reference
 */
export async function registerAcceptances(
  lane: Lane,
  prepared: PreparedModel,
  known: readonly StoredBaseline[],
  next: NextSteps,
  now: number,
  decided: () => Promise<DecidedUnder>,
): Promise<readonly StoredBaseline[]> {
  const model = prepared.config.name;
  const acceptances = await readAcceptances(lane, model);
  if (acceptances.length === 0) return known;
  const baselines: StoredBaseline[] = [];
  const wanted = new Map(acceptances.map((acceptance) => [acceptance.decisionId, acceptance]));
  for (const baseline of known) {
    const until = nextOf(next, baseline);
    const isEnded =
      wanted.get(baseline.decisionId)?.isEnded === true && Number.isFinite(until) && until < baseline.until;
    baselines.push(isEnded ? await writeBaseline(lane, model, { ...baseline, until }, now) : baseline);
  }
  // Of the whole and of segments at once each: a segment that comes later is compared with the reference, as a version that does.
  const scopeOf = (decisionId: string, { segment }: Pick<AcceptedSubject, "segment">) =>
    `${decisionId} ${segment === "" ? "whole" : "segments"}`;
  const seen = new Set(known.map((baseline) => scopeOf(baseline.decisionId, baseline)));
  // What was decided under another reference has ended with it.
  const under = await decided();
  for (const acceptance of acceptances) {
    if (isElsewhere(prepared, under.get(acceptance.decisionId) ?? []) || acceptance.isEnded || acceptance.until <= now)
      continue;
    const found: StoredBaseline[] = [];
    for (const of of acceptedSubjects(prepared, acceptance)) {
      if (seen.has(scopeOf(acceptance.decisionId, of)) || !Number.isFinite(nextOf(next, of))) continue;
      const baseline = await begun(lane, prepared, acceptance, of, nextOf(next, of));
      if (baseline !== null) found.push(baseline);
    }
    baselines.push(...(await writeBaselines(lane, model, found, now)));
  }
  return baselines;
}

const nextOf = (next: NextSteps, { segment }: Pick<AcceptedSubject, "segment">): number =>
  segment === "" ? next.whole : next.segments;

/** What an acceptance reaches: its one segment, or the whole and each segment that is watched. */
function acceptedSubjects(
  { reference, pageTier }: PreparedModel,
  { subject: wanted, segment: only }: Acceptance,
): readonly AcceptedSubject[] {
  const subjects = (reference?.subjects ?? []).filter(
    ({ subject, subjectKind }) => subject === wanted && acceptableKinds.has(subjectKind),
  );
  const watched = new Set((pageTier?.segments?.streams ?? []).map(({ subject }) => subject));
  const segments = (pageTier?.segments?.reference.segments ?? []).map(({ segment }) => segment);
  const of = (segment: string) => subjects.map(({ subjectKind, subject }) => ({ subjectKind, subject, segment }));
  return [
    ...(only === "" ? of("") : []),
    ...segments
      .filter((segment) => only === "" || segment === only)
      .flatMap(of)
      .filter((one) => watched.has(watchedKey(one.segment, subjectKey(one)))),
  ];
}

/** Under a reference that is in force no more, or before this one was: then of other versions alone. */
const isElsewhere = ({ referenceId, references }: PreparedModel, under: readonly string[]): boolean =>
  under.some((id) => !references.some((one) => one.referenceId === id)) ||
  (under.length > 0 && !under.includes(referenceId));

/** By decision: ids of the references under which it has baselines. */
export type DecidedUnder = ReadonlyMap<string, readonly string[]>;

export async function readDecided(lane: Lane, model: string): Promise<DecidedUnder> {
  const rows = await lane.query(
    sql`SELECT decision_id, groupUniqArray(reference_id) AS ids FROM accepted_baselines WHERE model = ${model} GROUP BY decision_id`,
    z.object({ decision_id: z.string(), ids: z.array(z.string()) }),
  );
  return new Map(rows.map((row) => [row.decision_id, row.ids]));
}

/** null where the subject has no steps: then there is nothing that could have drifted. */
async function begun(
  lane: Lane,
  prepared: PreparedModel,
  { decisionId, at, until, since }: Acceptance,
  of: AcceptedSubject,
  next: number,
): Promise<StoredBaseline | null> {
  const { min_rows } = prepared.config;
  const pane = of.segment === "" ? prepared.config.pane : segmentPaneMs(prepared.config);
  const steps = sql`${ofSubject(prepared, of)} AND stream = 'missing'`;
  const series = await lane.query(
    sql`SELECT DISTINCT version, variant FROM steps WHERE ${steps} ORDER BY version, variant`,
    z.object({ version: z.string(), variant: z.string() }),
  );
  if (series.length === 0) return null;
  const wanted = Math.min(next, Math.ceil((since ?? next) / pane) * pane);
  const [newest] = await lane.query(
    sql`SELECT count() AS known, toUnixTimestamp64Milli(min(pane_start)) AS start FROM (
        SELECT pane_start, sum(sum(arraySum(counts))) OVER (ORDER BY pane_start DESC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS rows
        FROM steps FINAL WHERE ${steps} AND pane_start >= ${time(wanted)} GROUP BY pane_start) WHERE rows <= ${MOST_ROWS}`,
    z.object({ known: z.number(), start: z.number() }),
  );
  const from = newest === undefined || newest.known === 0 ? wanted : Math.max(wanted, newest.start);
  const id = createHash("sha256").update(
    JSON.stringify([
      decisionId,
      prepared.referenceId,
      of.subjectKind,
      of.subject,
      ...(of.segment === "" ? [] : [of.segment]),
    ]),
  );
  return {
    decisionId,
    referenceId: prepared.referenceId,
    baselineId: `a${id.digest("hex").slice(0, 12)}`,
    ...of,
    since: from,
    through: next,
    until: next + (until - at),
    needed: Math.max(min_rows, LEAST_PAGE_TIER_ROWS),
    bins: null,
    series: series.map((one) => ({ ...one, rows: 0, baseline: null })),
    revision: 0,
  };
}
