/** What a rule is to the simulation: a score after every value, which alarms above a threshold. Thresholds are tuned on the scores. */
import type { Random } from "./random.ts";
import type { Reference } from "./scenes.ts";

/** One stream that a rule watches. */
export interface Watch {
  /** The score after this value; -Infinity where the rule does not look. */
  push(value: number): number;
  /** After an alarm, before the next value. */
  restart(): void;
  /** A watch in the same state that goes its own way. Left out where a rule has none: it is then brought there again. */
  fork?(): Watch;
}

export interface Rule {
  readonly name: string;
  start(reference: Reference, random: Random): Watch;
}

/** A rule with its threshold: an alarm is a score above it. */
export interface Setting {
  readonly rule: Rule;
  readonly threshold: number;
  /** For the table: how the threshold was chosen. */
  readonly chosen: string;
}
