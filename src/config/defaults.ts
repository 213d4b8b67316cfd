/**
 * `defaults:` — keys that every model has where it does not write them itself. Merged before the schema sees the models, so that each value
 * is checked as if it stood in the model, and an error names the line in `defaults`.
 *
 * Groups of keys are merged key by key, however deep; a list, a text or a number of the model replaces that of the defaults as a whole; an
 * empty value (`key: ~`) takes the default away.
 */
import { z } from "zod";
import { type Branch, isGroup, type TreeAssembly } from "./config-tree.ts";
import type { Path } from "./problem.ts";

export const DEFAULTS = "defaults";

/** What `defaults` holds is checked in each model; here only that it is a group of keys. */
export const defaultsSchema = z
  .looseObject({})
  .optional()
  .describe(
    "Any key of a model but its name, for every model that does not write it itself. Groups of keys are merged key by key; a list, a text or a number replaces that of the defaults as a whole; an empty value (`key: ~`) takes the default away.",
  );

/** Groups that a model may leave out as a whole, and the key without which they say only how, not that. */
const needed: Readonly<Record<string, string>> = { reference: "file", schedule: "cron" };

/** @param models their values and paths @returns the values with the defaults */
export function withDefaults(
  assembly: TreeAssembly,
  defaults: unknown,
  models: readonly { readonly value: unknown; readonly path: Path }[],
): unknown[] {
  if (defaults === undefined) return models.map(({ value }) => value);
  const at = [DEFAULTS];
  if (!isGroup(defaults)) {
    assembly.problems.push({ path: at, message: "expected a group of keys: those that every model has" });
    return models.map(({ value }) => value);
  }
  if (Object.hasOwn(defaults, "name"))
    assembly.problems.push({ path: [...at, "name"], message: "a name is each model's own", atKey: true });
  const { name: _, ...shared } = defaults;
  const merging = { assembly, branch: assembly.branch(at) };
  return models.map(({ value, path }) => (isGroup(value) ? merged(merging, { shared, at }, value, path) : value));
}

interface Merging {
  readonly assembly: TreeAssembly;
  readonly branch: Branch;
}

function merged(
  merging: Merging,
  { shared, at }: { readonly shared: Readonly<Record<string, unknown>>; readonly at: Path },
  own: Readonly<Record<string, unknown>>,
  path: Path,
): Record<string, unknown> {
  const result: Record<string, unknown> = { ...own };
  for (const [key, value] of Object.entries(shared)) {
    const from = [...at, key];
    const to = [...path, key];
    if (!Object.hasOwn(own, key)) {
      if (at.length === 1 && !isComplete(key, value)) continue;
      merging.assembly.copy(from, to, merging.branch);
      result[key] = value;
    } else if (own[key] === null) Reflect.deleteProperty(result, key);
    else if (isGroup(value) && isGroup(own[key]) && areOfOneKind(value, own[key]))
      result[key] = merged(merging, { shared: value, at: from }, own[key], to);
  }
  return result;
}

function isComplete(key: string, value: unknown): boolean {
  const wanted = Object.hasOwn(needed, key) ? needed[key] : undefined;
  return wanted === undefined || !isGroup(value) || Object.hasOwn(value, wanted) || Object.hasOwn(value, "use");
}

/** The keys of two plug-ins say nothing to each other. */
const areOfOneKind = (a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>) =>
  a["use"] === undefined || b["use"] === undefined || a["use"] === b["use"];
