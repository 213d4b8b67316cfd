/** What a prediction may carry beside its features: score, probabilities, segments, attributions. The wrong type of one is refused. */
import { classLabel } from "../../core/class-label.ts";
import { isObject, type JsonObject } from "../../core/json-object.ts";
import { Refusal, show } from "../../core/refusal.ts";
import { type Field, type Fields, fieldOf, quoted } from "./event-fields.ts";
import type { Pairs, PredictionRows } from "./event-rows.ts";

const MAX_PAIRS = 1000;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** Gives the text that spelt a number. */
type Spelling = (field: Field, value: number) => string;

/** Reads them into row `row`. Throws a Refusal that names the field. */
export function readOptionalFields(
  payload: JsonObject,
  fields: Fields,
  target: PredictionRows,
  row: number,
  spelling: Spelling,
): void {
  const score = fields.score.read(payload);
  target.score[row] = score === undefined || score === null ? Number.NaN : numberOrRefusal(fields.score.name, score);
  const probabilities = objectOf(fields.probabilities, payload);
  if (probabilities !== null) {
    target.probabilities[row] = numbersOf("probabilities", probabilities, (key) => classLabel(key) ?? key);
    target.used.probabilities = true;
  }
  const attributions = objectOf(fields.attributions, payload);
  if (attributions !== null) {
    target.attributions[row] = numbersOf("attributions", attributions, (key) => key);
    target.used.attributions = true;
  }
  const segments = objectOf(fields.segments, payload);
  if (segments !== null) {
    target.segments[row] = segmentsOf(fields.segments, segments, spelling);
    target.used.segments = true;
  }
}

/** A finite number, or text that spells one; else null. */
export function numberOf(value: unknown): number | null {
  const number =
    typeof value === "bigint" || (typeof value === "string" && NUMBER.test(value.trim())) ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : null;
}

function objectOf(field: Field, payload: JsonObject): JsonObject | null {
  const value = field.read(payload);
  if (value === undefined || value === null) return null;
  if (!isObject(value)) throw new Refusal("field_invalid", `${quoted(field)} is ${show(value)}; expected an object`);
  if (Object.keys(value).length > MAX_PAIRS)
    throw new Refusal("field_invalid", `${quoted(field)} has more than ${MAX_PAIRS} entries`);
  return value;
}

function numbersOf(what: string, object: JsonObject, nameOf: (key: string) => string): Pairs<number> {
  return Object.entries(object).map(([key, value]) => [nameOf(key), numberOrRefusal(`${what}.${key}`, value)]);
}

function numberOrRefusal(name: string, value: unknown): number {
  const number = numberOf(value);
  if (number === null)
    throw new Refusal("field_invalid", `${JSON.stringify(name)} is ${show(value)}; expected a finite number`);
  return number;
}

function segmentsOf(field: Field, segments: JsonObject, spelling: Spelling): Pairs<string> {
  const pairs: [string, string][] = [];
  for (const [key, value] of Object.entries(segments)) {
    if (value === null) continue;
    if (typeof value === "string") pairs.push([key, value]);
    else if (typeof value === "boolean") pairs.push([key, value ? "true" : "false"]);
    else if (typeof value === "bigint") pairs.push([key, String(value)]);
    else if (typeof value !== "number")
      throw new Refusal("field_invalid", `segment ${JSON.stringify(key)} is ${show(value)}; expected text`);
    else if (Number.isSafeInteger(value) || !Number.isInteger(value)) pairs.push([key, String(value)]);
    else pairs.push([key, spelling(fieldOf(`${field.name}.${key}`), value)]);
  }
  return pairs;
}
