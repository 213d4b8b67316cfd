/**
 * Models that events name and the configuration does not: their messages lie among the dead letters. Names and keys came with events, so they
 * are bounded in number and length, and shown as text alone.
 */
import { z } from "zod";
import { sql, written } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";

/** Names that are shown, those with most messages; the others are counted. */
export const MOST_UNKNOWN = 20;
const MOST_FEATURES = 50;
const LONGEST_NAME = 100;

export interface UnknownModel {
  readonly model: string;
  readonly messages: number;
  readonly first_ms: number;
  readonly last_ms: number;
  /** Names of the features of its newest message, where they lie in `features`. */
  readonly features: readonly string[];
  /** What would watch it; null where no model can have that name. */
  readonly configuration: string | null;
}

export interface UnknownModels {
  readonly models: readonly UnknownModel[];
  /** Further names that are not shown, and their messages. */
  readonly more: { readonly names: number; readonly messages: number };
}

/** The name as the dead letter quotes it: a text of JSON after "is". */
const NAME = sql`JSONExtractString(concat('[', extract(detail, ${'^"(?:[^"\\\\]|\\\\.)*" is ("(?:[^"\\\\]|\\\\.)*")'}), ']'), 1)`;

const nameRow = z.object({
  model: z.string(),
  messages: z.number(),
  first_ms: z.number(),
  last_ms: z.number(),
  newest: z.tuple([z.string(), z.number(), z.number(), z.number()]),
  names: z.number(),
  all: z.number(),
});

export async function selectUnknownModels(lane: Lane): Promise<UnknownModels> {
  const rows = await lane.query(
    sql`SELECT ${NAME} AS model, count() AS messages, toUnixTimestamp64Milli(min(received_at)) AS first_ms, toUnixTimestamp64Milli(max(received_at)) AS last_ms,
        argMax((toString(source), partition, offset, item), (received_at, offset)) AS newest, count() OVER () AS names, sum(messages) OVER () AS all
      FROM dead_letters FINAL WHERE reason = 'unknown_model' GROUP BY model ORDER BY messages DESC, model LIMIT ${MOST_UNKNOWN}`,
    nameRow,
  );
  const [first] = rows;
  if (first === undefined) return { models: [], more: { names: 0, messages: 0 } };
  const models: UnknownModel[] = [];
  for (const { model, messages, first_ms, last_ms, newest } of rows)
    models.push({
      model,
      messages,
      first_ms,
      last_ms,
      features: await featuresOf(lane, newest),
      configuration: configurationOf(model),
    });
  const shown = rows.reduce((sum, row) => sum + row.messages, 0);
  return { models, more: { names: first.names - rows.length, messages: first.all - shown } };
}

async function featuresOf(lane: Lane, [source, partition, offset, item]: z.output<typeof nameRow>["newest"]) {
  const [row] = await lane.query(
    sql`SELECT arrayMap(key -> substringUTF8(toValidUTF8(key), 1, ${LONGEST_NAME}), arraySlice(JSONExtractKeys(raw, 'features'), 1, ${MOST_FEATURES})) AS features
      FROM dead_letters FINAL WHERE source = ${source} AND partition = ${partition} AND ${written("`offset`")} = ${offset} AND item = ${item}`,
    z.object({ features: z.array(z.string()) }),
  );
  return row?.features ?? [];
}

/** The least that watches it, from its first events on. */
function configurationOf(model: string): string | null {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(model)) return null;
  return `models:\n  - name: ${JSON.stringify(model)}\n    task: binary # or multiclass, regression\n    reference: { first: 20000 }\n`;
}
