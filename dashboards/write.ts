/** Writes the generated dashboards beside their sources: `node dist/dashboards/write.js`. */
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { overviewText } from "./overview.ts";

/** The folder of the sources, from the build too. */
function sourceFolder(): string {
  let root = import.meta.dirname;
  while (!existsSync(path.join(root, "package-lock.json"))) root = path.dirname(root);
  return path.join(root, "dashboards");
}

writeFileSync(path.join(sourceFolder(), "driftline-overview.json"), overviewText());
