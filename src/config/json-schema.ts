/** The published JSON Schema: what editors complete and check while a configuration is written. Derived from the zod schema. */
import { z } from "zod";
import { fileSchema } from "./schema.ts";

export const SCHEMA_ID = "urn:driftline:configuration";

const secretChoices = [
  { type: "string", minLength: 1, description: "The secret itself; better as `${NAME}`." },
  {
    type: "object",
    properties: { env: { type: "string", description: "Name of the environment variable that holds the secret." } },
    required: ["env"],
    additionalProperties: false,
  },
  {
    type: "object",
    properties: {
      file: { type: "string", description: "File that holds the secret, relative to the configuration file." },
    },
    required: ["file"],
    additionalProperties: false,
  },
] as const;

export const DURATION_PATTERN = "^\\s*\\d+\\s*(ms|s|m|h|d|w)\\s*$|\\$\\{";
export const WINDOW_PATTERN = "^\\s*\\d+\\s*(ms|s|m|h|d|w|events?)\\s*$|\\$\\{";

/** Id of a model's schema. */
const MODEL = "model";

/** Our own marks, which are no words of JSON Schema. */
const MARKS = ["secret", "duration", "window", "budget", "short"] as const;

/** Schema of what may be written. It asks for a number where `${NAME}` may stand too, since most numbers are written out. */
export function configJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(fileSchema, {
    io: "input",
    override: ({ zodSchema, jsonSchema }) => {
      const meta = z.globalRegistry.get(zodSchema) ?? {};
      for (const mark of MARKS) Reflect.deleteProperty(jsonSchema, mark);
      if (meta["secret"] === true) replace(jsonSchema, { anyOf: secretChoices, writeOnly: true });
      if (meta["duration"] === true) Object.assign(jsonSchema, { pattern: DURATION_PATTERN });
      if (meta["window"] === true) Object.assign(jsonSchema, { pattern: WINDOW_PATTERN });
      if (meta["short"] !== undefined) {
        const { description: _, ...long } = jsonSchema;
        replace(jsonSchema, { anyOf: [meta["short"], long] });
      }
    },
  });
  return { $id: SCHEMA_ID, title: "Driftline configuration", ...severalFiles(schema) };
}

const parts = z.looseObject({
  required: z.array(z.string()).default([]),
  properties: z.record(z.string(), z.looseObject({})),
  $defs: z.record(z.string(), z.unknown()),
});
const modelPart = z.looseObject({ properties: z.record(z.string(), z.looseObject({})) });

/** Models may lie in included files, and `defaults` has the keys of a model, none of which is required there. */
function severalFiles(written: unknown): Record<string, unknown> {
  const schema = parts.parse(written);
  const model = modelPart.parse(schema.$defs[MODEL]);
  const { name: _, ...keys } = model.properties;
  const optional = Object.entries(keys).map(([key, { required, ...value }]) => [
    key,
    required === undefined ? { $ref: `#/$defs/${MODEL}/properties/${key}` } : value,
  ]);
  const defaults = {
    ...schema.properties["defaults"],
    properties: Object.fromEntries(optional),
    additionalProperties: false,
  };
  return {
    ...schema,
    required: schema.required.filter((key) => key !== "models"),
    anyOf: [{ required: ["models"] }, { required: ["include"] }],
    properties: Object.fromEntries(
      Object.entries(schema.properties).map(([key, value]) => [key, key === "defaults" ? defaults : value]),
    ),
  };
}

/** Everything but the description and the default. */
function replace(jsonSchema: Record<string, unknown>, by: Record<string, unknown>): void {
  for (const key of Object.keys(jsonSchema))
    if (key !== "description" && key !== "default") Reflect.deleteProperty(jsonSchema, key);
  Object.assign(jsonSchema, by);
}

/** The text of schema/driftline.schema.json. */
export const configJsonSchemaText = (): string => `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
