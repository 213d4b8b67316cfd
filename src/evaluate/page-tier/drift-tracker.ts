/**
 * The page or the notice tier of one version and variant: takes the steps of sealed panes in the order of time and says which subjects have changed.
 * The same plan and steps give the same state and the same rows, bit for bit.
 */
import { evidenceOfStreams, type Finding, findingOf } from "../../sequential/replay.ts";
import { mergeCounts } from "../../sequential/stream-reference.ts";
import { advance, initialState, rearm, type TiltState } from "../../sequential/tilt-detector.ts";
import { alarmed, type Changed, isOver, type Judgement, judge, type OnsetTimes } from "./changed-subjects.ts";
import type { Rebased } from "./rebased-streams.ts";
import { DAY_MS, type TierPlan, type WatchedStream } from "./tier-plan.ts";

export interface UnitState {
  /** End of the latest step, ms; null before the first. */
  through: number | null;
  /** In the order of the plan's streams. */
  readonly states: TiltState[];
  /** By subject key. */
  readonly changed: Map<string, Changed>;
  /** By subject key: when the evidence last began anew, ms; before that a change of now can't have begun. */
  readonly restarted: Map<string, number>;
  /** By subject key: what it is compared with where that is not the reference (`Rebased.phase`). */
  readonly phases: Map<string, string>;
}

export const newUnit = (plan: TierPlan): UnitState => ({
  through: null,
  states: plan.streams.map((stream) => initialState(stream.plan)),
  changed: new Map(),
  restarted: new Map(),
  phases: new Map(),
});

export interface DriftStep {
  readonly start: number;
  readonly end: number;
  /** Stored counts, in the order of the plan's streams; left out where the step has none. */
  readonly counts: readonly (readonly number[] | undefined)[];
  /** By subject key: what is not compared with the reference; the counts are over its bins. */
  readonly rebased?: ReadonlyMap<string, Rebased>;
}

export interface Described {
  /** What has changed, in words. */
  readonly finding: string;
  readonly began: OnsetTimes | null;
}

/**
 * Says what a finding is and when it began, given the steps of the stream.
 *
 * @param since no change of now can have begun before it, ms; -Infinity where there is no such time
 * @param end of the step that alarmed, ms
 */
export type Describe = (finding: Finding<WatchedStream>, since: number, end: number) => Promise<Described>;

const nothing: Described = { finding: "", began: null };

export interface StepOutcome extends Omit<Judgement, "alarming"> {
  /** As they are after the step. */
  readonly changed: ReadonlyMap<string, Changed>;
  /** Those that have gone back with this step. */
  readonly over: ReadonlyMap<string, Changed>;
  /** Whether people are to be told of something new. */
  readonly isNew: boolean;
}

/**
 * Takes a step in place.
 *
 * @param frozen subjects of which the notice tier may learn nothing from this step: those that count as changed in the page tier
 */
export async function takeStep(
  plan: TierPlan,
  unit: UnitState,
  step: DriftStep,
  describe: Describe,
  frozen: ReadonlySet<string> = new Set(),
): Promise<StepOutcome> {
  const stepMs = step.end - step.start;
  const streams = streamsIn(plan, step);
  const effective = streams.map(({ stream }) => stream);
  const left = enterPhases(plan, unit, step);
  advanceAll(streams, unit, step, frozen);
  unit.through = step.end;
  const { decision, changedEvidence, alarming } = judge(
    evidenceOfStreams(effective, unit.states),
    new Set(unit.changed.keys()),
    { threshold: plan.threshold, weight: stepMs / DAY_MS },
  );
  for (const subject of alarming) {
    const finding = findingOf(subject, effective, unit.states);
    const before = unit.changed.get(subject);
    const since = unit.restarted.get(subject) ?? Number.NEGATIVE_INFINITY;
    const described =
      before === undefined && finding !== undefined ? await describe(finding, since, step.end) : nothing;
    const onset = Math.min(finding?.onset ?? step.start, step.start);
    unit.changed.set(subject, alarmed(before, { onset, at: step.end, stepMs, ...described }));
  }
  const over = new Map([...unit.changed].filter(([, changed]) => isOver(changed, step.end)));
  for (const subject of over.keys()) unit.changed.delete(subject);
  const all = decision.alarms && !decision.isLocalised;
  startAgain(plan, unit, new Set([...alarming, ...over.keys()]), all, step.end);
  return {
    decision,
    changedEvidence,
    changed: new Map(unit.changed),
    over: new Map([...left, ...over]),
    isNew: decision.alarms,
  };
}

/** Ends what has changed where a version has had no more events for long: there is nothing left that could show it going back. */
export function forgetIdle(unit: UnitState, now: number): ReadonlyMap<string, Changed> {
  const { through } = unit;
  if (through === null) return new Map();
  const idle = new Map(
    [...unit.changed].filter(
      ([, { holdUntil, alarmedAt }]) => now > Math.max(holdUntil, through + Math.max(DAY_MS, holdUntil - alarmedAt)),
    ),
  );
  for (const subject of idle.keys()) unit.changed.delete(subject);
  return idle;
}

interface StreamInStep {
  readonly stream: WatchedStream;
  /** There is nothing to compare it with: no evidence is gathered, and no time passes for it. */
  readonly rests: boolean;
}

const streamsIn = ({ streams }: TierPlan, { rebased }: DriftStep): readonly StreamInStep[] =>
  streams.map((planned) => {
    const instead = rebased?.get(planned.subject)?.streamOf(planned);
    return { stream: instead ?? planned, rests: instead === null };
  });

/** Begins the evidence of a subject anew, against what it is compared with now; null: the reference. */
export function compareFrom(plan: TierPlan, unit: UnitState, subject: string, rebased: Rebased | null): void {
  for (const [index, planned] of plan.streams.entries())
    if (planned.subject === subject) unit.states[index] = initialState((rebased?.streamOf(planned) ?? planned).plan);
  if (rebased === null) unit.phases.delete(subject);
  else unit.phases.set(subject, rebased.phase);
}

/**
 * Begins anew with the subjects that are compared with something else than in the step before.
 *
 * @returns those of them that counted as changed: against what they were compared with then
 */
function enterPhases(plan: TierPlan, unit: UnitState, { rebased, start }: DriftStep): ReadonlyMap<string, Changed> {
  const left = new Map<string, Changed>();
  if (unit.phases.size === 0 && (rebased === undefined || rebased.size === 0)) return left;
  for (const subject of new Set(plan.streams.map((stream) => stream.subject))) {
    const now = rebased?.get(subject);
    if (unit.phases.get(subject) === now?.phase) continue;
    const changed = unit.changed.get(subject);
    if (changed !== undefined) left.set(subject, changed);
    unit.changed.delete(subject);
    unit.restarted.set(subject, start);
    compareFrom(plan, unit, subject, now ?? null);
  }
  return left;
}

function advanceAll(
  streams: readonly StreamInStep[],
  unit: UnitState,
  step: DriftStep,
  frozen: ReadonlySet<string>,
): void {
  // Time without events passes too: the promise is one of wall-clock time.
  const weight = Math.max(0, step.end - (unit.through ?? step.start)) / DAY_MS;
  for (const [index, { stream, rests }] of streams.entries()) {
    const { subject, plan: tilts, slotAt } = stream;
    const state = unit.states[index];
    const stored = step.counts[index];
    if (state === undefined || rests) continue;
    const counts = stored === undefined ? new Float64Array(0) : mergeCounts(tilts.stream, stored);
    const learns = !frozen.has(subject);
    advance(tilts, state, { counts, weight, mark: step.start, slot: slotAt(step.start), learns });
  }
}

/** Where an alarm came from many small changes together, all subjects begin anew. */
function startAgain(
  plan: TierPlan,
  unit: UnitState,
  subjects: ReadonlySet<string>,
  everything: boolean,
  at: number,
): void {
  for (const [index, { subject }] of plan.streams.entries()) {
    const state = unit.states[index];
    if (state === undefined || !(subjects.has(subject) || (everything && !unit.changed.has(subject)))) continue;
    unit.states[index] = rearm(state);
    unit.restarted.set(subject, at);
  }
}
