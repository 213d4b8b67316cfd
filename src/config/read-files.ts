/** Reads the files of a configuration, the main one and those that it includes, into one tree. */
import path from "node:path";
import { z } from "zod";
import { DriftlineError, messageOf } from "../core/errors.ts";
import { type ConfigFile, type ConfigTree, type FileTree, isGroup, TreeAssembly } from "./config-tree.ts";
import { DEFAULTS, withDefaults } from "./defaults.ts";
import type { Path } from "./problem.ts";
import type { Environment } from "./substitution.ts";
import { type Position, readTree, type SyntaxProblem, type Tree, TreeTooLarge } from "./yaml-tree.ts";

const INCLUDE = "include";
/** Keys of an included file. */
const lists = ["models", "sources"] as const;
const CHANNELS = "channels";

export const includeSchema = z
  .union([z.string().min(1), z.array(z.string().min(1))])
  .optional()
  .describe(
    "Further files, relative to this one, with `models`, `channels` and `sources` of their own: names, or patterns such as `models.d/*.yaml`. Relative paths in them are meant from their own folder.",
  );

const FILE_BYTES_MAX = 4 * 1024 * 1024;
const LINE_MAX = 2000;

export interface FileReading {
  readonly environment: Environment;
  readonly readFile: (path: string) => string;
  readonly findFiles: (pattern: string, folder: string) => readonly string[];
}

/** @throws DriftlineError `config_unreadable`, or `config_invalid` where a file is no YAML */
export function readFiles(absolute: string, reading: FileReading): ConfigTree & { readonly main: ConfigFile } {
  const main = readOne(absolute, reading);
  const assembly = new TreeAssembly();
  assembly.add(main, []);
  if (!isGroup(main.tree.value)) return wholeOf(assembly, main.tree.value, main.file);
  const { [INCLUDE]: patterns, [DEFAULTS]: defaults, ...value } = main.tree.value;
  const included = namesOf(patterns, main.file, reading, assembly)
    .filter((file) => file !== absolute)
    .map((file) => readOne(file, reading));
  const whole = included.reduce<Record<string, unknown>>(
    (sum, file, index) => together(assembly, sum, file, [INCLUDED, index]),
    { ...value },
  );
  if (Array.isArray(whole["models"])) {
    const models = whole["models"].map((model: unknown, index) => ({ value: model, path: ["models", index] }));
    whole["models"] = withDefaults(assembly, defaults, models);
  }
  return wholeOf(assembly, whole, main.file);
}

const wholeOf = ({ places, substituted, problems }: TreeAssembly, value: unknown, main: ConfigFile) => ({
  places,
  substituted,
  problems,
  value,
  main,
});

/** Below it lie the places of included files as they are written: no key of a configuration begins with this sign. */
const INCLUDED = "\u0000included";

/** The values with those of a further file. */
function together(
  assembly: TreeAssembly,
  sum: Readonly<Record<string, unknown>>,
  further: FileTree,
  at: Path,
): Record<string, unknown> {
  assembly.add(further, at);
  const result = { ...sum };
  const problem = (keys: Path, message: string) =>
    assembly.problems.push({ path: [...at, ...keys], message, atKey: true });
  const { value } = further.tree;
  if (!isGroup(value)) {
    assembly.problems.push({ path: at, message: "expected a group of keys: models, channels, sources" });
    return result;
  }
  for (const [key, own] of Object.entries(value)) {
    const list = lists.find((name) => name === key);
    if (list !== undefined) result[list] = appended(assembly, { list, before: result[list], own }, [...at, list]);
    else if (key === CHANNELS) result[key] = joined(assembly, result[key], own, [...at, key]);
    else problem([key], "an included file has models, channels and sources; this belongs into the main file");
  }
  return result;
}

function appended(
  assembly: TreeAssembly,
  { list, before, own }: { readonly list: string; readonly before: unknown; readonly own: unknown },
  at: Path,
): unknown {
  if (!Array.isArray(own)) {
    assembly.problems.push({ path: at, message: "expected a list" });
    return before;
  }
  if (before !== undefined && !Array.isArray(before)) return before;
  const first = before?.length ?? 0;
  for (const index of own.keys()) assembly.copy([...at, index], [list, first + index]);
  return [...(before ?? []), ...own];
}

/** Channels of one name would be one of two, and nobody knows which. */
function joined(assembly: TreeAssembly, before: unknown, own: unknown, at: Path): unknown {
  if (!isGroup(own)) {
    assembly.problems.push({ path: at, message: "expected a group of keys" });
    return before;
  }
  if (before !== undefined && !isGroup(before)) return before;
  const result: Record<string, unknown> = { ...before };
  for (const [name, channel] of Object.entries(own)) {
    if (Object.hasOwn(result, name)) {
      const problem = { path: [...at, name], message: `"${name}" is the name of another channel too`, atKey: true };
      assembly.problems.push({ ...problem, other: [CHANNELS, name] });
      continue;
    }
    assembly.copy([...at, name], [CHANNELS, name]);
    result[name] = channel;
  }
  return result;
}

/** The files that the patterns name, each once. */
function namesOf(
  patterns: unknown,
  { folder }: ConfigFile,
  { findFiles }: FileReading,
  assembly: TreeAssembly,
): readonly string[] {
  const parsed = includeSchema.safeParse(patterns);
  if (!parsed.success) {
    assembly.problems.push({
      path: [INCLUDE],
      message: "expected a file or a list of them, for example models.d/*.yaml",
    });
    return [];
  }
  const single = typeof parsed.data === "string";
  const names = [parsed.data ?? []].flat().flatMap((pattern, index) => {
    try {
      return findFiles(pattern, folder);
    } catch (thrown) {
      assembly.problems.push({ path: single ? [INCLUDE] : [INCLUDE, index], message: messageOf(thrown) });
      return [];
    }
  });
  return [...new Set(names)];
}

function readOne(absolute: string, { environment, readFile }: FileReading): FileTree {
  const shown = shownName(absolute);
  const tree = treeOf(readText(absolute, shown, readFile), environment, shown);
  return { file: { shown, folder: path.dirname(absolute) }, tree };
}

/** Relative to the working folder where it lies below it, so that an editor's terminal can open it. */
function shownName(absolute: string): string {
  const relative = path.relative("", absolute);
  return relative === "" || relative.startsWith("..") ? absolute : relative;
}

function readText(absolute: string, shown: string, readFile: (path: string) => string): string {
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
  if ("places" in tree) return tree;
  const lines = tree.map((fault) => problemLine(shown, fault, fault.message));
  throw new DriftlineError("config_invalid", problemList(lines, shown));
}

export const problemLine = (shown: string, { line: row, column }: Position, message: string): string =>
  `${shown}:${row}:${column}  ${message.length > LINE_MAX ? `${message.slice(0, LINE_MAX)}…` : message}`;

/** The lines of an error; a single one says all by itself. */
export function problemList(lines: readonly string[], shown: string, more = 0): string {
  const [only] = lines;
  if (lines.length === 1 && more === 0 && only !== undefined) return only;
  return [
    `${shown} has ${lines.length + more} problems:`,
    ...lines,
    ...(more === 0 ? [] : [`… and ${more} more`]),
  ].join("\n");
}
