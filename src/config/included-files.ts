/** `include:` — which further files a configuration is made of. */
import { existsSync } from "node:fs";
import path from "node:path";
import { globSync, isDynamicPattern } from "tinyglobby";

const FILES_MAX = 2_000;

/**
 * The files of one pattern, absolute, in the order of their names. A pattern with wildcards may match nothing, as long as the folder in which
 * it begins is there.
 *
 * @throws Error that says what is wrong with the pattern
 */
export function filesOf(pattern: string, folder: string): readonly string[] {
  const posix = pattern.replaceAll("\\", "/");
  if (!isDynamicPattern(posix)) {
    const file = path.resolve(folder, pattern);
    if (!existsSync(file)) throw new Error(`there is no file ${file}`);
    return [file];
  }
  const steps = posix.split("/");
  const first = steps.findIndex((step) => isDynamicPattern(step));
  const base = path.resolve(folder, `${steps.slice(0, first).join("/")}${first > 0 ? "/" : ""}`);
  if (!existsSync(base)) throw new Error(`there is no folder ${base}`);
  const files = globSync(steps.slice(first).join("/"), {
    cwd: base,
    absolute: true,
    expandDirectories: false,
  });
  if (files.length > FILES_MAX) throw new Error(`matches ${files.length} files; at most ${FILES_MAX} are read`);
  return files.map((file) => path.normalize(file)).sort();
}
