/**
 * The bodies that inference services take and give, told apart by their keys:
 * - V2, the Open Inference Protocol (KServe, Triton, MLServer): `inputs` and `outputs` are lists of tensors with name, shape and datatype;
 * - V1 (TensorFlow Serving, KServe): `instances` are rows and `inputs` columns, `predictions` and `outputs` their answers, `examples` and
 *   `results` those of classify and regress;
 * - MLflow's scoring server: `dataframe_split` and `dataframe_records`.
 */
import { isObject, type JsonObject } from "../../../core/json-object.ts";
import { kindOf, Refusal } from "../../../core/refusal.ts";
import { type Columns, featureRows, rowColumns, rowsOf, tensorColumns, withVectors } from "./columns.ts";
import { type CallOptions, namesFor } from "./options.ts";
import { outcomeRows } from "./outcome-rows.ts";

/** What a body says of the model, '' where nothing. */
interface Named {
  readonly modelName: string;
  readonly modelVersion: string;
  /** The id within the body. */
  readonly id: string;
}

export type Call = Named &
  (
    | { readonly side: "request"; rows(options: CallOptions, model: string): readonly JsonObject[] }
    | { readonly side: "response"; rows(options: CallOptions): readonly JsonObject[] }
  );

/** What a body is; its rows are read when they are asked for. @throws Refusal where it is neither a request nor an answer */
export function readCall(body: JsonObject): Call {
  const named = {
    modelName: text(body["model_name"]),
    modelVersion: text(body["model_version"]),
    id: text(body["id"]),
  };
  const inputs = inputsOf(body);
  if (inputs !== null)
    return { ...named, side: "request", rows: (options, model) => requestRows(inputs(), options, model) };
  const outputs = outputsOf(body);
  if (outputs !== null) return { ...named, side: "response", rows: (options) => outcomeRows(outputs(), options) };
  const keys = Object.keys(body).slice(0, 10).join(", ");
  throw new Refusal(
    "format_unreadable",
    `the body is no call of an inference service: it has ${keys === "" ? "no keys" : keys}; expected inputs, outputs, instances or predictions`,
  );
}

const text = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" || typeof value === "bigint" ? String(value) : "";

/** Rows that are objects already, or columns. */
type Inputs = { readonly objects: readonly JsonObject[] } | { readonly columns: readonly Columns[] };

function requestRows(inputs: Inputs, options: CallOptions, model: string): JsonObject[] {
  if ("objects" in inputs) return inputs.objects.map((features) => ({ features }));
  const columns = withVectors(inputs.columns, options.vectors);
  return featureRows(columns, namesFor(options, model)).map((features) => ({ features }));
}

function inputsOf(body: JsonObject): (() => Inputs) | null {
  const { instances, inputs, examples, dataframe_records: records, dataframe_split: split } = body;
  if (isTensors(inputs)) return () => ({ columns: tensorsOf(inputs, body) });
  for (const rows of [instances, examples, records])
    if (rows !== undefined) return () => rowInputs(listOf(rows, "the rows of the call"));
  if (isObject(split)) {
    const names = listOf(split["columns"], "dataframe_split.columns").map(String);
    return () => ({
      columns: named(rowColumns(null, listOf(split["data"], "dataframe_split.data")), names),
    });
  }
  if (inputs === undefined) return null;
  return () => ({ columns: columnar(inputs, null) });
}

/** A table whose columns have names, as columns of width 1. */
const named = (table: Columns, names: readonly string[]): Columns[] => {
  if (names.length !== table.width)
    throw new Refusal(
      "format_unreadable",
      `a row has ${table.width} values; there are ${names.length} names of columns`,
    );
  return names.map((name, column) => ({ name, rows: table.rows, width: 1, at: (row) => table.at(row, column) }));
};

function rowInputs(rows: readonly unknown[]): Inputs {
  const objects = rows.filter(isObject).filter((row) => !isEncoded(row));
  if (objects.length === 0) return { columns: [rowColumns(null, rows)] };
  if (objects.length !== rows.length)
    throw new Refusal("format_unreadable", "some rows of the call are objects and others are not");
  return { objects };
}

const isEncoded = (row: JsonObject): boolean => typeof row["b64"] === "string" && Object.keys(row).length === 1;

function outputsOf(body: JsonObject): (() => readonly Columns[]) | null {
  const { outputs, predictions, results } = body;
  if (isTensors(outputs)) return () => tensorsOf(outputs, body);
  if (predictions !== undefined) return () => rowOutputs(listOf(predictions, "predictions"), "predictions");
  if (results !== undefined) return () => rowOutputs(listOf(results, "results").map(classified), "results");
  return outputs === undefined ? null : () => columnar(outputs, "outputs");
}

/** An answer of classify, pairs of class and score, as its probabilities. */
function classified(result: unknown): unknown {
  if (!Array.isArray(result) || !result.every((pair) => Array.isArray(pair) && pair.length === 2)) return result;
  const pairs = result.map((pair: readonly unknown[]) => ({ label: pair[0], score: pair[1] }));
  const best = pairs.reduce((top, pair) => (Number(pair.score) > Number(top?.score) ? pair : top), pairs[0]);
  return best === undefined ? result : { prediction: best.label, score: best.score };
}

function rowOutputs(rows: readonly unknown[], name: string): Columns[] {
  if (!rows.every(isObject) || rows.every(isEncoded)) return [rowColumns(name, rows)];
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row)))].slice(0, 1000);
  return keys.map((key) =>
    rowColumns(
      key,
      rows.map((row) => (Object.hasOwn(row, key) ? row[key] : null)),
    ),
  );
}

/** `{"a": [..], "b": [..]}`, or one list without a name. */
function columnar(value: unknown, name: string | null): Columns[] {
  if (!isObject(value)) return [rowColumns(name, listOf(value, "the columns of the call"))];
  const columns = Object.entries(value).map(([key, items]) => rowColumns(key, listOf(items, JSON.stringify(key))));
  rowsOf(columns);
  return columns;
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new Refusal("format_unreadable", `${what}: expected a list, and it is ${kindOf(value)}`);
}

const isTensors = (value: unknown): value is readonly JsonObject[] =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((item) => isObject(item) && typeof item["name"] === "string" && Array.isArray(item["shape"]));

function tensorsOf(tensors: readonly JsonObject[], body: JsonObject): Columns[] {
  const coded = contentType(body);
  return tensors.map((tensor) => {
    const { name, shape, data } = tensor;
    const sizes = Array.isArray(shape) ? shape.map(Number) : [];
    if (!sizes.every((size) => Number.isSafeInteger(size) && size >= 0))
      throw new Refusal("format_unreadable", `the shape of ${JSON.stringify(name)} has a size that is no whole number`);
    const values = listOf(data, `the data of ${JSON.stringify(name)}`);
    const encoded = tensor["datatype"] === "BYTES" && (contentType(tensor) ?? coded) === "base64";
    return tensorColumns(String(name), sizes, encoded ? decoded(values) : values);
  });
}

function contentType(of: JsonObject): string | null {
  const { parameters } = of;
  const type = isObject(parameters) ? parameters["content_type"] : undefined;
  return typeof type === "string" ? type : null;
}

const decoded = (values: readonly unknown[]): readonly unknown[] =>
  values.map((value): unknown => {
    if (Array.isArray(value)) return decoded(value);
    return typeof value === "string" ? Buffer.from(value, "base64").toString("utf8") : value;
  });
