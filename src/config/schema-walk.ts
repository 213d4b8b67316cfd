/** Walks a zod schema beside the data it describes: which values are secrets, which keys an object may have. */
import { z } from "zod";
import type { Path } from "./problem.ts";

type Visitor = (schema: z.ZodType, value: unknown, path: Path) => void;

/** The schema below a wrapper (optional, default, preprocess, …); null for one that wraps nothing. */
export function unwrapped(schema: z.ZodType): z.ZodType | null {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodReadonly ||
    schema instanceof z.ZodNonOptional ||
    schema instanceof z.ZodCatch
  ) {
    return zodType(schema.def.innerType);
  }
  if (schema instanceof z.ZodPipe) {
    const from = zodType(schema.def.in);
    // A preprocess step is a transform piped into the schema proper; any other pipe begins with the schema of what is written.
    return from instanceof z.ZodTransform ? zodType(schema.def.out) : from;
  }
  return null;
}

function zodType(schema: unknown): z.ZodType {
  if (schema instanceof z.ZodType) return schema;
  throw new TypeError("the configuration's schema is built of zod's classic types");
}

/**
 * Calls `visit` with every layer of the schema that bears on the data, with the data there and its path. Of a discriminated union only
 * the chosen option, of another union every one (so a secret of any option counts).
 */
export function walk(schema: z.ZodType, value: unknown, visit: Visitor, path: Path = []): void {
  visit(schema, value, path);
  const inner = unwrapped(schema);
  if (inner !== null) return walk(inner, value, visit, path);
  if (schema instanceof z.ZodUnion) {
    for (const option of optionsFor(schema, value)) walk(option, value, visit, path);
    return;
  }
  if (typeof value !== "object" || value === null) return;
  if (schema instanceof z.ZodArray && Array.isArray(value)) {
    const element = zodType(schema.element);
    for (const [index, item] of value.entries()) walk(element, item, visit, [...path, index]);
    return;
  }
  if (Array.isArray(value)) return;
  if (schema instanceof z.ZodObject) {
    for (const [key, child] of Object.entries(schema.shape)) {
      if (Object.hasOwn(value, key)) walk(zodType(child), Reflect.get(value, key), visit, [...path, key]);
    }
  } else if (schema instanceof z.ZodRecord) {
    const child = zodType(schema.valueType);
    for (const [key, item] of Object.entries(value)) walk(child, item, visit, [...path, key]);
  }
}

function optionsFor(union: z.ZodUnion, value: unknown): z.ZodType[] {
  const options = union.options.map(zodType);
  if (!(union instanceof z.ZodDiscriminatedUnion) || typeof value !== "object" || value === null) return options;
  const { discriminator } = union.def;
  const chosen: unknown = Reflect.get(value, discriminator);
  const matching = options.filter((option) => {
    if (!(option instanceof z.ZodObject)) return false;
    const literal: unknown = option.shape[discriminator];
    return literal instanceof z.ZodLiteral && [...literal.values].some((name) => name === chosen);
  });
  return matching.length === 0 ? options : matching;
}

/** Whether this layer of a schema carries a mark of `meta`. */
export const isMarked = (schema: z.ZodType, mark: string): boolean => schema.meta()?.[mark] === true;

/** Paths of the secrets in the data, each once. */
export function secretPaths(schema: z.ZodType, value: unknown): Path[] {
  const found = new Map<string, Path>();
  walk(schema, value, (layer, _, path) => {
    if (isMarked(layer, "secret")) found.set(JSON.stringify(path), path);
  });
  return [...found.values()];
}

/** Keys that an object may have at a path, of all options that the data might mean. */
export function keysAt(schema: z.ZodType, value: unknown, path: Path): string[] {
  const key = JSON.stringify(path);
  const keys = new Set<string>();
  walk(schema, value, (layer, _, at) => {
    if (JSON.stringify(at) !== key || !(layer instanceof z.ZodObject)) return;
    for (const name of Object.keys(layer.shape)) keys.add(name);
  });
  return [...keys];
}
