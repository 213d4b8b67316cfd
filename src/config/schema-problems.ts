/**
 * What zod finds, in the words of a configuration file: what was expected, what is there instead and what was probably meant. Values of
 * secrets and of variables are never quoted.
 */
import type { z } from "zod";
import { type Path, type Problem, pathKey, valueAt } from "./problem.ts";
import { keysAt } from "./schema-walk.ts";
import { nearest, suggestionText } from "./suggestion.ts";

type Issue = z.core.$ZodIssue;

export interface ProblemContext {
  readonly schema: z.ZodType;
  /** The data that was checked. */
  readonly value: unknown;
  /** Whether the value at a path may be shown in an error. */
  readonly mayQuote: (path: Path) => boolean;
  /** The scalar as written in the file; null where there is none. */
  readonly source: (path: Path) => string | null;
}

/** Every problem of the issues; of a union those of the option that was most likely meant. */
export function problemsOf(issues: readonly Issue[], context: ProblemContext): Problem[] {
  return issues.flatMap((issue) => problemsOfIssue(issue, toPath(issue.path), context));
}

export const toPath = (path: readonly PropertyKey[]): Path =>
  path.map((step) => (typeof step === "number" ? step : String(step)));

function problemsOfIssue(issue: Issue, path: Path, context: ProblemContext): Problem[] {
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey(key, path, context));
  if (issue.code === "invalid_union") return unionProblems(issue, path, context);
  return [{ path: locate(path, context), message: messageOf(issue, path, context) }];
}

/** `detectors: [pis]` is short for `[{ use: pis }]`: what is wrong with `use` is wrong with the text itself. */
function locate(path: Path, context: ProblemContext): Path {
  const parent = path.slice(0, -1);
  const holder = valueAt(context.value, parent);
  return path.length > 0 && holder !== undefined && holder !== null && typeof holder !== "object" ? parent : path;
}

function unknownKey(key: string, path: Path, context: ProblemContext): Problem {
  const holder = valueAt(context.value, path);
  const present = typeof holder === "object" && holder !== null ? new Set(Object.keys(holder)) : new Set<string>();
  const all = keysAt(context.schema, context.value, path);
  const near = nearest(key, all);
  const choices = all.filter((name) => !present.has(name)).join(", ");
  const tail = near === null ? (choices === "" ? "" : `; possible here: ${choices}`) : `; did you mean "${near}"?`;
  return { path: [...path, key], message: `unknown key${tail}`, atKey: true };
}

function unionProblems(
  issue: Extract<Issue, { code: "invalid_union" }>,
  path: Path,
  context: ProblemContext,
): Problem[] {
  if ("discriminator" in issue && typeof issue.discriminator === "string" && issue.errors.length === 0) {
    const choices = "options" in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
    return [{ path: locate(path, context), message: choiceMessage(written(path, context), choices, path, context) }];
  }
  // An option whose very type is another one was not meant, if some option has the right type.
  const fitting = issue.errors.filter(
    (errors) => !errors.some((error) => error.code === "invalid_type" && error.path.length === 0),
  );
  if (fitting.length === 0) {
    const expected = issue.errors.flatMap((errors) =>
      errors.flatMap((error) => ("expected" in error ? [typeWords(String(error.expected))] : [])),
    );
    return [{ path, message: `expected ${[...new Set(expected)].join(" or ")}, ${found(path, context)}` }];
  }
  const [best] = [...fitting].sort((a, b) => farness(a) - farness(b));
  return (best ?? []).flatMap((inner) => problemsOfIssue(inner, [...path, ...toPath(inner.path)], context));
}

/** How far the data is from an option of a union: an unknown key counts twice, since a missing one is the commoner fault. */
const farness = (issues: readonly Issue[]): number =>
  issues.reduce((sum, issue) => sum + (issue.code === "unrecognized_keys" ? 2 * issue.keys.length : 1), 0);

function messageOf(issue: Issue, path: Path, context: ProblemContext): string {
  if (issue.code === "invalid_type") return typeMessage(String(issue.expected), path, context);
  if (issue.code === "invalid_value")
    return choiceMessage(written(path, context), issue.values.map(String), path, context);
  if (issue.code === "too_small" || issue.code === "too_big") return limitMessage(issue, path, context);
  if (issue.code === "invalid_format") return formatMessage(issue);
  if (issue.code === "not_multiple_of") return `must be a multiple of ${String(issue.divisor)}`;
  if (issue.code !== "invalid_key") return issue.message;
  return `this name can't be used as a key: ${issue.issues.map((inner) => inner.message).join("; ")}`;
}

function typeMessage(expected: string, path: Path, context: ProblemContext): string {
  const value = written(path, context);
  if (value === undefined) return `is missing; expected ${typeWords(expected)}`;
  const source = context.source(path);
  const quotes =
    expected === "string" && (typeof value === "number" || typeof value === "boolean")
      ? context.mayQuote(path) && source !== null
        ? `; put it in quotes: "${source}"`
        : "; put it in quotes"
      : "";
  return `expected ${typeWords(expected)}, ${found(path, context)}${quotes}`;
}

function choiceMessage(value: unknown, choices: readonly string[], path: Path, context: ProblemContext): string {
  if (value === undefined) return `is missing; choose one of ${choices.join(", ")}`;
  const quotable = context.mayQuote(path) && typeof value === "string";
  const what = quotable ? `"${clip(value)}" is no choice here` : `${found(path, context)}`;
  return `${what}${suggestionText(quotable ? value : null, choices, "choose one of")}`;
}

function limitMessage(
  issue: Extract<Issue, { code: "too_small" | "too_big" }>,
  path: Path,
  context: ProblemContext,
): string {
  const small = issue.code === "too_small";
  const bound = small ? Number(issue.minimum) : Number(issue.maximum);
  if (issue.origin === "string") {
    return small && bound === 1 ? "must not be empty" : `must have at ${small ? "least" : "most"} ${bound} characters`;
  }
  if (issue.origin === "array" || issue.origin === "set")
    return `needs at ${small ? "least" : "most"} ${bound} ${bound === 1 ? "entry" : "entries"}`;
  const strict = issue.inclusive === false;
  const words = small ? (strict ? "greater than" : "at least") : strict ? "less than" : "at most";
  return `must be ${words} ${bound}, ${found(path, context)}`;
}

function formatMessage(issue: Extract<Issue, { code: "invalid_format" }>): string {
  if (issue.format === "url") return "is no address; write for example https://host/path";
  if (issue.format === "regex" && issue.message.startsWith("Invalid string"))
    return `must match ${String(issue.pattern)}`;
  return issue.message;
}

/** What stands at a path; for the short form of a plug-in the text stands one level higher. */
function written(path: Path, context: ProblemContext): unknown {
  const value = valueAt(context.value, path);
  return value === undefined ? scalarAbove(path, context) : value;
}

function scalarAbove(path: Path, context: ProblemContext): unknown {
  const above = locate(path, context);
  return above.length < path.length ? valueAt(context.value, above) : undefined;
}

function found(path: Path, context: ProblemContext): string {
  const value = written(path, context);
  const quotable = context.mayQuote(locate(path, context));
  if (value === null) return "found nothing (an empty value)";
  if (Array.isArray(value)) return "found a list";
  if (value === "") return "found an empty text";
  if (typeof value === "string") return quotable ? `found the text "${clip(value)}"` : "found a text";
  if (typeof value === "number") return quotable ? `found the number ${value}` : "found a number";
  if (typeof value === "boolean") return quotable ? `found ${value}` : "found true or false";
  return "found a group of keys";
}

const clip = (text: string) => (text.length > 60 ? `${text.slice(0, 60)}…` : text);

const WORDS: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a group of keys",
  record: "a group of keys",
};
const typeWords = (expected: string) => WORDS[expected] ?? expected;

/** Paths at which a number or a boolean was expected and something else found, in any option of a union. */
export function mistypedScalars(
  issues: readonly Issue[],
  prefix: Path = [],
): Map<string, { path: Path; expected: "number" | "boolean" }> {
  const result = new Map<string, { path: Path; expected: "number" | "boolean" }>();
  for (const issue of issues) {
    const path = [...prefix, ...toPath(issue.path)];
    if (issue.code === "invalid_union") {
      for (const errors of issue.errors)
        for (const [key, entry] of mistypedScalars(errors, path)) result.set(key, entry);
    } else if (
      issue.code === "invalid_type" &&
      (issue.expected === "number" || issue.expected === "int" || issue.expected === "boolean")
    ) {
      result.set(pathKey(path), { path, expected: issue.expected === "boolean" ? "boolean" : "number" });
    }
  }
  return result;
}
