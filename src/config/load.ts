/**
 * Reads a configuration: YAML of one file or of several, then `${ENV}`, then the schema, then the cross-checks. Every problem is listed with its line, and no
 * message holds the value of a secret or of a variable. Relative paths become relative to the file's folder.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { DriftlineError } from "../core/errors.ts";
import type { ConfigFile, ConfigTree } from "./config-tree.ts";
import { crossChecks } from "./cross-checks.ts";
import { filesOf } from "./included-files.ts";
import { type Path, type Problem, pathKey, pathOfKey, pathText, valueAt } from "./problem.ts";
import { problemLine, problemList, readFiles } from "./read-files.ts";
import { resolvePaths } from "./resolve-paths.ts";
import { type Config, configSchema, fileSchema } from "./schema.ts";
import { mistypedScalars, problemsOf } from "./schema-problems.ts";
import { secretPaths } from "./schema-walk.ts";
import { resolveSecrets } from "./secret-sources.ts";
import type { Environment } from "./substitution.ts";
import { withValue } from "./with-value.ts";
import type { Position } from "./yaml-tree.ts";

export interface LoadOptions {
  readonly environment: Environment;
  /** Reads the configuration and the files of secrets; for tests. */
  readonly readFile?: (path: string) => string;
  /** Finds the files that a pattern of `include` names; for tests. */
  readonly findFiles?: (pattern: string, folder: string) => readonly string[];
}

const PROBLEMS_SHOWN_MAX = 200;
const readText = (file: string) => readFileSync(file, "utf8");

/**
 * The configuration of a file.
 *
 * @throws DriftlineError `config_unreadable` where there is no such file, `config_invalid` with all its problems, a line each
 */
export function loadConfig(
  file: string,
  { environment, readFile = readText, findFiles = filesOf }: LoadOptions,
): Config {
  const { main, ...tree } = readFiles(path.resolve(file), { environment, readFile, findFiles });
  const folderOf = (at: Path) => tree.places.get(pathKey(at))?.file.folder ?? main.folder;
  const { value, problems: secretProblems } = resolveSecrets(tree, {
    secrets: secretPaths(configSchema, tree.value),
    environment,
    readFile: (secretFile, at) => readFile(path.resolve(folderOf(at), secretFile)),
  });
  const early = [...tree.problems, ...secretProblems];
  const { config, problems } = checked(value, tree, early);
  if (config === null || problems.length > 0) throw invalid(problems, tree, value, main);
  return resolvePaths(config, folderOf);
}

interface Checked {
  readonly config: Config | null;
  readonly problems: readonly Problem[];
}

/** Schema and cross-checks. What an unset variable or an unreadable secret would have held is not complained of a second time. */
function checked(value: unknown, tree: ConfigTree, early: readonly Problem[]): Checked {
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
      schema: fileSchema,
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
function coerced(value: unknown, tree: ConfigTree, issues: Parameters<typeof mistypedScalars>[0]): unknown {
  let data = value;
  for (const { path: at, expected } of mistypedScalars(issues).values()) {
    const text = valueAt(data, at);
    if (typeof text !== "string" || !tree.substituted.has(pathKey(at))) continue;
    if (expected === "number" && NUMBER.test(text)) data = withValue(data, at, Number(text));
    if (expected === "boolean" && BOOLEAN.test(text)) data = withValue(data, at, text.toLowerCase() === "true");
  }
  return data;
}

function invalid(problems: readonly Problem[], tree: ConfigTree, value: unknown, main: ConfigFile): DriftlineError {
  const placed = problems.map((problem) => ({ problem, place: placeOf(problem, tree, main) }));
  const isMain = ({ shown }: ProblemPlace) => Number(shown === main.shown);
  placed.sort(
    ({ place: a }, { place: b }) =>
      isMain(b) - isMain(a) ||
      (a.shown < b.shown ? -1 : a.shown > b.shown ? 1 : a.line - b.line || a.column - b.column),
  );
  const hide = masker(tree, value);
  // What is wrong in `defaults` is wrong in every model, and said once.
  const lines = [
    ...new Set(
      placed.map(({ problem, place }) => {
        const message = hide(`${place.where === "" ? "" : `${place.where}: `}${problem.message}`, problem.path);
        return problemLine(place.shown, place, `${message}${otherPlace(problem, tree, main)}`);
      }),
    ),
  ];
  const more = Math.max(0, lines.length - PROBLEMS_SHOWN_MAX);
  return new DriftlineError("config_invalid", problemList(lines.slice(0, PROBLEMS_SHOWN_MAX), main.shown, more));
}

interface ProblemPlace extends Position {
  readonly shown: string;
  /** The path in words, as it is written in its file. */
  readonly where: string;
}

/** The place of the value, or of the nearest thing around it that is in a file. */
function placeOf(problem: Pick<Problem, "path" | "atKey">, tree: ConfigTree, main: ConfigFile): ProblemPlace {
  for (let length = problem.path.length; length >= 0; length -= 1) {
    const place = tree.places.get(pathKey(problem.path.slice(0, length)));
    if (place === undefined) continue;
    const position = problem.atKey === true || length < problem.path.length ? place.key : place.value;
    const where = pathText([...pathOfKey(place.written), ...problem.path.slice(length)]);
    return { ...position, shown: place.file.shown, where };
  }
  return { line: 1, column: 1, shown: main.shown, where: pathText(problem.path) };
}

function otherPlace({ other }: Problem, tree: ConfigTree, main: ConfigFile): string {
  if (other === undefined) return "";
  const { shown, line, column } = placeOf({ path: other }, tree, main);
  return `; the other is at ${shown}:${line}:${column}`;
}

/** Puts `${NAME}` back where a value came from the environment, and hides secrets wherever they turn up. */
function masker(tree: ConfigTree, value: unknown): (message: string, at: Path) => string {
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
