/** Files of the project by their path from its root: tests run from the sources and from the build. */
import { existsSync } from "node:fs";
import path from "node:path";

export function projectFile(file: string): string {
  let root = import.meta.dirname;
  while (!existsSync(path.join(root, "package-lock.json"))) root = path.dirname(root);
  return path.join(root, file);
}
