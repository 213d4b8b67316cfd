/**
 * KPIs from one plan to the next: the evidence begins anew at the present, what counts as fallen goes on, and what is tested no more ends. A
 * restart under the same plan finds the same again, since it looks at what was told before the plan's first step.
 */
import { z } from "zod";
import type { ComparedSide } from "../../config/compare.ts";
import { evidenceMetrics } from "../../core/evidence.ts";
import type { MetricRow } from "../../core/metric.ts";
import { sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { ofVersions } from "../version-scope.ts";
import type { Series } from "../window-series.ts";
import { type Changed, LEAST_HELD_STEPS } from "./changed-subjects.ts";
import { type EvidenceRow, subjectRow } from "./evidence-rows.ts";

export interface CarriedKpi extends Changed, Pick<MetricRow, "version" | "variant" | "subject"> {}

const row = z.object({
  version: z.string(),
  variant: z.string(),
  subject: z.string(),
  onset: z.number().nullable(),
  finding: z.string(),
  start: z.number(),
  end: z.number(),
});

/** @param since when the plan took its first step, ms */
export async function readCarriedKpis(
  lane: Lane,
  { config, versions }: Pick<PreparedModel, "config" | "versions">,
  planId: string,
  since: number,
): Promise<CarriedKpi[]> {
  const earlier = Number.isFinite(since) ? sql`(plan_id != ${planId} OR computed_at < ${time(since)})` : sql`true`;
  const rows = await lane.query(
    sql`SELECT version, variant, subject, toUnixTimestamp64Milli(argMax(onset, window_start)) AS onset, argMax(finding, window_start) AS finding,
        toUnixTimestamp64Milli(max(window_start)) AS start, toUnixTimestamp64Milli(argMax(window_end, window_start)) AS end
      FROM evidence FINAL WHERE model = ${config.name} AND metric = ${evidenceMetrics.kpi} AND ${ofVersions(versions)} AND ${earlier}
      GROUP BY version, variant, subject HAVING argMax(breached, window_start) ORDER BY version, variant, subject`,
    row,
  );
  return rows.map(({ version, variant, subject, onset, finding, start, end }) => ({
    version,
    variant,
    subject,
    onset: onset ?? start,
    alarmedAt: end,
    holdUntil: end + LEAST_HELD_STEPS * (end - start),
    finding,
  }));
}

/** Whether a row of a comparison is of this challenger. */
export const isCarried = (challenger: ComparedSide, { version, variant }: Series): boolean =>
  version === (challenger.version ?? "") && variant === (challenger.variant ?? "");

/** The row that ends a KPI that is tested no more. */
export function endedRow({ version, variant, subject, ...changed }: CarriedKpi): EvidenceRow | null {
  const start = changed.alarmedAt;
  const stepMs = (changed.holdUntil - start) / LEAST_HELD_STEPS;
  const place = { version, variant, start, end: start + stepMs, watchedMs: 0 };
  const of = { subjectKind: "kpi" as const, subject, logEvidence: 0, share: 1, n: 0 };
  const state = { changed: undefined, over: changed };
  return subjectRow(place, evidenceMetrics.kpi, of, { value: 0, threshold: 0 }, state);
}
