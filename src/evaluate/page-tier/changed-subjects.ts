/**
 * Which subjects count as changed: from the alarm that names them until their evidence has stayed away for twice the time that an alarm
 * took. A detector starts again after each alarm, so a change that lasts alarms again and again, and nobody is told of it twice.
 */
import { z } from "zod";
import {
  type DecisionOptions,
  decide,
  type ModelDecision,
  type StreamEvidence,
} from "../../sequential/model-decision.ts";

/** When a change began, ms: most likely, and the interval that it can be told to lie in. */
export interface OnsetTimes {
  readonly onset: number;
  readonly from: number;
  readonly to: number;
}

export const changedSchema = z.object({
  /** Where the change began, ms. */
  onset: z.number(),
  /** The interval that this lies in; left out where it is not known. */
  onsetFrom: z.number().optional(),
  onsetTo: z.number().optional(),
  /** End of the step with the latest alarm, ms. */
  alarmedAt: z.number(),
  /** It has gone back where no alarm comes until then, ms. */
  holdUntil: z.number(),
  /** What has changed, in words. */
  finding: z.string(),
});
export type Changed = z.output<typeof changedSchema>;

/** Alarms take at least a step; a shorter wait would end what the next step shows again. */
export const LEAST_HELD_STEPS = 3;
const TIMES = 2;

export interface Judgement {
  /** Of the subjects that have not changed. */
  readonly decision: ModelDecision;
  /** Of those that have, each by itself: it tells nobody anew, but it shows that the change lasts. */
  readonly changedEvidence: ModelDecision["subjects"];
  /** The subjects that alarm: the newly named, and those whose change lasts. */
  readonly alarming: ReadonlySet<string>;
}

/** Judges what has changed already apart from what has not. */
export function judge(
  evidence: readonly StreamEvidence[],
  changed: ReadonlySet<string>,
  options: DecisionOptions,
): Judgement {
  const decision = decide(evidence, { ...options, excluded: changed });
  const { subjects: changedEvidence } = decide(
    evidence.filter(({ subject }) => changed.has(subject)),
    options,
  );
  const level = Math.log(options.threshold);
  const lasting = changedEvidence.filter(({ logEvidence }) => logEvidence >= level);
  return {
    decision,
    changedEvidence,
    alarming: new Set([...decision.named, ...lasting.map(({ subject }) => subject)]),
  };
}

export interface Alarm {
  /** Since when the evidence has risen, ms: the alarm took that long. */
  readonly onset: number;
  readonly at: number;
  readonly stepMs: number;
  readonly finding: string;
  /** When the change began, where more is known than since when the evidence has risen. */
  readonly began?: OnsetTimes | null;
}

/** After an alarm; `before` where it has been changed already. */
export function alarmed(before: Changed | undefined, alarm: Alarm): Changed {
  const { onset, at, stepMs } = alarm;
  const took = before === undefined ? at - onset : at - before.alarmedAt;
  const { alarmedAt: _alarmedAt, holdUntil: _holdUntil, ...told } = before ?? firstTold(alarm);
  return { ...told, alarmedAt: at, holdUntil: at + Math.max(LEAST_HELD_STEPS * stepMs, TIMES * took) };
}

function firstTold({ onset, at, finding, began = null }: Alarm): Changed {
  const times = began === null ? { onset } : { onset: began.onset, onsetFrom: began.from, onsetTo: began.to };
  return { ...times, finding, alarmedAt: at, holdUntil: at };
}

/** Whether it has gone back at the end of a step. */
export function isOver(changed: Changed, at: number): boolean {
  return at > changed.holdUntil;
}
