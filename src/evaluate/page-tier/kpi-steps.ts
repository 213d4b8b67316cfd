/**
 * Steps of KPIs in the store: a window whose labels are there, taken once and never revised. Which plan took it is stored with it, so that a new
 * plan begins at the present.
 */
import { z } from "zod";
import { sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { ofVersions } from "../version-scope.ts";
import type { Series } from "../window-series.ts";
import type { SavedStates } from "./label-states.ts";

/** Of one KPI alone, or of two versions against each other on split or shadow traffic. */
export type KpiStream = "kpi" | "split" | "shadow";

export interface StoredKpiStep extends Series {
  readonly subject: string;
  readonly start: number;
  readonly end: number;
  readonly sums: readonly number[];
}

/** Steps that are judged together: of one window and series, taken at the same time. */
export function groupedSteps(steps: readonly (StoredKpiStep & { readonly sealed: number })[]): StoredKpiStep[][] {
  const groups = new Map<string, StoredKpiStep[]>();
  for (const { sealed, ...step } of steps) {
    const key = JSON.stringify([sealed, step.start, step.end, step.version, step.variant]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [step]);
    else group.push(step);
  }
  return [...groups.values()];
}

/** A complete window of a KPI, before and after it has become a step. */
export const kpiStepRow = z.object({
  subject: z.string(),
  version: z.string(),
  variant: z.string(),
  start: z.number(),
  end: z.number(),
  sums: z.array(z.number()),
});

/** The steps that a plan has taken since the last step of another plan, in the order in which they were taken. */
export interface TakenSteps {
  /** Without those that are in the saved states. */
  readonly steps: readonly (StoredKpiStep & { readonly sealed: number })[];
  /** When the first of them was taken, ms; Infinity where there is none. */
  readonly since: number;
  /** Whether the saved states are of this time: another plan may have been in force since they were saved. */
  readonly goesOn: boolean;
  /** When the newest step of any plan was taken, ms; -Infinity where there is none. */
  readonly last: number;
  /** End of the latest step of each series before them. */
  readonly before: readonly (Series & { readonly subject: string; readonly through: number })[];
}

/** Steps of the model's present reference and stream. */
export const ofStream = ({ config, referenceId }: PreparedModel, stream: KpiStream) =>
  sql`model = ${config.name} AND reference_id = ${referenceId} AND subject_kind = 'kpi' AND stream = ${stream}`;

export async function readTakenSteps(
  lane: Lane,
  { config, versions }: PreparedModel,
  stream: KpiStream,
  planId: string,
  saved: SavedStates<unknown> | null,
): Promise<TakenSteps> {
  const where = sql`model = ${config.name} AND subject_kind = 'kpi' AND stream = ${stream} AND ${ofVersions(versions)}`;
  const [other] = await lane.query(
    sql`SELECT count() AS steps, toUnixTimestamp64Milli(max(sealed_at)) AS last FROM steps WHERE ${where} AND plan_id != ${planId}`,
    z.object({ steps: z.number(), last: z.number() }),
  );
  const begun = other?.steps === 0 ? 0 : (other?.last ?? 0);
  const own = sql`plan_id = ${planId} AND sealed_at >= ${time(begun)}`;
  const [mine] = await lane.query(
    sql`SELECT count() AS steps, toUnixTimestamp64Milli(min(sealed_at)) AS first, toUnixTimestamp64Milli(max(sealed_at)) AS last FROM steps WHERE ${where} AND ${own}`,
    z.object({ steps: z.number(), first: z.number(), last: z.number() }),
  );
  const hasOwn = mine !== undefined && mine.steps > 0;
  const goesOn = saved !== null && hasOwn && saved.through > begun;
  const fresh = goesOn ? sql`${own} AND sealed_at > ${time(saved.through)}` : own;
  const steps = await lane.query(
    sql`SELECT subject, version, variant, toUnixTimestamp64Milli(pane_start) AS start, toUnixTimestamp64Milli(step_end) AS end, sums, toUnixTimestamp64Milli(sealed_at) AS sealed
      FROM steps FINAL WHERE ${where} AND ${fresh} ORDER BY sealed_at, pane_start, version, variant, subject`,
    kpiStepRow.extend({ sealed: z.number() }),
  );
  const before = await lane.query(
    sql`SELECT subject, version, variant, toUnixTimestamp64Milli(max(step_end)) AS through FROM steps
      WHERE ${where} AND NOT (${own}) GROUP BY subject, version, variant ORDER BY subject, version, variant`,
    z.object({ subject: z.string(), version: z.string(), variant: z.string(), through: z.number() }),
  );
  const last = Math.max(
    other === undefined || other.steps === 0 ? Number.NEGATIVE_INFINITY : other.last,
    hasOwn ? mine.last : Number.NEGATIVE_INFINITY,
  );
  return { steps, since: hasOwn ? mine.first : Number.POSITIVE_INFINITY, goesOn, last, before };
}

/**
 * Takes all of the steps again, in their order.
 *
 * @returns what those that were taken last say: where the process ended between a step and what it says, that is not written yet
 */
export function replaySteps<Row>({ steps }: TakenSteps, take: (group: readonly StoredKpiStep[]) => Row[]): Row[] {
  const last = steps.at(-1)?.sealed;
  for (const group of groupedSteps(steps.filter(({ sealed }) => sealed !== last))) take(group);
  return groupedSteps(steps.filter(({ sealed }) => sealed === last)).flatMap(take);
}

/** When steps are taken that come after others, ms: later than those, whatever the clock says, since by it they are told apart. */
export const takenAt = (now: number, last: number): number => Math.max(now, last + 1);

/** All in one insert. */
export async function insertKpiSteps(
  lane: Lane,
  { config, referenceId }: PreparedModel,
  taken: { readonly stream: KpiStream; readonly planId: string; readonly now: number },
  steps: readonly StoredKpiStep[],
): Promise<void> {
  if (steps.length === 0) return;
  const constant = (name: string, value: string) =>
    ({ name, type: "LowCardinality(String)", values: steps.map(() => value) }) as const;
  await lane.insertBlock("steps", [
    constant("model", config.name),
    constant("subject_kind", "kpi"),
    { name: "subject", type: "LowCardinality(String)", values: steps.map(({ subject }) => subject) },
    constant("stream", taken.stream),
    { name: "version", type: "LowCardinality(String)", values: steps.map(({ version }) => version) },
    { name: "variant", type: "LowCardinality(String)", values: steps.map(({ variant }) => variant) },
    constant("reference_id", referenceId),
    { name: "pane_start", type: "DateTime64(3, 'UTC')", values: steps.map(({ start }) => start) },
    { name: "step_end", type: "DateTime64(3, 'UTC')", values: steps.map(({ end }) => end) },
    { name: "sums", type: "Array(Float64)", values: steps.map(({ sums }) => [...sums]) },
    constant("plan_id", taken.planId),
    { name: "sealed_at", type: "DateTime64(3, 'UTC')", values: steps.map(() => taken.now) },
  ]);
}
