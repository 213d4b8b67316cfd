/**
 * The page tier of a model: sequential tests with one budget of false alarms for all that is watched of a version. It reads the sealed steps
 * and the computed KPIs, and writes `evidence`, on which alerting acts.
 */
import { evidenceMetrics } from "../../core/evidence.ts";
import type { Lane } from "../../store/store.ts";
import type { AcceptedBaseline } from "../accepted/accepted-baseline.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { segmentScope } from "../segments/segment-evaluation.ts";
import { type CarriedKpi, endedRow, isCarried, readCarriedKpis } from "./carried-kpis.ts";
import { readCarriedOver } from "./carried-over.ts";
import { comparisonStatesOf, openComparisonEvidence, savedComparisons } from "./comparison-evidence.ts";
import { type DriftEvidence, openDriftEvidence, wholeScope } from "./drift-evidence.ts";
import { writeEvidence } from "./evidence-rows.ts";
import { openKpiEvidence, savedKpis, statesOf } from "./kpi-evidence.ts";
import { readTakenSteps } from "./kpi-steps.ts";
import { readLabelStates } from "./label-states.ts";
import type { PageTierPlan } from "./watched-streams.ts";

export interface PageTierTime {
  /** Start of the latest pane that has a step, ms. */
  readonly sealedTo: number;
  /** The same of panes of segments. */
  readonly segmentsSealedTo: number;
  readonly watermark: number;
  /** Whether windows have been computed since the last run. */
  readonly isChanged: boolean;
  readonly now: number;
}

export interface PageTier {
  run(at: PageTierTime): Promise<void>;
}

/** How often windows are looked for whose labels will come no more. */
const LOOK_EVERY_MS = 3_600_000;

/**
 * null where the model's budget is off or it has nothing to watch.
 *
 * @param baselines what stands in for the reference where people have accepted drift, as of now
 */
export async function openPageTier(
  lane: Lane,
  prepared: PreparedModel,
  baselines: () => readonly AcceptedBaseline[],
): Promise<PageTier | null> {
  const plan = prepared.pageTier;
  if (plan === null) return null;
  const drift = await openDriftEvidence(lane, prepared, plan, await wholeScope(lane, prepared, plan, baselines));
  const segments = await openSegmentEvidence(lane, prepared, plan, baselines);
  const labelled = await openLabelled(lane, prepared, plan);
  let lookedAt = Number.NEGATIVE_INFINITY;
  return {
    async run({ sealedTo, segmentsSealedTo, watermark, isChanged, now }) {
      await drift.run(sealedTo, now);
      await segments?.run(segmentsSealedTo, now);
      if (!isChanged && now - lookedAt < LOOK_EVERY_MS) return;
      lookedAt = now;
      await labelled(watermark, now);
    },
  };
}

/**
 * Segments have panes of their own and are judged by themselves: their part of the evidence alone has to reach the threshold, which is
 * stricter than the whole, so that the promise holds for both together.
 */
async function openSegmentEvidence(
  lane: Lane,
  prepared: PreparedModel,
  plan: PageTierPlan,
  baselines: () => readonly AcceptedBaseline[],
): Promise<DriftEvidence | null> {
  if (plan.segments === null) return null;
  const { paneMs, since } = await segmentScope(lane, prepared, plan.segments);
  const { changed: carried } = await readCarriedOver(lane, prepared, plan.planId, evidenceMetrics, true);
  const scope = { ofSegments: true, paneMs, since, carried, notices: null, baselines };
  return openDriftEvidence(lane, prepared, plan.segments, scope);
}

/** What is told of windows' labels: KPIs, and the challenger's against the champion's. */
async function openLabelled(
  lane: Lane,
  prepared: PreparedModel,
  plan: PageTierPlan,
): Promise<(watermark: number, now: number) => Promise<void>> {
  const kpiStates = await readLabelStates(lane, statesOf(prepared, plan), savedKpis);
  const ofKpis = await readTakenSteps(lane, prepared, "kpi", plan.planId, kpiStates);
  const versionStates = await readLabelStates(lane, comparisonStatesOf(prepared, plan), savedComparisons);
  const traffic = plan.comparisons[0]?.traffic ?? "split";
  const ofVersions = await readTakenSteps(lane, prepared, traffic, plan.planId, versionStates);
  const carried = await readCarriedKpis(lane, prepared, plan.planId, Math.min(ofKpis.since, ofVersions.since));
  // Rows that end what is tested no more; written with the first rows.
  const ended = carried.filter((one) => !isTested(plan, one)).flatMap((one) => endedRow(one) ?? []);
  const kpis = openKpiEvidence(lane, prepared, plan, ofKpis, carried, kpiStates);
  const comparison = openComparisonEvidence(lane, prepared, plan, ofVersions, carried, versionStates);
  return async (watermark, now) => {
    await writeEvidence(lane, prepared, plan.planId, ended.splice(0), now);
    await kpis.run(watermark, now);
    await comparison.run(watermark, now);
  };
}

function isTested({ kpis, comparisons }: PageTierPlan, { subject, ...series }: CarriedKpi): boolean {
  return (
    kpis.some(({ metric }) => metric === subject) ||
    comparisons.some((one) => one.subject === subject && isCarried(one.challenger, series))
  );
}
