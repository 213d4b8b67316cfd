/**
 * A challenger against its champion in the page tier. A window that both have all of their labels of becomes a step, once: of split traffic what
 * each got wrong, of shadow traffic the events that both answered, pair by pair.
 */
import { z } from "zod";
import type { ComparedSide } from "../../config/compare.ts";
import { evidenceMetrics } from "../../core/evidence.ts";
import { type WindowGrid, windowGrid } from "../../core/window-grid.ts";
import { comparedSums } from "../../sequential/compared-sums.ts";
import { join, list, type Sql, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { windowStart } from "../../store/window-start.ts";
import { joinedRows } from "../kpis/joined-rows.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { ofReferences } from "../version-scope.ts";
import { type CarriedKpi, isCarried } from "./carried-kpis.ts";
import {
  type ComparisonOutcome,
  type ComparisonStates,
  type ComparisonStep,
  carryComparison,
  comparisonStateSchema,
  takeComparisonSteps,
} from "./comparison-tracker.ts";
import { type EvidenceRow, onScale, subjectRow, writeEvidence } from "./evidence-rows.ts";
import { isComplete, rebuiltSettled } from "./kpi-evidence.ts";
import {
  groupedSteps,
  insertKpiSteps,
  ofStream,
  replaySteps,
  type StoredKpiStep,
  type TakenSteps,
  takenAt,
} from "./kpi-steps.ts";
import { SAVE_EVERY_STEPS, type SavedStates, saveLabelStates } from "./label-states.ts";
import type { WatchedComparison } from "./watched-comparisons.ts";
import { DAY_MS, type PageTierPlan } from "./watched-streams.ts";

export interface ComparisonEvidence {
  /** Takes the windows that are complete for both sides; `watermark` in ms. */
  run(watermark: number, now: number): Promise<void>;
}

/** Events whose pairs one statement reads, about. */
const EVENTS_AT_ONCE = 1_000_000;

export function openComparisonEvidence(
  lane: Lane,
  prepared: PreparedModel,
  plan: PageTierPlan,
  taken: TakenSteps,
  carried: readonly CarriedKpi[],
  saved: SavedStates<SavedComparisons> | null,
): ComparisonEvidence {
  const states: ComparisonStates = new Map(taken.goesOn ? saved?.states : []);
  const take = (steps: readonly StoredKpiStep[]): EvidenceRow[] => {
    const outcomes = takeComparisonSteps(plan, states, steps);
    return steps.flatMap((step, index) => rowsOf(plan, step, outcomes[index] ?? null));
  };
  if (!taken.goesOn) carryOver(plan, states, taken, carried);
  const unwritten = replaySteps(taken, take);
  let last = taken.last;
  let unsaved = taken.steps.length;
  return {
    async run(watermark, now) {
      const fresh: StoredKpiStep[] = [];
      for (const comparison of plan.comparisons)
        fresh.push(...(await completeSteps(lane, prepared, comparison, watermark)));
      fresh.sort((a, b) => a.start - b.start || (a.subject < b.subject ? -1 : 1));
      const stream = plan.comparisons[0]?.traffic;
      if (stream === undefined) return;
      const sealed = takenAt(now, last);
      await insertKpiSteps(lane, prepared, { stream, planId: plan.planId, now: sealed }, fresh);
      const groups = groupedSteps(fresh.map((step) => ({ ...step, sealed })));
      const rows = [...unwritten.splice(0), ...groups.flatMap(take)];
      await writeEvidence(lane, prepared, plan.planId, rows, fresh.length === 0 ? now : sealed);
      if (fresh.length > 0) last = sealed;
      unsaved += fresh.length;
      if (unsaved < SAVE_EVERY_STEPS) return;
      await saveLabelStates(lane, comparisonStatesOf(prepared, plan), [...states], last, now);
      unsaved = 0;
    },
  };
}

/** By subject. */
export const savedComparisons = z.array(z.tuple([z.string(), comparisonStateSchema]));
type SavedComparisons = z.output<typeof savedComparisons>;

/** Where they are saved. */
export const comparisonStatesOf = ({ config }: PreparedModel, { planId }: PageTierPlan) =>
  ({ model: config.name, planId, name: "comparisons" }) as const;

function carryOver(
  plan: PageTierPlan,
  states: ComparisonStates,
  taken: TakenSteps,
  carried: readonly CarriedKpi[],
): void {
  for (const { subject, through } of taken.before) carryComparison(states, subject, { through });
  for (const { subject, version, variant, ...changed } of carried) {
    const known = plan.comparisons.some(
      (one) => one.subject === subject && isCarried(one.challenger, { version, variant }),
    );
    if (known) carryComparison(states, subject, { changed });
  }
}

const isOf = ({ version, variant }: ComparedSide): Sql =>
  join(
    [
      ...(version === undefined ? [] : [sql`version = ${version}`]),
      ...(variant === undefined ? [] : [sql`variant = ${variant}`]),
    ],
    " AND ",
  );

const windowRow = z.object({ start: z.number(), end: z.number(), events: z.number(), sums: z.array(z.number()) });

/** Windows that both sides have, all of it with labels, and that no step holds. */
async function completeSteps(
  lane: Lane,
  prepared: PreparedModel,
  comparison: WatchedComparison,
  watermark: number,
): Promise<StoredKpiStep[]> {
  const { config } = prepared;
  const window = shortestWindow(prepared);
  if (window === null) return [];
  const [champion, challenger] = [sql`(${isOf(comparison.champion)})`, sql`(${isOf(comparison.challenger)})`];
  const part = (side: Sql, index: number) => sql`sumIf(tested[${index}], ${side})`;
  const windows = await lane.query(
    sql`SELECT toUnixTimestamp64Milli(window_start) AS start, toUnixTimestamp64Milli(any(window_end)) AS end, sum(n) AS events,
        [${part(champion, 1)}, ${part(champion, 1)} + ${part(champion, 2)}, ${part(challenger, 1)}, ${part(challenger, 1)} + ${part(challenger, 2)}] AS sums
      FROM (SELECT *, JSONExtract(detail, 'sums', 'Array(Float64)') AS tested FROM metrics FINAL
        WHERE model = ${config.name} AND subject_kind = 'kpi' AND metric = ${comparison.metric} AND window = ${window.name} AND segment = ''
          AND ${ofReferences(prepared.references)} AND (${champion} OR ${challenger}) AND NOT ${rebuiltSettled(prepared)}
          AND window_start NOT IN (SELECT pane_start FROM steps WHERE ${ofStream(prepared, comparison.traffic)} AND subject = ${comparison.subject}))
      GROUP BY window_start HAVING sums[2] > 0 AND sums[4] > 0 AND min(${isComplete(prepared, watermark)})
      ORDER BY window_start`,
    windowRow,
  );
  const place = {
    subject: comparison.subject,
    version: comparison.challenger.version ?? "",
    variant: comparison.challenger.variant ?? "",
  };
  const steps = windows.map(({ start, end, sums }) => ({ ...place, start, end, sums }));
  if (comparison.traffic === "split") return steps;
  const grid = windowGrid(window.ms, config.timezone);
  const pairs = new Map<number, readonly number[]>();
  for (const some of atOnce(windows))
    for (const [start, counts] of await readPairs(lane, prepared, comparison, grid, some)) pairs.set(start, counts);
  return steps.map((step) => ({ ...step, sums: pairs.get(step.start) ?? [0, 0, 0, 0] }));
}

/** By time: windows by number of events are not at the same times for both. */
function shortestWindow({ config }: PreparedModel): { readonly name: string; readonly ms: number } | null {
  const byTime = config.windows.flatMap((window) => (window.kind === "time" ? [window] : []));
  return [...byTime].sort((a, b) => a.ms - b.ms)[0] ?? null;
}

function* atOnce(
  windows: readonly { readonly start: number; readonly end: number; readonly events: number }[],
): Generator<(typeof windows)[number][]> {
  let some: (typeof windows)[number][] = [];
  let events = 0;
  for (const window of windows) {
    some.push(window);
    events += window.events;
    if (events < EVENTS_AT_ONCE) continue;
    yield some;
    some = [];
    events = 0;
  }
  if (some.length > 0) yield some;
}

/** By window: events that the challenger alone, the champion alone, both and neither have wrong. */
async function readPairs(
  lane: Lane,
  prepared: PreparedModel,
  { metric, champion, challenger }: WatchedComparison,
  grid: WindowGrid,
  windows: readonly { readonly start: number; readonly end: number }[],
): Promise<Map<number, readonly number[]>> {
  const starts = windows.map(({ start }) => start);
  const span = { from: Math.min(...starts), to: Math.max(...windows.map(({ end }) => end)) };
  const key = windowStart(grid, sql`toUnixTimestamp64Milli(timestamp)`, span);
  const where = sql`(${isOf(champion)} OR ${isOf(challenger)}) AND ${key} IN ${list(starts)}`;
  // The champion may have another reference.
  const { versions: _, ...dedupe } = prepared.dedupe;
  const joined = await joinedRows(
    lane,
    { ...prepared, dedupe },
    { span, key, where },
    { features: [], labelled: true },
  );
  const positive = prepared.schema.classes[1] ?? "1";
  const isPositive = sql`label_text = ${positive}`;
  const set = metric === "accuracy" ? sql`true` : metric === "recall" ? isPositive : sql`NOT (${isPositive})`;
  const wrong = (side: ComparedSide) =>
    sql`argMaxIf(prediction_text != label_text, (timestamp, version, variant), ${isOf(side)})`;
  const found = await lane.query(
    sql`SELECT slice AS start, [countIf(b AND NOT a), countIf(a AND NOT b), countIf(a AND b), countIf(NOT a AND NOT b)] AS counts
      FROM (SELECT slice, id, ${wrong(champion)} AS a, ${wrong(challenger)} AS b FROM (${joined})
        WHERE labelled AND prediction_text != '' AND ${set} GROUP BY slice, id HAVING countIf(${isOf(champion)}) > 0 AND countIf(${isOf(challenger)}) > 0)
      GROUP BY slice`,
    z.object({ start: z.number(), counts: z.array(z.number()) }),
  );
  return new Map(found.map(({ start, counts }) => [start, counts]));
}

function rowsOf(
  plan: PageTierPlan,
  step: ComparisonStep & Pick<StoredKpiStep, "version" | "variant">,
  outcome: ComparisonOutcome | null,
): EvidenceRow[] {
  const comparison = plan.comparisons.find(({ subject }) => subject === step.subject);
  if (outcome === null || comparison === undefined) return [];
  const { challengerEvents } = comparedSums(comparison.traffic, step.sums);
  const of = {
    subjectKind: "kpi" as const,
    subject: step.subject,
    logEvidence: outcome.logEvidence,
    share: comparison.share,
    n: Math.round(challengerEvents),
  };
  const scale = onScale(of, plan.threshold, Math.max(1, step.end - step.start) / DAY_MS);
  const row = subjectRow({ ...step, watchedMs: outcome.watchedMs }, evidenceMetrics.kpi, of, scale, outcome);
  return row === null ? [] : [row];
}
