/** Avro behind the prefix of a schema registry. avsc is loaded with the first schema. */
import { createRequire } from "node:module";
import type { Schema, Type } from "avsc";
import { z } from "zod";
import { defineFormat } from "../../core/format.ts";
import { isObject } from "../../core/json-object.ts";
import { Refusal } from "../../core/refusal.ts";
import { whole } from "./inference/binary-tensors.ts";
import { type RegisteredSchema, registryOptions } from "./registry/client.ts";
import { plainOf } from "./registry/plain-values.ts";
import { openRegistered, type ReadValue } from "./registry/registered.ts";

export const avro = defineFormat({
  name: "avro",
  title: "Avro with a schema registry",
  description:
    "Avro values with the prefix that serializers for a schema registry (Confluent's) put before them; each record is one event, and `events:` says where its fields lie. Times are read as numbers of ms or µs, decimals as numbers, bytes as text.",
  kafkaOnly: true,
  options: z.strictObject(registryOptions),
  open: (options) => openRegistered(options, compile),
});

function compile({ type, text, references }: RegisteredSchema): ReadValue {
  if (type !== "AVRO") throw new Error(`it is of type ${type}, and the format is avro`);
  const avsc = createRequire(import.meta.url)("avsc") as typeof import("avsc");
  const long = avsc.types.LongType.__with({
    fromBuffer: (bytes: Buffer) => whole(bytes.readBigInt64LE()),
    toBuffer: (value: number | bigint) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64LE(BigInt(value));
      return bytes;
    },
    fromJSON: (value: number) => value,
    toJSON: Number,
    isValid: (value: unknown) => typeof value === "bigint" || Number.isSafeInteger(value),
    compare: (a: number | bigint, b: number | bigint) => (a < b ? -1 : a > b ? 1 : 0),
  });
  const shared = { registry: { long }, logicalTypes: { decimal: decimalOf(avsc.types.LogicalType) } };
  const typeOf = (source: string): Type => avsc.Type.forSchema(schemaOf(source), shared);
  for (const reference of references) typeOf(reference.text);
  const root = typeOf(text);
  return (data) => {
    const value = plainOf(root.fromBuffer(data));
    if (isObject(value)) return value;
    throw new Refusal("not_an_object", "the Avro value is no record");
  };
}

/** The name of a primitive type is a schema too. */
const schemaOf = (source: string): Schema => JSON.parse(source) as Schema;

function decimalOf(LogicalType: typeof import("avsc").types.LogicalType) {
  return class Decimal extends LogicalType {
    #scale = 0;

    constructor(schema: Schema, options?: object) {
      super(schema, options);
      const scale: unknown = typeof schema === "object" ? Reflect.get(schema, "scale") : undefined;
      if (typeof scale === "number") this.#scale = scale;
    }

    protected override _fromValue(value: unknown): number {
      const bytes = value instanceof Uint8Array ? Buffer.from(value) : Buffer.alloc(0);
      const unscaled = bytes.length === 0 ? 0n : BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString("hex")}`));
      return Number(unscaled) / 10 ** this.#scale;
    }
  };
}
