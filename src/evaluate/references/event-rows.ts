/** Events of the store as lines of a reference file: in the order of event time, each with its label where one has come. */
import { z } from "zod";
import type { ReferenceConfig } from "../../config/references.ts";
import type { ModelConfig } from "../../config/schema.ts";
import { vectorOf } from "../../core/vector.ts";
import { featureColumn, featureOfVectorColumn, predictionsTable, VECTOR_PREFIX } from "../../store/model-tables.ts";
import { name, type Sql, sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { keptRows, type Span } from "../kept-rows.ts";
import { everyVersion, type VersionScope } from "../version-scope.ts";

/** Events read at a time, and first, before it is known how long they are. */
const EVENTS_AT_ONCE = 20_000;
const EVENTS_AT_FIRST = 1000;
/** Characters that are read at a time, about. */
const CHARACTERS_AT_ONCE = 16_000_000;
const FEATURE_PREFIX = "features.";
/** A value that could not be read stays one: no number, and not missing. */
const INVALID = "invalid";

const eventLine = z.looseObject({
  "=time": z.coerce.number(),
  "=version": z.string(),
  "=variant": z.string(),
  "=id": z.string(),
  "=label": z.string(),
  prediction: z.number().nullable(),
  prediction_text: z.string(),
  score: z.number().nullable(),
  probabilities: z.record(z.string(), z.number().nullable()),
  segments: z.record(z.string(), z.string()),
  invalid: z.array(z.string()),
  extra: z.record(z.string(), z.string()),
  attributions: z.record(z.string(), z.number().nullable()),
});
type EventLine = z.output<typeof eventLine>;

export interface WantedEvents {
  readonly span: Span;
  /** null: of all versions. */
  readonly version: string | null;
  /** Of these alone; left out: of all. */
  readonly versions?: VersionScope;
  /** Events at most, the earliest. */
  readonly most: number;
  /** Every so many-th is taken, by the hash of its id: 1 takes all. */
  readonly every: number;
  /** With the numbers that are made of vectors; left out: the vectors themselves. */
  readonly vectorParts?: VectorPartColumns;
}

export interface VectorPartColumns {
  /** As in `DedupeOptions`. */
  readonly columns: Sql;
  /** The features that they are. */
  readonly names: readonly string[];
}

/** A row of the reference and its event time, ms. */
export interface ReferenceLine {
  readonly at: number;
  readonly id: string;
  readonly line: string;
}

export const ofVersion = (version: string | null): Sql => (version === null ? sql`true` : sql`version = ${version}`);
/** Which copy of an event is taken depends on no order, and neither does which event. */
export const everyNth = (every: number): Sql => (every <= 1 ? sql`true` : sql`cityHash64(id) % ${every} = 0`);

/** Some thousand lines at a time, in the order of (timestamp, id, version, variant). */
export async function* readEventLines(
  lane: Lane,
  model: ModelConfig,
  reference: ReferenceConfig,
  wanted: WantedEvents,
): AsyncGenerator<readonly ReferenceLine[]> {
  const { vectorParts } = wanted;
  const columns = await tableColumns(lane, model.name, vectorParts?.names ?? []);
  const memory = new Map<number, boolean>();
  const versions = wanted.versions ?? everyVersion;
  const dedupe = {
    model: model.name,
    dedupeWithin: model.dedupe_within,
    pane: model.pane,
    memory,
    versions,
    ...(vectorParts === undefined ? {} : { columns: vectorParts.columns }),
  };
  const kept = await keptRows(lane, dedupe, wanted.span);
  let after: Sql = sql`true`;
  let atOnce = EVENTS_AT_FIRST;
  for (let taken = 0; taken < wanted.most; ) {
    const limit = Math.min(atOnce, wanted.most - taken);
    const statement = sql`SELECT ${columns}, toFloat64(toUnixTimestamp64Milli(events.timestamp)) AS ${name("=time")}, events.version AS ${name("=version")},
        events.variant AS ${name("=variant")}, events.id AS ${name("=id")}, if(joined.label_text != '', joined.label_text, ifNull(toString(joined.label), '')) AS ${name("=label")}
      FROM (SELECT * FROM (${kept}) WHERE ${ofVersion(wanted.version)} AND ${everyNth(wanted.every)} AND ${after}
        ORDER BY timestamp, id, version, variant LIMIT ${limit}) AS events
      LEFT JOIN (SELECT timestamp, id, version, variant, label, label_text FROM outcomes FINAL
        WHERE model = ${model.name} AND timestamp >= ${time(wanted.span.from)} AND timestamp < ${time(wanted.span.to)}) AS joined
        ON events.timestamp = joined.timestamp AND events.id = joined.id AND events.version = joined.version AND events.variant = joined.variant
      ORDER BY events.timestamp, events.id, events.version, events.variant`;
    const text = await lane.text(statement.text, "JSONEachRow");
    const events = text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => eventLine.parse(JSON.parse(line)));
    yield events.map((event) => ({
      at: event["=time"],
      id: event["=id"],
      line: JSON.stringify(rowOf(event, model, reference)),
    }));
    const last = events.at(-1);
    if (last === undefined || events.length < limit) return;
    atOnce = rowsAtOnce(text.length / events.length);
    taken += events.length;
    after = sql`(timestamp, id, version, variant) > (${time(last["=time"])}, ${last["=id"]}, ${last["=version"]}, ${last["=variant"]})`;
  }
}

/** How many rows of a length, in characters, are read at a time: few of those with vectors. */
export const rowsAtOnce = (characters: number): number =>
  Math.max(100, Math.min(EVENTS_AT_ONCE, Math.floor(CHARACTERS_AT_ONCE / Math.max(1, characters))));

/** Features under their own names behind a prefix, and what else an event has. */
async function tableColumns(lane: Lane, model: string, made: readonly string[]): Promise<Sql> {
  const rows = await lane.query(
    sql`SELECT name FROM system.columns WHERE database = currentDatabase() AND table = ${predictionsTable(model)} AND (startsWith(name, ${FEATURE_PREFIX}) OR startsWith(name, ${VECTOR_PREFIX})) ORDER BY name`,
    z.object({ name: z.string() }),
  );
  const plain = [
    "prediction",
    "prediction_text",
    "score",
    "probabilities",
    "segments",
    "invalid",
    "extra",
    "attributions",
  ];
  const all = [...plain, ...new Set([...rows.map((row) => row.name), ...made.map(featureColumn)])];
  return all
    .map((column) => sql`events.${name(column)} AS ${name(column)}`)
    .reduce((list, one) => sql`${list}, ${one}`);
}

/** The event as a reference file would have it: under the names that the configuration gives to the columns. */
function rowOf(event: EventLine, model: ModelConfig, reference: ReferenceConfig): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (const [key, text] of Object.entries(event.extra)) row[key] = parsed(text);
  const invalid = new Set(event.invalid);
  for (const [key, value] of Object.entries(event)) {
    if (!key.startsWith(FEATURE_PREFIX)) continue;
    const feature = key.slice(FEATURE_PREFIX.length);
    if (invalid.has(feature)) row[feature] = INVALID;
    else if (value !== null) row[feature] = value;
  }
  for (const [key, value] of Object.entries(event)) {
    const feature = featureOfVectorColumn(key);
    if (feature === null || !Array.isArray(value)) continue;
    if (value.length > 0) row[feature] = value;
    else if (invalid.has(feature)) row[feature] = INVALID;
  }
  for (const key of model.segments ?? [])
    if (Object.hasOwn(event.segments, key)) row[`segments.${key}`] = event.segments[key];
  for (const [key, value] of Object.entries(event.attributions))
    row[reference.attributions.replace("*", () => key)] = value;
  for (const [label, column] of Object.entries(reference.probabilities))
    row[column] = event.probabilities[label] ?? null;
  row[reference.timestamp] = event["=time"];
  row[reference.prediction] = model.task === "regression" ? event.prediction : present(event.prediction_text);
  row[reference.score] = event.score;
  row[reference.label] = model.task === "regression" ? numberOf(event["=label"]) : present(event["=label"]);
  // What no event has is no column at all.
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
}

const present = (text: string): string | null => (text === "" ? null : text);
const numberOf = (text: string): number | null => (text === "" ? null : Number(text));

/** What no column was made for is kept as JSON; what is neither a single value nor a vector is no feature. */
function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && typeof vectorOf(value) === "string" ? null : value;
  } catch {
    return text;
  }
}
