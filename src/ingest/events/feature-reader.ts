/**
 * Reads the features of one model out of a payload into columns. Events of one producer have the same keys in the same order, so
 * what each key means is worked out once and kept as a plan; an event with the same keys costs one comparison a key.
 *
 * Rules: a nested object `{"a":{"b":2}}` is the feature `a.b`, unless the event has a key `a.b` of its own; it never stands for
 * `a`, which is invalid if the model has such a feature. A value of the wrong type makes that feature invalid, not the event:
 * text or a boolean for a number, an array or an object for a category, and for a vector anything but a list of numbers; of a vector the
 * reason is noted too (`embedding: not all numbers`). Categories sent as numbers become their shortest decimal
 * spelling (whole numbers beyond 2^53 keep their digits), booleans become `true` and `false`. What the model does not know goes
 * to `extra` as JSON, at most 1,000 names and 64 KiB of it per event; more than that is dropped and counted.
 */
import type { EventMapping } from "../../config/event-mapping.ts";
import { isObject, type JsonObject } from "../../core/json-object.ts";
import { losslessText } from "../../core/lossless-json.ts";
import type { ModelSchema } from "../../core/model-schema.ts";
import { listIn, vectorOf } from "../../core/vector.ts";
import type { EventRows, FeatureValues, PredictionRows } from "./event-rows.ts";
import { type ReadField, readerOf } from "./field-path.ts";

/** Objects and arrays within objects and arrays; beyond that an event is refused. */
export const MAX_DEPTH = 32;
const MAX_EXTRA_NAMES = 1000;
const MAX_EXTRA_CHARACTERS = 64 * 1024;

const EXTRA = -1;
const IGNORED = -2;
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

export interface FeatureReaderOptions {
  readonly features: EventMapping["features"];
  readonly schema: ModelSchema;
  /** Top-level keys that are fields of the event, and so no features where all top-level keys are (`*`). */
  readonly fieldKeys: ReadonlySet<string>;
  /** Text that spells a number is one, and empty text is missing: for sources that know no numbers, such as CSV. */
  readonly textNumbers: boolean;
}

/** What hinders an event from being read, or null. */
export type FeatureProblem = "too_deep" | "not_an_object" | null;

/** Reads the features of a payload into row `row`. `exact` gives the payload again with its numbers as text. */
export type ReadFeatures = (
  payload: JsonObject,
  rows: PredictionRows,
  row: number,
  batch: EventRows,
  exact: () => unknown,
) => FeatureProblem;

export function createFeatureReader(options: FeatureReaderOptions): ReadFeatures {
  const { features, fieldKeys } = options;
  const writer = new RowWriter(options.schema, options.textNumbers);
  if (features === "*") return writer.objectReader((payload) => payload, fieldKeys);
  if (typeof features === "string") return writer.objectReader(readerOf(features), new Set());
  const entries = Array.isArray(features) ? features.map((path) => [path, path] as const) : Object.entries(features);
  return writer.listReader(entries.map(([name, path]) => ({ name, read: readerOf(path) })));
}

/** What each key of an event is: the index of a feature, EXTRA or IGNORED. */
interface Plan {
  readonly keys: readonly string[];
  readonly targets: Int32Array;
  readonly absent: readonly number[];
}

const NO_PLAN: Plan = { keys: [], targets: new Int32Array(0), absent: [] };

class RowWriter {
  readonly #index: ReadonlyMap<string, number>;
  readonly #textNumbers: boolean;
  #plan: Plan = NO_PLAN;
  #rows: PredictionRows | null = null;
  #row = 0;
  #invalid: string[] = [];
  #extra: [string, string][] = [];
  #extraCharacters = 0;
  #dropped = 0;
  #problem: FeatureProblem = null;
  #exact: () => unknown = () => undefined;

  constructor(schema: ModelSchema, textNumbers: boolean) {
    this.#index = new Map(schema.features.map((feature, index) => [feature.name, index]));
    this.#textNumbers = textNumbers;
  }

  /** Features are the keys of one object. */
  objectReader(locate: ReadField, ignored: ReadonlySet<string>): ReadFeatures {
    return (payload, rows, row, batch, exact) => {
      const container = locate(payload);
      this.#begin(rows, row, () => {
        const root = exact();
        return isObject(root) ? locate(root) : undefined;
      });
      if (container === undefined || container === null) {
        for (const feature of rows.features) feature.setMissing(row);
        return null;
      }
      if (!isObject(container)) return "not_an_object";
      this.#readObject(container, rows.features, ignored);
      return this.#finish(batch);
    };
  }

  /** Features are named one by one. */
  listReader(entries: readonly { readonly name: string; readonly read: ReadField }[]): ReadFeatures {
    return (payload, rows, row, batch, exact) => {
      this.#begin(rows, row, exact);
      for (const feature of rows.features) feature.setMissing(row);
      const own = new Set(entries.map((entry) => entry.name));
      for (const { name, read } of entries) {
        const value = read(payload);
        if (value === undefined) continue;
        this.#exact = () => {
          const root = exact();
          return isObject(root) ? { [name]: read(root) } : undefined;
        };
        this.#put(name, value, rows.features);
        if (isObject(value)) this.#flatten([[`${name}.`, value]], rows.features, own, 1);
      }
      return this.#finish(batch);
    };
  }

  #begin(rows: PredictionRows, row: number, exact: () => unknown): void {
    this.#rows = rows;
    this.#row = row;
    this.#exact = exact;
    this.#problem = null;
    if (this.#invalid.length > 0) this.#invalid = [];
    if (this.#extra.length > 0) this.#extra = [];
    this.#extraCharacters = 0;
    this.#dropped = 0;
  }

  #finish(batch: EventRows): FeatureProblem {
    const rows = this.#rows;
    if (rows === null || this.#problem !== null) return this.#problem;
    if (this.#invalid.length > 0) {
      rows.invalid[this.#row] = this.#invalid;
      rows.used.invalid = true;
    }
    if (this.#extra.length > 0) {
      rows.extra[this.#row] = this.#extra;
      rows.used.extra = true;
    }
    batch.droppedExtras += this.#dropped;
    return null;
  }

  #readObject(container: JsonObject, features: readonly FeatureValues[], ignored: ReadonlySet<string>): void {
    const keys = Object.keys(container);
    const values = Object.values(container);
    const plan = this.#planFor(keys, features, ignored);
    const row = this.#row;
    for (let index = 0; index < plan.absent.length; index++) features[plan.absent[index] ?? 0]?.setMissing(row);
    let nested: [string, JsonObject][] | null = null;
    for (let index = 0; index < values.length; index++) {
      const value = values[index];
      const target = plan.targets[index] ?? IGNORED;
      if (target === IGNORED) continue;
      if (typeof value === "object" && value !== null && !Array.isArray(value)) {
        nested ??= [];
        nested.push([`${keys[index]}.`, value as JsonObject]);
      }
      if (target >= 0) {
        const feature = features[target];
        if (feature === undefined) continue;
        if (feature.numeric && typeof value === "number" && value - value === 0) feature.numbers[row] = value;
        else if (feature.categorical && typeof value === "string" && (value !== "" || !this.#textNumbers))
          feature.texts[row] = value;
        else this.#setOther(feature, value);
      } else this.#keepExtra(keys[index] ?? "", value);
    }
    if (nested !== null) this.#flatten(nested, features, new Set(keys), 1);
  }

  #planFor(keys: readonly string[], features: readonly FeatureValues[], ignored: ReadonlySet<string>): Plan {
    const { keys: known } = this.#plan;
    let same = keys.length === known.length && this.#plan !== NO_PLAN;
    for (let index = 0; same && index < keys.length; index++) same = keys[index] === known[index];
    if (same) return this.#plan;
    const targets = Int32Array.from(keys, (key) => (ignored.has(key) ? IGNORED : (this.#index.get(key) ?? EXTRA)));
    const present = new Set(targets);
    const absent = features.map((_, index) => index).filter((index) => !present.has(index));
    this.#plan = { keys, targets, absent };
    return this.#plan;
  }

  /** Level by level, so that of two spellings of one name the one with fewer objects holds. `taken` are the names that are. */
  #flatten(level: [string, JsonObject][], features: readonly FeatureValues[], taken: Set<string>, depth: number): void {
    if (depth > MAX_DEPTH) {
      this.#problem = "too_deep";
      return;
    }
    const next: [string, JsonObject][] = [];
    for (const [prefix, object] of level) {
      for (const [key, value] of Object.entries(object)) {
        const name = prefix + key;
        if (isObject(value)) next.push([`${name}.`, value]);
        if (taken.has(name)) continue;
        taken.add(name);
        this.#put(name, value, features);
      }
    }
    if (next.length > 0) this.#flatten(next, features, taken, depth + 1);
  }

  #put(name: string, value: unknown, features: readonly FeatureValues[]): void {
    const feature = features[this.#index.get(name) ?? -1];
    if (feature === undefined) this.#keepExtra(name, value);
    else this.#setOther(feature, value);
  }

  /** Sets whatever value a feature was given. */
  #setOther(feature: FeatureValues, value: unknown): void {
    const row = this.#row;
    feature.setMissing(row);
    if (value === null || value === undefined || (this.#textNumbers && value === "")) return;
    if (feature.numeric) {
      const number =
        typeof value === "bigint" || (this.#textNumbers && typeof value === "string" && DECIMAL.test(value.trim()))
          ? Number(value)
          : value;
      if (typeof number === "number" && Number.isFinite(number)) feature.numbers[row] = number;
      else this.#invalid.push(feature.feature.name);
      return;
    }
    if (!feature.categorical) return this.#setVector(feature, value);
    const { name } = feature.feature;
    const needsDigits = typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value);
    const text = (needsDigits ? exactText(this.#exact(), name) : null) ?? categoryText(value);
    if (text === null) this.#invalid.push(name);
    else feature.texts[row] = text;
  }

  /** A vector of another length than the reference's is kept, since another reference may have that; what is made of it is invalid. */
  #setVector({ feature, vectors }: FeatureValues, value: unknown): void {
    const vector = vectorOf(this.#textNumbers && typeof value === "string" ? listIn(value) : value);
    if (typeof vector === "string") {
      this.#invalid.push(feature.name, `${feature.name}: ${vector}`);
      return;
    }
    vectors[this.#row] = vector;
    if (feature.dimension !== undefined && vector.length !== feature.dimension)
      this.#invalid.push(`${feature.name}: ${vector.length} numbers, not ${feature.dimension}`);
  }

  #keepExtra(name: string, value: unknown): void {
    if (isObject(value)) return;
    if (Array.isArray(value) && deeperThan(value, MAX_DEPTH)) {
      this.#problem = "too_deep";
      return;
    }
    if (value === undefined) return;
    const text = typeof value === "object" || typeof value === "bigint" ? losslessText(value) : JSON.stringify(value);
    if (
      this.#extra.length >= MAX_EXTRA_NAMES ||
      this.#extraCharacters + name.length + text.length > MAX_EXTRA_CHARACTERS
    ) {
      this.#dropped++;
      return;
    }
    this.#extraCharacters += name.length + text.length;
    this.#extra.push([name, text]);
  }
}

/** A value as a category, or null where it is none. Whole numbers beyond 2^53 keep their digits as bigint alone. */
export function categoryText(value: unknown): string | null {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "true" : "false";
  if (typeof value === "bigint") return String(value);
  return typeof value === "number" && Number.isFinite(value) ? String(value === 0 ? 0 : value) : null;
}

/** Looks a flattened name up in the container whose numbers are text. */
function exactText(container: unknown, name: string): string | null {
  if (!isObject(container)) return null;
  const value = readerOf(name)(container);
  return typeof value === "string" ? value : null;
}

/** Whether arrays and objects lie within each other deeper than `limit`. */
export function deeperThan(value: unknown, limit: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (limit === 0) return true;
  return Object.values(value).some((child) => deeperThan(child, limit - 1));
}
