/** States of streams at the ends of windows, one a day of event time and the newest: where a restart and a late event go on from. */
import { z } from "zod";
import type { SubjectKind } from "../../core/summary.ts";
import { subjectKinds } from "../../core/summary.ts";
import { list, sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { MOST_TIME } from "../count-boundaries.ts";
import type { Series } from "../window-series.ts";

/** A plan's streams in one kind of windows of a model. */
export interface StateScope {
  readonly model: string;
  readonly planId: string;
  /** Plans of the model's other references. */
  readonly others: readonly string[];
  readonly window: string;
}

export interface SavedStream {
  readonly name: string;
  readonly on: string;
  readonly subjectKind: SubjectKind;
  readonly subject: string;
  readonly state: unknown;
}

/** The streams of a series as of the end of a window. */
export interface SavedState {
  readonly start: number;
  readonly end: number;
  readonly streams: readonly SavedStream[];
}

const SLOT_MS = 86_400_000;
/** The row that says from when on a plan's rows are written. */
const BEGINNING = -1;

/** States of one slot replace each other. */
export const slotOf = (windowStart: number): number => Math.floor(windowStart / SLOT_MS);

const streamsSchema = z.array(
  z.strictObject({
    name: z.string(),
    on: z.string(),
    subjectKind: z.enum(subjectKinds),
    subject: z.string(),
    state: z.unknown(),
  }),
);

const ofPlan = ({ model, planId, window }: StateScope) =>
  sql`model = ${model} AND plan_id = ${planId} AND window = ${window}`;

export async function saveStates(
  lane: Lane,
  scope: StateScope,
  { version, variant }: Series,
  states: readonly SavedState[],
): Promise<void> {
  // The newest of a slot alone, so that none of one insert is replaced by an older one.
  const bySlot = new Map(states.map((state) => [slotOf(state.start), state]));
  await lane.insertRows(
    "online_states",
    [...bySlot].map(([slot, { start, end, streams }]) => ({
      model: scope.model,
      plan_id: scope.planId,
      window: scope.window,
      version,
      variant,
      slot,
      window_start: start,
      window_end: Math.min(end, MOST_TIME),
      state: JSON.stringify(streams),
    })),
  );
}

/** The newest state of a series; null where none is saved. */
export async function latestState(
  lane: Lane,
  scope: StateScope,
  { version, variant }: Series,
): Promise<SavedState | null> {
  const [found] = await lane.query(
    sql`SELECT toUnixTimestamp64Milli(window_start) AS start, toUnixTimestamp64Milli(window_end) AS end, state
      FROM online_states FINAL WHERE ${ofPlan(scope)} AND version = ${version} AND variant = ${variant} AND slot >= 0
      ORDER BY slot DESC LIMIT 1`,
    z.object({ start: z.number(), end: z.number(), state: z.string() }),
  );
  if (found === undefined) return null;
  return { start: found.start, end: found.end, streams: streamsSchema.parse(JSON.parse(found.state)) };
}

/** Takes back the states of windows that end after the time: what they were made from has changed. */
export async function forgetStates(lane: Lane, scope: StateScope, after: number): Promise<void> {
  await lane.command(
    sql`DELETE FROM online_states WHERE ${ofPlan(scope)} AND slot >= 0 AND window_end > ${time(after)}`,
  );
}

/**
 * From when on a plan's rows are written: from the first window on where none had been computed before the plan began, else from the end of
 * the latest. What lies before it is learned from and not told again.
 */
export async function openBeginning(lane: Lane, scope: StateScope): Promise<number> {
  const known = await lane.query(
    sql`SELECT toUnixTimestamp64Milli(window_end) AS at FROM online_states FINAL WHERE ${ofPlan(scope)} AND slot = ${BEGINNING}`,
    z.object({ at: z.number() }),
  );
  const [first] = known;
  if (first !== undefined) return first.at;
  const [computed] = await lane.query(
    sql`SELECT count() AS n, toUnixTimestamp64Milli(max(window_end)) AS latest FROM metrics WHERE model = ${scope.model} AND window = ${scope.window}`,
    z.object({ n: z.number(), latest: z.number() }),
  );
  const at = computed === undefined || computed.n === 0 ? 0 : computed.latest;
  await lane.insertRows("online_states", [
    {
      model: scope.model,
      plan_id: scope.planId,
      window: scope.window,
      version: "",
      variant: "",
      slot: BEGINNING,
      window_start: 0,
      window_end: at,
      state: "",
    },
  ]);
  // Nobody asks for the states of another plan again.
  await lane.command(
    sql`DELETE FROM online_states WHERE model = ${scope.model} AND window = ${scope.window} AND plan_id NOT IN ${list([scope.planId, ...scope.others])}`,
  );
  return at;
}
