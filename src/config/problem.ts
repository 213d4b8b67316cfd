/** A problem in a configuration file: where, and in words what was wrong and what would be right. */
import { z } from "zod";

export type Path = readonly (string | number)[];

export interface Problem {
  readonly path: Path;
  readonly message: string;
  /** Point at the key rather than at its value: the key itself is the fault. */
  readonly atKey?: boolean;
  /** The other place that has to do with it, named at the end. */
  readonly other?: Path;
}

/** A path as a key of a Map. */
export const pathKey = (path: Path): string => JSON.stringify(path);

/** The path of such a key. */
export const pathOfKey = (key: string): Path => z.array(z.union([z.string(), z.number()])).parse(JSON.parse(key));

/** `models[0].detectors[1].threshold`; a key that is no plain word is written `["a key"]`. */
export function pathText(path: Path): string {
  return path
    .map((step, index) => {
      if (typeof step === "number") return `[${step}]`;
      if (!/^[\p{L}\p{N}_-]+$/u.test(step)) return `[${JSON.stringify(step)}]`;
      return index === 0 ? step : `.${step}`;
    })
    .join("");
}

/** What lies at a path of plain data; undefined where nothing does. */
export function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = Reflect.get(value, step);
  }
  return value;
}
