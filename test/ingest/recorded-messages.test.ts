/** Files of recorded messages: read through a wire format as the live messages are, replayed, and understood by `init`. */
import assert from "node:assert/strict";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { loadConfig } from "../../src/config/load.ts";
import { recordedMessage, recordedTime } from "../../src/ingest/recorded-messages.ts";
import { init } from "../../src/init/init.ts";
import { sampleFile } from "../../src/init/samples.ts";
import { createApp } from "../../src/service/app.ts";
import { openLocalReader } from "../../src/store/local-reader.ts";
import { openStore } from "../../src/store/open.ts";
import { rowsOf } from "../support/ingest.ts";
import { projectFile } from "../support/project-file.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "driftline-recorded-"));
  await copyFile(projectFile("test/fixtures/messages/kserve-agent-0.15.2.ndjson"), path.join(folder, "agent.ndjson"));
});
after(() => rm(folder, { recursive: true, force: true }));

const message = (line: string) =>
  recordedMessage({ source: "file:x:1", partition: 0, offset: 0, value: Buffer.from(line) });
const plain = ({ value, headers, key, receivedMs }: ReturnType<typeof message>) => ({
  value: value === null ? null : value.toString(),
  headers: headers === undefined ? undefined : { ...headers },
  key,
  receivedMs,
});

test("a line is a recorded request, a record of kcat, a structured CloudEvent, or the bytes of a message", () => {
  assert.deepEqual(plain(message('{"headers":{"Ce-Id":"a","X":1},"body":"{\\"id\\":1}"}')), {
    value: '{"id":1}',
    headers: { "ce-id": "a" },
    key: undefined,
    receivedMs: undefined,
  });
  assert.equal(
    plain(message('{"headers":{},"body":{"id":12345678901234567890}}')).value,
    '{"id":12345678901234567890}',
  );
  assert.equal(plain(message('{"headers":{},"body_base64":"aGk="}')).value, "hi");
  const kcat = '"topic":"t","partition":0,"offset":7,"tstype":"create","ts":1700000000000,"broker":1';
  assert.deepEqual(plain(message(`{${kcat},"headers":["a","1","a","2","b",null],"key":"k","payload":"{}"}`)), {
    value: "{}",
    headers: { a: "2", b: "" },
    key: "k",
    receivedMs: 1_700_000_000_000,
  });
  assert.deepEqual(plain(message(`{${kcat},"headers":{"a":["1","2"]},"key":null,"payload":null}`)), {
    value: null,
    headers: { a: "2" },
    key: undefined,
    receivedMs: 1_700_000_000_000,
  });
  const event = '{"specversion":"1.0","type":"x","id":"1","time":"2026-03-02T10:00:00Z","data":{}}';
  assert.deepEqual(plain(message(event)).headers, { "content-type": "application/cloudevents+json" });
  assert.equal(recordedTime(message(event)), Date.parse("2026-03-02T10:00:00Z"));
  for (const line of ['{"id":1}', "[1]", "no JSON", '{"headers":{"a":"b"}}', '{"topic":"t"}'])
    assert.deepEqual(plain(message(line)), { value: line, headers: undefined, key: undefined, receivedMs: undefined });
});

test("what KServe's agent sent is replayed from its file as it is read over HTTP", async () => {
  const text = `store: { embedded: ./data }
sources: [{ use: file, path: agent.ndjson, messages: { use: kserve, features: [sepal_length, sepal_width, petal_length, petal_width] } }]
models: [{ name: iris, task: multiclass, windows: [1h], features: { sepal_length: numeric, colour: categorical } }]
`;
  const config = loadConfig(path.join(folder, "driftline.yaml"), { environment: {}, readFile: () => text });
  const app = await createApp(config, { roles: [], quiet: true });
  try {
    const result = await app.replay(() => undefined);
    assert.deepEqual([result.predictions, result.deadLetters], [4, 0]);
    assert.deepEqual(
      await rowsOf(
        app.store,
        "SELECT features.sepal_length AS s, features.colour AS c, prediction_text AS p, version AS v, variant FROM predictions_iris FINAL ORDER BY timestamp, id",
      ),
      [
        { s: 5.1, c: null, p: "1", v: "", variant: "default" },
        { s: 1.1, c: null, p: "0", v: "", variant: "default" },
        { s: 5.1, c: "red", p: "1", v: "1", variant: "default" },
        { s: 4.2, c: "blue", p: "1", v: "1", variant: "default" },
      ],
    );
    assert.equal((await app.replay(() => undefined)).predictions, 4);
  } finally {
    await app.stop();
  }
});

test("init sees that a file holds messages of KServe, and its configuration reads them", async () => {
  const store = await openStore({ embedded: path.join(folder, "init") });
  const reader = await openLocalReader(store, path.join(folder, "init"));
  try {
    const size = { most: 100, referenceShare: null };
    const sample = await sampleFile(reader, path.join(folder, "agent.ndjson"), folder, size);
    const result = await init(
      {
        samples: [sample],
        most: 100,
        choices: {},
        referenceShare: null,
        output: path.join(folder, "driftline.yaml"),
        command: "driftline init agent.ndjson",
      },
      null,
    );
    const config = loadConfig(path.join(folder, "driftline.yaml"), { environment: {}, readFile: () => result.text });
    const [source] = config.sources;
    assert.deepEqual(source?.use === "file" ? [path.basename(source.path), source.messages?.use] : null, [
      "agent.ndjson",
      "auto",
    ]);
    assert.deepEqual(
      config.models.map(({ name, task }) => [name, task]),
      [["iris", "binary"]],
    );
  } finally {
    await reader.close();
    await store.close();
  }
});
