/**
 * Accepted drift in a model's evaluation. A baseline is evaluated as a reference of its own that has one subject: its panes are summarised over its
 * bins and sealed as steps under its id, so that windows and sequential tests read it as they read the reference.
 */
import { z } from "zod";
import { sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { paneName, summarisePanes } from "../panes.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { subjectKey } from "../references/load-reference.ts";
import { openSteps, type StepState, writeSteps } from "../steps.ts";
import { seriesKey } from "../window-series.ts";
import { type AcceptedBaseline, type AcceptedSeries, type BaselineCounts, isEnough } from "./accepted-baseline.ts";
import { cutBins } from "./baseline-bins.ts";
import { readBaselines, type StoredBaseline, writeBaseline } from "./baseline-store.ts";
import { ofSubject, registerAcceptances } from "./register.ts";

export interface AcceptedEvaluation {
  /** As of the last call; those of the store at first. */
  readonly baselines: () => readonly AcceptedBaseline[];
  /** Takes note of what people have decided; before steps are sealed. `next`: start of the first pane that has no step, ms; -Infinity: none has. */
  note(next: number, now: number): Promise<void>;
  /** Summarises and seals what has changed; after the model's own steps. `sizes`: rows of a pane. */
  advance(panes: readonly number[], sealedTo: number, sizes: (pane: number) => number, now: number): Promise<void>;
}

export async function openAccepted(lane: Lane, prepared: PreparedModel): Promise<AcceptedEvaluation> {
  const model = prepared.config.name;
  let baselines: readonly StoredBaseline[] =
    prepared.reference === null ? [] : await readBaselines(lane, model, prepared.referenceId);
  const opened = new Map<string, StepState>();

  const advanceOne = async (
    known: StoredBaseline,
    panes: readonly number[],
    sealedTo: number,
    sizes: (pane: number) => number,
    now: number,
  ): Promise<StoredBaseline> => {
    const { baseline, ready } = await readRows(lane, prepared, known);
    let changed = baseline;
    const first = Math.min(...ready.values());
    if (changed.bins === null) {
      const subject = prepared.reference?.subjects.find((one) => subjectKey(one) === subjectKey(known));
      if (subject === undefined || !Number.isFinite(first)) return keep(changed, known, now);
      changed = { ...changed, bins: await cutBins(lane, prepared, subject, { from: known.since, to: first }) };
      changed = await writeBaseline(lane, model, changed, now);
    }
    const own = preparedOn(prepared, changed);
    const isMine = (pane: number) => pane >= changed.since && pane < changed.until;
    let steps = opened.get(changed.baselineId);
    let mine = panes.filter(isMine);
    if (steps === undefined) {
      steps = await openSteps(lane, own);
      mine = [...new Set([...mine, ...(await lackingPanes(lane, prepared, own, changed, sealedTo))])].sort(
        (a, b) => a - b,
      );
    }
    if (mine.length > 0) await summarisePanes(lane, own, mine, sizes);
    await writeSteps(lane, own, steps, mine, now);
    opened.set(changed.baselineId, steps);
    return keep(await withCounts(lane, own, changed, ready), known, now);
  };
  const keep = async (changed: StoredBaseline, known: StoredBaseline, now: number): Promise<StoredBaseline> =>
    JSON.stringify(changed) === JSON.stringify(known) ? known : await writeBaseline(lane, model, changed, now);

  return {
    baselines: () => baselines,
    async note(next, now) {
      if (prepared.reference === null || !Number.isFinite(next)) return;
      baselines = await registerAcceptances(lane, prepared, baselines, next, now);
    },
    async advance(panes, sealedTo, sizes, now) {
      const advanced: StoredBaseline[] = [];
      for (const known of baselines) {
        // One that is over changes only where late events reach its time.
        const isOver = known.until <= sealedTo && !panes.some((pane) => pane >= known.since && pane < known.until);
        advanced.push(isOver ? known : await advanceOne(known, panes, sealedTo, sizes, now));
      }
      baselines = advanced;
    },
  };
}

/** The model as it is evaluated under a baseline: with that one subject over its bins. */
export function preparedOn(prepared: PreparedModel, { baselineId, bins }: AcceptedBaseline): PreparedModel {
  const { reference } = prepared;
  if (reference === null || bins === null) throw new TypeError(`The baseline ${baselineId} has no bins`);
  return {
    ...prepared,
    referenceId: baselineId,
    pageTier: null,
    reference: {
      ...reference,
      referenceId: baselineId,
      subjects: [bins.subject],
      tails: bins.tail.length === 0 ? new Map() : new Map([[subjectKey(bins.subject), bins.tail]]),
    },
  };
}

/** How many rows each series has, and from when on they are enough, ms: the end of a step. */
async function readRows(
  lane: Lane,
  prepared: PreparedModel,
  known: StoredBaseline,
): Promise<{ readonly baseline: StoredBaseline; readonly ready: ReadonlyMap<string, number> }> {
  const waiting = known.series.filter(({ baseline }) => baseline === null);
  const ready = new Map<string, number>();
  if (waiting.length === 0) return { baseline: known, ready };
  const rows = await lane.query(
    sql`SELECT version, variant, toUnixTimestamp64Milli(max(step_end)) AS end, toUInt64(sumIf(arraySum(counts), stream = 'missing')) AS rows,
        toUInt64(sumIf(arraySum(counts), stream = 'values')) AS valid
      FROM steps FINAL WHERE ${ofSubject(prepared, known)} AND pane_start >= ${time(known.since)} AND pane_start < ${time(known.until)}
      GROUP BY version, variant, pane_start ORDER BY version, variant, pane_start`,
    z.object({ version: z.string(), variant: z.string(), end: z.number(), rows: z.number(), valid: z.number() }),
  );
  const sums = new Map<string, { rows: number; valid: number }>();
  for (const { end, ...step } of rows) {
    const key = seriesKey(step);
    const sum = sums.get(key) ?? { rows: 0, valid: 0 };
    sums.set(key, { rows: sum.rows + step.rows, valid: sum.valid + step.valid });
    const now = sums.get(key) ?? sum;
    if (end >= known.through && !ready.has(key) && isEnough(now.rows, now.valid, known.needed)) ready.set(key, end);
  }
  const series = known.series.map(
    (one): AcceptedSeries => (one.baseline === null ? { ...one, rows: sums.get(seriesKey(one))?.valid ?? 0 } : one),
  );
  for (const { version, variant } of known.series.filter(({ baseline }) => baseline !== null))
    ready.delete(seriesKey({ version, variant }));
  return { baseline: { ...known, series }, ready };
}

/** Panes of the baseline's time that have a step of the model and no summary over these bins. */
async function lackingPanes(
  lane: Lane,
  prepared: PreparedModel,
  own: PreparedModel,
  { since, until }: AcceptedBaseline,
  sealedTo: number,
): Promise<number[]> {
  const of = (referenceId: string) =>
    sql`FROM panes FINAL WHERE model = ${prepared.config.name} AND reference_id = ${referenceId} AND pane = ${paneName(prepared)}
      AND pane_start >= ${time(since)} AND pane_start < ${time(Math.min(until, sealedTo + 1))}`;
  const rows = await lane.query(
    sql`SELECT toUnixTimestamp64Milli(pane_start) AS start ${of(prepared.referenceId)} AND n > 0 AND pane_start NOT IN (SELECT pane_start ${of(own.referenceId)}) ORDER BY start`,
    z.object({ start: z.number() }),
  );
  return rows.map((row) => row.start);
}

/** With the rows of the series that have enough, as their steps have them. */
async function withCounts(
  lane: Lane,
  own: PreparedModel,
  baseline: StoredBaseline,
  ready: ReadonlyMap<string, number>,
): Promise<StoredBaseline> {
  const series: AcceptedSeries[] = [];
  for (const one of baseline.series) {
    const from = one.baseline === null ? ready.get(seriesKey(one)) : undefined;
    if (from === undefined) series.push(one);
    else series.push({ ...one, baseline: { from, counts: await countsOf(lane, own, baseline, one, from) } });
  }
  return { ...baseline, series };
}

async function countsOf(
  lane: Lane,
  own: PreparedModel,
  baseline: AcceptedBaseline,
  { version, variant }: AcceptedSeries,
  to: number,
): Promise<BaselineCounts> {
  const rows = await lane.query(
    sql`SELECT stream, sumForEach(counts) AS counts FROM steps FINAL WHERE ${ofSubject(own, baseline)} AND version = ${version} AND variant = ${variant}
        AND pane_start >= ${time(baseline.since)} AND pane_start < ${time(to)} GROUP BY stream`,
    z.object({ stream: z.string(), counts: z.array(z.number()) }),
  );
  const counts = new Map(rows.map((row) => [row.stream, row.counts]));
  const [missing = 0, present = 0] = counts.get("missing") ?? [];
  return {
    bins: counts.get("values") ?? (baseline.bins?.subject.bins ?? []).map(() => 0),
    missing,
    invalid: counts.get("invalid")?.[0] ?? 0,
    n: missing + present,
  };
}
