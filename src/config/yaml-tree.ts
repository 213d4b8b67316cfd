/**
 * YAML into plain data with the place of every key and value, and with `${NAME}` put into its texts. Written instead of the parser's
 * own conversion because an error of the schema, found later, has to name a line, and because a value must be put in after parsing.
 */
import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLError,
} from "yaml";
import { type Path, type Problem, pathKey } from "./problem.ts";
import { type Environment, substitute } from "./substitution.ts";

export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface Place {
  readonly value: Position;
  /** Where the key stands; of list items and of the whole file, where the value does. */
  readonly key: Position;
  /** The scalar as written: `1.10`, `~`; null for maps and lists. */
  readonly source: string | null;
}

/** A text that variables were put into. */
export interface Substituted {
  readonly path: Path;
  /** As it stands in the file, `${TOKEN}`: shown in errors instead of the value. */
  readonly source: string;
  readonly text: string;
  readonly variables: readonly string[];
  readonly empty: readonly string[];
}

export interface Tree {
  readonly value: unknown;
  readonly places: ReadonlyMap<string, Place>;
  readonly substituted: ReadonlyMap<string, Substituted>;
  readonly problems: readonly Problem[];
}

export interface SyntaxProblem extends Position {
  readonly message: string;
}

const NODES_MAX = 100_000;
const DEPTH_MAX = 60;

/** Messages of the parser that quote the text, which may be a secret; said without it here. */
const unquoted: Readonly<Record<string, string>> = {
  UNEXPECTED_TOKEN: "unexpected text; is a quote, a colon or a bracket missing or too many?",
  BAD_DQ_ESCAPE: "not an escape that double quotes allow; write \\\\ for a backslash, or use single quotes",
  TAG_RESOLVE_FAILED: "tags such as !name are not understood here; write the plain value",
  BAD_ALIAS: "an alias (*name) needs its anchor (&name) before it",
  BAD_COLLECTION_TYPE: "tags such as !name are not understood here; write the plain value",
  BAD_DIRECTIVE: "directives (%) are not understood here",
  TAB_AS_INDENT: "a tab can't indent; use spaces",
  DUPLICATE_KEY: "this key is here twice; keep one",
  MULTIPLE_DOCS: "one document a file: what follows --- is a second one",
  BAD_INDENT: "the indentation fits nothing above",
};

/** Parses the text of a file; a problem of its syntax comes without a tree. */
export function readTree(text: string, environment: Environment): Tree | readonly SyntaxProblem[] {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    version: "1.2",
    logLevel: "error",
  });
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) return syntaxProblems(faults, lines, text);
  const root = document.contents;
  if (root === null) return [{ line: 1, column: 1, message: "the file is empty; it needs at least `models:`" }];
  const reader = new Reader(lines, environment);
  return {
    value: reader.read(root, []),
    places: reader.places,
    substituted: reader.substituted,
    problems: reader.problems,
  };
}

/** The first of each line: one missing quote makes the parser complain of all that follows. */
function syntaxProblems(faults: readonly YAMLError[], lines: LineCounter, text: string): SyntaxProblem[] {
  if (faults.some((fault) => fault.code === "RESOURCE_EXHAUSTION"))
    return [{ line: 1, column: 1, message: "nested too deeply" }];
  const first = new Map<number, SyntaxProblem>();
  for (const fault of faults) {
    const problem = syntaxProblem(fault, lines, text);
    if (!first.has(problem.line)) first.set(problem.line, problem);
  }
  return [...first.values()].sort((a, b) => a.line - b.line);
}

function syntaxProblem(fault: YAMLError, lines: LineCounter, text: string): SyntaxProblem {
  const { line, col } = lines.linePos(Math.min(fault.pos[0], text.length));
  const written = text.split("\n")[line - 1] ?? "";
  const hint = /[{[].*(?<!["'])\$\{/.test(written) ? ' (inside { } or [ ] write "${NAME}" in quotes)' : "";
  return { line, column: col, message: `${unquoted[fault.code] ?? fault.message}${hint}` };
}

/** Thrown out of the recursion when the file is no sane configuration; becomes one problem. */
export class TreeTooLarge extends Error {}

class Reader {
  readonly places = new Map<string, Place>();
  readonly substituted = new Map<string, Substituted>();
  readonly problems: Problem[] = [];
  readonly #lines: LineCounter;
  readonly #environment: Environment;
  /** In the order of the file, so that an alias means the last anchor of its name before it. */
  readonly #anchors = new Map<string, unknown>();
  #nodes = 0;

  constructor(lines: LineCounter, environment: Environment) {
    this.#lines = lines;
    this.#environment = environment;
  }

  read(node: unknown, path: Path, key?: Position, at?: Position): unknown {
    this.#nodes += 1;
    if (this.#nodes > NODES_MAX) throw new TreeTooLarge(`more than ${NODES_MAX} values, aliases resolved`);
    if (path.length > DEPTH_MAX)
      throw new TreeTooLarge(`nested deeper than ${DEPTH_MAX} levels, or an alias that contains itself`);
    const position = at ?? this.#position(node, key);
    if (isAlias(node)) return this.#alias(node.source, path, key, position);
    if (isNode(node) && node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    const source = isScalar(node) ? (node.source ?? String(node.value)) : null;
    this.places.set(pathKey(path), { value: position, key: key ?? position, source });
    if (isScalar(node)) return typeof node.value === "string" ? this.#text(node.value, path) : plainScalar(node.value);
    if (isSeq(node)) return node.items.map((item, index) => this.read(item, [...path, index]));
    if (isMap(node)) return this.#map(node.items, path);
    return null;
  }

  #alias(anchor: string, path: Path, key: Position | undefined, position: Position): unknown {
    const node = this.#anchors.get(anchor);
    if (node !== undefined) return this.read(node, path, key, position);
    this.places.set(pathKey(path), { value: position, key: key ?? position, source: null });
    this.problems.push({ path, message: "an alias (*name) needs its anchor (&name) before it" });
    return null;
  }

  #position(node: unknown, fallback: Position | undefined): Position {
    const start = isNode(node) || isAlias(node) ? node.range?.[0] : undefined;
    if (start === undefined) return fallback ?? { line: 1, column: 1 };
    const { line, col } = this.#lines.linePos(start);
    return { line, column: col };
  }

  #map(items: readonly Pair[], path: Path): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    for (const pair of items) {
      const key = isScalar(pair.key) ? (pair.key.source ?? String(pair.key.value)) : null;
      const position = this.#position(pair.key, undefined);
      if (key === null || key === "__proto__" || key === "<<") {
        const at = [...path, key ?? "?"];
        const what = key === null ? "a key has to be a plain text" : `"${key}" can't be a key here`;
        this.places.set(pathKey(at), { value: position, key: position, source: null });
        this.problems.push({
          path: at,
          message: key === "<<" ? "merge keys are not understood; an alias (*name) as a whole value is" : what,
        });
        continue;
      }
      result[key] = this.read(pair.value, [...path, key], position);
    }
    return result;
  }

  #text(source: string, path: Path): string {
    const done = substitute(source, this.#environment);
    for (const name of done.unset) {
      this.problems.push({ path, message: `the environment variable ${name} is not set` });
    }
    for (const piece of done.malformed) {
      this.problems.push({
        path,
        message: `${short(piece)} names no variable; write \${NAME}, or $\${ for a literal \${`,
      });
    }
    if (done.variables.length > 0) {
      this.substituted.set(pathKey(path), {
        path,
        source,
        text: done.text,
        variables: done.variables,
        empty: done.empty,
      });
    }
    return done.text;
  }
}

const short = (text: string) => (text.length > 40 ? `${text.slice(0, 40)}…` : text);
const isNode = (node: unknown): node is Exclude<Node, Alias> => isScalar(node) || isMap(node) || isSeq(node);
const plainScalar = (value: unknown) => (typeof value === "number" || typeof value === "boolean" ? value : null);
