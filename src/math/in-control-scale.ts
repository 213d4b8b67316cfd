/** Where a control chart takes its target and its standard deviation from: what is given, or what the first values showed. */
import { type RunningMoments, standardDeviation } from "./running-moments.ts";

export interface GivenScale {
  /** Null: learned. */
  readonly target: number | null;
  readonly standard_deviation: number | null;
  /** Values to learn from. */
  readonly min_values: number;
}

export interface Scale {
  readonly target: number;
  readonly standardDeviation: number;
}

/** Scores beyond it count as it, so that sums of them stay finite. */
const LARGEST_SCORE = 1e140;

/** The scale, or undefined as long as it has to be learned: until there are values enough, and not all of them equal. */
export function inControlScale(given: GivenScale, learned: RunningMoments): Scale | undefined {
  const deviation = given.standard_deviation ?? standardDeviation(learned);
  if (given.target !== null && given.standard_deviation !== null) {
    return { target: given.target, standardDeviation: deviation };
  }
  if (learned.count < given.min_values || !(deviation > 0)) return undefined;
  return { target: given.target ?? learned.mean, standardDeviation: deviation };
}

/** Distance from the target in standard deviations. */
export function standardScore(value: number, { target, standardDeviation }: Scale): number {
  const score = (value - target) / standardDeviation;
  return Math.min(LARGEST_SCORE, Math.max(-LARGEST_SCORE, score));
}
