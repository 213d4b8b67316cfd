/**
 * KPIs in the page tier. A window whose labels are there (or will come no more) becomes a step, once; so labels that come late, corrected or
 * in bursts can't count twice, and fast labels don't speak for slow ones.
 */
import { z } from "zod";
import { evidenceMetrics } from "../../core/evidence.ts";
import { list, sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { insertSteps, type WrittenStep } from "../steps.ts";
import { seriesKey } from "../window-series.ts";
import { type EvidenceRow, onScale, subjectRow, writeEvidence } from "./evidence-rows.ts";
import { type KpiStates, type KpiStep, takeKpiStep } from "./kpi-tracker.ts";
import { DAY_MS, type PageTierPlan } from "./watched-streams.ts";

export interface KpiEvidence {
  /** Takes the windows that are complete; `watermark` in ms. `isChanged`: whether windows have been computed since the last call. */
  run(watermark: number, isChanged: boolean, now: number): Promise<void>;
}

/** How often windows are looked for whose labels will come no more. */
const LOOK_EVERY_MS = 3_600_000;
/** Share of a window's predictions that must have labels; below, the label horizon is waited for. */
const COMPLETE = 0.9;

const stepRow = z.object({
  metric: z.string(),
  version: z.string(),
  variant: z.string(),
  start: z.number(),
  end: z.number(),
  bad: z.number(),
  good: z.number(),
});
type StepRow = z.output<typeof stepRow>;

/** The shortest window by time, else the one of fewest events. */
function windowOf({ config }: PreparedModel): string | null {
  const size = (window: (typeof config.windows)[number]) => (window.kind === "time" ? window.ms : window.events * 1e12);
  const [first] = [...config.windows].sort((a, b) => size(a) - size(b));
  return first?.name ?? null;
}

export async function openKpiEvidence(lane: Lane, prepared: PreparedModel, plan: PageTierPlan): Promise<KpiEvidence> {
  const units = new Map<string, KpiStates>();
  const take = (row: StepRow): EvidenceRow[] => {
    const key = seriesKey(row);
    const states: KpiStates = units.get(key) ?? new Map();
    units.set(key, states);
    const outcome = takeKpiStep(plan, states, row);
    return outcome === null ? [] : rowsOf(plan, row, outcome);
  };
  // Windows are few: all of them are replayed at a start.
  for (const row of await takenSteps(lane, prepared)) take(row);

  let lookedAt = Number.NEGATIVE_INFINITY;
  const run = async (watermark: number, isChanged: boolean, now: number) => {
    if (!isChanged && now - lookedAt < LOOK_EVERY_MS) return;
    lookedAt = now;
    const fresh = await completeWindows(lane, prepared, plan, watermark);
    if (fresh.length === 0) return;
    await insertSteps(lane, prepared, fresh.map(stepOf), now);
    await writeEvidence(lane, prepared, plan.planId, fresh.flatMap(take), now);
  };
  return { run };
}

/** In the order in which they were taken. */
function takenSteps(lane: Lane, prepared: PreparedModel): Promise<StepRow[]> {
  return lane.query(
    sql`SELECT subject AS metric, version, variant, toUnixTimestamp64Milli(pane_start) AS start, toUnixTimestamp64Milli(step_end) AS end,
        counts[1] AS bad, counts[2] AS good
      FROM steps FINAL WHERE ${ofKpis(prepared)} ORDER BY sealed_at, pane_start, version, variant, subject`,
    stepRow,
  );
}

const ofKpis = ({ config, referenceId }: PreparedModel) =>
  sql`model = ${config.name} AND reference_id = ${referenceId} AND subject_kind = 'kpi'`;

async function completeWindows(
  lane: Lane,
  prepared: PreparedModel,
  plan: PageTierPlan,
  watermark: number,
): Promise<StepRow[]> {
  const { config } = prepared;
  const window = windowOf(prepared);
  if (window === null || plan.kpis.length === 0) return [];
  const horizon = Math.max(
    0,
    watermark === Number.POSITIVE_INFINITY ? Date.UTC(9999, 0) : watermark - config.label_horizon,
  );
  const good = plan.kpis.filter(({ isGood }) => isGood).map(({ metric }) => metric);
  const isGood = good.length === 0 ? sql`false` : sql`metric IN ${list(good)}`;
  return await lane.query(
    sql`SELECT metric, version, variant, toUnixTimestamp64Milli(window_start) AS start, toUnixTimestamp64Milli(window_end) AS end,
        toUInt64(round(n * if(${isGood}, 1 - value, value))) AS bad, n - bad AS good
      FROM metrics FINAL
      WHERE model = ${config.name} AND subject_kind = 'kpi' AND metric IN ${list(plan.kpis.map(({ metric }) => metric))}
        AND window = ${window} AND segment = '' AND status = 'ok' AND reference_id = ${prepared.referenceId}
        AND NOT (startsWith(metric, 'estimated_') AND JSONExtractString(detail, 'reliability', 'verdict') = 'unreliable')
        AND (coverage >= ${COMPLETE} OR window_end <= ${time(horizon)})
        AND (metric, version, variant, window_start) NOT IN (SELECT subject, version, variant, pane_start FROM steps WHERE ${ofKpis(prepared)})
      ORDER BY window_start, version, variant, metric`,
    stepRow,
  );
}

const stepOf = ({ metric, bad, good, ...place }: StepRow): WrittenStep => ({
  ...place,
  subject_kind: "kpi",
  subject: metric,
  stream: "kpi",
  counts: [bad, good],
  late: 0,
});

function rowsOf(
  plan: PageTierPlan,
  step: KpiStep & { readonly version: string; readonly variant: string },
  outcome: NonNullable<ReturnType<typeof takeKpiStep>>,
): EvidenceRow[] {
  const share = plan.kpis.find(({ metric }) => metric === step.metric)?.share ?? 0;
  const place = { ...step, watchedMs: outcome.watchedMs };
  const of = {
    subjectKind: "kpi" as const,
    subject: step.metric,
    logEvidence: outcome.logEvidence,
    share,
    n: step.bad + step.good,
  };
  const scale = onScale(of, plan.threshold, Math.max(1, step.end - step.start) / DAY_MS);
  const row = subjectRow(place, evidenceMetrics.kpi, of, scale, outcome);
  return row === null ? [] : [row];
}
