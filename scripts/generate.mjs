// Writes the indexes of the plug-in folders: one import per file, sorted by name. With --check it only says which are stale.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

/** Folder, name of the list, type of its members and where that is declared. */
const indexes = [
  { folder: "detectors", list: "detectors", type: "Detector", from: "../src/core/detector.ts" },
  {
    folder: "detectors/online",
    list: "onlineDetectors",
    type: "SequentialDetector",
    from: "../../src/core/sequential-detector.ts",
  },
  {
    folder: "detectors/multivariate",
    list: "sampleDetectors",
    type: "SampleDetector",
    from: "../../src/core/sample-detector.ts",
  },
  { folder: "src/notify/channels", list: "channels", type: "Target", from: "../../core/delivery.ts" },
  { folder: "src/ingest/formats", list: "formats", type: "Format", from: "../../core/format.ts" },
  { folder: "src/act/actions", list: "actions", type: "Action", from: "../../core/action.ts" },
];

const camelCase = (name) => name.replace(/-(\w)/g, (_, letter) => letter.toUpperCase());

function indexOf({ folder, list, type, from }) {
  const names = readdirSync(path.join(root, folder))
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts") && file !== "index.ts")
    .map((file) => file.slice(0, -".ts".length))
    .sort();
  const imports = [
    `import type { ${type} } from "${from}";`,
    ...names.map((name) => `import { ${camelCase(name)} } from "./${name}.ts";`),
  ];
  const members = names.map(camelCase);
  const oneLine = `export const ${list}: readonly [${type}, ...${type}[]] = [${members.join(", ")}];`;
  const declaration =
    oneLine.length <= 120
      ? oneLine
      : `export const ${list}: readonly [${type}, ...${type}[]] = [\n${members.map((name) => `  ${name},\n`).join("")}];`;
  return `// Written by scripts/generate.mjs from the files of this folder: do not edit.\n${imports.join("\n")}\n\n${declaration}\n`;
}

const stale = [];
for (const index of indexes) {
  const file = path.join(root, index.folder, "index.ts");
  const wanted = indexOf(index);
  if (existsSync(file) && readFileSync(file, "utf8") === wanted) continue;
  stale.push(`${index.folder}/index.ts`);
  if (!process.argv.includes("--check")) writeFileSync(file, wanted);
}
if (process.argv.includes("--check") && stale.length > 0) {
  process.stderr.write(`Stale: ${stale.join(", ")}. Run npm run generate.\n`);
  process.exitCode = 1;
}
