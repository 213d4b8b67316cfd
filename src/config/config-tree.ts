/**
 * The tree of a configuration that may lie in several files: models, channels and sources of the included ones are put beside those of the
 * main file, and `defaults:` under every model. Each value keeps the file, the line and the path where it was written.
 */
import type { Path, Problem } from "./problem.ts";
import { pathKey } from "./problem.ts";
import type { Place, Substituted, Tree } from "./yaml-tree.ts";

export interface ConfigFile {
  /** As errors name it. */
  readonly shown: string;
  /** Relative names of files written in it are meant from here. */
  readonly folder: string;
}

export interface FileTree {
  readonly file: ConfigFile;
  readonly tree: Tree;
}

export interface ConfigPlace extends Place {
  readonly file: ConfigFile;
  /** Key of the path at which it was written in its file. */
  readonly written: string;
}

export interface ConfigTree {
  readonly value: unknown;
  readonly places: ReadonlyMap<string, ConfigPlace>;
  readonly substituted: ReadonlyMap<string, Substituted>;
  readonly problems: readonly Problem[];
}

/** Collects the places, variables and problems of several trees under the paths of one. */
export class TreeAssembly {
  readonly places = new Map<string, ConfigPlace>();
  readonly substituted = new Map<string, Substituted>();
  readonly problems: Problem[] = [];

  /** Takes over a file's tree below a path. */
  add({ file, tree }: FileTree, to: Path): void {
    for (const [key, place] of tree.places) this.places.set(moved(key, [], to), { ...place, file, written: key });
    for (const [key, text] of tree.substituted)
      this.substituted.set(moved(key, [], to), { ...text, path: [...to, ...text.path] });
    for (const problem of tree.problems) this.problems.push({ ...problem, path: [...to, ...problem.path] });
  }

  /** What is known below one path holds below another one too. */
  copy(from: Path, to: Path, within: Branch = this.branch(from)): void {
    for (const [key, place] of within.places) if (isBelow(key, from)) this.places.set(moved(key, from, to), place);
    for (const [key, text] of within.substituted)
      if (isBelow(key, from))
        this.substituted.set(moved(key, from, to), { ...text, path: [...to, ...text.path.slice(from.length)] });
    for (const problem of within.problems)
      if (isBelow(pathKey(problem.path), from))
        this.problems.push({ ...problem, path: [...to, ...problem.path.slice(from.length)] });
  }

  /** All that lies below a path, found once where it is copied often. */
  branch(at: Path): Branch {
    return {
      places: [...this.places].filter(([key]) => isBelow(key, at)),
      substituted: [...this.substituted].filter(([key]) => isBelow(key, at)),
      problems: this.problems.filter((problem) => isBelow(pathKey(problem.path), at)),
    };
  }
}

export interface Branch {
  readonly places: readonly (readonly [string, ConfigPlace])[];
  readonly substituted: readonly (readonly [string, Substituted])[];
  readonly problems: readonly Problem[];
}

/** The key of a path without its closing bracket: what the keys of all paths below it begin with. */
const opening = (path: Path) => pathKey(path).slice(0, -1);

const isBelow = (key: string, at: Path) => at.length === 0 || key === pathKey(at) || key.startsWith(`${opening(at)},`);

function moved(key: string, from: Path, to: Path): string {
  if (from.length === 0 && to.length === 0) return key;
  const rest = from.length > 0 ? key.slice(opening(from).length) : key === "[]" ? "]" : `,${key.slice(1)}`;
  return to.length > 0 ? `${opening(to)}${rest}` : `[${rest.replace(/^,/, "")}`;
}

export const isGroup = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
