/**
 * Confluent's wire format: which schema of the registry a value is written by. A zero and the schema's id in four bytes before the value; or a
 * one and a GUID of 16 bytes; or either of these in the header `__value_schema_id`, and the value untouched. The header goes before the value.
 * With Protobuf the indexes of the message follow the id or the GUID, in the header too.
 */
import { type RawMessage, SCHEMA_ID_HEADER } from "../../../core/event.ts";
import { Refusal } from "../../../core/refusal.ts";

export interface Framed {
  /** As the registry's path names it: `ids/7`, `guids/…`. */
  readonly schema: string;
  /** The value; with Protobuf, the indexes of the message before it. */
  readonly data: Buffer;
}

/** @throws Refusal where no schema is named */
export function unframed(message: RawMessage): Framed {
  const value = Buffer.isBuffer(message.value) ? message.value : Buffer.from(message.value ?? "");
  const header = message.headers?.[SCHEMA_ID_HEADER];
  if (header !== undefined) {
    const frame = frameOf(Buffer.from(header, "latin1"));
    if (frame === null)
      throw new Refusal(
        "format_unreadable",
        `the header ${SCHEMA_ID_HEADER} has ${header.length} bytes; expected byte 0 and a schema's id, or byte 1 and its GUID`,
      );
    // Indexes of a Protobuf message, which are expected before the value.
    return frame.data.length === 0
      ? { schema: frame.schema, data: value }
      : { schema: frame.schema, data: Buffer.concat([frame.data, value]) };
  }
  const frame = frameOf(value);
  if (frame !== null) return frame;
  throw new Refusal(
    "format_unreadable",
    `the value begins with ${value.length === 0 ? "nothing" : `byte ${value[0]}`}; one written with a schema registry begins with byte 0 and the schema's id`,
  );
}

function frameOf(bytes: Buffer): Framed | null {
  if (bytes[0] === 0 && bytes.length >= 5) return { schema: `ids/${bytes.readUInt32BE(1)}`, data: bytes.subarray(5) };
  if (bytes[0] !== 1 || bytes.length < 17) return null;
  const guid = bytes.toString("hex", 1, 17).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  return { schema: `guids/${guid}`, data: bytes.subarray(17) };
}
