/**
 * Steps: a sealed pane's counts, written once and never revised, in the order of time. What sequential tests will read: replaying the
 * steps gives their state again. Counts that come late join the next step.
 */
import { z } from "zod";
import { subjectKinds } from "../core/summary.ts";
import { greatestOf, leastOf } from "../math/extremes.ts";
import { total } from "../math/total.ts";
import { list, type Sql, sql, time } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { newestSummaries, paneName } from "./panes.ts";
import type { PreparedModel } from "./prepare-model.ts";
import { ofVersions, type VersionScope } from "./version-scope.ts";

/** Which summaries become steps: of the whole in the model's panes, or of segments in panes of their own. */
export interface StepScope {
  /** Name of the panes in `panes` and `pane_summaries`. */
  readonly panes: string;
  readonly paneMs: number;
  readonly segments: readonly string[];
  /** Panes that begin before it have no summaries under this name, ms; 0 for all. */
  readonly since: number;
}

export const wholeScope = (prepared: PreparedModel): StepScope => ({
  panes: paneName(prepared),
  paneMs: prepared.config.pane,
  segments: [""],
  since: 0,
});

export interface StepState {
  /** Start of the latest pane that has a step; -Infinity before the first. */
  sealedTo: number;
  /** Whether panes that have steps may hold counts that no step has. */
  late: boolean;
}

export async function openSteps(lane: Lane, prepared: PreparedModel, scope = wholeScope(prepared)): Promise<StepState> {
  const [row] = await lane.query(
    sql`SELECT count() AS known, toUnixTimestamp64Milli(max(pane_start)) AS latest FROM steps WHERE ${ofScope(prepared, scope)} AND subject_kind != 'kpi'`,
    z.object({ known: z.number(), latest: z.number() }),
  );
  const sealedTo = row === undefined || row.known === 0 ? Number.NEGATIVE_INFINITY : row.latest;
  // Whether late counts were waiting when the last process ended is not stored: the next step looks.
  return { sealedTo, late: sealedTo !== Number.NEGATIVE_INFINITY };
}

const ofScope = ({ config, referenceId, versions }: PreparedModel, { segments }: StepScope) =>
  sql`model = ${config.name} AND reference_id = ${referenceId} AND ${ofVersions(versions)} AND segment IN ${list(segments)}`;

/** The three streams of a summary. Missing and invalid are pairs of (yes, no). */
const STREAMS = sql`[('values', CAST(bins AS Array(UInt64))), ('missing', [missing, toUInt64(n - missing)]), ('invalid', [invalid, toUInt64(n - invalid)])]`;

/** Writes the steps of closed panes after the last one; `summarised` are the panes of this run. */
export async function writeSteps(
  lane: Lane,
  prepared: PreparedModel,
  state: StepState,
  summarised: readonly number[],
  now: number,
  scope = wholeScope(prepared),
): Promise<void> {
  if (summarised.some((pane) => pane <= state.sealedTo)) state.late = true;
  const fresh = summarised.filter((pane) => pane > state.sealedTo);
  if (fresh.length === 0 || prepared.reference === null) return;
  const span = { from: leastOf(fresh), to: greatestOf(fresh) + scope.paneMs };
  const [row] = await lane.query(
    sql`SELECT count() AS known, toUnixTimestamp64Milli(min(pane_start)) AS first, toUnixTimestamp64Milli(max(pane_start)) AS last
      FROM pane_summaries WHERE ${newestSummaries(prepared, scope.panes, span)}`,
    z.object({ known: z.number(), first: z.number(), last: z.number() }),
  );
  if (row === undefined || row.known === 0) return;
  // The first step carries what is late; it is written last, so that a crash in between leaves the rest to be written again alike.
  const carried = state.late ? await lateCounts(lane, prepared, state.sealedTo, scope) : [];
  await insertFromSummaries(
    lane,
    scope,
    newestSummaries(prepared, scope.panes, span),
    carried.length > 0 ? sql`pane_start > ${time(row.first)}` : sql`true`,
    now,
  );
  if (carried.length > 0) await writeCarryingStep(lane, prepared, row.first, carried, now, scope);
  state.sealedTo = row.last;
  state.late = false;
}

/** Seals panes that lie before the latest step for versions that the reference has come to be for. */
export async function sealStored(
  lane: Lane,
  prepared: PreparedModel,
  versions: VersionScope,
  panes: readonly number[],
  now: number,
): Promise<void> {
  const scope = wholeScope(prepared);
  const { sealedTo } = await openSteps(lane, prepared, scope);
  const sealed = panes.filter((pane) => pane <= sealedTo);
  if (sealed.length === 0 || prepared.reference === null) return;
  const span = { from: leastOf(sealed), to: sealedTo + 1 };
  await insertFromSummaries(
    lane,
    scope,
    sql`${newestSummaries(prepared, scope.panes, span)} AND ${ofVersions(versions)}`,
    sql`true`,
    now,
  );
}

/** Summaries into steps, in SQL. */
function insertFromSummaries(lane: Lane, scope: StepScope, summaries: Sql, where: Sql, now: number): Promise<void> {
  return lane.command(sql`INSERT INTO steps (model, subject_kind, subject, stream, version, variant, segment, reference_id, pane_start, step_end, counts, late, sealed_at)
    SETTINGS async_insert = 0, max_partitions_per_insert_block = 0
    SELECT model, subject_kind, subject, part.1, version, variant, segment, reference_id, pane_start, addMilliseconds(pane_start, ${scope.paneMs}), part.2, 0, ${time(now)}
    FROM (SELECT * FROM pane_summaries WHERE ${summaries} AND subject_kind NOT IN ('model', 'attribution'))
    ARRAY JOIN ${STREAMS} AS part WHERE ${where} ORDER BY pane_start`);
}

const streamRow = z.object({
  subject_kind: z.enum(subjectKinds),
  subject: z.string(),
  stream: z.string(),
  version: z.string(),
  variant: z.string(),
  segment: z.string(),
  counts: z.array(z.number()),
});
type StreamCounts = z.output<typeof streamRow>;

const KEY = sql`subject_kind, subject, stream, version, variant, segment`;

/** Counts of panes that have steps, less the counts in the steps, where that is positive. */
async function lateCounts(
  lane: Lane,
  prepared: PreparedModel,
  sealedTo: number,
  scope: StepScope,
): Promise<StreamCounts[]> {
  const span = { from: scope.since, to: sealedTo + 1 };
  const rows = await lane.query(
    sql`SELECT ${KEY}, arrayMap((a, b) -> greatest(toInt64(a) - toInt64(b), 0), seen, arrayResize(stepped, length(seen))) AS counts FROM (
        SELECT subject_kind, subject, part.1 AS stream, version, variant, segment, sumForEach(part.2) AS seen
        FROM (SELECT * FROM pane_summaries WHERE ${newestSummaries(prepared, scope.panes, span)} AND subject_kind NOT IN ('model', 'attribution')) ARRAY JOIN ${STREAMS} AS part GROUP BY ${KEY}) AS now
      LEFT JOIN (SELECT ${KEY}, sumForEach(counts) AS stepped FROM steps FINAL WHERE ${ofScope(prepared, scope)} AND pane_start >= ${time(scope.since)} GROUP BY ${KEY}) AS before USING (${KEY})`,
    streamRow,
  );
  return rows.filter((row) => row.counts.some((count) => count > 0));
}

async function writeCarryingStep(
  lane: Lane,
  prepared: PreparedModel,
  start: number,
  carried: readonly StreamCounts[],
  now: number,
  scope: StepScope,
): Promise<void> {
  const own = await lane.query(
    sql`SELECT subject_kind, subject, part.1 AS stream, version, variant, segment, part.2 AS counts
      FROM (SELECT * FROM pane_summaries WHERE ${newestSummaries(prepared, scope.panes, { from: start, to: start + 1 })} AND subject_kind NOT IN ('model', 'attribution')) ARRAY JOIN ${STREAMS} AS part`,
    streamRow,
  );
  const keyOf = (row: StreamCounts) =>
    JSON.stringify([row.subject_kind, row.subject, row.stream, row.version, row.variant, row.segment]);
  const merged = new Map(own.map((row) => [keyOf(row), { ...row, late: 0 }]));
  for (const row of carried) {
    const step = merged.get(keyOf(row));
    const counts = row.counts.map((count, bin) => count + (step?.counts[bin] ?? 0));
    merged.set(keyOf(row), { ...row, counts, late: total(row.counts) });
  }
  await insertSteps(
    lane,
    prepared,
    [...merged.values()].map((row) => ({ ...row, start, end: start + scope.paneMs })),
    now,
  );
}

/** A step of one stream. */
export interface WrittenStep extends StreamCounts {
  readonly start: number;
  readonly end: number;
  /** Counts in it that came after their own pane had been sealed. */
  readonly late: number;
}

/** All in one insert. */
export async function insertSteps(
  lane: Lane,
  prepared: PreparedModel,
  rows: readonly WrittenStep[],
  now: number,
): Promise<void> {
  const text = (name: "subject_kind" | "subject" | "stream" | "version" | "variant" | "segment") =>
    ({ name, type: "LowCardinality(String)", values: rows.map((row) => row[name]) }) as const;
  await lane.insertBlock("steps", [
    { name: "model", type: "LowCardinality(String)", values: rows.map(() => prepared.config.name) },
    ...(["subject_kind", "subject", "stream", "version", "variant", "segment"] as const).map(text),
    { name: "reference_id", type: "LowCardinality(String)", values: rows.map(() => prepared.referenceId) },
    { name: "pane_start", type: "DateTime64(3, 'UTC')", values: rows.map(({ start }) => start) },
    { name: "step_end", type: "DateTime64(3, 'UTC')", values: rows.map(({ end }) => end) },
    { name: "counts", type: "Array(Float64)", values: rows.map(({ counts }) => counts) },
    { name: "late", type: "UInt64", values: rows.map(({ late }) => late) },
    { name: "sealed_at", type: "DateTime64(3, 'UTC')", values: rows.map(() => now) },
  ]);
}
