/** How CloudEvents are written: in binary mode as headers, and many of them as one JSON array (the batch mode of HTTP). */
import type { CloudEventMessage } from "./outgoing-message.ts";

export const BATCH_CONTENT_TYPE = "application/cloudevents-batch+json";

/** Attributes as headers with a prefix, `ce-` on HTTP and `ce_` on Kafka, and the content type. */
export function binaryHeaders(
  { attributes, contentType }: CloudEventMessage,
  prefix: "ce-" | "ce_",
): Record<string, string> {
  const headers: Record<string, string> = { "content-type": contentType };
  for (const [name, value] of Object.entries(attributes))
    headers[`${prefix}${name}`] = prefix === "ce-" ? percentEncoded(value) : value;
  return headers;
}

/** As the HTTP binding wants it, but for spaces and quotes, which KServe's agent does not encode either. */
const percentEncoded = (value: string): string =>
  value.replace(/[^\x20-\x24\x26-\x7e]/gu, (one) => encodeURIComponent(one));

/** The bodies go as base64: they need not be JSON, and where they are, they must not be rounded on the way. */
export function batchBody(events: readonly CloudEventMessage[]): Buffer {
  const items = events.map(({ attributes, contentType, body }) =>
    JSON.stringify({ ...attributes, datacontenttype: contentType, data_base64: body.toString("base64") }),
  );
  return Buffer.from(`[${items.join(",")}]`);
}
