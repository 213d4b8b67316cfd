/**
 * Tensors in bytes: Triton's binary extension of the Open Inference Protocol (docs/protocol/extension_binary_data.md of its server), and
 * the same layout in `raw_input_contents` of gRPC. Little-endian, row-major; text is a 32-bit length and its bytes, a boolean one byte.
 */
import { isObject, type JsonObject } from "../../../core/json-object.ts";
import { parseLossless } from "../../../core/lossless-json.ts";
import { Refusal } from "../../../core/refusal.ts";

interface NumberType {
  readonly bytes: number;
  read(data: Buffer, at: number): unknown;
}

const NUMBERS: Readonly<Record<string, NumberType>> = {
  BOOL: { bytes: 1, read: (data, at) => data[at] !== 0 },
  UINT8: { bytes: 1, read: (data, at) => data.readUInt8(at) },
  UINT16: { bytes: 2, read: (data, at) => data.readUInt16LE(at) },
  UINT32: { bytes: 4, read: (data, at) => data.readUInt32LE(at) },
  UINT64: { bytes: 8, read: (data, at) => whole(data.readBigUInt64LE(at)) },
  INT8: { bytes: 1, read: (data, at) => data.readInt8(at) },
  INT16: { bytes: 2, read: (data, at) => data.readInt16LE(at) },
  INT32: { bytes: 4, read: (data, at) => data.readInt32LE(at) },
  INT64: { bytes: 8, read: (data, at) => whole(data.readBigInt64LE(at)) },
  FP16: { bytes: 2, read: (data, at) => half(data.readUInt16LE(at)) },
  BF16: { bytes: 2, read: (data, at) => brain(data.readUInt16LE(at)) },
  FP32: { bytes: 4, read: (data, at) => data.readFloatLE(at) },
  FP64: { bytes: 8, read: (data, at) => data.readDoubleLE(at) },
};

/** A number where a double holds it, else the bigint. */
export const whole = (value: bigint): number | bigint =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;

function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * 2 ** -14 * (fraction / 1024);
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}

function brain(bits: number): number {
  const data = Buffer.alloc(4);
  data.writeUInt16LE(bits, 2);
  return data.readFloatLE(0);
}

/** The elements of a tensor. @throws Refusal where the bytes do not fit the type */
export function tensorFromBytes(datatype: string, data: Buffer): unknown[] {
  if (datatype === "BYTES") return texts(data);
  const type = Object.hasOwn(NUMBERS, datatype) ? NUMBERS[datatype] : undefined;
  if (type === undefined) throw new Refusal("format_unreadable", `there is no datatype ${JSON.stringify(datatype)}`);
  if (data.length % type.bytes !== 0)
    throw new Refusal("format_unreadable", `${data.length} bytes are no whole number of ${datatype}`);
  return Array.from({ length: data.length / type.bytes }, (_, index) => type.read(data, index * type.bytes));
}

function texts(data: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at < data.length; ) {
    const length = at + 4 <= data.length ? data.readUInt32LE(at) : Number.POSITIVE_INFINITY;
    if (at + 4 + length > data.length) throw new Refusal("format_unreadable", "a text is longer than its tensor");
    found.push(data.toString("utf8", at + 4, at + 4 + length));
    at += 4 + length;
  }
  return found;
}

/**
 * A body whose JSON is followed by the bytes of its tensors, with these as their `data`. The header that says where the JSON ends does not
 * reach a logger, so its end is where its braces close. null where the bytes do not begin with a JSON object.
 */
export function withBinaryTensors(bytes: Buffer): JsonObject | null {
  const end = endOfObject(bytes);
  if (end === null) return null;
  let head: unknown;
  try {
    head = parseLossless(bytes.toString("utf8", 0, end));
  } catch {
    return null;
  }
  if (!isObject(head)) return null;
  let at = end;
  const filled = (list: unknown): unknown =>
    Array.isArray(list)
      ? list.map((tensor: unknown) => {
          const size =
            isObject(tensor) && isObject(tensor["parameters"]) ? tensor["parameters"]["binary_data_size"] : 0;
          if (!isObject(tensor) || typeof size !== "number" || size <= 0) return tensor;
          if (at + size > bytes.length)
            throw new Refusal("format_unreadable", "the body ends before its tensors do; was it cut off?");
          const data = tensorFromBytes(String(tensor["datatype"]), bytes.subarray(at, at + size));
          at += size;
          return { ...tensor, data };
        })
      : list;
  return {
    ...head,
    ...(head["inputs"] === undefined ? {} : { inputs: filled(head["inputs"]) }),
    ...(head["outputs"] === undefined ? {} : { outputs: filled(head["outputs"]) }),
  };
}

function endOfObject(bytes: Buffer): number | null {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (quoted) {
      if (byte === 92) at++;
      else if (byte === 34) quoted = false;
    } else if (byte === 34) quoted = true;
    else if (byte === 123) depth++;
    else if (byte === 125 && --depth === 0) return at + 1;
  }
  return null;
}
