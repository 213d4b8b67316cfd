/** An interval for a rate that may be looked at after every event: the true rate lies inside at all times at once. */
import { gammaLogarithm } from "../math/gamma-logarithm.ts";

export interface RateInterval {
  readonly lower: number;
  readonly upper: number;
}

const LOG_PI = Math.log(Math.PI);
/** More than a double has digits. */
const MOST_HALVINGS = 200;

/**
 * The rates that the mixture of all rates, weighted by Beta(1/2, 1/2), is not yet 1/alpha times as likely as (Robbins 1970, Ann. Math.
 * Stat. 41). Wider than an interval for one fixed moment. No events: [0, 1].
 *
 * @param events whole, 0 to trials
 * @param alpha probability that the true rate is ever outside
 */
export function rateInterval(events: number, trials: number, alpha: number): RateInterval {
  if (trials <= 0) return { lower: 0, upper: 1 };
  const others = trials - events;
  const mixture =
    gammaLogarithm(events + 0.5) + gammaLogarithm(others + 0.5) - gammaLogarithm(trials + 1) - LOG_PI + Math.log(alpha);
  const isOutside = (rate: number) =>
    mixture > (events > 0 ? events * Math.log(rate) : 0) + (others > 0 ? others * Math.log1p(-rate) : 0);
  const rate = events / trials;
  return {
    lower: events === 0 ? 0 : edge(isOutside, 0, rate),
    upper: others === 0 ? 1 : edge(isOutside, 1, rate),
  };
}

/** Halves between a rate outside and one inside, and returns the inner end. */
export function edge(isOutside: (rate: number) => boolean, from: number, to: number): number {
  let outside = from;
  let inside = to;
  for (let halving = 0; halving < MOST_HALVINGS; halving++) {
    const middle = (outside + inside) / 2;
    if (middle === outside || middle === inside) break;
    if (isOutside(middle)) outside = middle;
    else inside = middle;
  }
  return inside;
}
