/**
 * The two events of an inference, as the payload logger of KServe's agent writes them, so that whatever reads those reads these: the
 * same types, the same id on both, the service, namespace, component, endpoint and metadata as extensions.
 */
import { randomUUID } from "node:crypto";
import { contentFraction } from "../core/identity.ts";
import type { CapturedMessage, RequestHead } from "./exchange.ts";
import { fieldOf, type MessageHead } from "./http-framing.ts";
import type { CloudEventMessage } from "./outgoing-message.ts";

export interface InferenceNames {
  /** Left out: the model that the request's path names. */
  readonly model?: string | undefined;
  readonly version?: string | undefined;
  readonly variant: string;
  readonly namespace: string;
  /** Where the events come from: the pod. */
  readonly source: string;
}

export interface CaptureRules {
  readonly names: InferenceNames;
  /** Share of the ids whose inferences are captured, 0 to 1. */
  readonly sample: number;
  /** Paths of inferences; left out: those of the known protocols, and whatever else is posted. */
  readonly paths?: readonly RegExp[] | undefined;
  /** Request headers that events carry in `metadata`, in lower case. */
  readonly metadataHeaders: readonly string[];
}

/** What is known of an inference before its answer. */
export interface InferenceTicket {
  readonly id: string;
  readonly model: string;
  readonly version: string;
}

export type Verdict = { readonly ticket: InferenceTicket } | { readonly skipped: "not_inference" | "sampled_out" };

const NAMED = /^\/v[12]\/models\/([^/:]+)(?:\/(?:versions|labels)\/([^/:]+))?/;
/** Of the paths of KServe, TensorFlow Serving, Triton and MLServer those that ask for predictions. */
const INFERENCE_V1 = /^\/v1\/models\/[^/:]+(?:\/(?:versions|labels)\/[^/:]+)?:(?:predict|classify|regress)$/;
const INFERENCE_V2 = /^\/v2\/models\/[^/]+(?:\/versions\/[^/]+)?\/infer$/;
const KNOWN_PROTOCOL = /^\/v1\/models\/|^\/v2\//;
/** Printable ASCII without spaces; longer ids are no ids. */
const ID = /^[\x21-\x7e]{1,256}$/;
/** Without it the tensors behind the JSON of a V2 body can't be read. */
const BINARY_TENSORS = "inference-header-content-length";

/** Whether a request is an inference that is to be captured. */
export function judge(request: RequestHead, rules: CaptureRules): Verdict {
  const path = request.target.replace(/^https?:\/\/[^/]*/i, "").replace(/[?#].*$/, "");
  if (request.method !== "POST" || !isInference(path, rules.paths)) return { skipped: "not_inference" };
  const id = idOf(request.head);
  if (rules.sample < 1 && contentFraction(id) >= rules.sample) return { skipped: "sampled_out" };
  const [, model = "", version = ""] = NAMED.exec(path) ?? [];
  return {
    ticket: {
      id,
      model: rules.names.model ?? decoded(model),
      version: rules.names.version ?? decoded(version),
    },
  };
}

function isInference(path: string, paths: readonly RegExp[] | undefined): boolean {
  if (paths !== undefined) return paths.some((pattern) => pattern.test(path));
  return !KNOWN_PROTOCOL.test(path) || INFERENCE_V1.test(path) || INFERENCE_V2.test(path);
}

function idOf(head: MessageHead): string {
  const given = [fieldOf(head, "ce-id"), fieldOf(head, "x-request-id")];
  return given.find((id) => id !== null && ID.test(id)) ?? randomUUID();
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Request and response, in this order. */
export function inferenceEvents(
  ticket: InferenceTicket,
  request: CapturedMessage,
  response: CapturedMessage,
  rules: CaptureRules,
): readonly [CloudEventMessage, CloudEventMessage] {
  const metadata = metadataOf(request.head, [...rules.metadataHeaders, BINARY_TENSORS]);
  const ofResponse = metadataOf(response.head, [BINARY_TENSORS]);
  return [
    event("request", ticket, request, JSON.stringify(metadata), rules.names),
    event(
      "response",
      ticket,
      response,
      Object.keys(ofResponse).length === 0 ? "null" : JSON.stringify(ofResponse),
      rules.names,
    ),
  ];
}

function event(
  side: "request" | "response",
  ticket: InferenceTicket,
  { head, body, at }: CapturedMessage,
  metadata: string,
  { variant, namespace, source }: InferenceNames,
): CloudEventMessage {
  return {
    kind: "cloudevent",
    attributes: {
      specversion: "1.0",
      id: ticket.id,
      type: `org.kubeflow.serving.inference.${side}`,
      source,
      time: new Date(at).toISOString(),
      inferenceservicename: ticket.model,
      namespace,
      component: "predictor",
      endpoint: variant,
      metadata,
      ...(ticket.version === "" ? {} : { modelversion: ticket.version }),
    },
    contentType: fieldOf(head, "content-type") ?? "application/json",
    contentEncoding: fieldOf(head, "content-encoding") ?? "",
    body,
  };
}

/** Names as Go writes them (`X-Tenant`), each with its values. */
function metadataOf(head: MessageHead, names: readonly string[]): Record<string, string[]> {
  const metadata: Record<string, string[]> = {};
  for (const name of names) {
    const values = head.fields.filter(([one]) => one === name).map(([, value]) => value);
    if (values.length > 0) metadata[name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase())] = values;
  }
  return metadata;
}
