/**
 * A KPI in [0, 1] against a fixed bound: the sequential test of *its mean is at most the bound, given all that came before*. It needs only
 * the number of labelled events of a pane and the sum of their values, and holds under any dependence between them.
 */
import { logAddExp, logSumExp } from "../math/log-sum-exp.ts";

/** Odds of the alternatives, as multiples of the bound's. */
const MULTIPLIERS = [1.1, 1.25, 1.5, 2, 4, 8, 32];

/** Per alternative: ln of its evidence R; empty before any time has passed. A list of finite numbers. */
export type MeanTestState = readonly number[];

export interface BoundStep {
  /** Labelled events of the pane, or the sum of the parts in which they count, each in [0, 1]. */
  readonly events: number;
  /** The sum of their values, each from 0 to what the event counts: the errors, for an error rate. */
  readonly sum: number;
  /** Time that passed, in the unit of the threshold. */
  readonly weight: number;
}

/**
 * The state after a step. For values of 0 and 1 the ratio is the exact likelihood ratio; for others a lower bound of the betting e-value
 * 1 + (q - b)(x - b) / (b(1 - b)), since the logarithm is concave (Waudby-Smith & Ramdas 2024, JRSS B 86), so that sums are enough.
 *
 * An event may also count in part: with w instead of 1 in `events` and x, at most w, in `sum`. Then (q/b)^x ((1-q)/(1-b))^(w-x) is at most
 * 1 + x (q/b - 1) + (w - x)((1-q)/(1-b) - 1) for w up to 1, by the inequality of weighted means: of mean 1 at most while E[x] <= b E[w]. So a ratio of
 * sums is tested as a mean is: precision, recall, F1, and their estimates.
 *
 * To test *the mean is at least b*, give `events - sum` and 1 - b.
 *
 * @param bound strictly between 0 and 1
 * @param fading time after which evidence has faded to 1/e
 */
export function stepBound(
  bound: number,
  state: MeanTestState,
  { events, sum, weight }: BoundStep,
  fading = Number.POSITIVE_INFINITY,
): MeanTestState {
  const odds = bound / (1 - bound);
  const before = passTime(state, MULTIPLIERS.length, weight, fading);
  if (events === 0) return before;
  return before.map((evidence, index) => {
    const alternative = (MULTIPLIERS[index] ?? 1) * odds;
    const mean = alternative / (1 + alternative);
    return evidence + sum * Math.log(mean / bound) + (events - sum) * Math.log1p((bound - mean) / (1 - bound));
  });
}

/** ln R of the test: it alarms where this reaches ln of the threshold. -Infinity before any time has passed. */
export function logEvidenceOfMean(state: MeanTestState): number {
  return logSumExp(state);
}

/** Evidence fades, and the change may begin at any moment: R becomes R e^(-w/fading) + w/n for each of n alternatives. */
export function passTime(state: MeanTestState, alternatives: number, weight: number, fading: number): MeanTestState {
  if (weight <= 0) return state.length > 0 ? state : [];
  const start = Math.log(weight / alternatives);
  return Array.from({ length: alternatives }, (_, index) =>
    logAddExp((state[index] ?? Number.NEGATIVE_INFINITY) - weight / fading, start),
  );
}
