/** What one source of events means: its mapping, what each model in it is, and how much of it is a guess. Pure. */
import { type EventMapping, eventMappingSchema } from "../config/event-mapping.ts";
import type { JsonObject } from "../core/json-object.ts";
import { parseTimestamp } from "../core/timestamp.ts";
import { type FoundFeature, type FoundFeatures, findFeatures, findObject } from "./find-features.ts";
import { type Choices, type FoundFields, findFields, roles } from "./find-fields.ts";
import { type Leaf, type Leaves, leavesOf } from "./leaves.ts";
import type { ObjectRole, Role } from "./names.ts";
import { taskOf, type UnderstoodTask } from "./task.ts";
import { valueAtKeys } from "./value-at.ts";

export interface UnderstoodModel extends UnderstoodTask {
  readonly name: string;
  /** All its predictions and labels. */
  readonly outcome: Leaf | undefined;
  readonly versions: readonly string[];
  readonly predictions: number;
  readonly labels: number;
  readonly hasScore: boolean;
  readonly features: readonly FoundFeature[];
  /** Names of features that are better left out. */
  readonly ignored: readonly string[];
  /** First and last event time of the sample, ms; null where none was read. */
  readonly span: { readonly from: number; readonly to: number } | null;
}

export interface Understood {
  readonly fields: FoundFields;
  /** Share of the payloads that should have a field and do, 0..1. */
  readonly shares: Readonly<Partial<Record<Role, number>>>;
  readonly objects: Readonly<Partial<Record<Exclude<ObjectRole, "features">, string>>>;
  readonly features: FoundFeatures;
  /** What differs from the mapping of native events. */
  readonly mapping: Partial<EventMapping>;
  /** Why a key of the mapping points to nothing. */
  readonly redirected: readonly string[];
  readonly models: readonly UnderstoodModel[];
  /** Ids of the payloads, up to a limit. */
  readonly ids: ReadonlySet<string>;
}

export interface UnderstandOptions {
  /** Name of the model where the payload names none. */
  readonly model: string;
  readonly choices?: Choices;
  readonly textNumbers?: boolean;
  /** Class that is the positive one. */
  readonly positive?: string;
}

/** A path that no payload has: a field that native events have, and these use the name of for something else. */
export const NO_FIELD = "not_in_these_events";
const NATIVE: EventMapping = eventMappingSchema.parse({});
const OBJECTS = ["probabilities", "segments", "attributions"] as const;

export function understand(payloads: readonly JsonObject[], options: UnderstandOptions): Understood {
  const { textNumbers = false, choices = {} } = options;
  const leaves = leavesOf(payloads, textNumbers);
  const fields = findFields(leaves, choices);
  const objects: Partial<Record<(typeof OBJECTS)[number], string>> = {};
  for (const role of OBJECTS) {
    const found = findObject(role, leaves);
    if (found !== null) objects[role] = found.path;
  }
  const read = readerOf(leaves, fields);
  const predicted = payloads.filter((payload) => isPrediction(payload, read));
  const paths = new Set(roles.flatMap((role) => fields[role]?.path ?? []));
  // Of predictions alone: what only labels carry is no feature.
  const features = findFeatures(
    leavesOf(predicted, textNumbers),
    paths,
    OBJECTS.flatMap((role) => objects[role] ?? []),
    predicted.length,
  );
  const { mapping, redirected } = mappingOf(
    leaves,
    { fields, objects, features, predicted: predicted.length },
    options,
  );
  return {
    fields,
    shares: sharesOf(payloads, predicted, fields, read),
    objects,
    features,
    mapping,
    redirected,
    models: modelsOf(payloads, read, features, options),
    ids: new Set(leaves.byPath.get(fields.id?.path ?? "")?.values.keys() ?? []),
  };
}

/** Reads a role of a payload; undefined where it has none. */
type Read = (role: Role, payload: JsonObject) => unknown;

function readerOf({ byPath }: Leaves, fields: FoundFields): Read {
  const keys = new Map(
    roles.flatMap((role) => {
      const path = fields[role]?.path;
      return path === undefined ? [] : [[role, byPath.get(path)?.keys ?? [path]] as const];
    }),
  );
  return (role, payload) => {
    const at = keys.get(role);
    const value = at === undefined ? undefined : valueAtKeys(payload, at);
    return value === null || value === "" ? undefined : value;
  };
}

function isPrediction(payload: JsonObject, read: Read): boolean {
  const type = read("type", payload);
  return type === undefined ? read("prediction", payload) !== undefined : type === "prediction";
}

function isLabel(payload: JsonObject, read: Read): boolean {
  const type = read("type", payload);
  return type === undefined ? read("label", payload) !== undefined : type === "label";
}

function sharesOf(payloads: readonly JsonObject[], predicted: readonly JsonObject[], fields: FoundFields, read: Read) {
  const ofPredictions: ReadonlySet<Role> = new Set(["prediction", "score"]);
  return Object.fromEntries(
    roles.flatMap((role) => {
      const among = ofPredictions.has(role) && predicted.length > 0 ? predicted : payloads;
      if (fields[role] === undefined || among.length === 0) return [];
      return [[role, among.filter((payload) => read(role, payload) !== undefined).length / among.length]];
    }),
  );
}

interface Found {
  readonly fields: FoundFields;
  readonly objects: Understood["objects"];
  readonly features: FoundFeatures;
  readonly predicted: number;
}

function mappingOf(
  { byPath }: Leaves,
  { fields, objects, features, predicted }: Found,
  { model }: UnderstandOptions,
): Pick<Understood, "mapping" | "redirected"> {
  const mapping: Partial<EventMapping> = {};
  const redirected: string[] = [];
  const elsewhere = (key: string) => {
    if (!byPath.has(key)) return false;
    redirected.push(key);
    return true;
  };
  for (const role of roles) {
    const path = fields[role]?.path;
    if (path !== undefined) {
      if (path !== NATIVE[role]) mapping[role] = path;
    } else if (role === "model") mapping.model = { value: model };
    else if (elsewhere(role)) mapping[role] = NO_FIELD;
  }
  for (const role of OBJECTS) {
    const path = objects[role];
    if (path !== undefined && path !== role) mapping[role] = path;
    else if (path === undefined && elsewhere(role)) mapping[role] = NO_FIELD;
  }
  if (predicted > 0 && features.mapping !== NATIVE.features)
    mapping.features = typeof features.mapping === "string" ? features.mapping : [...features.mapping];
  return { mapping, redirected };
}

function modelsOf(
  payloads: readonly JsonObject[],
  read: Read,
  features: FoundFeatures,
  options: UnderstandOptions,
): UnderstoodModel[] {
  const byModel = new Map<string, JsonObject[]>();
  for (const payload of payloads) {
    const named = read("model", payload);
    const name = typeof named === "string" ? named : options.model;
    const list = byModel.get(name) ?? [];
    list.push(payload);
    byModel.set(name, list);
  }
  return [...byModel]
    .map(([name, own]) => modelOf(name, own, read, features, options, byModel.size > 1))
    .sort((a, b) => b.predictions - a.predictions);
}

function modelOf(
  name: string,
  payloads: readonly JsonObject[],
  read: Read,
  found: FoundFeatures,
  { textNumbers = false, positive }: UnderstandOptions,
  several: boolean,
): UnderstoodModel {
  const predicted = payloads.filter((payload) => isPrediction(payload, read));
  const labelled = payloads.filter((payload) => isLabel(payload, read));
  const outcomes = leavesOf(
    [
      ...predicted.map((payload) => ({ outcome: read("prediction", payload) })),
      ...labelled.map((payload) => ({ outcome: read("label", payload) })),
    ],
    true,
  ).byPath.get("outcome");
  const scored = predicted.filter((payload) => read("score", payload) !== undefined).length;
  const own = several ? leavesOf(predicted, textNumbers).byPath : null;
  const has = (path: string) => own === null || (own.get(path)?.present ?? 0) > 0;
  const times = payloads.map((payload) => parseTimestamp(read("timestamp", payload)).ms).filter((ms) => ms !== null);
  return {
    name,
    outcome: outcomes,
    ...taskOf(outcomes, positive),
    versions: [
      ...new Set(
        payloads
          .map((payload) => read("version", payload))
          .filter((version) => version !== undefined)
          .map(String),
      ),
    ].sort(),
    predictions: predicted.length,
    labels: labelled.length,
    hasScore: predicted.length > 0 && scored >= predicted.length * 0.5,
    features: found.features.filter(({ path }) => has(path)),
    ignored: found.leftOut.filter(({ path }) => has(path)).map((one) => one.name),
    span:
      times.length === 0
        ? null
        : { from: times.reduce((a, b) => Math.min(a, b)), to: times.reduce((a, b) => Math.max(a, b)) },
  };
}
