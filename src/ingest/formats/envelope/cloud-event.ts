/**
 * The envelope of a CloudEvent 1.0, in every mode in which Kafka and HTTP carry it: binary (attributes are headers, `ce_` on Kafka and `ce-`
 * over HTTP, the value is the data), structured (one JSON object), and the items of a batch, which are structured ones. Of the specification
 * (github.com/cloudevents/spec, bindings) only what reading needs; a missing attribute is no reason to refuse an event.
 */
import type { RawMessage } from "../../../core/event.ts";
import { isObject } from "../../../core/json-object.ts";
import { losslessText, parseLossless } from "../../../core/lossless-json.ts";
import { Refusal } from "../../../core/refusal.ts";
import { parseTimestamp } from "../../../core/timestamp.ts";

export interface CloudEvent {
  /** By lower-case name, without a prefix; values as text. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly contentType: string;
  readonly data: Buffer | string;
}

type Headers = NonNullable<RawMessage["headers"]>;

const STRUCTURED = "application/cloudevents";

/** Whether a message is a CloudEvent, by its headers alone. Names of headers are lower case over HTTP; on Kafka `ce_` is prescribed. */
export function isCloudEvent({ headers }: RawMessage): boolean {
  if (headers === undefined) return false;
  if (headers["ce_type"] !== undefined || headers["ce-type"] !== undefined) return true;
  return isStructured(contentTypeOf(headers));
}

const isStructured = (contentType: string): boolean => contentType.slice(0, 23).toLowerCase() === STRUCTURED;

/** Kafka's header is `content-type`; some producers write it as HTTP does. */
const contentTypeOf = (headers: Headers): string => headers["content-type"] ?? headers["Content-Type"] ?? "";

/** @throws Refusal for a structured event that is no JSON object, or has no type */
export function readCloudEvent(message: RawMessage): CloudEvent {
  const { headers = {}, value } = message;
  const contentType = contentTypeOf(headers);
  const event = isStructured(contentType) ? structured(value ?? "") : binary(headers, contentType, value ?? "");
  if (event.attributes["type"] === undefined) throw new Refusal("format_unreadable", "the CloudEvent has no type");
  return event;
}

function binary(headers: Headers, contentType: string, data: Buffer | string): CloudEvent {
  const attributes: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(headers)) {
    const key = /^ce[-_](.+)$/i.exec(name)?.[1];
    if (key !== undefined) attributes[key.toLowerCase()] = name[2] === "-" ? percentDecoded(value) : value;
  }
  return { attributes, contentType, data };
}

/** Values of HTTP headers are percent-encoded; one that is not well-formed was not. */
function percentDecoded(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function structured(value: Buffer | string): CloudEvent {
  let event: unknown;
  try {
    event = parseLossless(value.toString());
  } catch {
    throw new Refusal("not_json", "the structured CloudEvent is no JSON");
  }
  if (!isObject(event)) throw new Refusal("not_an_object", "the structured CloudEvent is no JSON object");
  const attributes: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, item] of Object.entries(event))
    if (typeof item === "string" || typeof item === "number" || typeof item === "boolean")
      attributes[name.toLowerCase()] = String(item);
  const contentType = attributes["datacontenttype"] ?? "application/json";
  const { data, data_base64: encoded } = event;
  if (typeof encoded === "string") return { attributes, contentType, data: Buffer.from(encoded, "base64") };
  // Data that is text stays what it is where the type says that it is no JSON, and else is JSON within the JSON.
  if (typeof data === "string") return { attributes, contentType, data };
  return { attributes, contentType, data: data === undefined ? "" : losslessText(data) };
}

/** The event's own time, else the broker's; undefined where neither is known. */
export function timeOf({ attributes }: CloudEvent, receivedMs: number | undefined): number | undefined {
  const { time } = attributes;
  if (time === undefined || time === "") return receivedMs;
  const { ms, problem } = parseTimestamp(time);
  if (ms === null)
    throw new Refusal("timestamp_invalid", `the CloudEvent's time is ${JSON.stringify(time)}: ${problem}`);
  return ms;
}
