/** Where in the store lies what is to be forgotten of an id, or of an entity. */
import { z } from "zod";
import { callIdHash, privacyOf } from "../config/privacy.ts";
import type { ModelConfig } from "../config/schema.ts";
import { predictionsTable } from "../store/model-tables.ts";
import { join, list, name, type Sql, sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";

export interface Place {
  readonly table: string;
  readonly where: Sql;
}

/** @param all all models of the configuration, of which `models` are meant: the ids of calls are not kept by model */
export function placesOfId(models: readonly ModelConfig[], all: readonly ModelConfig[], id: string): readonly Place[] {
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
  const spelt = [...new Set([id, inJson(id), ...models.map((model) => storedId(model, id))])];
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

const inJson = (text: string): string => JSON.stringify(text).slice(1, -1);

/**
 * The predictions of the entity with all that is stored under their ids, its labels, and messages in which its key stands by itself. As a hash
 * too, whether or not `privacy` asks for that now: it may have when the rows came.
 */
export async function placesOfEntity(
  lane: Lane,
  models: readonly ModelConfig[],
  entity: string,
): Promise<readonly Place[]> {
  const indexed = await tablesWithEntities(lane, models);
  const places = models.flatMap((model): Place[] => {
    const keys = list(storedKeys(model, entity));
    const ofModel = sql`model = ${model.name}`;
    const hashes = sql`(SELECT arrayJoin(arrayMap(key -> sipHash64(key), ${storedKeys(model, entity)})))`;
    const ofEntity: Place[] = [
      { table: "entity_labels", where: sql`${ofModel} AND entity IN ${keys}` },
      { table: "prediction_entities", where: sql`${ofModel} AND e IN ${hashes}` },
      { table: "entity_outcomes", where: sql`${ofModel} AND e IN ${hashes}` },
    ];
    const table = predictionsTable(model.name);
    if (!indexed.has(table)) return ofEntity;
    const ids = sql`SELECT id FROM ${name(table)} WHERE entity IN ${keys}`;
    return [
      ...["labels", "outcomes", "reference_build_rows"].map((of) => ({
        table: of,
        where: sql`${ofModel} AND id IN (${ids})`,
      })),
      {
        table: "prediction_ids",
        where: sql`${ofModel} AND h IN (SELECT cityHash64(id) FROM ${name(table)} WHERE entity IN ${keys})`,
      },
      ...ofEntity,
      // The last, since the others are found by it: cut off before, the same call finds them again.
      { table, where: sql`entity IN ${keys}` },
    ];
  });
  const spelt = [...new Set([entity, inJson(entity), ...models.flatMap((model) => storedKeys(model, entity))])];
  const pattern = `(^|[^0-9A-Za-z_])(${spelt.map(quotedPattern).join("|")})([^0-9A-Za-z_]|$)`;
  return [
    ...places,
    { table: "halves", where: sql`match(body, ${pattern})` },
    { table: "dead_letters", where: sql`match(raw, ${pattern}) OR match(detail, ${pattern})` },
  ];
}

async function tablesWithEntities(lane: Lane, models: readonly ModelConfig[]): Promise<ReadonlySet<string>> {
  const tables = list(models.map((model) => predictionsTable(model.name)));
  const rows = await lane.query(
    sql`SELECT table FROM system.columns WHERE database = currentDatabase() AND name = 'entity' AND table IN ${tables}`,
    z.object({ table: z.string() }),
  );
  return new Set(rows.map(({ table }) => table));
}

function storedKeys(model: ModelConfig, entity: string): string[] {
  const privacy = privacyOf(model);
  return privacy === null ? [entity] : [entity, privacy.hash(entity)];
}

/** The text itself as a pattern of RE2. */
const quotedPattern = (text: string): string => text.replace(/[\\^$.|?*+()[\]{}]/g, "\\$&");
