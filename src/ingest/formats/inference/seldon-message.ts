/** Seldon Core 1's own bodies (`SeldonMessage`, `Feedback` of its prediction.proto, as JSON). */
import { isObject, type JsonObject } from "../../../core/json-object.ts";
import { Refusal } from "../../../core/refusal.ts";
import { type Columns, featureRows, rowColumns, tensorColumns, withVectors } from "./columns.ts";
import { type CallOptions, namesFor } from "./options.ts";
import { outcomeRows } from "./outcome-rows.ts";

/** Names that its servers make up: `t:0`, `class:1`. */
const MADE_UP = /^[a-z]+:\d+$/i;

export const isSeldonMessage = (body: JsonObject): boolean =>
  isObject(body["data"]) || body["jsonData"] !== undefined || body["strData"] !== undefined;

interface Table {
  readonly columns: Columns;
  readonly names: readonly string[];
}

/** @throws Refusal for data that is no table: text, bytes, or none */
function tableOf({ data }: JsonObject): Table {
  if (!isObject(data))
    throw new Refusal(
      "format_unreadable",
      "the Seldon message has no `data`; of text and bytes no features can be read",
    );
  const names = Array.isArray(data["names"]) ? data["names"].map(String) : [];
  const { ndarray, tensor } = data;
  if (Array.isArray(ndarray)) return { names, columns: rowColumns(null, ndarray) };
  if (isObject(tensor) && Array.isArray(tensor["shape"]) && Array.isArray(tensor["values"]))
    return { names, columns: tensorColumns(null, tensor["shape"].map(Number), tensor["values"]) };
  throw new Refusal("format_unreadable", "the `data` of the Seldon message is neither ndarray nor tensor");
}

export function seldonRequestRows(body: JsonObject, options: CallOptions, model: string): JsonObject[] {
  const { columns, names } = tableOf(body);
  const called = names.length === columns.width ? names : namesFor(options, model);
  return featureRows(withVectors([columns], options.vectors), called).map((features) => ({ features }));
}

export function seldonResponseRows(body: JsonObject, options: CallOptions): JsonObject[] {
  const { columns, names } = tableOf(body);
  const telling = names.length === columns.width && columns.width > 1 && !names.some((name) => MADE_UP.test(name));
  const classes = options.classes ?? (telling ? [...names] : undefined);
  return outcomeRows([columns], { ...options, classes });
}

/** The truth of each row. */
export function seldonTruth(body: JsonObject): unknown[] {
  const { truth } = body;
  if (!isObject(truth)) throw new Refusal("field_missing", "the feedback has no truth");
  if (typeof truth["strData"] === "string") return [truth["strData"]];
  const { columns } = tableOf(truth);
  if (columns.width !== 1)
    throw new Refusal("format_unreadable", `the truth has ${columns.width} values a row; one is expected`);
  return Array.from({ length: columns.rows }, (_, row) => columns.at(row, 0));
}

/** `meta.puid` of a message. */
export function puidOf(body: unknown): string {
  const meta = isObject(body) ? body["meta"] : undefined;
  const puid = isObject(meta) ? meta["puid"] : undefined;
  return typeof puid === "string" ? puid : "";
}
