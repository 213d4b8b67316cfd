/** docs/channels.md: every channel has an example there, and each example is read as the service reads it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { loadConfig } from "../../../src/config/load.ts";
import { channels } from "../../../src/notify/channels/index.ts";
import { openChannels } from "../../../src/notify/notify.ts";
import { projectFile } from "../../support/project-file.ts";

const page = readFileSync(projectFile("docs/channels.md"), "utf8");
const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)]
  .map(([, yaml = ""]) => yaml)
  .filter((yaml) => yaml.includes("channels:\n"));

function read(yaml: string) {
  const environment = Object.fromEntries(
    [...yaml.matchAll(/\$\{(\w+)\}/g)].map(([, name = ""]) => [
      name,
      name.endsWith("_URL") ? "https://example.com/hook" : "c2VjcmV0",
    ]),
  );
  const models = yaml.includes("models:") ? "" : "models: [{ name: fraud, task: binary }]\n";
  const text = `store: { embedded: ./data }\n${models}${yaml}`;
  return loadConfig("/etc/driftline/driftline.yaml", { environment, readFile: () => text });
}

test("every example is accepted and can be opened", () => {
  for (const yaml of examples) assert.ok(openChannels(read(yaml)).size > 0, yaml);
});

test("every channel has one", () => {
  const shown = new Set(examples.flatMap((yaml) => Object.values(read(yaml).channels).map(({ use }) => use)));
  assert.deepEqual(
    [...shown].sort((a, b) => a.localeCompare(b)),
    channels.map(({ name }) => name),
  );
});
