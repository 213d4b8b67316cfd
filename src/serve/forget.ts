/**
 * Forgetting an id: its predictions, labels and dead letters leave the store, and that it was done is written down, without the id. Numbers
 * that were computed stay; a window that is computed anew because of late events is computed without what was forgotten.
 */
import { z } from "zod";
import { forgottenText, writeDecision } from "../alert/decisions.ts";
import { callIdHash, privacyOf } from "../config/privacy.ts";
import type { ModelConfig } from "../config/schema.ts";
import { DriftlineError } from "../core/errors.ts";
import { predictionsTable } from "../store/model-tables.ts";
import { join, list, name, type Sql, sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";

export const forgetRequestSchema = z.strictObject({
  id: z.string().min(1).max(4096).describe("The id as its events carried it."),
  model: z.string().min(1).optional().describe("Only of this model; left out: of all."),
  owner: z.string().trim().min(1).max(200).describe("Who asks for it."),
  reason: z.string().trim().min(1).max(1_000).describe("Why, in a sentence; without the id, since it is kept."),
});
export type ForgetRequest = z.output<typeof forgetRequestSchema>;

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
  const { id, model, owner, reason } = request;
  const chosen = models.filter((one) => model === undefined || one.name === model);
  if (chosen.length === 0)
    throw new DriftlineError(
      "not_found",
      `there is no model ${model?.slice(0, 100) ?? ""}; the configuration has ${models.map((one) => one.name).join(", ")}`,
    );
  // The decision first: what was begun is known also where it was cut off.
  const decision_id = await writeDecision(
    lane,
    "forgotten",
    { model: model ?? "", subject: forgottenText(id), owner, reason },
    now,
  );
  const rows: Record<string, number> = {};
  for (const { table, where } of placesOf(chosen, models, id)) {
    const before = await countOf(lane, table, where);
    if (before === 0) continue;
    await lane.command(sql`DELETE FROM ${name(table)} WHERE ${where}`);
    // The rows are hidden now; this takes them out of the files too, instead of whenever parts are merged.
    await lane.command(sql`ALTER TABLE ${name(table)} APPLY DELETED MASK SETTINGS mutations_sync = 1`);
    rows[table] = (rows[table] ?? 0) + before;
  }
  return { decision_id, rows };
}

interface Place {
  readonly table: string;
  readonly where: Sql;
}

function placesOf(models: readonly ModelConfig[], all: readonly ModelConfig[], id: string): readonly Place[] {
  const places = models.flatMap((model): Place[] => {
    const stored = storedId(model, id);
    const ofModel = sql`model = ${model.name}`;
    return [
      { table: predictionsTable(model.name), where: sql`id = ${stored}` },
      { table: "prediction_ids", where: sql`${ofModel} AND h = cityHash64(${stored})` },
      { table: "labels", where: sql`${ofModel} AND id = ${stored}` },
      { table: "outcomes", where: sql`${ofModel} AND id = ${stored}` },
      { table: "prediction_entities", where: sql`${ofModel} AND id = ${stored}` },
      { table: "entity_outcomes", where: sql`${ofModel} AND id = ${stored}` },
      { table: "reference_build_rows", where: sql`${ofModel} AND id = ${stored}` },
    ];
  });
  // A dead letter belongs to no model; whatever holds the id, as JSON or otherwise text, goes.
  const spelt = [...new Set([id, JSON.stringify(id).slice(1, -1), ...models.map((model) => storedId(model, id))])];
  const holds = join(
    spelt.map((text) => sql`position(raw, ${text}) > 0 OR position(detail, ${text}) > 0`),
    " OR ",
  );
  const calls = list(callIds(all, id));
  const ofCall = sql`reason IN ('unpaired', 'halves_disagree') AND JSONExtractString(raw, 'id') IN ${calls}`;
  return [
    ...places,
    { table: "halves", where: sql`id IN ${calls}` },
    { table: "dead_letters", where: sql`${holds} OR ${ofCall}` },
  ];
}

/** Under which ids halves of the call may wait that has a row of this id: a row's is that of its call and a number, `a1/0`. */
function callIds(models: readonly ModelConfig[], id: string): string[] {
  const plain = [id, id.slice(0, Math.max(0, id.lastIndexOf("/")))].filter((text) => text !== "");
  const hash = callIdHash(models.map(privacyOf));
  return hash === null ? plain : [...plain, ...plain.map(hash)];
}

/** As it lies in the store. */
function storedId(model: ModelConfig, id: string): string {
  const privacy = privacyOf(model);
  return privacy?.hashesIds === true ? privacy.hash(id) : id;
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
