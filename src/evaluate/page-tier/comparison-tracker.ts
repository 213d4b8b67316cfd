/** The page tier's tests of a challenger against its champion: each window that both have labels of is a step. */
import { z } from "zod";
import type { MeanTestState } from "../../sequential/bound-test.ts";
import { logEvidenceOfMean } from "../../sequential/bound-test.ts";
import { type CompareState, initialComparison, stepComparison } from "../../sequential/compare-test.ts";
import { type ComparedSums, comparedSums } from "../../sequential/compared-sums.ts";
import { stepPaired } from "../../sequential/paired-test.ts";
import { alarmed, type Changed, changedSchema, isOver, judge } from "./changed-subjects.ts";
import { logNumber } from "./label-states.ts";
import type { WatchedComparison } from "./watched-comparisons.ts";
import { DAY_MS, type PageTierPlan } from "./watched-streams.ts";

/** Of one alternative: evidence since it last spoke against a change, and what has been seen since. */
interface Run {
  readonly gained: number;
  readonly start: number;
  readonly sums: readonly number[];
}

interface ComparisonState {
  test: CompareState;
  runs: readonly Run[];
  /** End of the latest window taken, ms; null before the first. */
  through: number | null;
  changed?: Changed | undefined;
}

/** As it is stored. */
export const comparisonStateSchema: z.ZodType<ComparisonState> = z.object({
  test: z.object({
    evidence: z.array(logNumber),
    events: z.number(),
    sum: z.number(),
    challengerEvents: z.number(),
  }),
  runs: z.array(z.object({ gained: logNumber, start: z.number(), sums: z.array(z.number()) })),
  through: z.number().nullable(),
  changed: changedSchema.optional(),
});

/** By subject. */
export type ComparisonStates = Map<string, ComparisonState>;

export interface ComparisonStep {
  readonly subject: string;
  readonly start: number;
  readonly end: number;
  readonly sums: readonly number[];
}

export interface ComparisonOutcome {
  /** ln of share times evidence, before the test begins anew. */
  readonly logEvidence: number;
  readonly changed: Changed | undefined;
  readonly over: Changed | undefined;
  readonly watchedMs: number;
}

/** Goes on where an earlier plan ended: no time before `through` passes again, and what counts as worse goes on. */
export function carryComparison(
  states: ComparisonStates,
  subject: string,
  { through, changed }: { readonly through?: number; readonly changed?: Changed },
): void {
  const state = stateOf(states, subject);
  if (through !== undefined) state.through = Math.max(state.through ?? through, through);
  if (changed !== undefined) state.changed = changed;
}

/** Takes the steps of one window in place, each of another KPI; null where the plan does not know the comparison. */
export function takeComparisonSteps(
  plan: PageTierPlan,
  states: ComparisonStates,
  steps: readonly ComparisonStep[],
): readonly (ComparisonOutcome | null)[] {
  const known = steps.map((step) => {
    const comparison = plan.comparisons.find(({ subject }) => subject === step.subject);
    return comparison === undefined ? null : { comparison, step, state: stateOf(states, step.subject) };
  });
  const watched = known.map((one) => (one === null ? 0 : advance(one.comparison, one.state, one.step)));
  const alarming = alarmingComparisons(plan, states);
  return known.map((one, index) => {
    if (one === null) return null;
    const { comparison, step, state } = one;
    const logEvidence = evidenceOf(state) + Math.log(comparison.share);
    let over: Changed | undefined;
    if (alarming.has(step.subject)) {
      state.changed = alarmed(state.changed, alarmOf(comparison, state, step));
      startAgain(state);
    } else if (state.changed !== undefined && isOver(state.changed, step.end)) {
      over = state.changed;
      state.changed = undefined;
      startAgain(state);
    }
    return { logEvidence, changed: state.changed, over, watchedMs: watched[index] ?? 0 };
  });
}

function stateOf(states: ComparisonStates, subject: string): ComparisonState {
  const state = states.get(subject) ?? { test: initialComparison, runs: [], through: null, changed: undefined };
  states.set(subject, state);
  return state;
}

/** The evidence begins anew; what is known of the means under the null stays. */
function startAgain(state: ComparisonState): void {
  state.test = { ...state.test, evidence: [] };
  state.runs = [];
}

const evidenceOf = ({ test }: ComparisonState): number => logEvidenceOfMean(test.evidence);

/** Returns the time that had not been watched before, ms. */
function advance(comparison: WatchedComparison, state: ComparisonState, step: ComparisonStep): number {
  const watchedMs = Math.max(0, step.end - Math.max(step.start, state.through ?? step.start));
  const passed = state.through === null ? step.end - step.start : Math.max(0, step.end - state.through);
  const waited = stepOnce(comparison, state.test, [], passed / DAY_MS);
  state.test = stepOnce(comparison, waited, step.sums, 0);
  state.runs = state.test.evidence.map((evidence, index) => {
    const { gained, start, sums } = state.runs[index] ?? noRun(step);
    const more = gained + evidence - (waited.evidence[index] ?? evidence);
    return more <= 0 ? { ...noRun(step), start: step.end } : { gained: more, start, sums: added(sums, step.sums) };
  });
  state.through = Math.max(state.through ?? step.end, step.end);
  return watchedMs;
}

function stepOnce(
  { traffic, tolerance }: WatchedComparison,
  state: CompareState,
  sums: readonly number[],
  weight: number,
): CompareState {
  if (traffic === "split") {
    const { championBad, championEvents, challengerBad, challengerEvents } = comparedSums(traffic, sums);
    const taken = { championSum: championBad, championEvents, challengerSum: challengerBad, challengerEvents, weight };
    return stepComparison(tolerance, state, taken);
  }
  const [challengerOnly = 0, championOnly = 0, both = 0, neither = 0] = sums;
  const evidence: MeanTestState = stepPaired(tolerance, state.evidence, {
    challengerOnly,
    championOnly,
    alike: both + neither,
    weight,
  });
  return { ...state, evidence };
}

const noRun = ({ start }: Pick<ComparisonStep, "start">): Run => ({ gained: 0, start, sums: [] });

const added = (sums: readonly number[], more: readonly number[]): number[] =>
  more.map((value, index) => value + (sums[index] ?? 0));

/** Where the leading alternative's evidence last began to grow (Page 1954, Biometrika 41), and what has been seen since. */
function alarmOf(comparison: WatchedComparison, { test, runs }: ComparisonState, step: ComparisonStep) {
  const leading = test.evidence.indexOf(Math.max(...test.evidence));
  const run = runs[leading];
  const since = run === undefined || run.sums.length === 0 ? { start: step.start, sums: step.sums } : run;
  return {
    onset: Math.min(since.start, step.start),
    at: step.end,
    stepMs: step.end - step.start,
    finding: comparisonFinding(comparison, comparedSums(comparison.traffic, since.sums)),
  };
}

/** "is 0.84 where the champion has 0.91: more than the 0.01 that is allowed". */
export function comparisonFinding(
  { isGood, tolerance }: WatchedComparison,
  { championBad, championEvents, challengerBad, challengerEvents }: ComparedSums,
): string {
  const value = (bad: number, events: number) => {
    const mean = events === 0 ? 0 : bad / events;
    return String(Number((isGood ? 1 - mean : mean).toPrecision(3)));
  };
  const allowed = tolerance === 0 ? "" : `: more than the ${tolerance} that is allowed`;
  return `is ${value(challengerBad, challengerEvents)} where the champion has ${value(championBad, championEvents)}${allowed}`;
}

/** Those that alarm now: their part of the model's evidence alone has to reach the threshold. */
function alarmingComparisons(plan: PageTierPlan, states: ComparisonStates): ReadonlySet<string> {
  const evidence = plan.comparisons.map(({ subject, share }) => {
    const state = states.get(subject);
    return {
      subject,
      stream: "comparison",
      share,
      logEvidence: state === undefined ? Number.NEGATIVE_INFINITY : evidenceOf(state),
    };
  });
  const changed = new Set([...states].filter(([, state]) => state.changed !== undefined).map(([subject]) => subject));
  return judge(evidence, changed, { threshold: plan.threshold }).alarming;
}
