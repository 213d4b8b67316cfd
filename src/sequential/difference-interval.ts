/**
 * Intervals for the difference of two rates that may be looked at after every event: the true difference lies inside at all times at once, with the
 * stated probability. Each is a set of laws that a mixture is not yet 1/alpha times as likely as (Robbins 1970, Ann. Math. Stat. 41), of which only
 * the difference is shown: the rest is chosen in its favour (Wasserman, Ramdas & Balakrishnan 2020, PNAS 117).
 */
import { gammaLogarithm } from "../math/gamma-logarithm.ts";
import { edge, type RateInterval } from "./rate-interval.ts";

export interface RateSums {
  /** Of values in [0, 1]. */
  readonly sum: number;
  readonly events: number;
}

const LOG_PI = Math.log(Math.PI);
const HALVINGS = 60;

/**
 * Second less first, of two groups of different events; [-1, 1] where one has none.
 *
 * @param alpha probability that the true difference is ever outside
 */
export function rateDifferenceInterval(first: RateSums, second: RateSums, alpha: number): RateInterval {
  if (first.events <= 0 || second.events <= 0) return { lower: -1, upper: 1 };
  const level = logBetaMixture(first) + logBetaMixture(second) + Math.log(alpha);
  const likelihood = (difference: number) =>
    greatest(Math.max(0, -difference), Math.min(1, 1 - difference), (rate) => ({
      value: logLikelihood(first, rate) + logLikelihood(second, rate + difference),
      slope: slope(first, rate) + slope(second, rate + difference),
    }));
  return interval(
    second.sum / second.events - first.sum / first.events,
    (difference) => level > likelihood(difference),
  );
}

/** Counts of events that both versions have answered. */
export interface PairedCounts {
  readonly challengerOnly: number;
  readonly championOnly: number;
  readonly alike: number;
}

/** The challenger's error rate less the champion's, where both answered the same events; [-1, 1] without any. */
export function pairedDifferenceInterval(
  { challengerOnly, championOnly, alike }: PairedCounts,
  alpha: number,
): RateInterval {
  const counts = [challengerOnly, championOnly, alike];
  const events = challengerOnly + championOnly + alike;
  if (events <= 0) return { lower: -1, upper: 1 };
  // Of the three shares, weighted by Dirichlet(1/2, 1/2, 1/2).
  const mixture =
    counts.reduce((sum, count) => sum + gammaLogarithm(count + 0.5), 0) -
    gammaLogarithm(events + 1.5) -
    1.5 * LOG_PI +
    gammaLogarithm(1.5);
  const level = mixture + Math.log(alpha);
  const likelihood = (difference: number) =>
    greatest(Math.max(0, -difference), (1 - difference) / 2, (share) => ({
      value:
        term(challengerOnly, share + difference) + term(championOnly, share) + term(alike, 1 - difference - 2 * share),
      slope:
        rise(challengerOnly, share + difference) +
        rise(championOnly, share) -
        2 * rise(alike, 1 - difference - 2 * share),
    }));
  return interval((challengerOnly - championOnly) / events, (difference) => level > likelihood(difference));
}

function interval(difference: number, isOutside: (difference: number) => boolean): RateInterval {
  return {
    lower: isOutside(-1) ? edge(isOutside, -1, difference) : -1,
    upper: isOutside(1) ? edge(isOutside, 1, difference) : 1,
  };
}

/** Greatest value of a concave function between two ends: where its slope changes sign. */
function greatest(
  low: number,
  high: number,
  at: (x: number) => { readonly value: number; readonly slope: number },
): number {
  let [from, to] = [low, high];
  for (let halving = 0; halving < HALVINGS; halving++) {
    const middle = (from + to) / 2;
    if (middle === from || middle === to) break;
    if (at(middle).slope > 0) from = middle;
    else to = middle;
  }
  return Math.max(at(low).value, at(high).value, at((from + to) / 2).value);
}

/** count ln(share), 0 for no count. */
const term = (count: number, share: number): number => (count > 0 ? count * Math.log(Math.max(0, share)) : 0);
const rise = (count: number, share: number): number => (count > 0 ? count / Math.max(Number.MIN_VALUE, share) : 0);

const logLikelihood = ({ sum, events }: RateSums, rate: number): number =>
  term(sum, rate) + term(events - sum, 1 - rate);
const slope = ({ sum, events }: RateSums, rate: number): number => rise(sum, rate) - rise(events - sum, 1 - rate);

/** ln of the likelihood under the mixture of all rates by Beta(1/2, 1/2). */
const logBetaMixture = ({ sum, events }: RateSums): number =>
  gammaLogarithm(sum + 0.5) + gammaLogarithm(events - sum + 0.5) - gammaLogarithm(events + 1) - LOG_PI;
