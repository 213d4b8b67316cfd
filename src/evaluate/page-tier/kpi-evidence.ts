/**
 * KPIs in the page tier. A window whose labels are there (or will come no more) becomes a step, once; so labels that come late, corrected or
 * in bursts can't count twice, and fast labels don't speak for slow ones.
 */
import { z } from "zod";
import { evidenceMetrics } from "../../core/evidence.ts";
import { list, type Sql, sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { ofVersions } from "../version-scope.ts";
import { type Series, seriesKey } from "../window-series.ts";
import type { CarriedKpi } from "./carried-kpis.ts";
import { type EvidenceRow, onScale, subjectRow, writeEvidence } from "./evidence-rows.ts";
import { withKpiOnsets } from "./kpi-onset.ts";
import {
  groupedSteps,
  insertKpiSteps,
  kpiStepRow,
  ofStream,
  replaySteps,
  type StoredKpiStep,
  type TakenSteps,
  takenAt,
} from "./kpi-steps.ts";
import {
  carryKpi,
  type KpiOutcome,
  type KpiStates,
  type KpiStep,
  kpiStateSchema,
  takeKpiSteps,
} from "./kpi-tracker.ts";
import { SAVE_EVERY_STEPS, type SavedStates, saveLabelStates } from "./label-states.ts";
import { DAY_MS, type PageTierPlan } from "./watched-streams.ts";

export interface KpiEvidence {
  /** Takes the windows that are complete; `watermark` in ms. */
  run(watermark: number, now: number): Promise<void>;
}

/** Share of a window's predictions that must have labels; below, the label horizon is waited for. */
const COMPLETE = 0.9;

/** The shortest window by time, else the one of fewest events. */
function windowOf({ config }: PreparedModel): string | null {
  const size = (window: (typeof config.windows)[number]) => (window.kind === "time" ? window.ms : window.events * 1e12);
  const [first] = [...config.windows].sort((a, b) => size(a) - size(b));
  return first?.name ?? null;
}

/** By series, then by metric. */
export const savedKpis = z.array(z.tuple([z.string(), z.array(z.tuple([z.string(), kpiStateSchema]))]));
type SavedKpis = z.output<typeof savedKpis>;

/** Where they are saved. */
export const statesOf = ({ config }: PreparedModel, { planId }: PageTierPlan) =>
  ({ model: config.name, planId, name: "kpis" }) as const;

/** @param carried what counts as fallen, of KPIs that the plan tests and of others */
export function openKpiEvidence(
  lane: Lane,
  prepared: PreparedModel,
  plan: PageTierPlan,
  taken: TakenSteps,
  carried: readonly CarriedKpi[],
  saved: SavedStates<SavedKpis> | null,
): KpiEvidence {
  const units = new Map<string, KpiStates>(
    taken.goesOn ? saved?.states.map(([series, states]) => [series, new Map(states)]) : [],
  );
  const unitOf = (series: Series): KpiStates => {
    const states: KpiStates = units.get(seriesKey(series)) ?? new Map();
    units.set(seriesKey(series), states);
    return states;
  };
  /** Of one window and series. */
  const take = (stored: readonly StoredKpiStep[]): EvidenceRow[] => {
    const [first] = stored;
    if (first === undefined) return [];
    const steps = stored.map(({ subject, sums: [bad = 0, good = 0], ...place }) => ({
      ...place,
      metric: subject,
      bad,
      good,
    }));
    const outcomes = takeKpiSteps(plan, unitOf(first), steps);
    return steps.flatMap((step, index) => rowsOf(plan, step, outcomes[index] ?? null));
  };
  if (!taken.goesOn) {
    for (const { through, ...series } of taken.before) carryKpi(unitOf(series), series.subject, { through });
    for (const { subject, version, variant, ...changed } of carried) {
      if (plan.kpis.some(({ metric }) => metric === subject))
        carryKpi(unitOf({ version, variant }), subject, { changed });
    }
  }
  const unwritten = replaySteps(taken, take);
  let last = taken.last;
  let unsaved = taken.steps.length;
  return {
    async run(watermark, now) {
      const fresh = await completeWindows(lane, prepared, plan, watermark);
      const sealed = takenAt(now, last);
      const groups = groupedSteps(fresh.map((step) => ({ ...step, sealed })));
      await insertKpiSteps(lane, prepared, { stream: "kpi", planId: plan.planId, now: sealed }, fresh);
      const rows = await withKpiOnsets(lane, prepared, plan, [...unwritten.splice(0), ...groups.flatMap(take)]);
      await writeEvidence(lane, prepared, plan.planId, rows, fresh.length === 0 ? now : sealed);
      if (fresh.length > 0) last = sealed;
      unsaved += fresh.length;
      if (unsaved < SAVE_EVERY_STEPS) return;
      const states = [...units].map(([series, own]) => [series, [...own]]);
      await saveLabelStates(lane, statesOf(prepared, plan), states, last, now);
      unsaved = 0;
    },
  };
}

/** Rows of `metrics` whose labels are there, or will come no more. */
export function isComplete({ config }: PreparedModel, watermark: number): Sql {
  const horizon = Math.max(
    0,
    watermark === Number.POSITIVE_INFINITY ? Date.UTC(9999, 0) : watermark - config.label_horizon,
  );
  return sql`(coverage >= ${COMPLETE} OR window_end <= ${time(horizon)})`;
}

/**
 * Rows of `metrics` that a rebuild has written of windows that had all their labels by then: the test has seen them, or they were before it.
 */
export const rebuiltSettled = ({ config }: PreparedModel): Sql =>
  sql`(rebuilt AND (coverage >= ${COMPLETE} OR window_end <= (SELECT max(settled) FROM rebuilds WHERE model = ${config.name} AND change = 'done')))`;

/** A window with few rows adds what it has: the test needs no least number. */
async function completeWindows(
  lane: Lane,
  prepared: PreparedModel,
  plan: PageTierPlan,
  watermark: number,
): Promise<StoredKpiStep[]> {
  const { config } = prepared;
  const window = windowOf(prepared);
  if (window === null || plan.kpis.length === 0) return [];
  return await lane.query(
    sql`SELECT metric AS subject, version, variant, toUnixTimestamp64Milli(window_start) AS start, toUnixTimestamp64Milli(window_end) AS end,
        JSONExtract(detail, 'sums', 'Array(Float64)') AS sums
      FROM metrics FINAL
      WHERE model = ${config.name} AND subject_kind = 'kpi' AND metric IN ${list(plan.kpis.map(({ metric }) => metric))}
        AND window = ${window} AND segment = '' AND JSONHas(detail, 'sums') AND reference_id = ${prepared.referenceId} AND ${ofVersions(prepared.versions)}
        AND NOT (startsWith(metric, 'estimated_') AND JSONExtractString(detail, 'reliability', 'verdict') = 'unreliable')
        AND ${isComplete(prepared, watermark)} AND NOT ${rebuiltSettled(prepared)}
        AND (metric, version, variant, window_start) NOT IN (SELECT subject, version, variant, pane_start FROM steps WHERE ${ofStream(prepared, "kpi")})
      ORDER BY window_start, version, variant, metric`,
    kpiStepRow,
  );
}

function rowsOf(plan: PageTierPlan, step: KpiStep & Series, outcome: KpiOutcome | null): EvidenceRow[] {
  if (outcome === null) return [];
  const share = plan.kpis.find(({ metric }) => metric === step.metric)?.share ?? 0;
  const place = { ...step, watchedMs: outcome.watchedMs };
  const of = {
    subjectKind: "kpi" as const,
    subject: step.metric,
    logEvidence: outcome.logEvidence,
    share,
    n: Math.round(step.bad + step.good),
  };
  const scale = onScale(of, plan.threshold, Math.max(1, step.end - step.start) / DAY_MS);
  const row = subjectRow(place, evidenceMetrics.kpi, of, scale, outcome);
  return row === null ? [] : [row];
}
