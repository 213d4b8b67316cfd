/** One side of a call to an inference service, made of the body and of what its envelope says. */
import type { Half, HalfSide } from "../../../core/half.ts";
import { Refusal } from "../../../core/refusal.ts";
import type { Call } from "./calls.ts";
import { type CallOptions, filled } from "./options.ts";

/** Where the names of model, version and variant come from: texts with placeholders. */
export interface ModelTemplates {
  readonly model: string;
  readonly version: string;
  readonly variant: string;
}

export interface CallEnvelope {
  readonly exchange: string;
  readonly id: string;
  /** As the envelope says it; null where only the body tells. */
  readonly side: HalfSide | null;
  readonly timestampMs: number | undefined;
  /** For the templates, beside `model_name` and `model_version` of the body. */
  readonly values: Readonly<Record<string, string>>;
}

/** @throws Refusal where the body is of the other side, or the envelope has no id or no time */
export function halfOf(call: Call, envelope: CallEnvelope, options: CallOptions & ModelTemplates): Half {
  const { exchange, id, side, timestampMs } = envelope;
  if (id === "") throw new Refusal("field_missing", "the call has no id; it pairs a request with its answer");
  if (timestampMs === undefined)
    throw new Refusal("field_missing", "the call has no time, and the source gives none of its own");
  if (side !== null && side !== call.side)
    throw new Refusal("format_unreadable", `the message says that it is a ${side}; its body is a ${call.side}`);
  const event = modelOf(call, envelope.values, options);
  const rows = call.side === "request" ? call.rows(options, event["model"] ?? "") : call.rows(options);
  return {
    exchange,
    id,
    side: call.side,
    timestamp: timestampMs,
    event,
    rows,
    plainId: options.row_ids === "plain_if_one",
  };
}

/** Model, version and variant as far as one side of a call knows them: the other side may know more. */
export function modelOf(
  { modelName, modelVersion }: Pick<Call, "modelName" | "modelVersion">,
  values: Readonly<Record<string, string>>,
  templates: ModelTemplates,
): Readonly<Record<string, string>> {
  const body = { model_name: modelName, model_version: modelVersion };
  const known = { ...values, ...Object.fromEntries(Object.entries(body).filter(([, value]) => value !== "")) };
  const fields = (["model", "version", "variant"] as const).map((key) => [key, filled(templates[key], known)] as const);
  return Object.fromEntries(fields.filter(([, value]) => value !== ""));
}
