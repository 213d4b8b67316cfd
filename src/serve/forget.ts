/**
 * Forgetting an id or an entity: predictions, labels and dead letters leave the store, and that it was done is written down, without what was
 * forgotten. Numbers that were computed stay; a window that is computed anew because of late events is computed without it.
 */
import { z } from "zod";
import { forgottenText, writeDecision } from "../alert/decisions.ts";
import type { ModelConfig } from "../config/schema.ts";
import { DriftlineError } from "../core/errors.ts";
import { list, name, type Sql, sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { type Place, placesOfEntity, placesOfId } from "./forgotten-rows.ts";

const common = {
  model: z.string().min(1).optional().describe("Only of this model; left out: of all."),
  owner: z.string().trim().min(1).max(200).describe("Who asks for it."),
  reason: z
    .string()
    .trim()
    .min(1)
    .max(1_000)
    .describe("Why, in a sentence; without the id or the key, since it is kept."),
};
export const forgetIdSchema = z.strictObject({
  id: z.string().min(1).max(4096).describe("The id as its events carried it."),
  ...common,
});
export const forgetEntitySchema = z.strictObject({
  entity: z.string().min(1).max(4096).describe("The key by which labels are joined, as its events carried it."),
  ...common,
});
export type ForgetRequest = z.output<typeof forgetIdSchema> | z.output<typeof forgetEntitySchema>;

export const forgottenSchema = z.object({ decision_id: z.string(), rows: z.record(z.string(), z.number()) });
/** Rows that went, by table. */
export type Forgotten = z.output<typeof forgottenSchema>;

export interface ForgetPlace {
  readonly lane: Lane;
  readonly models: readonly ModelConfig[];
  /** Clock time, ms. */
  readonly now: number;
}

/** Idempotent: cut off in between, the same call finishes it. @throws DriftlineError `not_found` where there is no such model */
export async function forget({ lane, models, now }: ForgetPlace, request: ForgetRequest): Promise<Forgotten> {
  const { model, owner, reason } = request;
  const chosen = models.filter((one) => model === undefined || one.name === model);
  if (chosen.length === 0)
    throw new DriftlineError(
      "not_found",
      `there is no model ${model?.slice(0, 100) ?? ""}; the configuration has ${models.map((one) => one.name).join(", ")}`,
    );
  const places =
    "id" in request ? placesOfId(chosen, models, request.id) : await placesOfEntity(lane, chosen, request.entity);
  const subject = "id" in request ? forgottenText(request.id) : `entity ${forgottenText(request.entity)}`;
  // The decision first: what was begun is known also where it was cut off.
  const decision_id = await writeDecision(lane, "forgotten", { model: model ?? "", subject, owner, reason }, now);
  return { decision_id, rows: await takeOut(lane, places) };
}

async function takeOut(lane: Lane, places: readonly Place[]): Promise<Record<string, number>> {
  const rows: Record<string, number> = {};
  for (const { table, where } of places) {
    const before = await countOf(lane, table, where);
    if (before === 0) continue;
    await lane.command(sql`DELETE FROM ${name(table)} WHERE ${where}`);
    // The rows are hidden now; this takes them out of the files too, instead of whenever parts are merged.
    await lane.command(sql`ALTER TABLE ${name(table)} APPLY DELETED MASK SETTINGS mutations_sync = 1`);
    rows[table] = (rows[table] ?? 0) + before;
  }
  return rows;
}

async function countOf(lane: Lane, table: string, where: Sql): Promise<number> {
  const known = await lane.query(
    sql`SELECT name FROM system.tables WHERE database = currentDatabase() AND name IN ${list([table])}`,
    z.object({ name: z.string() }),
  );
  if (known.length === 0) return 0;
  const [row] = await lane.query(
    sql`SELECT count() AS n FROM ${name(table)} WHERE ${where}`,
    z.object({ n: z.number() }),
  );
  return row?.n ?? 0;
}
