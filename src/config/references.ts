/** Where a model's reference comes from: a file, FEAST, or the store's own events; and which of its columns are what. */
import { z } from "zod";
import { duration, durationText } from "./duration.ts";

/** Events that a reference of a version's events takes where nothing is said. */
const EVENTS_OF_A_VERSION = 20_000;
/** Events of a reference at most: more make no number better that people look at. */
export const MOST_REFERENCE_EVENTS = 200_000;

const instant = () =>
  z
    .string()
    .regex(
      /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d))?$/,
      "a date, or a time with its zone, for example 2026-09-01 or 2026-09-01T06:00:00Z",
    )
    .refine((text) => Number.isFinite(Date.parse(text)), "there is no such day or time");

const feastSchema = z.strictObject({
  path: z
    .string()
    .min(1)
    .describe(
      "Parquet file of a saved dataset or of an offline store, or a folder of such; relative to the configuration file.",
    ),
  entities: z.array(z.string()).default([]).describe("Join keys of the entities, for example driver_id: no features."),
  full_feature_names: z.boolean().default(false).describe("Whether events call features `view__feature` too."),
  timestamp_field: z.string().default("event_timestamp").describe("FEAST's column of the event time."),
});

const trailingSchema = z.strictObject({
  length: duration({ least: 3_600_000 }).describe("How much time it covers, for example 28d."),
  lag: duration({ least: 0 })
    .prefault("7d")
    .describe(
      "How long before the windows it ends: what began within that time is not yet part of what it is compared with.",
    ),
  every: duration({ least: 3_600_000 })
    .prefault("1d")
    .describe(
      "How often it moves on. All windows that begin within such a step, counted from 1970 in UTC, have the same.",
    ),
});

export type TrailingConfig = z.output<typeof trailingSchema>;

const sources = {
  file: z.string().min(1).optional().describe("Parquet, CSV or NDJSON file, relative to the configuration file."),
  format: z
    .enum(["Parquet", "CSVWithNames", "JSONEachRow"])
    .optional()
    .describe("Where the file's ending does not tell."),
  as_stored: z
    .boolean()
    .default(false)
    .describe(
      "Whether the file holds events as the store does, for example exported from it: `privacy` is not applied again.",
    ),
  feast: feastSchema
    .optional()
    .describe(
      "Instead of a file: what FEAST has written. `view__feature` is the feature `feature` where only one view has it.",
    ),
  from: instant().optional().describe("Instead of a file: the events in the store from this time on, up to `to`."),
  to: instant().optional().describe("End of the time from `from` on, exclusive."),
  first: z
    .int()
    .min(100)
    .max(MOST_REFERENCE_EVENTS)
    .optional()
    .describe("Instead of a file: the first so many events in the store. Until they are there, there is no reference."),
  version: z
    .string()
    .optional()
    .describe(
      `Of this version alone; by itself: its own reference (\`references\`), else its first ${EVENTS_OF_A_VERSION.toLocaleString("en")} events.`,
    ),
  trailing: trailingSchema
    .optional()
    .describe(
      "Compare windows with the events some time before them, and not with the reference: for what changes with the seasons. A slow change is never seen by it, so the page tier, KPIs and estimates keep to the reference (by itself: the first 20,000 events).",
    ),
};

export const referenceSchema = z.strictObject({
  ...sources,
  timestamp: z.string().default("timestamp").describe("Column of the event time; not a feature."),
  prediction: z.string().default("prediction").describe("Column of the prediction."),
  score: z.string().default("score").describe("Column of the score."),
  label: z.string().default("label").describe("Column of the ground truth."),
  probabilities: z
    .record(z.string(), z.string())
    .prefault({})
    .describe(
      "For `multiclass`: the column of each class's probability, so that its KPIs can be estimated before labels come.",
    ),
  attributions: z
    .string()
    .regex(/^[^*]*\*[^*]*$/, "one * where the feature's name stands, for example shap_*")
    .default("attributions.*")
    .describe(
      "Columns of attributions (SHAP values or the like), with * for the feature's name; what events carry as `attributions` is compared with them.",
    ),
  features: z
    .array(z.string())
    .optional()
    .describe("Columns that are features; left out: every column that is nothing else."),
  ignore: z.array(z.string()).default([]).describe("Columns to leave out."),
});

export type ReferenceConfig = z.output<typeof referenceSchema>;

/** Its columns, and how they were stored, without where its rows come from. */
export function withoutSource(reference: ReferenceConfig) {
  const {
    file: _,
    format: __,
    feast: ___,
    from: ____,
    to: _____,
    first: ______,
    version: _7,
    trailing: _8,
    ...columns
  } = reference;
  return columns;
}

/** The columns alone: what the numbers depend on beside the content. */
export function columnsOfReference(reference: ReferenceConfig) {
  const { as_stored: _, ...columns } = withoutSource(reference);
  return columns;
}

/** Which events of the store a reference is made of. Times in ms, `to` exclusive. */
export type EventSelection = {
  /** null: of all versions. */
  readonly version: string | null;
} & (
  | { readonly kind: "range"; readonly from: number; readonly to: number }
  | { readonly kind: "first"; readonly first: number }
);

type SelectionKeys = Partial<
  Pick<ReferenceConfig, "from" | "to" | "first" | "version" | "trailing" | "file" | "feast">
>;

/** null where the reference is no such: a file, or FEAST's. */
export function selectionOf({ from, to, first, version, trailing, file, feast }: SelectionKeys): EventSelection | null {
  const of = { version: version ?? null };
  if (from !== undefined && to !== undefined)
    return { ...of, kind: "range", from: Date.parse(from), to: Date.parse(to) };
  if (first !== undefined) return { ...of, kind: "first", first };
  const isOfEvents = version !== undefined || (trailing !== undefined && file === undefined && feast === undefined);
  return isOfEvents ? { ...of, kind: "first", first: EVENTS_OF_A_VERSION } : null;
}

const iso = (ms: number): string => new Date(ms).toISOString().replace(/\.000Z$/, "Z");

/** "the first 20000 events of version 7", "events from … to …". */
export function selectionText(selection: EventSelection): string {
  const of = selection.version === null ? "" : ` of version ${selection.version}`;
  return selection.kind === "first"
    ? `the first ${selection.first} events${of}`
    : `events${of} from ${iso(selection.from)} to ${iso(selection.to)}`;
}

/** What a person should know who has a trailing reference; null for any other. */
export function trailingWarning({ trailing }: ReferenceConfig): string | null {
  if (trailing === undefined) return null;
  return `windows are compared with the ${durationText(trailing.length)} that end ${durationText(trailing.lag)} before them: a change slower than that is never seen by their detectors, and one that lasts is the normal after ${durationText(trailing.lag + trailing.length)} at the latest. The page tier keeps to the fixed reference`;
}

/** Why the events of a trailing reference would be gone before it is made; null where they are not. `retention` in ms. */
export function trailingProblem({ trailing }: ReferenceConfig, retention: number | undefined): string | null {
  if (trailing === undefined || retention === undefined) return null;
  const reach = trailing.length + trailing.lag + trailing.every;
  if (retention >= reach) return null;
  return `trailing reaches ${durationText(reach)} back (length, lag and every), and retention (${durationText(retention)}) would have taken the events`;
}

/** What is wrong with how a reference is named; null where nothing is. */
export function referenceProblem(reference: ReferenceConfig): string | null {
  const { file, feast, from, to, first, version, trailing } = reference;
  if ((from === undefined) !== (to === undefined)) return "from and to belong together";
  if (from !== undefined && to !== undefined && Date.parse(from) >= Date.parse(to)) return "from must lie before to";
  const named = [
    ...(file === undefined ? [] : ["file"]),
    ...(feast === undefined ? [] : ["feast"]),
    ...(from === undefined ? [] : ["from and to"]),
    ...(first === undefined ? [] : ["first"]),
  ];
  if (named.length > 1) return `${named.join(", ")}: name one of them, the reference comes from one place`;
  if (version !== undefined && (file !== undefined || feast !== undefined))
    return "version chooses events of the store; under references: each version can have a file of its own";
  if (named.length === 0 && version === undefined && trailing === undefined)
    return "it says not where the reference comes from: file, feast, from and to, first, version, or trailing";
  return null;
}
