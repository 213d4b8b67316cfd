/**
 * Messages that were written to a file, a line each, with what came with their bytes: as recorded requests (`{"headers": {…}, "body": …}`), as
 * `kcat -J` prints records of a topic, or as structured CloudEvents. Any other line is the bytes of a message and no more.
 */
import type { RawMessage } from "../core/event.ts";
import { isObject, type JsonObject } from "../core/json-object.ts";
import { losslessText, parseLossless } from "../core/lossless-json.ts";
import { parseTimestamp } from "../core/timestamp.ts";

/** The message of a line that came without any envelope. */
export function recordedMessage(line: RawMessage): RawMessage {
  const record = parsed(String(line.value));
  if (record === null) return line;
  if (typeof record["specversion"] === "string" && typeof record["type"] === "string")
    return { ...line, headers: { "content-type": "application/cloudevents+json" } };
  if (typeof record["topic"] === "string" && record["payload"] !== undefined) return kafkaRecord(line, record);
  const { headers, body, body_base64: encoded } = record;
  if (!isObject(headers)) return line;
  if (typeof encoded === "string")
    return { ...line, value: Buffer.from(encoded, "base64"), headers: lowerCase(headers) };
  return body === undefined ? line : { ...line, value: bytesOf(body), headers: lowerCase(headers) };
}

function kafkaRecord(line: RawMessage, { payload, headers, key, ts }: JsonObject): RawMessage {
  return {
    ...line,
    value: payload === null ? null : bytesOf(payload),
    ...(typeof ts === "number" && ts >= 0 ? { receivedMs: ts } : {}),
    ...(headers === undefined ? {} : { headers: kafkaHeaders(headers) }),
    ...(headers === undefined || typeof key !== "string" || key === "" ? {} : { key }),
  };
}

/** As kcat writes them: names and values in turns, or by name a list of values, of which the last counts. */
function kafkaHeaders(headers: unknown): Record<string, string> {
  const pairs = Array.isArray(headers)
    ? headers.flatMap((name, index): [unknown, unknown][] => (index % 2 === 0 ? [[name, headers[index + 1]]] : []))
    : isObject(headers)
      ? Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.at(-1) : value] as const)
      : [];
  const read: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of pairs) if (typeof name === "string") read[name] = typeof value === "string" ? value : "";
  return read;
}

/** Names of HTTP's headers are the same in any case. */
function lowerCase(headers: JsonObject): Record<string, string> {
  const read: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(headers)) if (typeof value === "string") read[name.toLowerCase()] = value;
  return read;
}

const bytesOf = (body: unknown): Buffer => Buffer.from(typeof body === "string" ? body : losslessText(body));

function parsed(text: string): JsonObject | null {
  try {
    const value = parseLossless(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** When a recorded message was sent, ms, as far as its envelope says; for the order of a replay alone. */
export function recordedTime({ headers, value, receivedMs }: RawMessage): number {
  const isStructured = headers?.["content-type"]?.startsWith("application/cloudevents") === true;
  const time = isStructured ? parsed(String(value))?.["time"] : (headers?.["ce-time"] ?? headers?.["ce_time"]);
  return (time === undefined ? null : parseTimestamp(time).ms) ?? receivedMs ?? Number.NEGATIVE_INFINITY;
}
