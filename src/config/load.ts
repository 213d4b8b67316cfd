/**
 * Reads a configuration file: YAML, then `${ENV}`, then the schema, then the cross-checks. Every problem is listed with its line, and no
 * message holds the value of a secret or of a variable. Relative paths become relative to the file's folder.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { DriftlineError, messageOf } from "../core/errors.ts";
import { crossChecks } from "./cross-checks.ts";
import { type Path, type Problem, pathKey, pathText, valueAt } from "./problem.ts";
import { resolvePaths } from "./resolve-paths.ts";
import { type Config, configSchema } from "./schema.ts";
import { mistypedScalars, problemsOf } from "./schema-problems.ts";
import { secretPaths } from "./schema-walk.ts";
import { resolveSecrets } from "./secret-sources.ts";
import type { Environment } from "./substitution.ts";
import { withValue } from "./with-value.ts";
import { type Position, readTree, type SyntaxProblem, type Tree, TreeTooLarge } from "./yaml-tree.ts";

export interface LoadOptions {
  readonly environment: Environment;
  /** Reads the configuration and the files of secrets; for tests. */
  readonly readFile?: (path: string) => string;
}

const FILE_BYTES_MAX = 4 * 1024 * 1024;
const PROBLEMS_SHOWN_MAX = 200;
const LINE_MAX = 2000;
const readText = (file: string) => readFileSync(file, "utf8");

/**
 * The configuration of a file.
 *
 * @throws DriftlineError `config_unreadable` where there is no such file, `config_invalid` with all its problems, a line each
 */
export function loadConfig(file: string, { environment, readFile = readText }: LoadOptions): Config {
  const absolute = path.resolve(file);
  const shown = shownName(absolute);
  const text = readConfigFile(absolute, shown, readFile);
  const tree = treeOf(text, environment, shown);
  const folder = path.dirname(absolute);
  const { value, problems: secretProblems } = resolveSecrets(tree, {
    secrets: secretPaths(configSchema, tree.value),
    environment,
    readFile: (secretFile) => readFile(path.resolve(folder, secretFile)),
  });
  const early = [...tree.problems, ...secretProblems];
  const { config, problems } = checked(value, tree, early);
  if (config === null || problems.length > 0) throw invalid(problems, tree, value, shown);
  return resolvePaths(config, folder);
}

/** Relative to the working folder where it lies below it, so that an editor's terminal can open it. */
function shownName(absolute: string): string {
  const relative = path.relative("", absolute);
  return relative === "" || relative.startsWith("..") ? absolute : relative;
}

function readConfigFile(absolute: string, shown: string, readFile: (path: string) => string): string {
  let text: string;
  try {
    text = readFile(absolute);
  } catch (thrown) {
    throw new DriftlineError("config_unreadable", `${shown}: can't be read: ${messageOf(thrown)}`, { cause: thrown });
  }
  if (text.length <= FILE_BYTES_MAX) return text;
  throw new DriftlineError(
    "config_invalid",
    `${shown}: longer than ${FILE_BYTES_MAX} characters; no configuration needs that`,
  );
}

function treeOf(text: string, environment: Environment, shown: string): Tree {
  let tree: Tree | readonly SyntaxProblem[];
  try {
    tree = readTree(text, environment);
  } catch (thrown) {
    // Deep nesting ends the parser's own recursion with a RangeError.
    const reason =
      thrown instanceof TreeTooLarge
        ? thrown.message
        : thrown instanceof RangeError
          ? "nested too deeply"
          : "not understood as YAML";
    throw new DriftlineError("config_invalid", `${shown}:1:1  ${reason}`);
  }
  if (!("places" in tree))
    throw new DriftlineError(
      "config_invalid",
      listed(
        tree.map((fault) => line(shown, fault, fault.message)),
        shown,
      ),
    );
  return tree;
}

interface Checked {
  readonly config: Config | null;
  readonly problems: readonly Problem[];
}

/** Schema and cross-checks. What an unset variable or an unreadable secret would have held is not complained of a second time. */
function checked(value: unknown, tree: Tree, early: readonly Problem[]): Checked {
  const failed = new Set(early.map((problem) => pathKey(problem.path)));
  const isNew = (problem: Problem) =>
    !problem.path.some((_, index) => failed.has(pathKey(problem.path.slice(0, index + 1))));
  const secrets = new Set(secretPaths(configSchema, value).map(pathKey));
  let data = value;
  let result = configSchema.safeParse(data);
  if (!result.success) {
    data = coerced(data, tree, result.error.issues);
    result = configSchema.safeParse(data);
  }
  if (!result.success) {
    const problems = problemsOf(result.error.issues, {
      schema: configSchema,
      value: data,
      mayQuote: (at) => !secrets.has(pathKey(at)) && !tree.substituted.has(pathKey(at)),
      source: (at) => tree.places.get(pathKey(at))?.source ?? null,
    });
    return { config: null, problems: [...early, ...problems.filter(isNew)] };
  }
  return { config: result.data, problems: [...early, ...crossChecks(result.data).filter(isNew)] };
}

const NUMBER = /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?$/;
const BOOLEAN = /^(?:true|false)$/i;

/** A variable's value is text. Where a number or a boolean is asked for and the whole text spells one, it is taken as that. */
function coerced(value: unknown, tree: Tree, issues: Parameters<typeof mistypedScalars>[0]): unknown {
  let data = value;
  for (const { path: at, expected } of mistypedScalars(issues).values()) {
    const text = valueAt(data, at);
    if (typeof text !== "string" || !tree.substituted.has(pathKey(at))) continue;
    if (expected === "number" && NUMBER.test(text)) data = withValue(data, at, Number(text));
    if (expected === "boolean" && BOOLEAN.test(text)) data = withValue(data, at, text.toLowerCase() === "true");
  }
  return data;
}

function invalid(problems: readonly Problem[], tree: Tree, value: unknown, shown: string): DriftlineError {
  const placed = problems.map((problem) => ({ problem, position: positionOf(problem, tree) }));
  placed.sort((a, b) => a.position.line - b.position.line || a.position.column - b.position.column);
  const hide = masker(tree, value);
  const more = placed.length - PROBLEMS_SHOWN_MAX;
  const lines = placed.slice(0, PROBLEMS_SHOWN_MAX).map(({ problem, position }) => {
    const where = pathText(problem.path);
    return line(shown, position, hide(`${where === "" ? "" : `${where}: `}${problem.message}`, problem.path));
  });
  return new DriftlineError("config_invalid", listed([...new Set(lines)], shown, Math.max(0, more)));
}

const line = (shown: string, { line: row, column }: Position, message: string) =>
  `${shown}:${row}:${column}  ${message.length > LINE_MAX ? `${message.slice(0, LINE_MAX)}…` : message}`;

function listed(lines: readonly string[], shown: string, more = 0): string {
  const [only] = lines;
  if (lines.length === 1 && more === 0 && only !== undefined) return only;
  return [
    `${shown} has ${lines.length + more} problems:`,
    ...lines,
    ...(more === 0 ? [] : [`… and ${more} more`]),
  ].join("\n");
}

/** The place of the value, or of the nearest thing around it that is in the file. */
function positionOf(problem: Problem, tree: Tree): Position {
  for (let length = problem.path.length; length >= 0; length -= 1) {
    const place = tree.places.get(pathKey(problem.path.slice(0, length)));
    if (place !== undefined) return problem.atKey === true || length < problem.path.length ? place.key : place.value;
  }
  return { line: 1, column: 1 };
}

/** Puts `${NAME}` back where a value came from the environment, and hides secrets wherever they turn up. */
function masker(tree: Tree, value: unknown): (message: string, at: Path) => string {
  const secrets = secretPaths(configSchema, value)
    .map((at) => valueAt(value, at))
    .filter((text) => typeof text === "string")
    .filter((text) => text.length >= 4);
  return (message, at) => {
    let hidden = message;
    for (const { path: other, text, source } of tree.substituted.values()) {
      const bears = text.length >= 4 || (text !== "" && pathKey(other) === pathKey(at));
      if (bears)
        for (const spelt of [`"${text}"`, JSON.stringify(text)]) hidden = hidden.replaceAll(spelt, () => source);
    }
    for (const text of secrets) hidden = hidden.replaceAll(text, () => "[secret]");
    return hidden;
  };
}
