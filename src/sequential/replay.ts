/**
 * A model's page or notice tier over steps that are already there: what it would have said, and the state that it would be in. The state of
 * a running model is exactly this replay of its stored steps.
 */
import { decide, type ModelDecision, type StreamEvidence } from "./model-decision.ts";
import { advance, initialState, leadingTilt, logEvidenceOf, onsetOf, rearm, type TiltState } from "./tilt-detector.ts";
import type { TiltPlan } from "./tilt-plan.ts";

export interface PlannedStream {
  readonly subject: string;
  readonly stream: string;
  /** Fixed share of the model's evidence: see `evidenceShares`. */
  readonly share: number;
  readonly plan: TiltPlan;
}

export interface ModelPlan {
  readonly streams: readonly PlannedStream[];
  /** False alarms are at most one per this time, in the unit of the steps' weight. */
  readonly threshold: number;
}

export interface ModelStep {
  /** Counts per bin of each stream, in the order of the plan's streams. */
  readonly counts: readonly ArrayLike<number>[];
  readonly weight: number;
  readonly mark?: number;
  readonly slot?: number;
}

/** Where a subject's change began and what it is. */
export interface Finding<Stream extends PlannedStream = PlannedStream> {
  readonly subject: string;
  readonly stream: Stream;
  /** Index into the plan's tilts. */
  readonly tilt: number;
  /** Mark of the step in which it began. */
  readonly onset: number;
}

export interface ReplayedAlarm {
  /** Index of the step. */
  readonly step: number;
  readonly decision: ModelDecision;
  readonly findings: readonly Finding[];
}

export interface Replay {
  readonly alarms: readonly ReplayedAlarm[];
  /** Greatest part of the way to the threshold that the evidence came, 0 to 1. */
  readonly greatestFraction: number;
  readonly states: readonly TiltState[];
}

/** The evidence of the streams as the decision takes it. */
export function evidenceOfStreams(streams: readonly PlannedStream[], states: readonly TiltState[]): StreamEvidence[] {
  return streams.map(({ subject, stream, share }, index) => {
    const state = states[index];
    return {
      subject,
      stream,
      share,
      logEvidence: state === undefined ? Number.NEGATIVE_INFINITY : logEvidenceOf(state),
    };
  });
}

/** What changed in a subject: the tilt with the greatest share times evidence over all of its streams. Undefined if none has evidence. */
export function findingOf<Stream extends PlannedStream>(
  subject: string,
  streams: readonly Stream[],
  states: readonly TiltState[],
): Finding<Stream> | undefined {
  let greatest = Number.NEGATIVE_INFINITY;
  let found: Finding<Stream> | undefined;
  for (const [index, stream] of streams.entries()) {
    const state = states[index];
    if (stream.subject !== subject || state === undefined) continue;
    const tilt = leadingTilt(state);
    const evidence = Math.log(stream.share) + (state.logEvidence[tilt] ?? Number.NEGATIVE_INFINITY);
    if (!(evidence > greatest)) continue;
    greatest = evidence;
    found = { subject, stream, tilt, onset: onsetOf(state) ?? 0 };
  }
  return found;
}

/**
 * Takes the steps in order. After an alarm the named subjects start again, all of them where none is named by itself, so that the number of
 * false alarms within a time T is T / threshold at most on average.
 */
export function replay({ streams, threshold }: ModelPlan, steps: Iterable<ModelStep>): Replay {
  const states = streams.map(({ plan }) => initialState(plan));
  const alarms: ReplayedAlarm[] = [];
  let greatestFraction = 0;
  let index = 0;
  for (const { counts, ...rest } of steps) {
    for (const [at, { plan }] of streams.entries()) {
      const state = states[at];
      if (state !== undefined) advance(plan, state, { ...rest, counts: counts[at] ?? [] });
    }
    const decision = decide(evidenceOfStreams(streams, states), { threshold, weight: rest.weight });
    greatestFraction = Math.max(greatestFraction, decision.fraction);
    if (decision.alarms) {
      const findings = decision.named.flatMap((subject) => findingOf(subject, streams, states) ?? []);
      alarms.push({ step: index, decision, findings });
      for (const [at, { subject }] of streams.entries()) {
        const state = states[at];
        if (state === undefined || (decision.isLocalised && !decision.named.includes(subject))) continue;
        states[at] = rearm(state);
      }
    }
    index++;
  }
  return { alarms, greatestFraction, states };
}
