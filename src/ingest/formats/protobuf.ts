/** Protobuf behind the prefix of a schema registry, which also says which message of the file it is. protobufjs is loaded with the first schema. */
import { createRequire } from "node:module";
import type { Namespace, ReflectionObject, Root } from "protobufjs";
import { z } from "zod";
import { defineFormat } from "../../core/format.ts";
import { isObject, type JsonObject } from "../../core/json-object.ts";
import { Refusal } from "../../core/refusal.ts";
import { type RegisteredSchema, registryOptions } from "./registry/client.ts";
import { plainOf } from "./registry/plain-values.ts";
import { openRegistered, type ReadValue } from "./registry/registered.ts";

type Protobuf = typeof import("protobufjs");

export const protobuf = defineFormat({
  name: "protobuf",
  title: "Protobuf with a schema registry",
  description:
    "Protobuf messages with the prefix that serializers for a schema registry (Confluent's) put before them; each message is one event, and `events:` says where its fields lie, by their names in the .proto file. A field without presence that was not sent has its default, a timestamp is a time, an enum its name.",
  kafkaOnly: true,
  options: z.strictObject(registryOptions),
  open: (options) => openRegistered(options, compile),
});

function compile({ type, text, references }: RegisteredSchema): ReadValue {
  if (type !== "PROTOBUF") throw new Error(`it is of type ${type}, and the format is protobuf`);
  const library = createRequire(import.meta.url)("protobufjs") as Protobuf;
  const root = new library.Root();
  for (const reference of references) parseInto(library, reference.text, root);
  parseInto(library, text, root);
  root.resolveAll();
  const own = fileOf(library, text);
  return (data) => {
    const { path, rest } = messagePath(data);
    const message = root.lookupType(nameAt(library, own, path));
    const value = message.toObject(message.decode(rest), { enums: String, defaults: true });
    return objectOf(plainOf(value));
  };
}

function objectOf(value: unknown): JsonObject {
  if (isObject(value)) return value;
  throw new Refusal("not_an_object", "the Protobuf value is no message");
}

function parseInto(library: Protobuf, text: string, root: Root): void {
  const { imports = [] } = library.parse(text, root, { keepCase: true });
  for (const name of imports) {
    const common = library.common.get(name);
    if (common?.nested !== undefined) root.addJSON(common.nested);
  }
}

/** The namespace of a file by itself, whose messages stand in the order in which it declares them. */
function fileOf(library: Protobuf, text: string): Namespace {
  const { root, package: name } = library.parse(text, new library.Root(), { keepCase: true });
  const found = name === undefined ? root : root.lookup(name);
  return found instanceof library.Namespace ? found : root;
}

/** The indexes of the message within its file, which lie before it: their number and themselves, each zigzag and in 7 bits a byte; 0 is [0]. */
function messagePath(data: Buffer): { path: readonly number[]; rest: Buffer } {
  let at = 0;
  const next = (): number => {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = data[at++];
      if (byte === undefined) throw new Refusal("format_unreadable", "the value ends within its message indexes");
      value |= (byte & 0x7f) << shift;
      if (byte < 128) return value & 1 ? -(value + 1) / 2 : value / 2;
    }
    throw new Refusal("format_unreadable", "a message index is too long");
  };
  const count = next();
  if (count < 0 || count > 64) throw new Refusal("format_unreadable", `the value names ${count} message indexes`);
  const path = count === 0 ? [0] : Array.from({ length: count }, next);
  return { path, rest: data.subarray(at) };
}

function nameAt({ Type }: Protobuf, file: Namespace, path: readonly number[]): string {
  let at: ReflectionObject = file;
  for (const index of path) {
    const messages: readonly ReflectionObject[] =
      "nestedArray" in at && Array.isArray(at.nestedArray) ? at.nestedArray.filter((one) => one instanceof Type) : [];
    const found = messages[index];
    if (found === undefined) throw new Refusal("format_unreadable", `the schema has no message ${path.join(".")}`);
    at = found;
  }
  return at.fullName;
}
