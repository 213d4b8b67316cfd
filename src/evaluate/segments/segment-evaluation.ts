/**
 * Segments from rows to steps: a closed pane of segments is summarised from its rows, once for each segment that they belong to, and its counts
 * become steps as those of the whole do. Panes that the events touch again are summarised anew, and what is late joins the next step.
 */
import { z } from "zod";
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
import { segmentsOfRow } from "./segment.ts";

export interface SegmentEvaluation {
  /**
   * @param panes panes of the whole that were touched
   * @param watermark Infinity at the end of a replay
   * @returns start of the latest pane of segments that has a step, ms; -Infinity before the first
   */
  run(panes: readonly number[], watermark: number, now: number): Promise<number>;
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
    async run(panes, watermark, now) {
      for (const start of panes.map(startOf)) if (start >= scope.since) open.add(start);
      const due = [...open].filter((start) => start + scope.paneMs <= watermark).sort((a, b) => a - b);
      for (const run of runsOf(due, scope.paneMs)) {
        for (let at = 0; at < run.length; at += PANES_AT_ONCE)
          await summarise(lane, prepared, plan, scope, run.slice(at, at + PANES_AT_ONCE));
      }
      await writeSteps(lane, prepared, steps, due, now, scope);
      for (const start of due) open.delete(start);
      return steps.sealedTo;
    },
  };
}

/** Evidence of segments begins where that of the whole does under its plan: at the present, where another plan came before it. */
export async function segmentScope(lane: Lane, prepared: PreparedModel, plan: SegmentPlan): Promise<StepScope> {
  const through = await readThrough(lane, prepared.config.name, prepared.pageTier?.planId ?? "");
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

async function summarise(
  lane: Lane,
  prepared: PreparedModel,
  { reference, subjects }: SegmentPlan,
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
