/**
 * A KPI of one version against another's where both answered the same events (shadow traffic): the sequential test of *the challenger errs
 * more often than the champion on at most a share `tolerance` of the events, given all that came before*. Each event is its own comparison, so
 * that what makes events hard for both does not blur it.
 */
import { type MeanTestState, passTime } from "./bound-test.ts";

/** Odds of "the challenger alone errs" against "the champion alone errs" under the alternatives, where there is no tolerance. */
const MULTIPLIERS = [1.1, 1.25, 1.5, 2, 4, 8, 32];

export interface PairedStep {
  /** Events that the challenger alone has wrong. */
  readonly challengerOnly: number;
  /** Events that the champion alone has wrong. */
  readonly championOnly: number;
  /** Events that both have right or both wrong. */
  readonly alike: number;
  /** Time that passed, in the unit of the threshold. */
  readonly weight: number;
}

/**
 * The state after a step. With d = 1 where the challenger alone errs, -1 where the champion alone does and 0 where they are alike, the evidence
 * grows by the product of the bets 1 + s (d - tolerance), of mean at most 1 while the mean of d is at most the tolerance, under any
 * dependence between the events (Waudby-Smith & Ramdas 2024, JRSS B 86). Without a tolerance this is the test of a bound of 1/2 on the events
 * that exactly one has wrong.
 *
 * @param tolerance in [0, 1)
 */
export function stepPaired(
  tolerance: number,
  state: MeanTestState,
  { challengerOnly, championOnly, alike, weight }: PairedStep,
  fading = Number.POSITIVE_INFINITY,
): MeanTestState {
  return passTime(state, MULTIPLIERS.length, weight, fading).map((evidence, index) => {
    const multiplier = MULTIPLIERS[index] ?? 1;
    const stake = (multiplier - 1) / (multiplier + 1) / (1 + tolerance);
    return (
      evidence +
      challengerOnly * Math.log1p(stake * (1 - tolerance)) +
      championOnly * Math.log1p(-stake * (1 + tolerance)) +
      alike * Math.log1p(-stake * tolerance)
    );
  });
}
