/** The page tier's tests of KPIs, of one version and variant: each window's labelled events are a step against the KPI's bound. */
import { logEvidenceOfMean, type MeanTestState, stepBound } from "../../sequential/bound-test.ts";
import { alarmed, type Changed, isOver, judge } from "./changed-subjects.ts";
import { DAY_MS, type PageTierPlan, type WatchedKpi } from "./watched-streams.ts";

interface KpiState {
  evidence: MeanTestState;
  /** End of the latest window taken, ms; null before the first. */
  through: number | null;
  /** Since the mean has last been within its bound. */
  since: { readonly start: number; readonly bad: number; readonly events: number } | null;
  changed: Changed | undefined;
}

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

/** Takes a step in place; null where the plan does not know the KPI. */
export function takeKpiStep(plan: PageTierPlan, states: KpiStates, step: KpiStep): KpiOutcome | null {
  const kpi = plan.kpis.find(({ metric }) => metric === step.metric);
  if (kpi === undefined) return null;
  const state: KpiState = states.get(step.metric) ?? { evidence: [], through: null, since: null, changed: undefined };
  states.set(step.metric, state);
  const watchedMs = Math.max(0, step.end - Math.max(step.start, state.through ?? step.start));
  const passed = state.through === null ? step.end - step.start : Math.max(0, step.end - state.through);
  const events = step.bad + step.good;
  state.evidence = stepBound(kpi.bound, state.evidence, { events, sum: step.bad, weight: passed / DAY_MS });
  state.through = Math.max(state.through ?? step.end, step.end);
  state.since = sinceAfter(state.since, kpi, step);
  const logEvidence = logEvidenceOfMean(state.evidence) + Math.log(kpi.share);
  const alarms = alarmingKpis(plan, states).has(step.metric);
  let over: Changed | undefined;
  if (alarms) {
    const onset = state.since?.start ?? step.start;
    const stepMs = step.end - step.start;
    const finding = findingOf(kpi, state.since ?? { start: step.start, bad: step.bad, events });
    state.changed = alarmed(state.changed, { onset, at: step.end, stepMs, finding });
    state.evidence = [];
  } else if (state.changed !== undefined && isOver(state.changed, step.end)) {
    over = state.changed;
    state.changed = undefined;
    state.evidence = [];
  }
  return { logEvidence, changed: state.changed, over, watchedMs };
}

/**
 * The KPIs that alarm now. Their part of the model's evidence alone has to reach the threshold, which is stricter than the whole: so that the
 * order in which panes and labels come makes no difference.
 */
function alarmingKpis(plan: PageTierPlan, states: KpiStates): ReadonlySet<string> {
  const evidence = plan.kpis.map(({ metric, share }) => ({
    subject: metric,
    stream: "kpi",
    share,
    logEvidence: logEvidenceOfMean(states.get(metric)?.evidence ?? []),
  }));
  const changed = new Set([...states].filter(([, state]) => state.changed !== undefined).map(([metric]) => metric));
  return judge(evidence, changed, { threshold: plan.threshold }).alarming;
}

function sinceAfter(since: KpiState["since"], { bound }: WatchedKpi, { start, bad, good }: KpiStep): KpiState["since"] {
  const events = bad + good;
  if (events > 0 && bad <= bound * events) return null;
  return since === null
    ? { start, bad, events }
    : { start: Math.min(start, since.start), bad: since.bad + bad, events: since.events + events };
}

function findingOf(
  { isGood, bound, source }: WatchedKpi,
  { bad, events }: { readonly bad: number; readonly events: number },
): string {
  const mean = events === 0 ? bound : bad / events;
  const [value, limit] = isGood ? [1 - mean, 1 - bound] : [mean, bound];
  const which = source === "limit" ? "its limit" : "what the reference allows,";
  return `${isGood ? "fell" : "rose"} to ${text(value)}, ${isGood ? "below" : "above"} ${which} ${text(limit)}`;
}

const text = (value: number) => String(Number(value.toPrecision(3)));
