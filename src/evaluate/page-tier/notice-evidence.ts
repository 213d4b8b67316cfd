/**
 * The notice tier beside the page tier: the same steps under a plan of its own. What it finds is written down and shown, and is never a breach;
 * so no rule fires on it, and nothing is delivered.
 */
import { noticeMetrics } from "../../core/evidence.ts";
import type { Lane } from "../../store/store.ts";
import { type ModelVersions, readCarriedOver } from "./carried-over.ts";
import type { DriftStep, StepOutcome } from "./drift-tracker.ts";
import { type EvidenceRow, onScale, type StepPlace, type SubjectEvidence, subjectRow } from "./evidence-rows.ts";
import type { NoticePlan } from "./notice-plan.ts";
import type { Rebasing } from "./rebased-streams.ts";
import { readUnits, type Units } from "./saved-states.ts";
import { DAY_MS } from "./tier-plan.ts";

/** Below this part of the way to a notice a subject's evidence is not written down: quiet streams lie anywhere below. */
const LEAST_FRACTION = 0.5;

export interface OpenedNotices {
  readonly plan: NoticePlan;
  readonly units: Units;
  /** Steps that begin before it have been taken, ms. */
  readonly through: number;
  /** What an earlier plan had noticed and this one does not watch: rows that end it. */
  readonly ended: readonly EvidenceRow[];
}

type Carry = (plan: NoticePlan, units: Units, carried: CarriedOver["changed"][number]) => readonly EvidenceRow[];
type CarriedOver = Awaited<ReturnType<typeof readCarriedOver>>;

/**
 * The notices as they were saved, which is with the page tier's state; a new plan begins where that stands, never in the past.
 *
 * @param pageThrough where the page tier goes on, ms
 */
export async function openNotices(
  lane: Lane,
  prepared: ModelVersions,
  plan: NoticePlan,
  pageThrough: number,
  rebasing: Rebasing,
  carry: Carry,
): Promise<OpenedNotices> {
  const { units, through } = await readUnits(lane, prepared, plan, rebasing);
  if (through !== Number.NEGATIVE_INFINITY) return { plan, units, through, ended: [] };
  const carried = await readCarriedOver(lane, prepared, plan.planId, noticeMetrics);
  const ended = carried.changed.flatMap((subject) => carry(plan, units, subject));
  return { plan, units, through: Math.max(pageThrough, carried.through), ended };
}

/**
 * Evidence above what a stream that never varies has in the long run: 0 there, a notice at the threshold. As the page tier's, in natural
 * logarithms.
 */
const scaleOf = (
  plan: NoticePlan,
  of: Pick<SubjectEvidence, "logEvidence" | "share">,
  stepDays: number,
): { readonly value: number; readonly threshold: number } =>
  onScale(of, plan.threshold, Math.min(plan.threshold / 2, Math.max(plan.fading, stepDays)));

/** Rows of a step: the whole, and the subjects that are noticed, have gone back or are on their way. */
export function noticeRows(
  plan: NoticePlan,
  place: StepPlace,
  step: DriftStep,
  outcome: StepOutcome,
  subjects: ReadonlyMap<string, Omit<SubjectEvidence, "logEvidence">>,
): EvidenceRow[] {
  const stepDays = (step.end - step.start) / DAY_MS;
  const { decision, changed, over, changedEvidence } = outcome;
  const rows = [...decision.subjects, ...changedEvidence].flatMap(({ subject, logEvidence }): EvidenceRow[] => {
    const known = subjects.get(subject);
    if (known === undefined) return [];
    const of = { ...known, logEvidence };
    const scale = scaleOf(plan, of, stepDays);
    const state = { changed: changed.get(subject), over: over.get(subject) };
    const isQuiet = state.changed === undefined && state.over === undefined;
    if (isQuiet && scale.value < LEAST_FRACTION * scale.threshold) return [];
    const row = subjectRow(place, noticeMetrics.drift, of, scale, state);
    return row === null ? [] : [harmless(row)];
  });
  const whole: EvidenceRow = {
    version: place.version,
    variant: place.variant,
    window_start: place.start,
    window_end: place.end,
    metric: noticeMetrics.model,
    subject_kind: "model",
    subject: "model",
    ...scaleOf(plan, { logEvidence: decision.logEvidence, share: 1 }, stepDays),
    breached: false,
    alarmed: outcome.isNew,
    n: Math.max(0, ...[...subjects.values()].map(({ n }) => n)),
    onset: null,
    finding: "",
    watched_ms: place.watchedMs,
  };
  return [whole, ...rows];
}

/** A notice is no breach, whoever reads it. */
export const harmless = (row: EvidenceRow): EvidenceRow => ({ ...row, breached: false });
