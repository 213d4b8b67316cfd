/** The body of a call to an inference service as data: JSON, packed or not, and the tensors in bytes that may follow it. */
import { gunzipSync } from "node:zlib";
import { isObject, type JsonObject } from "../../../core/json-object.ts";
import { parseLossless } from "../../../core/lossless-json.ts";
import { kindOf, Refusal } from "../../../core/refusal.ts";
import { withBinaryTensors } from "./binary-tensors.ts";

/** An unpacked body may be this long at most, however small it came in. */
const UNPACKED_BYTES = 64 * 1024 * 1024;

const OPEN_OBJECT = 123;

/** @throws Refusal */
export function readBody(data: Buffer | string): JsonObject {
  const bytes = unpacked(data);
  const text = bytes.toString("utf8");
  let body: unknown;
  try {
    body = parseLossless(text);
  } catch {
    const parts = typeof bytes !== "string" && bytes[0] === OPEN_OBJECT ? withBinaryTensors(bytes) : null;
    if (parts === null) throw new Refusal("not_json", "the body of the call is no JSON");
    body = parts;
  }
  if (isObject(body)) return body;
  throw new Refusal("not_an_object", `the body of the call is ${kindOf(body)}; a JSON object is expected`);
}

function unpacked(data: Buffer | string): Buffer | string {
  if (typeof data === "string" || data[0] !== 0x1f || data[1] !== 0x8b) return data;
  try {
    return gunzipSync(data, { maxOutputLength: UNPACKED_BYTES });
  } catch {
    throw new Refusal("not_json", `the body of the call is no gzip, or unpacks to more than ${UNPACKED_BYTES} bytes`);
  }
}
