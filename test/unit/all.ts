/** Imports every pure unit test, so that they share one process: a process per file costs twenty times the CPU. */
import { readdirSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";

// The same cases on every machine; what is found with other seeds becomes a case of its own.
fc.configureGlobal({ seed: 20_260_302 });

const files = readdirSync(import.meta.dirname, { recursive: true, encoding: "utf8" })
  .filter((file) => /\.test\.(?:js|ts)$/.test(file))
  .sort();
for (const file of files) await import(pathToFileURL(path.join(import.meta.dirname, file)).href);
