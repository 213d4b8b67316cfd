/**
 * Native JSON and any payload that a mapping describes: one object is one event. This is the hot path: the payload is parsed
 * once, fields are read by readers made beforehand, and values go straight into columns.
 *
 * Rules beside those of features (feature-reader.ts) and times (timestamp.ts):
 * - `type` says what an event is. Without it, a payload with a prediction is a prediction, one with a label a label, and one with
 *   both is both. A payload becomes all of its events or one dead letter.
 * - Ids, versions and variants are text, digit by digit; a number keeps its spelling (`1.10`, 9007199254740993). No `id`: the
 *   message's own identity, or its position.
 * - Duplicate keys: the last one holds, as everywhere in JavaScript.
 * - Numbers (regression, scores, probabilities) may be text that spells them; features may not.
 */
import { isUtf8 } from "node:buffer";
import type { EventMapping } from "../../config/event-mapping.ts";
import type { Privacy } from "../../config/privacy.ts";
import { classLabel } from "../../core/class-label.ts";
import type { Clock } from "../../core/clock.ts";
import type { DeadLetterReason, RawMessage } from "../../core/event.ts";
import { parseWithNumbersAsText } from "../../core/exact-json.ts";
import { isObject, type JsonObject } from "../../core/json-object.ts";
import { losslessText } from "../../core/lossless-json.ts";
import type { ModelSchema } from "../../core/model-schema.ts";
import { kindOf, letterOf, Refusal, show } from "../../core/refusal.ts";
import { parseTimestamp } from "../../core/timestamp.ts";
import { createEntityReader, isOfEntityAlone, type ReadEntity } from "./entity-key.ts";
import { type Field, type Fields, fieldsOf, keysOf, quoted } from "./event-fields.ts";
import { type EventRows, type PredictionRows, placeRow } from "./event-rows.ts";
import { createFeatureReader, MAX_DEPTH, type ReadFeatures } from "./feature-reader.ts";
import { notJson } from "./not-json.ts";
import { numberOf, readOptionalFields } from "./optional-fields.ts";
import { createRedaction } from "./private-fields.ts";

/** A model as ingestion needs it. */
export interface DecoderModel {
  readonly schema: ModelSchema;
  /** Milliseconds that an event may lie ahead of the clock. */
  readonly maxFutureMs: number;
  /** What is left out or hashed of its events; left out or null: nothing. */
  readonly privacy?: Privacy | null;
}

export interface DecoderOptions {
  readonly mapping: EventMapping;
  readonly models: readonly DecoderModel[];
  readonly clock: Clock;
  readonly maxMessageBytes: number;
  readonly deadLetterBytes: number;
  /** What dead letters name as the format; default `json`. */
  readonly format?: string;
  /** For sources whose values are all text (CSV): a numeric feature may be text that spells a number, '' is missing. */
  readonly textNumbers?: boolean;
}

/** Turns raw messages into rows or dead letters; never throws for what a message holds. */
export interface Decoder {
  /** `index` is the place of the message in its batch. */
  decode(message: RawMessage, index: number, rows: EventRows): void;
  /** As of a format (src/core/format.ts): what must be there before messages of a source can be decoded. Not for those of requests. */
  prepare?(messages: readonly RawMessage[]): Promise<void> | null;
}

/** One that also takes events which were parsed already: by another format, with bigint for whole numbers beyond 2^53. */
export interface PayloadDecoder extends Decoder {
  /** `item` tells several events of one message apart. */
  decodePayload(message: RawMessage, index: number, payload: JsonObject, rows: EventRows, item: number): void;
}

export function createJsonDecoder(options: DecoderOptions): PayloadDecoder {
  return new JsonDecoder(options);
}

const MAX_TEXT = 4096;
const CLASSES_REMEMBERED = 10_000;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** A class as it is stored: its canonical text, and the number that it is or NaN. */
interface ClassValue {
  readonly text: string;
  readonly number: number;
}

interface ModelReader extends DecoderModel {
  readonly readFeatures: ReadFeatures;
  /** null where labels are joined by id alone. */
  readonly readEntity: ReadEntity | null;
  readonly classes: ReadonlySet<string>;
  readonly seenClasses: Map<unknown, ClassValue | null>;
  readonly redact: ((rows: PredictionRows, row: number) => void) | null;
}

class JsonDecoder implements PayloadDecoder {
  readonly #options: DecoderOptions;
  readonly #format: string;
  readonly #fields: Fields;
  readonly #models: ReadonlyMap<string, ModelReader>;
  /** The message at hand. */
  #text = "";
  #escaped = false;
  #exactRoot: unknown;
  #rows: EventRows | null = null;
  /** The message's model, once that is known. */
  #owner: ModelReader | null = null;
  readonly #anyPrivate: boolean;
  readonly #exact = (): unknown => {
    this.#exactRoot ??= parseWithNumbersAsText(this.#text);
    return this.#exactRoot;
  };
  /** How a number was spelt. Looks beside its key first; where that could mislead, reads the payload again without loss. */
  readonly #spelling = (field: Field, value: number): string => {
    const shortest = String(value);
    if (field.spelling !== null && Number.isSafeInteger(value)) {
      const at = this.#text.indexOf(field.spelling);
      const start = at + field.spelling.length + 1;
      const next = this.#text.charCodeAt(start + shortest.length);
      if (
        at === this.#text.lastIndexOf(field.spelling) &&
        this.#text.startsWith(`:${shortest}`, start - 1) &&
        (next === 44 || next === 125)
      )
        return shortest;
    }
    const root = this.#exact();
    const spelt = isObject(root) ? field.read(root) : undefined;
    return typeof spelt === "string" ? spelt : shortest;
  };

  constructor(options: DecoderOptions) {
    const { mapping } = options;
    this.#options = options;
    this.#format = options.format ?? "json";
    this.#anyPrivate = options.models.some(({ privacy }) => privacy !== undefined && privacy !== null);
    this.#fields = fieldsOf(mapping);
    const { features } = mapping;
    const fieldKeys = keysOf(mapping);
    this.#models = new Map(
      options.models.map((model) => [
        model.schema.model,
        {
          ...model,
          readFeatures: createFeatureReader({
            features,
            schema: model.schema,
            fieldKeys,
            textNumbers: options.textNumbers ?? false,
          }),
          readEntity:
            model.schema.entity === undefined
              ? null
              : createEntityReader(mapping, model.schema.entity, model.privacy ?? null),
          classes: new Set(model.schema.classes.map((name) => classLabel(name) ?? name)),
          seenClasses: new Map(),
          redact: model.privacy === undefined || model.privacy === null ? null : createRedaction(model.privacy),
        },
      ]),
    );
  }

  decode(message: RawMessage, index: number, rows: EventRows): void {
    try {
      this.#rows = rows;
      this.#owner = null;
      this.#decode(message, index, this.#parse(message), rows);
    } catch (thrown) {
      this.#bury(thrown, message, index, 0, message.value);
    }
  }

  decodePayload(message: RawMessage, index: number, payload: JsonObject, rows: EventRows, item: number): void {
    this.#text = "";
    this.#escaped = true;
    this.#exactRoot = payload;
    try {
      this.#rows = rows;
      this.#owner = null;
      this.#decode(message, index, payload, rows);
    } catch (thrown) {
      this.#bury(thrown, message, index, item, losslessText(payload));
    }
  }

  #bury(thrown: unknown, message: RawMessage, index: number, item: number, value: RawMessage["value"]): void {
    const isPrivate = this.#owner === null ? this.#anyPrivate : this.#owner.redact !== null;
    const letter = letterOf(thrown, value, isPrivate ? null : this.#options.deadLetterBytes);
    this.#rows?.bury(message, index, { item, format: this.#format, ...letter });
  }

  #parse(message: RawMessage): JsonObject {
    const { value } = message;
    if (value === null) throw new Refusal("no_value", "the message has no value; a JSON object is expected");
    const length = typeof value === "string" ? value.length : value.byteLength;
    if (length > this.#options.maxMessageBytes)
      throw new Refusal(
        "too_large",
        `the message has ${length} bytes; ingest.max_message_bytes allows ${this.#options.maxMessageBytes}`,
      );
    const text = typeof value === "string" ? value : value.toString("utf8");
    if (typeof value !== "string" && text.includes("\uFFFD") && !isUtf8(value))
      throw new Refusal("not_json", "the message is not UTF-8, which JSON must be");
    this.#text = text;
    this.#escaped = text.includes("\\u");
    this.#exactRoot = undefined;
    let payload: unknown;
    try {
      payload = JSON.parse(text);
    } catch (thrown) {
      throw notJson(text, thrown);
    }
    if (!isObject(payload))
      throw new Refusal("not_an_object", `${kindOf(payload)} is no event; a JSON object is expected`);
    return payload;
  }

  #decode(message: RawMessage, index: number, payload: JsonObject, rows: EventRows): void {
    const model = this.#model(payload);
    this.#owner = model;
    const predicted = this.#fields.prediction.read(payload);
    const truth = this.#fields.label.read(payload);
    const kind = this.#kind(payload, predicted, truth);
    const entity = model.readEntity?.(payload, this.#spelling) ?? "";
    const isOfEntity =
      kind === "label" && model.readEntity !== null && isOfEntityAlone(this.#fields.id, payload, entity);
    const id = isOfEntity ? entity : this.#privateId(payload, message, model);
    const version = this.#text1(this.#fields.version, payload, "");
    const timestamp = this.#timestamp(payload, message, model);
    const asLabel =
      kind === "prediction" ? null : this.#outcome(this.#fields.label, truth, model, "label_unknown_class");
    if (kind !== "label") {
      const outcome = this.#outcome(this.#fields.prediction, predicted, model, "field_invalid");
      const target = rows.predictions.get(model.schema.model);
      if (target === undefined)
        throw new Refusal("unknown_model", `the batch has no rows for model ${show(model.schema.model)}`);
      const row = target.begin();
      this.#rest(payload, target, row, model);
      target.version[row] = version;
      target.variant[row] = this.#text1(this.#fields.variant, payload, "");
      target.id[row] = id;
      target.entity[row] = entity;
      target.timestamp[row] = timestamp;
      target.prediction[row] = outcome.number;
      target.predictionText[row] = outcome.text;
      placeRow(target, row, message, index);
      model.redact?.(target, row);
      target.rows++;
    }
    if (asLabel === null) return;
    const labels = isOfEntity ? rows.entityLabels : rows.labels;
    const row = labels.rows;
    labels.model[row] = model.schema.model;
    labels.version[row] = version;
    labels.id[row] = id;
    labels.timestamp[row] = timestamp;
    labels.label[row] = asLabel.number;
    labels.labelText[row] = asLabel.text;
    placeRow(labels, row, message, index);
    labels.rows++;
  }

  #model(payload: JsonObject): ModelReader {
    const value = this.#fields.model.read(payload);
    const model = typeof value === "string" ? this.#models.get(value) : undefined;
    if (model !== undefined) return model;
    if (value === undefined || value === null)
      throw new Refusal("field_missing", `there is no ${quoted(this.#fields.model)}; it names the model`);
    const names = [...this.#models.keys()];
    const known = names.slice(0, 20).join(", ") + (names.length > 20 ? ` and ${names.length - 20} more` : "");
    throw new Refusal(
      "unknown_model",
      `${quoted(this.#fields.model)} is ${show(value)}; the configured models are: ${known}`,
    );
  }

  #kind(payload: JsonObject, predicted: unknown, truth: unknown): "prediction" | "label" | "both" {
    const type = this.#fields.type.read(payload);
    if (type === "prediction" || type === "label") return type;
    if (type !== undefined && type !== null)
      throw new Refusal(
        "field_invalid",
        `${quoted(this.#fields.type)} is ${show(type)}; expected "prediction" or "label"`,
      );
    if (predicted !== undefined && truth !== undefined) return "both";
    if (predicted !== undefined) return "prediction";
    if (truth !== undefined) return "label";
    const { prediction, label } = this.#fields;
    throw new Refusal(
      "field_missing",
      `there is neither ${quoted(this.#fields.type)} nor ${quoted(prediction)} nor ${quoted(label)}`,
    );
  }

  #privateId(payload: JsonObject, message: RawMessage, { privacy }: ModelReader): string {
    const id = this.#id(payload, message);
    return privacy?.hashesIds === true ? privacy.hash(id) : id;
  }

  #id(payload: JsonObject, message: RawMessage): string {
    const id = this.#text1(this.#fields.id, payload, null);
    if (id !== null) {
      if (id === "")
        throw new Refusal("field_invalid", `${quoted(this.#fields.id)} is empty; leave it out where there is none`);
      return id;
    }
    if (message.identity === null)
      throw new Refusal(
        "field_missing",
        `there is no ${quoted(this.#fields.id)}, and the request has no Idempotency-Key to derive one from`,
      );
    return message.identity ?? `${message.source}/${message.partition}/${message.offset}`;
  }

  /** A field that is text: a string as it is, a number as it was spelt. */
  #text1<Absent>(field: Field, payload: JsonObject, absent: Absent): string | Absent {
    const value = field.read(payload);
    if (typeof value === "string") {
      if (value.length > MAX_TEXT)
        throw new Refusal(
          "field_invalid",
          `${quoted(field)} has ${value.length} characters; at most ${MAX_TEXT} are allowed`,
        );
      if (this.#escaped && LONE_SURROGATE.test(value))
        throw new Refusal("field_invalid", `${quoted(field)} holds half of a surrogate pair`);
      return value;
    }
    if (value === undefined || value === null) return absent;
    if (typeof value === "number") return this.#spelling(field, value);
    if (typeof value === "bigint") return String(value);
    throw new Refusal("field_invalid", `${quoted(field)} is ${show(value)}; expected text or a number`);
  }

  #timestamp(payload: JsonObject, message: RawMessage, model: ModelReader): number {
    const field = this.#fields.timestamp;
    const value = field.read(payload);
    const limit = this.#options.clock.now() + model.maxFutureMs;
    if (value === undefined) {
      if (message.receivedMs === undefined)
        throw new Refusal("field_missing", `there is no ${quoted(field)}, and the source gives no time of its own`);
      return this.#inTime(message.receivedMs, message.receivedMs, limit, true);
    }
    const { ms, problem } = parseTimestamp(value);
    if (ms === null) throw new Refusal("timestamp_invalid", `${quoted(field)} is ${show(value)}: ${problem}`);
    return this.#inTime(ms, value, limit, false);
  }

  #inTime(ms: number, value: unknown, limit: number, receipt: boolean): number {
    if (ms <= limit) return ms;
    const field = quoted(this.#fields.timestamp);
    const what = receipt ? `the time of receipt, in place of ${field},` : field;
    const allowed = new Date(Math.min(limit, 8.64e15)).toISOString();
    throw new Refusal(
      "timestamp_in_future",
      `${what} is ${show(value)}, ahead of the limit ${allowed} (max_future after the clock)`,
    );
  }

  /** A prediction or a label: a class of the model, or a number. */
  #outcome(field: Field, value: unknown, model: ModelReader, unknownClass: DeadLetterReason): ClassValue {
    if (value === undefined) throw new Refusal("field_missing", `there is no ${quoted(field)}`);
    if (model.schema.task === "regression") {
      const number = numberOf(value);
      if (number === null)
        throw new Refusal("field_invalid", `${quoted(field)} is ${show(value)}; expected a finite number`);
      return { text: "", number };
    }
    let found = model.seenClasses.get(value);
    if (found === undefined) {
      const exact = typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value);
      found = classValue(exact ? this.#spelling(field, value) : value, model);
      if (!exact && model.seenClasses.size < CLASSES_REMEMBERED) model.seenClasses.set(value, found);
    }
    if (found !== null) return found;
    const reason = typeof value === "object" || classLabel(value) === null ? "field_invalid" : unknownClass;
    const classes = [...model.classes]
      .slice(0, 20)
      .map((name) => JSON.stringify(name))
      .join(", ");
    const expected = classes === "" ? "text, a number or a boolean" : `one of ${classes}`;
    throw new Refusal(
      reason,
      `${quoted(field)} is ${show(value)}, which is no class of model ${show(model.schema.model)}; expected ${expected}`,
    );
  }

  /** What a prediction may bring beside its identity, time and outcome. */
  #rest(payload: JsonObject, target: PredictionRows, row: number, model: ModelReader): void {
    if (this.#rows === null) return;
    const problem = model.readFeatures(payload, target, row, this.#rows, this.#exact);
    if (problem === "too_deep")
      throw new Refusal("too_deep", `the features lie within each other deeper than ${MAX_DEPTH} levels`);
    if (problem !== null) throw new Refusal("field_invalid", "the features are no JSON object");
    readOptionalFields(payload, this.#fields, target, row, this.#spelling);
  }
}

function classValue(value: unknown, model: ModelReader): ClassValue | null {
  const text = classLabel(value);
  if (text === null || (model.classes.size > 0 && !model.classes.has(text))) return null;
  return { text, number: String(Number(text)) === text ? Number(text) : Number.NaN };
}
