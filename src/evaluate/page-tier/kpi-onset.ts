/** When a KPI began to be bad, as an interval, from the stored steps of its windows. */
import { z } from "zod";
import { evidenceMetrics } from "../../core/evidence.ts";
import { onsetOfRate } from "../../sequential/onset-interval.ts";
import { sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { PreparedModel } from "../prepare-model.ts";
import type { EvidenceRow } from "./evidence-rows.ts";
import type { PageTierPlan } from "./watched-streams.ts";

/** Windows before the fall that are looked at: so many times those since, and so many at least. */
const BEFORE_TIMES = 4;
const BEFORE_WINDOWS = 64;

/** Rows that alarm with the interval of their onset. It always holds the onset itself, the first window beyond the bound. */
export async function withKpiOnsets(
  lane: Lane,
  prepared: PreparedModel,
  plan: PageTierPlan,
  rows: readonly EvidenceRow[],
): Promise<EvidenceRow[]> {
  const told: EvidenceRow[] = [];
  for (const row of rows) told.push(row.alarmed ? await withOnset(lane, prepared, plan, row) : row);
  return told;
}

const windowRow = z.object({ start: z.number(), end: z.number(), sums: z.array(z.number()) });

async function withOnset(
  lane: Lane,
  prepared: PreparedModel,
  plan: PageTierPlan,
  row: EvidenceRow,
): Promise<EvidenceRow> {
  const onset = row.onset ?? row.window_start;
  const windows = await windowsUpTo(lane, prepared, row, onset);
  const kpi = plan.kpis.find(({ metric }) => metric === row.subject);
  if (windows.length === 0 || kpi === undefined) return row;
  const sums = windows.map(({ sums: [bad = 0, good = 0] }) => ({ events: bad + good, sum: bad }));
  const events = sums.reduce((all, window) => all + window.events, 0);
  const isBelow = sums.reduce((all, window) => all + window.sum, 0) <= kpi.bound * events;
  const bound = isBelow && kpi.otherBound !== undefined ? 1 - kpi.otherBound : kpi.bound;
  // A KPI that was bad from its first window on is compared with the best that would be bad.
  const isBadFromStart = (windows[0]?.start ?? onset) >= onset;
  const before = isBadFromStart ? { events, sum: bound * events } : { events: 0, sum: 0 };
  const { first, last } = onsetOfRate(sums, before);
  const own = windows.find(({ start }) => start === onset);
  return {
    ...row,
    onset_from: Math.min(onset, windows[first]?.start ?? onset),
    onset_to: Math.max(own?.end ?? onset, windows[last]?.end ?? onset),
  };
}

/** The KPI's windows in the order of time, from some way before the onset on, but none of before it has last recovered. */
async function windowsUpTo(
  lane: Lane,
  { config, referenceId }: PreparedModel,
  { subject, version, variant, window_start, window_end }: EvidenceRow,
  onset: number,
): Promise<z.output<typeof windowRow>[]> {
  const of = sql`model = ${config.name} AND subject = ${subject} AND version = ${version} AND variant = ${variant} AND segment = ''`;
  const [over] = await lane.query(
    sql`SELECT toUnixTimestamp64Milli(max(window_end)) AS at FROM evidence
      WHERE ${of} AND metric = ${evidenceMetrics.kpi} AND NOT breached AND finding != '' AND window_end <= ${time(onset)}`,
    z.object({ at: z.number() }),
  );
  const before = Math.max(BEFORE_TIMES * (window_end - onset), BEFORE_WINDOWS * (window_end - window_start));
  const from = Math.max(0, over?.at ?? 0, onset - before);
  return lane.query(
    sql`SELECT toUnixTimestamp64Milli(pane_start) AS start, toUnixTimestamp64Milli(step_end) AS end, sums
      FROM steps FINAL WHERE ${of} AND reference_id = ${referenceId} AND subject_kind = 'kpi' AND stream = 'kpi' AND pane_start >= ${time(from)} AND pane_start <= ${time(window_start)}
      ORDER BY pane_start`,
    windowRow,
  );
}
