/**
 * When a change began, as an interval: the moments that a likelihood-ratio profile of the change point can't exclude (Siegmund 1988, Confidence
 * sets in change-point problems, International Statistical Review 56). Along the direction in which a stream has moved, what came before a
 * moment and what came after it are each fitted by a law of their own; a moment is excluded where the best one explains the counts better
 * by more than ln 40, which is 95 % where the slices are long and cautious where they are short.
 *
 * The alarm's own tilt is not enough for this: it is one of a few fixed sizes, weakened by the tolerance, and a change of another size leaves
 * its sum of evidence nearly level for long, so that where that began to rise is a poor witness.
 */
import { sharesOf } from "./directions.ts";
import type { TiltPlan } from "./tilt-plan.ts";

/** Events, and the sum of their scores. */
export interface ScoreSum {
  readonly events: number;
  readonly sum: number;
}

/** Places in the list of slices: the likeliest first slice of the change, and the first and last that can't be excluded. */
export interface OnsetEstimate {
  readonly best: number;
  readonly first: number;
  readonly last: number;
}

/**
 * How far back from the rise of the evidence to look at first, so many times the rise and slices at least; and where even the first of these
 * slices can't be excluded, how many times further, and how often.
 */
export const ONSET_LOOK_BACK = { times: 4, slices: 64, wider: 4, tries: 5 } as const;

/** ln 40: a moment on either side is excluded wrongly in one of forty cases. */
const EXCLUDED_BELOW = Math.log(40);
const GREATEST_TILT = 20;
const NEWTON_STEPS = 40;

/**
 * @param slices counts over the stream's bins, in the order of time, the last one that of the alarm; not empty
 * @param tilt index of the plan's leading tilt: only its direction matters
 */
export function onsetOfStream(plan: TiltPlan, tilt: number, slices: readonly ArrayLike<number>[]): OnsetEstimate {
  const direction = plan.directions[plan.tilts[tilt]?.direction ?? -1];
  if (direction === undefined) return { best: 0, first: 0, last: Math.max(0, slices.length - 1) };
  const { score, isSet } = direction;
  const shares = sharesOf(plan.stream.weights);
  const sums = slices.map((counts) => scoreSum(counts, score));
  const reference = scoreSum(plan.stream.weights, score);
  const fitted = isSet ? bernoulli : tiltedBy(score, shares);
  return onsetOfSums(sums, reference, fitted, plan.designEffects[tilt] ?? 1);
}

/** The same for a share of events, such as those that a model got wrong: `sum` counts them. */
export function onsetOfRate(slices: readonly ScoreSum[], reference: ScoreSum): OnsetEstimate {
  return onsetOfSums(slices, reference, bernoulli, 1);
}

/** Greatest ln likelihood of a stretch under a law of its own, less what does not depend on that law. */
type Fit = (stretch: ScoreSum) => number;

/**
 * The reference stands before the first slice, so that a change which was there from the start is seen too; but with no more weight than all
 * slices together, or what came before would count for nothing against a large one that is a harmless bit off.
 */
function onsetOfSums(slices: readonly ScoreSum[], reference: ScoreSum, fit: Fit, designEffect: number): OnsetEstimate {
  let after = slices.reduce(added, NOTHING);
  const weight = reference.events === 0 ? 0 : Math.min(1, after.events / reference.events);
  let before: ScoreSum = { events: weight * reference.events, sum: weight * reference.sum };
  const profile = slices.map((slice) => {
    const value = fit(before) + fit(after);
    before = added(before, slice);
    after = { events: after.events - slice.events, sum: after.sum - slice.sum };
    return value;
  });
  const most = Math.max(...profile);
  const excludedBelow = most - EXCLUDED_BELOW * designEffect;
  return {
    best: profile.indexOf(most),
    first: profile.findIndex((value) => value >= excludedBelow),
    last: profile.findLastIndex((value) => value >= excludedBelow),
  };
}

const NOTHING: ScoreSum = { events: 0, sum: 0 };
const added = (one: ScoreSum, other: ScoreSum): ScoreSum => ({
  events: one.events + other.events,
  sum: one.sum + other.sum,
});

function scoreSum(counts: ArrayLike<number>, score: readonly number[]): ScoreSum {
  let events = 0;
  let sum = 0;
  for (let bin = 0; bin < counts.length; bin++) {
    events += counts[bin] ?? 0;
    sum += (counts[bin] ?? 0) * (score[bin] ?? 0);
  }
  return { events, sum };
}

const bernoulli: Fit = ({ events, sum }) => partOf(sum, events) + partOf(events - sum, events);
const partOf = (count: number, events: number) => (count <= 0 ? 0 : count * Math.log(count / events));

/** Laws that are the reference's, tilted along the score: the law with the stretch's mean score is the likeliest, found by Newton's method. */
function tiltedBy(score: readonly number[], shares: readonly number[]): Fit {
  let tilt = 0;
  return ({ events, sum }) => {
    if (events <= 0) return 0;
    const mean = sum / events;
    for (let step = 0; step < NEWTON_STEPS; step++) {
      const { average, variance } = tiltedMoments(score, shares, tilt);
      // Steps of one unit at most: far from its answer Newton's method overshoots.
      const move = Math.max(-1, Math.min(1, (mean - average) / Math.max(variance, Number.MIN_VALUE)));
      tilt = Math.max(-GREATEST_TILT, Math.min(GREATEST_TILT, tilt + move));
      if (Math.abs(move) < 1e-9) break;
    }
    return tilt * sum - events * tiltedMoments(score, shares, tilt).logNorm;
  };
}

function tiltedMoments(score: readonly number[], shares: readonly number[], tilt: number) {
  let norm = 0;
  let first = 0;
  let second = 0;
  for (let bin = 0; bin < shares.length; bin++) {
    const value = score[bin] ?? 0;
    const part = (shares[bin] ?? 0) * Math.exp(tilt * value);
    norm += part;
    first += part * value;
    second += part * value * value;
  }
  const average = first / norm;
  return { logNorm: Math.log(norm), average, variance: second / norm - average * average };
}
