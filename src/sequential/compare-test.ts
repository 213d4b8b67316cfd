/**
 * A KPI in [0, 1] of one version against another's, on split traffic: the sequential test of *the mean of the challenger is at most that of
 * the champion plus a tolerance*, the mean being of something bad, such as an error.
 */
import { type MeanTestState, passTime } from "./bound-test.ts";

/** Odds of the alternatives, as multiples of the challenger's odds under the null. */
const MULTIPLIERS = [1.1, 1.25, 1.5, 2, 4];
const LEAST_MEAN = 0.001;
/** The champion's mean under the alternative stays above this part below the null's. */
const MOST_FALL = 0.9;

export interface CompareState {
  readonly evidence: MeanTestState;
  /** Of both versions, over all panes so far. */
  readonly events: number;
  readonly sum: number;
  readonly challengerEvents: number;
}

export interface CompareStep {
  readonly championEvents: number;
  readonly championSum: number;
  readonly challengerEvents: number;
  readonly challengerSum: number;
  /** Time that passed, in the unit of the threshold. */
  readonly weight: number;
}

export const initialComparison: CompareState = { evidence: [], events: 0, sum: 0, challengerEvents: 0 };

/**
 * The state after a step. The means under the null come from earlier panes, never from this one; the slopes of the two ratios cancel, so
 * that the product has a mean of at most 1 for every pair of means with the null's difference, by the inequality of arithmetic and geometric
 * means (for no tolerance the two-sample e-variable of Turner, Ly & Grünwald 2024, JMLR 25).
 *
 * @param tolerance by how much the challenger's mean may be above the champion's, in [0, 1)
 */
export function stepComparison(
  tolerance: number,
  state: CompareState,
  taken: CompareStep,
  fading = Number.POSITIVE_INFINITY,
): CompareState {
  const { championEvents, championSum, challengerEvents, challengerSum } = taken;
  const before = passTime(state.evidence, MULTIPLIERS.length, taken.weight, fading);
  const isBoth = championEvents > 0 && challengerEvents > 0;
  return {
    evidence: isBoth
      ? before.map((value, index) => value + gained(tolerance, state, taken, MULTIPLIERS[index] ?? 1))
      : before,
    events: state.events + championEvents + challengerEvents,
    sum: state.sum + championSum + challengerSum,
    challengerEvents: state.challengerEvents + challengerEvents,
  };
}

function gained(tolerance: number, past: CompareState, taken: CompareStep, multiplier: number): number {
  const pooled = (past.sum + 0.5 - tolerance * past.challengerEvents) / (past.events + 1);
  const champion = Math.min(1 - LEAST_MEAN - tolerance, Math.max(LEAST_MEAN, pooled));
  const challenger = champion + tolerance;
  const slopes =
    (taken.challengerEvents * champion * (1 - champion)) / (taken.championEvents * challenger * (1 - challenger));
  const odds = (multiplier * challenger) / (1 - challenger + multiplier * challenger);
  const rise = Math.min(odds - challenger, (MOST_FALL * champion) / slopes);
  return (
    logRatio(taken.championEvents, taken.championSum, champion, -rise * slopes) +
    logRatio(taken.challengerEvents, taken.challengerSum, challenger, rise)
  );
}

/** ln of the likelihood ratio of the mean moved by `shift` against the mean. */
function logRatio(events: number, sum: number, mean: number, shift: number): number {
  return sum * Math.log1p(shift / mean) + (events - sum) * Math.log1p(-shift / (1 - mean));
}
