/**
 * The page tier of a model: sequential tests with one budget of false alarms for all that is watched of a version. It reads the sealed steps
 * and the computed KPIs, and writes `evidence`, on which alerting acts.
 */
import type { Lane } from "../../store/store.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { openDriftEvidence } from "./drift-evidence.ts";
import { openKpiEvidence } from "./kpi-evidence.ts";

export interface PageTierTime {
  /** Start of the latest pane that has a step, ms. */
  readonly sealedTo: number;
  readonly watermark: number;
  /** Whether windows have been computed since the last run. */
  readonly isChanged: boolean;
  readonly now: number;
}

export interface PageTier {
  run(at: PageTierTime): Promise<void>;
}

/** null where the model's budget is off or it has nothing to watch. */
export async function openPageTier(lane: Lane, prepared: PreparedModel): Promise<PageTier | null> {
  const plan = prepared.pageTier;
  if (plan === null) return null;
  const drift = await openDriftEvidence(lane, prepared, plan);
  const kpis = await openKpiEvidence(lane, prepared, plan);
  return {
    async run({ sealedTo, watermark, isChanged, now }) {
      await drift.run(sealedTo, now);
      await kpis.run(watermark, isChanged, now);
    },
  };
}
