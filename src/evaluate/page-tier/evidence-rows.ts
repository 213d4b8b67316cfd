/** Rows of `evidence`: how far each subject is on its way to an alarm, what has changed, and what has gone back. */
import { type EvidenceMetric, type NoticeMetric, PAGE_TIER } from "../../core/evidence.ts";
import type { MetricRow } from "../../core/metric.ts";
import type { SubjectKind } from "../../core/summary.ts";
import type { Lane } from "../../store/store.ts";
import type { PreparedModel } from "../prepare-model.ts";
import type { Changed } from "./changed-subjects.ts";

export interface EvidenceRow
  extends Pick<
    MetricRow,
    | "version"
    | "variant"
    | "subject_kind"
    | "subject"
    | "window_start"
    | "window_end"
    | "value"
    | "threshold"
    | "breached"
    | "n"
  > {
  /** Left out: the whole. */
  readonly segment?: string;
  readonly metric: EvidenceMetric | NoticeMetric;
  /** Whether this very step alarmed. */
  readonly alarmed: boolean;
  readonly onset: number | null;
  /** The interval that the onset lies in; null where it is not known. */
  readonly onset_from?: number | null;
  readonly onset_to?: number | null;
  readonly finding: string;
  /** Time that this step stands for, ms. */
  readonly watched_ms: number;
}

export interface SubjectEvidence {
  /** Left out: the whole. */
  readonly segment?: string | undefined;
  readonly subjectKind: SubjectKind;
  readonly subject: string;
  /** ln of its share times its evidence. */
  readonly logEvidence: number;
  readonly share: number;
  readonly n: number;
}

/** Below this part of the way to an alarm a subject's evidence is not written down. */
const LEAST_FRACTION = 0.1;

/**
 * Evidence as people read it: 0 after a quiet step of `quiet` days, an alarm at the threshold. In natural logarithms, so that each unit more
 * is 2.7 times the evidence.
 */
export function onScale(
  { logEvidence, share }: Pick<SubjectEvidence, "logEvidence" | "share">,
  threshold: number,
  quiet: number,
): { readonly value: number; readonly threshold: number } {
  const rest = Math.log(share) + Math.log(quiet);
  return { value: Math.max(0, logEvidence - rest), threshold: Math.log(threshold) - rest };
}

export interface StepPlace {
  readonly version: string;
  readonly variant: string;
  readonly start: number;
  readonly end: number;
  readonly watchedMs: number;
}

/** The row of a subject, or null where there is nothing worth writing down. */
export function subjectRow(
  place: StepPlace,
  metric: EvidenceRow["metric"],
  of: SubjectEvidence,
  scale: { readonly value: number; readonly threshold: number },
  state: { readonly changed: Changed | undefined; readonly over: Changed | undefined },
): EvidenceRow | null {
  const told = state.changed ?? state.over;
  const alarmed = state.changed?.alarmedAt === place.end;
  // While a change lasts without a new alarm nothing is written: a row that has not breached would end it.
  if (state.changed !== undefined && !alarmed) return null;
  if (told === undefined && scale.value < LEAST_FRACTION * scale.threshold) return null;
  return {
    version: place.version,
    variant: place.variant,
    window_start: place.start,
    window_end: place.end,
    ...(of.segment === undefined ? {} : { segment: of.segment }),
    metric,
    subject_kind: of.subjectKind,
    subject: of.subject,
    ...scale,
    breached: alarmed,
    alarmed,
    n: of.n,
    onset: told?.onset ?? null,
    onset_from: told?.onsetFrom ?? null,
    onset_to: told?.onsetTo ?? null,
    finding: told?.finding ?? "",
    watched_ms: place.watchedMs,
  };
}

export async function writeEvidence(
  lane: Lane,
  { config }: PreparedModel,
  planId: string,
  rows: readonly EvidenceRow[],
  now: number,
): Promise<void> {
  if (rows.length === 0) return;
  await lane.insertRows(
    "evidence",
    rows.map((row) => ({
      segment: "",
      ...row,
      model: config.name,
      window: PAGE_TIER,
      coverage: 1,
      status: "ok",
      plan_id: planId,
      computed_at: now,
    })),
  );
}
