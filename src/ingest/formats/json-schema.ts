/** JSON behind the prefix of a schema registry. The schema is not asked for: what a field must be, Driftline judges by the model. */
import { z } from "zod";
import { defineFormat } from "../../core/format.ts";
import { unframed } from "./registry/wire-format.ts";

const OPEN_OBJECT = 123;

export const jsonSchema = defineFormat({
  name: "json-schema",
  title: "JSON Schema with a registry",
  description:
    "JSON with the prefix that serializers for a schema registry (Confluent's) put before it; `events:` says where its fields lie. The registry need not be reached. A value without the prefix is read as plain JSON.",
  kafkaOnly: true,
  options: z.strictObject({}),
  open: () => ({
    isPlain: ({ value }) => value === null || typeof value === "string" || value[0] === OPEN_OBJECT,
    decode: (message) => ({ kind: "json", value: unframed(message).data }),
  }),
});
