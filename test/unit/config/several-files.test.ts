/** A configuration of several files, and what models have from `defaults`. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { loadConfig } from "../../../src/config/load.ts";
import type { Environment } from "../../../src/config/substitution.ts";
import { DriftlineError } from "../../../src/core/errors.ts";
import { load, problems } from "./load-text.ts";

// Hooks of a file would run for every unit test: they share one process.
describe("a configuration of several files", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "driftline-files-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), text);
    }
  }
  const read = (environment: Environment = {}) => loadConfig(path.join(folder, "driftline.yaml"), { environment });
  function refusal(environment: Environment = {}): string[] {
    try {
      read(environment);
    } catch (thrown) {
      if (!(thrown instanceof DriftlineError)) throw thrown;
      return thrown.message.replaceAll(`${folder}/`, "").split("\n");
    }
    throw new Error("the configuration was accepted");
  }

  test("included files bring models, channels and sources, with paths from their own folders", () => {
    write({
      "driftline.yaml": 'include: [models.d/*.yaml, "teams/**/*.yaml"]\nchannels: { a: { use: log } }\n',
      "models.d/2.yaml": "models: [{ name: second, task: binary, reference: { file: ref.csv } }]\n",
      "models.d/1.yaml": "models: [{ name: first, task: binary, alerts: { channels: [a, b] } }]\n",
      "models.d/README.md": "no configuration",
      "teams/risk/eu/m.yaml":
        "models: [{ name: third, task: binary }]\nchannels: { b: { use: slack, token: { file: token }, channel: C1 } }\nsources: [{ use: file, path: e.csv }]\n",
      "teams/risk/eu/token": "secret-token\n",
    });
    const config = read();
    assert.deepEqual(
      config.models.map(({ name }) => name),
      ["first", "second", "third"],
    );
    assert.equal(config.models[1]?.reference?.file, path.join(folder, "models.d/ref.csv"));
    assert.equal(config.channels["b"]?.["token"], "secret-token");
    const [source] = config.sources;
    assert.equal(source?.use === "file" && source.path, path.join(folder, "teams/risk/eu/e.csv"));
  });

  test("files that an orchestrator mounts as links are read", () => {
    write({ "driftline.yaml": "include: conf/*.yaml\n", "..data/m.yaml": "models: [{ name: m, task: binary }]\n" });
    mkdirSync(path.join(folder, "conf"));
    symlinkSync("../..data/m.yaml", path.join(folder, "conf/m.yaml"));
    assert.deepEqual(
      read().models.map(({ name }) => name),
      ["m"],
    );
  });

  test("every problem names the file in which it stands, and a name that is there twice both places", () => {
    write({
      "driftline.yaml":
        "include: m/*.yaml\nmodels:\n  - { name: fraud, task: binary }\nchannels:\n  hook: { use: log }\nserver: { prot: 1 }\n",
      "m/a.yaml": "models:\n  - name: other\n    task: binry\n    windws: [1h]\n",
      "m/b.yaml": "models:\n  - name: fraud\n    task: binary\nchannels: { hook: { use: log } }\nserver: { port: 1 }\n",
    });
    assert.deepEqual(refusal(), [
      "driftline.yaml has 5 problems:",
      'driftline.yaml:6:11  server.prot: unknown key; did you mean "port"?',
      'm/a.yaml:3:11  models[0].task: "binry" is no choice here; did you mean "binary"? Choose one of: binary, multiclass, regression',
      'm/a.yaml:4:5  models[0].windws: unknown key; did you mean "windows"?',
      'm/b.yaml:4:13  channels.hook: "hook" is the name of another channel too; the other is at driftline.yaml:5:9',
      "m/b.yaml:5:1  server: an included file has models, channels and sources; this belongs into the main file",
    ]);
    write({
      "driftline.yaml": "include: m/*.yaml\nmodels:\n  - { name: fraud, task: binary }\n",
      "m/a.yaml": "models: []\n",
      "m/b.yaml": "models:\n  - name: fraud\n    task: binary\n",
    });
    assert.deepEqual(refusal(), [
      'm/b.yaml:2:11  models[0].name: "fraud" is the name of another model too; the other is at driftline.yaml:3:13',
    ]);
  });

  test("a file or a folder that is not there is said; a pattern may match nothing", () => {
    write({ "driftline.yaml": "include: [no.yaml, none/*.yaml]\nmodels: [{ name: m, task: binary }]\n" });
    assert.deepEqual(refusal(), [
      "driftline.yaml has 2 problems:",
      "driftline.yaml:1:11  include[0]: there is no file no.yaml",
      "driftline.yaml:1:20  include[1]: there is no folder none",
    ]);
    mkdirSync(path.join(folder, "none"));
    write({ "no.yaml": "{}" });
    assert.equal(read().models.length, 1);
    write({ "no.yaml": "models: [" });
    assert.match(refusal().join("\n"), /^no\.yaml:\d+:\d+ {2}/);
  });

  test("models have what `defaults` say and they don't: groups key by key, all else as a whole", () => {
    const config = load(`
defaults:
  windows: [1h, 7d]
  segments: [country]
  min_rows: 50
  owner: ml-platform
  labels: { tier: "2", site: eu }
  alerts: { channels: [all], page_tier: { drift: info }, rules: ["jensen-shannon breached"] }
  reference: { timestamp: at, score: p }
models:
  - { name: a, task: binary }
  - name: b
    task: binary
    windows: [1d]
    segments: ~
    labels: { tier: "1" }
    alerts: { channels: [own], page_tier: { kpi: ticket } }
    reference: { file: r.csv, score: s }
channels: { all: { use: log }, own: { use: log } }
`);
    const [a, b] = config.models;
    assert.deepEqual(
      [a?.windows.map(({ name }) => name), a?.segments, a?.reference],
      [["1h", "7d"], ["country"], undefined],
    );
    assert.deepEqual([a?.owner, a?.labels], ["ml-platform", { tier: "2", site: "eu" }]);
    assert.deepEqual([b?.windows.map(({ name }) => name), b?.segments, b?.min_rows], [["1d"], undefined, 50]);
    assert.deepEqual(b?.labels, { tier: "1", site: "eu" });
    assert.deepEqual(
      [b?.alerts.channels, b?.alerts.page_tier, b?.alerts.rules.length],
      [["own"], { drift: "info", kpi: "ticket" }, 1],
    );
    assert.deepEqual([b?.reference?.timestamp, b?.reference?.score], ["at", "s"]);
  });

  test("what is wrong in `defaults` is said once, at its own line", () => {
    assert.deepEqual(
      problems(`defaults:
  name: x
  windws: [1h]
  min_rows: many
  alerts: { channels: [nobody], rules: [{ metric: "\${METRIC}" }] }
models:
  - { name: a, task: binary }
  - { name: b, task: binary }
  - { name: c, task: binary, alerts: { channels: [no] } }
channels: { somebody: { use: log } }
`),
      [
        "2:3  defaults.name: a name is each model's own",
        '3:3  defaults.windws: unknown key; did you mean "windows"?',
        '4:13  defaults.min_rows: expected a number, found the text "many"',
        "5:51  defaults.alerts.rules[0].metric: the environment variable METRIC is not set",
      ],
    );
    assert.deepEqual(
      problems(`defaults:
  alerts: { channels: [sombody] }
models:
  - { name: a, task: binary }
  - { name: b, task: binary }
channels: { somebody: { use: log } }
`),
      ['2:24  defaults.alerts.channels[0]: there is no channel "sombody"; did you mean "somebody"? Channels: somebody'],
    );
  });
});
