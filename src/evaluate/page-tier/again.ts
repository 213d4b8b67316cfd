/** The page tier once more over the steps that are stored, for a plan that has not seen them. */

import { z } from "zod";
import { evidenceMetrics } from "../../core/evidence.ts";
import { list, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { readBaselines } from "../accepted/baseline-store.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { segmentScope } from "../segments/segment-evaluation.ts";
import { openSteps } from "../steps.ts";
import { ofVersions } from "../version-scope.ts";
import { openPageTier } from "./page-tier.ts";

/** Writes the evidence of the model's plan on all stored steps and complete windows; nothing where its budget is off. */
export async function judgeStoredSteps(lane: Lane, prepared: PreparedModel, now: number): Promise<void> {
  const baselines = await readBaselines(lane, prepared.config.name, prepared.referenceId);
  const pageTier = await openPageTier(lane, prepared, () => baselines);
  const { sealedTo } = await openSteps(lane, prepared);
  const segmentsSealedTo = await segmentsSealed(lane, prepared);
  await pageTier?.run({ sealedTo, segmentsSealedTo, watermark: sealedTo + prepared.config.pane, isChanged: true, now });
}

async function segmentsSealed(lane: Lane, prepared: PreparedModel): Promise<number> {
  const plan = prepared.pageTier?.segments ?? null;
  if (plan === null) return Number.NEGATIVE_INFINITY;
  return (await openSteps(lane, prepared, await segmentScope(lane, prepared, plan))).sealedTo;
}

/** Whether the page tier's newest stored evidence of a model is that of its plan; notices, which nobody judges, have plans of their own. */
export async function hasStoredEvidence(lane: Lane, { config, versions, pageTier }: PreparedModel): Promise<boolean> {
  const [row] = await lane.query(
    sql`SELECT argMax(plan_id, computed_at) AS newest FROM evidence WHERE model = ${config.name} AND ${ofVersions(versions)} AND metric IN ${list(Object.values(evidenceMetrics))}`,
    z.object({ newest: z.string() }),
  );
  // A version that has a reference and no events yet has no evidence that could differ.
  if (row?.newest === "" && versions.only !== null) return true;
  return row?.newest === (pageTier?.planId ?? "");
}
