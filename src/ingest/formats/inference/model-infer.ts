/**
 * `ModelInferRequest` and `ModelInferResponse` of the Open Inference Protocol's gRPC form (open_inference_grpc.proto), as the bodies that its
 * JSON form has. protobufjs is loaded with the first message.
 */
import { createRequire } from "node:module";
import type { INamespace, Type } from "protobufjs";
import { z } from "zod";
import { messageOf } from "../../../core/errors.ts";
import type { HalfSide } from "../../../core/half.ts";
import type { JsonObject } from "../../../core/json-object.ts";
import { Refusal } from "../../../core/refusal.ts";
import { tensorFromBytes, whole } from "./binary-tensors.ts";

const repeated = (type: string, id: number) => ({ rule: "repeated", type, id });
const tensor = {
  fields: {
    name: { type: "string", id: 1 },
    datatype: { type: "string", id: 2 },
    shape: repeated("int64", 3),
    contents: { type: "Contents", id: 5 },
  },
};
const common = {
  model_name: { type: "string", id: 1 },
  model_version: { type: "string", id: 2 },
  id: { type: "string", id: 3 },
};
const PROTOCOL: INamespace = {
  nested: {
    Contents: {
      fields: {
        bool_contents: repeated("bool", 1),
        int_contents: repeated("int32", 2),
        int64_contents: repeated("int64", 3),
        uint_contents: repeated("uint32", 4),
        uint64_contents: repeated("uint64", 5),
        fp32_contents: repeated("float", 6),
        fp64_contents: repeated("double", 7),
        bytes_contents: repeated("bytes", 8),
      },
    },
    Tensor: tensor,
    Request: { fields: { ...common, inputs: repeated("Tensor", 5), raw: repeated("bytes", 7) } },
    Response: { fields: { ...common, outputs: repeated("Tensor", 5), raw: repeated("bytes", 6) } },
  },
};

let types: { readonly request: Type; readonly response: Type } | null = null;

function loaded() {
  if (types !== null) return types;
  const protobuf = createRequire(import.meta.url)("protobufjs") as typeof import("protobufjs");
  const root = protobuf.Root.fromJSON(PROTOCOL, new protobuf.Root());
  types = { request: root.lookupType("Request"), response: root.lookupType("Response") };
  return types;
}

const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array);
const contents = z.record(z.string(), z.array(z.unknown()));
const tensors = z.array(
  z.looseObject({
    name: z.string().default(""),
    datatype: z.string().default(""),
    shape: z.array(z.string()).default([]),
    contents: contents.optional(),
  }),
);
const message = z.looseObject({
  model_name: z.string().optional(),
  model_version: z.string().optional(),
  id: z.string().optional(),
  inputs: tensors.optional(),
  outputs: tensors.optional(),
  raw: z.array(bytes).optional(),
});

/** @throws Refusal where the bytes are no such message */
export function readModelInfer(data: Buffer, side: HalfSide): JsonObject {
  const type = loaded()[side];
  let read: z.output<typeof message>;
  try {
    // 64-bit numbers as text, so that none is rounded before its datatype is known.
    read = message.parse(type.toObject(type.decode(data), { longs: String }));
  } catch (thrown) {
    throw new Refusal(
      "format_unreadable",
      `the message is no protobuf of a ${side}: ${messageOf(thrown).slice(0, 200)}`,
    );
  }
  const { raw = [], inputs, outputs, ...named } = read;
  const list = (side === "request" ? inputs : outputs) ?? [];
  const filled = list.map(({ name, datatype, shape, contents: values }, index) => ({
    name,
    datatype,
    shape: shape.map(Number),
    data: raw[index] === undefined ? plain(values) : tensorFromBytes(datatype, Buffer.from(raw[index])),
  }));
  return { ...named, [side === "request" ? "inputs" : "outputs"]: filled };
}

function plain(values: z.output<typeof contents> | undefined): unknown[] {
  const [kind, list = []] = Object.entries(values ?? {}).find(([, items]) => items.length > 0) ?? [];
  if (kind === "int64_contents" || kind === "uint64_contents") return list.map((item) => whole(BigInt(String(item))));
  return list.map((item) => (item instanceof Uint8Array ? Buffer.from(item).toString("utf8") : item));
}
