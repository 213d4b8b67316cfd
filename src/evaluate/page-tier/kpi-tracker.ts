/** The page tier's tests of KPIs, of one version and variant: each window's labelled events are a step against the KPI's bound. */
import { z } from "zod";
import { logSumExp } from "../../math/log-sum-exp.ts";
import { logEvidenceOfMean, type MeanTestState, stepBound } from "../../sequential/bound-test.ts";
import { alarmed, type Changed, changedSchema, isOver, judge } from "./changed-subjects.ts";
import { kpiFinding } from "./kpi-finding.ts";
import { logNumber } from "./label-states.ts";
import { DAY_MS, type PageTierPlan, type WatchedKpi } from "./watched-streams.ts";

/** Since a mean has last been within its bound. */
interface Since {
  readonly start: number;
  readonly bad: number;
  readonly events: number;
}

/** The test of the mean against its bound, or of the mean's complement against another. */
interface Side {
  readonly evidence: MeanTestState;
  readonly since: Since | null;
}

interface KpiState {
  /** Two where the mean may be neither too great nor too small. */
  sides: readonly Side[];
  /** End of the latest window taken, ms; null before the first. */
  through: number | null;
  changed?: Changed | undefined;
}

/** As it is stored. */
export const kpiStateSchema: z.ZodType<KpiState> = z.object({
  sides: z.array(
    z.object({
      evidence: z.array(logNumber),
      since: z.object({ start: z.number(), bad: z.number(), events: z.number() }).nullable(),
    }),
  ),
  through: z.number().nullable(),
  changed: changedSchema.optional(),
});

/** By metric. */
export type KpiStates = Map<string, KpiState>;

export interface KpiStep {
  readonly metric: string;
  readonly start: number;
  readonly end: number;
  readonly bad: number;
  readonly good: number;
}

export interface KpiOutcome {
  /** ln of share times evidence, before the test begins anew. */
  readonly logEvidence: number;
  readonly changed: Changed | undefined;
  readonly over: Changed | undefined;
  readonly watchedMs: number;
}

/** Goes on where an earlier plan ended: no time before `through` passes again, and what has fallen counts as fallen. */
export function carryKpi(
  states: KpiStates,
  metric: string,
  { through, changed }: { readonly through?: number; readonly changed?: Changed },
): void {
  const state = stateOf(states, metric);
  if (through !== undefined) state.through = Math.max(state.through ?? through, through);
  if (changed !== undefined) state.changed = changed;
}

/**
 * Takes the steps of one window in place, each of another KPI: judged together, since what several KPIs show is told with less evidence of each.
 * null where the plan does not know the KPI.
 */
export function takeKpiSteps(
  plan: PageTierPlan,
  states: KpiStates,
  steps: readonly KpiStep[],
): readonly (KpiOutcome | null)[] {
  const known = steps.map((step) => {
    const kpi = plan.kpis.find(({ metric }) => metric === step.metric);
    return kpi === undefined ? null : { kpi, step, state: stateOf(states, step.metric) };
  });
  const watched = known.map((one) => (one === null ? 0 : advanceKpi(one.kpi, one.state, one.step)));
  const alarming = alarmingKpis(plan, states);
  return known.map((one, index) => {
    if (one === null) return null;
    const { kpi, step, state } = one;
    const logEvidence = evidenceOf(state) + Math.log(kpi.share);
    let over: Changed | undefined;
    if (alarming.has(step.metric)) {
      state.changed = alarmed(state.changed, alarmOf(kpi, state, step));
      state.sides = [];
    } else if (state.changed !== undefined && isOver(state.changed, step.end)) {
      over = state.changed;
      state.changed = undefined;
      state.sides = [];
    }
    return { logEvidence, changed: state.changed, over, watchedMs: watched[index] ?? 0 };
  });
}

/** Returns the time that had not been watched before, ms. */
function advanceKpi(kpi: WatchedKpi, state: KpiState, step: KpiStep): number {
  const watchedMs = Math.max(0, step.end - Math.max(step.start, state.through ?? step.start));
  const passed = state.through === null ? step.end - step.start : Math.max(0, step.end - state.through);
  state.sides = sidesOf(kpi).map((bound, index) => {
    const { evidence, since } = state.sides[index] ?? NO_SIDE;
    const taken = index === 0 ? step : { ...step, bad: step.good, good: step.bad };
    const events = step.bad + step.good;
    return {
      evidence: stepBound(bound, evidence, { events, sum: taken.bad, weight: passed / DAY_MS }),
      since: sinceAfter(since, bound, taken),
    };
  });
  state.through = Math.max(state.through ?? step.end, step.end);
  return watchedMs;
}

const NO_SIDE: Side = { evidence: [], since: null };

function stateOf(states: KpiStates, metric: string): KpiState {
  const state = states.get(metric) ?? { sides: [], through: null, changed: undefined };
  states.set(metric, state);
  return state;
}

/** The bounds of the mean and of its complement. */
const sidesOf = ({ bound, otherBound }: WatchedKpi): readonly number[] =>
  otherBound === undefined ? [bound] : [bound, otherBound];

/** ln of the mean of the sides' evidence, which is evidence with the same guarantee. */
const evidenceOf = ({ sides }: KpiState): number =>
  logSumExp(sides.map(({ evidence }) => logEvidenceOfMean(evidence))) - Math.log(Math.max(1, sides.length));

/** Of the side with the most evidence. */
function alarmOf(kpi: WatchedKpi, { sides }: KpiState, step: KpiStep) {
  const evidence = sides.map((side) => logEvidenceOfMean(side.evidence));
  const leading = evidence.indexOf(Math.max(...evidence));
  const isOther = leading === 1;
  const since = sides[leading]?.since ?? {
    start: step.start,
    bad: isOther ? step.good : step.bad,
    events: step.bad + step.good,
  };
  return {
    onset: since.start,
    at: step.end,
    stepMs: step.end - step.start,
    finding: kpiFinding(kpi, since, isOther),
  };
}

/**
 * The KPIs that alarm now. Their part of the model's evidence alone has to reach the threshold, which is stricter than the whole: so that it makes
 * no difference whether panes or labels come first.
 */
function alarmingKpis(plan: PageTierPlan, states: KpiStates): ReadonlySet<string> {
  const evidence = plan.kpis.map(({ metric, share }) => {
    const state = states.get(metric);
    return {
      subject: metric,
      stream: "kpi",
      share,
      logEvidence: state === undefined ? Number.NEGATIVE_INFINITY : evidenceOf(state),
    };
  });
  const changed = new Set([...states].filter(([, state]) => state.changed !== undefined).map(([metric]) => metric));
  return judge(evidence, changed, { threshold: plan.threshold }).alarming;
}

function sinceAfter(since: Since | null, bound: number, { start, bad, good }: KpiStep): Since | null {
  const events = bad + good;
  if (events > 0 && bad <= bound * events) return null;
  return since === null
    ? { start, bad, events }
    : { start: Math.min(start, since.start), bad: since.bad + bad, events: since.events + events };
}
