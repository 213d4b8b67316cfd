import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { configJsonSchemaText } from "../../../src/config/json-schema.ts";
import { configReferencePage } from "../../../src/config/reference-page.ts";
import { fileSchema } from "../../../src/config/schema.ts";
import { unwrapped } from "../../../src/config/schema-walk.ts";

const root = findRoot(import.meta.dirname);

function findRoot(start: string): string {
  let folder = start;
  while (!existsSync(path.join(folder, "package-lock.json"))) folder = path.dirname(folder);
  return folder;
}

test("the published JSON Schema is that of the code (npm run generate)", () => {
  assert.equal(readFileSync(path.join(root, "schema/driftline.schema.json"), "utf8"), configJsonSchemaText());
});

test("the reference of the configuration is that of the code (npm run generate)", () => {
  assert.equal(readFileSync(path.join(root, "docs/reference/configuration.md"), "utf8"), configReferencePage());
});

/** Every schema that a key leads to, with its path. */
function keysOf(schema: z.ZodType, at: string, seen = new Set<z.ZodType>()): { at: string; schema: z.ZodType }[] {
  if (seen.has(schema)) return [];
  seen.add(schema);
  const inner = unwrapped(schema);
  if (inner !== null) return keysOf(inner, at, seen);
  if (schema instanceof z.ZodArray && schema.element instanceof z.ZodType)
    return keysOf(schema.element, `${at}[]`, seen);
  if (schema instanceof z.ZodRecord && schema.valueType instanceof z.ZodType)
    return keysOf(schema.valueType, `${at}.<name>`, seen);
  if (schema instanceof z.ZodUnion)
    return schema.options.flatMap((option) => (option instanceof z.ZodType ? keysOf(option, at, seen) : []));
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries(schema.shape).flatMap(([key, child]) =>
    child instanceof z.ZodType ? [{ at: `${at}.${key}`, schema: child }, ...keysOf(child, `${at}.${key}`, seen)] : [],
  );
}

function description(schema: z.ZodType): string | undefined {
  const inner = unwrapped(schema);
  return schema.description ?? (inner === null ? undefined : description(inner));
}

test("every key of the configuration has a sentence that says what it is", () => {
  const keys = keysOf(fileSchema, "");
  assert.ok(keys.length > 100, `${keys.length} keys`);
  const bare = keys.filter(({ schema }) => !/^[\p{L}`'\d].{2,}[.):]$/su.test(description(schema) ?? ""));
  assert.deepEqual(
    bare.map(({ at }) => at),
    [],
  );
});
