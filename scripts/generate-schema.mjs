// Writes the configuration's JSON Schema and its reference page from the compiled schema. With --check it only says which are stale.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { configJsonSchemaText } from "../dist/src/config/json-schema.js";
import { configReferencePage } from "../dist/src/config/reference-page.js";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const check = process.argv.includes("--check");
const files = [
  ["schema/driftline.schema.json", configJsonSchemaText()],
  ["docs/reference/configuration.md", configReferencePage()],
];
for (const [name, wanted] of files) {
  const file = path.join(root, name);
  if (existsSync(file) && readFileSync(file, "utf8") === wanted) continue;
  if (check) {
    console.error(`${name} is stale: run npm run generate`);
    process.exitCode = 1;
    continue;
  }
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, wanted);
  console.log(`wrote ${name}`);
}
