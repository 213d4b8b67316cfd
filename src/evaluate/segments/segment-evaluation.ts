/**
 * Segments from rows to steps: a closed pane of segments is summarised from its rows, once for each segment that they belong to, and its counts
 * become steps as those of the whole do. Panes that the events touch again are summarised anew, and what is late joins the next step.
 */
import { z } from "zod";
import type { ReferenceSubject } from "../../core/summary.ts";
import { list, sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { keptRows } from "../kept-rows.ts";
import { readThrough } from "../page-tier/carried-over.ts";
import type { SegmentPlan } from "../page-tier/segment-streams.ts";
import { runsOf } from "../pane-runs.ts";
import { nextRevision, paneName, paneStart, writeLedger } from "../panes.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { openSteps, type StepScope, writeSteps } from "../steps.ts";
import { insertSummaries } from "../summarise.ts";
import { type SegmentReference, segmentsOfRow } from "./segment.ts";

export interface SegmentEvaluation {
  /**
   * @param panes panes of the whole that were touched
   * @param watermark Infinity at the end of a replay
   * @param accepted takes the same panes of segments whose drift is accepted
   * @returns start of the latest pane of segments that has a step, ms; -Infinity before the first
   */
  run(panes: readonly number[], watermark: number, now: number, accepted: AcceptedSegments): Promise<number>;
  /** Whether a pane of segments with events has closed by the watermark. */
  isDue(watermark: number): boolean;
  /** Start of the first pane of segments that has no step, ms; -Infinity before the first step. */
  next(): number;
}

interface AcceptedSegments {
  advanceSegments(panes: readonly number[], sealedTo: number, now: number): Promise<void>;
}

/** Panes of segments summarised by one statement at most. */
const PANES_AT_ONCE = 100;

/** null where no segments are watched. */
export async function openSegments(lane: Lane, prepared: PreparedModel): Promise<SegmentEvaluation | null> {
  const plan = prepared.pageTier?.segments ?? null;
  if (plan === null) return null;
  const scope = await segmentScope(lane, prepared, plan);
  const startOf = (pane: number) => Math.floor(pane / scope.paneMs) * scope.paneMs;
  const steps = await openSteps(lane, prepared, scope);
  const open = new Set(await pendingPanes(lane, prepared, scope, steps.sealedTo));
  return {
    async run(panes, watermark, now, accepted) {
      for (const start of panes.map(startOf)) if (start >= scope.since) open.add(start);
      const due = [...open].filter((start) => start + scope.paneMs <= watermark).sort((a, b) => a - b);
      await summariseSegments(lane, prepared, plan, scope, due);
      await writeSteps(lane, prepared, steps, due, now, scope);
      for (const start of due) open.delete(start);
      await accepted.advanceSegments(due, steps.sealedTo, now);
      return steps.sealedTo;
    },
    isDue: (watermark) => [...open].some((start) => start + scope.paneMs <= watermark),
    next: () => steps.sealedTo + scope.paneMs,
  };
}

/** Evidence of segments begins where that of the whole does under its plan: at the present, where another plan came before it. */
export async function segmentScope(lane: Lane, prepared: PreparedModel, plan: SegmentPlan): Promise<StepScope> {
  const through = await readThrough(lane, prepared, prepared.pageTier?.planId ?? "");
  return {
    panes: plan.panes,
    paneMs: plan.paneMs,
    segments: plan.reference.segments.map(({ segment }) => segment),
    since: Number.isFinite(through) ? Math.floor(through / plan.paneMs) * plan.paneMs : 0,
  };
}

/** Panes of segments that hold events and were not summarised, or have no step, when the last process ended. */
async function pendingPanes(
  lane: Lane,
  prepared: PreparedModel,
  scope: StepScope,
  sealedTo: number,
): Promise<number[]> {
  const isAfter = Number.isFinite(sealedTo) ? sql`start > ${sealedTo}` : sql`true`;
  const start = sql`intDiv(toUnixTimestamp64Milli(pane_start), ${scope.paneMs}) * ${scope.paneMs}`;
  const of = (panes: string) =>
    sql`FROM panes FINAL WHERE model = ${prepared.config.name} AND reference_id = ${prepared.referenceId} AND pane = ${panes} AND pane_start >= ${time(scope.since)}`;
  const rows = await lane.query(
    sql`SELECT DISTINCT ${start} AS start ${of(paneName(prepared))} AND n > 0 AND (${isAfter} OR start NOT IN (SELECT toUnixTimestamp64Milli(pane_start) ${of(scope.panes)}))`,
    z.object({ start: z.number() }),
  );
  return rows.map((row) => row.start);
}

/** Summarises panes of segments, in the order of time, and enters them into the ledger. */
export async function summariseSegments(
  lane: Lane,
  prepared: PreparedModel,
  watched: WatchedSegments,
  scope: StepScope,
  panes: readonly number[],
): Promise<void> {
  for (const run of runsOf(panes, scope.paneMs)) {
    for (let at = 0; at < run.length; at += PANES_AT_ONCE)
      await summarise(lane, prepared, watched, scope, run.slice(at, at + PANES_AT_ONCE));
  }
}

/** Which rows are of which segment, and what is summarised of each. */
interface WatchedSegments {
  readonly reference: Pick<SegmentReference, "dimensions" | "segments">;
  readonly subjects: readonly ReferenceSubject[];
}

async function summarise(
  lane: Lane,
  prepared: PreparedModel,
  { reference, subjects }: WatchedSegments,
  { panes: label, paneMs }: StepScope,
  panes: readonly number[],
): Promise<void> {
  const span = { from: panes[0] ?? 0, to: (panes.at(-1) ?? 0) + paneMs };
  const revision = await nextRevision(lane, prepared, label, span);
  const from = await keptRows(lane, prepared.dedupe, span);
  const key = paneStart(paneMs);
  await insertSummaries(
    lane,
    prepared,
    label,
    { from, key, where: sql`${key} IN ${list(panes)}`, segment: sql`arrayJoin(${segmentsOfRow(reference)})`, subjects },
    revision,
  );
  // What a pane holds is not asked of it again: it is in the steps.
  await writeLedger(
    lane,
    prepared,
    panes.map((start) => ({ pane: label, start, n: 1, digest: 0n, revision })),
  );
}
