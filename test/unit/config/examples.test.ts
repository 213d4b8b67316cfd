/** Every configuration that a reader may copy, from the documents and the examples, goes through the real loader. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { loadConfig } from "../../../src/config/load.ts";
import { load } from "./load-text.ts";

const root = findRoot(import.meta.dirname);

function findRoot(start: string): string {
  let folder = start;
  while (!existsSync(path.join(folder, "package-lock.json"))) folder = path.dirname(folder);
  return folder;
}

const below = (folder: string, ending: string): string[] =>
  existsSync(path.join(root, folder))
    ? readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(ending))
        .map((file) => path.join(folder, file))
    : [];

/** A whole configuration has models; a fragment is completed with the least that makes it whole. */
function completed(yaml: string): string | null {
  const data: unknown = parse(yaml, { logLevel: "silent" });
  if (typeof data !== "object" || data === null || Array.isArray(data)) return null;
  const keys = Object.keys(data);
  const known = [
    "store",
    "sources",
    "events",
    "format",
    "include",
    "defaults",
    "models",
    "channels",
    "routes",
    "server",
    "evaluation",
    "ingest",
  ];
  if (!keys.some((key) => known.includes(key))) return null;
  return keys.includes("models") ? yaml : `${yaml}\nmodels: [{ name: m, task: binary }]\n`;
}

/** Variables of the documents stand for something. */
const environment: Record<string, string> = Object.create(null);
const withVariables = (yaml: string) => {
  for (const [, name] of yaml.matchAll(/\$\{([A-Za-z_]\w*)\}/g)) {
    if (name !== undefined)
      environment[name] = name.endsWith("URL")
        ? "http://host.example"
        : name.endsWith("PORT")
          ? "8080"
          : "whsec_c2VjcmV0LWtleQ==";
  }
  return environment;
};

const documents = ["README.md", "CONTRIBUTING.md", ...below("docs", ".md")].filter((file) =>
  existsSync(path.join(root, file)),
);
for (const document of documents) {
  const blocks = [...readFileSync(path.join(root, document), "utf8").matchAll(/^```ya?ml\n([\s\S]*?)^```/gm)].map(
    ([, yaml = ""]) => completed(yaml),
  );
  const configs = blocks.filter((yaml) => yaml !== null);
  if (configs.length === 0) continue;
  test(`the configurations in ${document} are accepted`, () => {
    for (const yaml of configs) assert.ok(load(yaml, { environment: withVariables(yaml) }).models.length > 0);
  });
}

for (const file of below("examples", "driftline.yaml")) {
  test(`${file} is accepted`, () => {
    assert.ok(
      loadConfig(path.join(root, file), { environment: withVariables(readFileSync(path.join(root, file), "utf8")) })
        .models.length > 0,
    );
  });
}
