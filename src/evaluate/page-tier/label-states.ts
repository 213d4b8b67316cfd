/** The states of the tests that read labels, in the store under the id of their plan: saved now and then, so that a restart replays few steps. */
import { z } from "zod";
import { sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";

export interface SavedStates<States> {
  readonly states: States;
  /** When the newest step that is in them was taken, ms. */
  readonly through: number;
}

/** Steps taken after which the states are saved. */
export const SAVE_EVERY_STEPS = 24;

/** A logarithm of evidence, which may be that of nothing. */
export const logNumber = z.union([z.number(), z.literal("-inf").transform(() => Number.NEGATIVE_INFINITY)]);
const asText = (states: unknown): string =>
  JSON.stringify(states, (_key, value: unknown) => (value === Number.NEGATIVE_INFINITY ? "-inf" : value));

const row = z.object({ through: z.number(), states: z.string() });

/** null where nothing was saved, or by a version that kept them in another way. @param name `kpis` or `comparisons` */
export async function readLabelStates<States>(
  lane: Lane,
  { model, planId, name }: StatesPlace,
  schema: z.ZodType<States>,
): Promise<SavedStates<States> | null> {
  const [found] = await lane.query(
    sql`SELECT toUnixTimestamp64Milli(through) AS through, changed AS states FROM page_tier_states FINAL
      WHERE model = ${model} AND plan_id = ${`${planId} ${name}`} AND stream = ${name}`,
    row,
  );
  if (found === undefined) return null;
  const parsed = schema.safeParse(JSON.parse(found.states));
  return parsed.success ? { states: parsed.data, through: found.through } : null;
}

export interface StatesPlace {
  readonly model: string;
  readonly planId: string;
  readonly name: "kpis" | "comparisons";
}

/** In one row, so that they are there whole or not at all. What they say must have been written before. */
export async function saveLabelStates(
  lane: Lane,
  { model, planId, name }: StatesPlace,
  states: unknown,
  through: number,
  now: number,
): Promise<void> {
  await lane.command(sql`INSERT INTO page_tier_states (model, plan_id, version, variant, stream, through, state, changed, saved_at)
    SETTINGS async_insert = 0 SELECT ${model}, ${`${planId} ${name}`}, '', '', ${name}, ${time(through)}, CAST([] AS Array(Float64)), ${asText(states)}, ${time(now)}`);
}
