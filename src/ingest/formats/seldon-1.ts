/**
 * Seldon Core 1's request logger: CloudEvents over HTTP or a broker, or, from its own Kafka mode, the same names as plain headers; a request and
 * its answer are paired by `requestid`, not by the id of the event. Feedback brings the truth.
 */
import { z } from "zod";
import type { RawMessage } from "../../core/event.ts";
import { type Decoded, defineFormat } from "../../core/format.ts";
import { rowId } from "../../core/half.ts";
import type { JsonObject } from "../../core/json-object.ts";
import { Refusal } from "../../core/refusal.ts";
import { isCloudEvent, readCloudEvent, timeOf } from "./envelope/cloud-event.ts";
import { readBody } from "./inference/body.ts";
import { type CallEnvelope, halfOf, modelOf } from "./inference/call-halves.ts";
import { type Call, readCall } from "./inference/calls.ts";
import { callOptions, template } from "./inference/options.ts";
import {
  isSeldonMessage,
  puidOf,
  seldonRequestRows,
  seldonResponseRows,
  seldonTruth,
} from "./inference/seldon-message.ts";

const TYPE = /^io\.seldon\.serving\.(?:inference\.(request|response)|(feedback))$/;

const options = z.strictObject({
  model: template()
    .default("{inferenceservicename}")
    .describe(
      "Name of the model: text in which {inferenceservicename} (the SeldonDeployment), {namespace}, {endpoint} (the predictor), {modelid} (the node) and any other attribute may stand.",
    ),
  version: template().default("{model_version}").describe("Version, likewise."),
  variant: template().default("{endpoint}").describe("Variant, likewise."),
  nodes: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe("Nodes of the graph whose calls count, where several log; left out: all."),
  ...callOptions,
});
type Options = z.output<typeof options>;

/** Whether the headers of a message are of Seldon's logger. */
export const isSeldon = ({ headers }: RawMessage): boolean => isSeldonType(headers?.["type"]);

export const isSeldonType = (type: string | undefined): boolean => type?.startsWith("io.seldon.serving.") === true;

interface Logged {
  readonly attributes: Readonly<Record<string, string>>;
  readonly data: Buffer | string;
  readonly timestampMs: number | undefined;
}

function loggedOf(message: RawMessage): Logged {
  const { headers = {}, value, receivedMs } = message;
  if (!isCloudEvent(message)) return { attributes: headers, data: value ?? "", timestampMs: receivedMs };
  const event = readCloudEvent(message);
  return { attributes: event.attributes, data: event.data, timestampMs: timeOf(event, receivedMs) };
}

export const seldon1 = defineFormat({
  name: "seldon-1",
  title: "Seldon Core 1 request logger",
  description:
    "Seldon Core 1's request logger over HTTP or Kafka, with bodies of its own protocol, TensorFlow's and V2: request and answer are paired by `requestid`, and the truth of feedback is a label. What has no headers of the logger is read as native JSON.",
  options,
  open: (opened) => ({
    isPlain: (message) => !isSeldon(message) && !isCloudEvent(message),
    decode: (message) => decode(loggedOf(message), opened),
  }),
});

function decode({ attributes, data, timestampMs }: Logged, opened: Options): Decoded {
  const [, side, feedback] = TYPE.exec(attributes["type"] ?? "") ?? [];
  const { namespace = "", inferenceservicename = "", endpoint = "", modelid = "", requestid = "" } = attributes;
  if (side === undefined && feedback === undefined) return { kind: "none" };
  if (side !== undefined && opened.nodes?.includes(modelid) === false) return { kind: "none" };
  const body = readBody(data);
  if (feedback !== undefined)
    return { kind: "events", events: labelsOf(body, requestid, attributes, timestampMs, opened) };
  const envelope: CallEnvelope = {
    exchange: `seldon-1 ${namespace}/${inferenceservicename}/${endpoint}/${modelid}`,
    id: requestid === "" ? puidOf(body) : requestid,
    side: side === "request" ? "request" : "response",
    timestampMs,
    values: attributes,
  };
  return { kind: "half", half: halfOf(callOf(body, side === "request"), envelope, opened) };
}

function callOf(body: JsonObject, isRequest: boolean): Call {
  if (!isSeldonMessage(body)) return readCall(body);
  const named = { modelName: "", modelVersion: "", id: puidOf(body) };
  return isRequest
    ? { ...named, side: "request", rows: (call, model) => seldonRequestRows(body, call, model) }
    : { ...named, side: "response", rows: (call) => seldonResponseRows(body, call) };
}

function labelsOf(
  body: JsonObject,
  requestid: string,
  values: Readonly<Record<string, string>>,
  timestampMs: number | undefined,
  opened: Options,
): JsonObject[] {
  const id = puidOf(body["response"]) === "" ? requestid : puidOf(body["response"]);
  if (id === "") throw new Refusal("field_missing", "the feedback has neither response.meta.puid nor a requestid");
  if (timestampMs === undefined) throw new Refusal("field_missing", "the feedback has no time");
  const { model } = modelOf({ modelName: "", modelVersion: "" }, values, opened);
  return seldonTruth(body).map((label, row, all) => ({
    type: "label",
    id: rowId(id, row, all.length, opened.row_ids === "plain_if_one"),
    timestamp: new Date(timestampMs).toISOString(),
    ...(model === undefined ? {} : { model }),
    label,
  }));
}
