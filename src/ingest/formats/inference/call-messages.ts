/**
 * Messages that are bodies of calls without an envelope of a known kind: one side of a call each, told apart by their keys and paired by an id;
 * or a record that holds both sides, as a service's own logger writes it.
 */
import { z } from "zod";
import type { RawMessage } from "../../../core/event.ts";
import type { Decoded } from "../../../core/format.ts";
import { joinedRows, rowId } from "../../../core/half.ts";
import { isObject, type JsonObject } from "../../../core/json-object.ts";
import { kindOf, Refusal } from "../../../core/refusal.ts";
import { parseTimestamp } from "../../../core/timestamp.ts";
import { readBody } from "./body.ts";
import { halfOf, modelOf } from "./call-halves.ts";
import { readCall } from "./calls.ts";
import { callOptions, template } from "./options.ts";

export const messageOptions = {
  model: template()
    .default("{model_name}")
    .describe(
      "Name of the model: text in which {model_name} of the body, of the header `mlserver-model` or of a record, any other header and any other field of a record may stand.",
    ),
  version: template().default("{model_version}").describe("Version, likewise."),
  variant: template().default("{variant}").describe("Variant, likewise."),
  request: z.string().default("request").describe("Key of the request in a record that holds both sides of a call."),
  response: z.string().default("response").describe("Key of the answer in such a record."),
  ...callOptions,
} as const;

const shape = z.object(messageOptions);
type MessageOptions = z.output<typeof shape>;

/** @param exchange what halves without a better name are paired within */
export function decodeCallMessage(message: RawMessage, options: MessageOptions, exchange: string): Decoded {
  const body = readBody(message.value ?? "");
  const { headers = {}, key = "", receivedMs } = message;
  if (body[options.request] !== undefined && body[options.response] !== undefined)
    return { kind: "events", events: recordEvents(message, body, options) };
  const call = readCall(body);
  const id = [key, headers["x-request-id"], headers["ce_id"], headers["ce-id"], call.id].find(
    (candidate) => candidate !== undefined && candidate !== "",
  );
  const envelope = { exchange, id: id ?? "", side: null, timestampMs: receivedMs, values: headerValues(headers) };
  return { kind: "half", half: halfOf(call, envelope, options) };
}

function headerValues(headers: Readonly<Record<string, string>>): Record<string, string> {
  const { "mlserver-model": model, "mlserver-version": version } = headers;
  return {
    ...headers,
    ...(model === undefined ? {} : { model_name: model }),
    ...(version === undefined ? {} : { model_version: version }),
  };
}

/** Texts and numbers of a record, under which `model` and `version` may also stand as the body of an answer calls them. */
function recordValues(record: JsonObject): Record<string, string> {
  const fields = Object.entries(record).flatMap(([name, value]): [string, string][] =>
    typeof value === "string" || typeof value === "number" || typeof value === "bigint" ? [[name, String(value)]] : [],
  );
  const values = Object.fromEntries(fields);
  return { model_name: values["model"] ?? "", model_version: values["version"] ?? "", ...values };
}

function recordEvents(message: RawMessage, record: JsonObject, options: MessageOptions): JsonObject[] {
  const request = readCall(sideOf(record, options.request));
  const response = readCall(sideOf(record, options.response));
  if (request.side !== "request" || response.side !== "response")
    throw new Refusal(
      "format_unreadable",
      `\`${options.request}\` and \`${options.response}\` are no request and its answer`,
    );
  const values = recordValues(record);
  const of = modelOf(
    { modelName: response.modelName, modelVersion: response.modelVersion },
    { ...headerValues(message.headers ?? {}), ...values },
    options,
  );
  const id = [values["id"], values["request_id"], message.key, request.id, response.id].find(
    (candidate) => candidate !== undefined && candidate !== "",
  );
  if (id === undefined) throw new Refusal("field_missing", "the call has no id");
  const timestamp = timeOf(record, message.receivedMs);
  const sides = {
    request: { event: {}, rows: request.rows(options, of["model"] ?? "") },
    response: { event: of, rows: response.rows(options) },
  };
  return joinedRows(sides.request, sides.response).map((row, index, all) => ({
    type: "prediction",
    id: rowId(id, index, all.length, options.row_ids === "plain_if_one"),
    timestamp: new Date(timestamp).toISOString(),
    ...row,
  }));
}

function timeOf({ timestamp }: JsonObject, receivedMs: number | undefined): number {
  if (timestamp === undefined) {
    if (receivedMs !== undefined) return receivedMs;
    throw new Refusal("field_missing", "the call has no timestamp, and the source gives none of its own");
  }
  const { ms, problem } = parseTimestamp(timestamp);
  if (ms === null) throw new Refusal("timestamp_invalid", `the timestamp of the call: ${problem}`);
  return ms;
}

/** A side is an object, or the text of one. */
function sideOf(record: JsonObject, key: string): JsonObject {
  const side = record[key];
  if (isObject(side)) return side;
  if (typeof side === "string") return readBody(side);
  throw new Refusal("format_unreadable", `\`${key}\` is ${kindOf(side)}; expected the body of a call`);
}
