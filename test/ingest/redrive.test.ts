/** Dead letters that a changed configuration can read: stored once, marked, and found by evaluation; `status` and the routes on the way. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { loadConfig } from "../../src/config/load.ts";
import type { Config } from "../../src/config/schema.ts";
import { systemClock } from "../../src/core/clock.ts";
import { deadLetterBytes, listDeadLetters, redriveDeadLetters } from "../../src/requests/dead-letters-request.ts";
import { statusOf } from "../../src/requests/status-request.ts";
import { letterId } from "../../src/serve/queries/dead-letters.ts";
import { type App, createApp } from "../../src/service/app.ts";
import { statusText } from "../../src/service/status.ts";
import { written } from "../../src/store/sql.ts";
import { rowsOf } from "../support/ingest.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "driftline-redrive-"));
});
after(() => rm(folder, { recursive: true, force: true }));

const event = (model: string, minute: number, more: object) => ({
  model,
  timestamp: new Date(Date.UTC(2026, 2, 2, 10, minute)).toISOString(),
  features: { amount: minute },
  ...more,
});
const LINES = [
  event("fraud", 0, { id: "f0", prediction: 1 }),
  event("churn", 1, { id: "c1", prediction: 0 }),
  // Without an id: it has that of its place, and must keep it.
  event("churn", 2, { prediction: 1 }),
  event("churn", 3, { id: "c1", label: 1 }),
  event("fraud", 50, { id: "f1", prediction: 0 }),
].map((line) => JSON.stringify(line));
const BROKEN = '{"model": "churn", \u0007';

const model = (name: string) => `  - { name: ${name}, task: binary, windows: [1h], features: { amount: numeric } }`;
const text = (models: readonly string[]) =>
  `store: { embedded: ./data }\nserver: { port: 0 }\nsources: [{ use: file, path: events.ndjson }]\nmodels:\n${models.map(model).join("\n")}\n`;
const config = (models: readonly string[]): Config =>
  loadConfig(path.join(folder, "driftline.yaml"), { environment: {}, readFile: () => text(models) });

const churn = (app: App) =>
  rowsOf(app.store, "SELECT id, source, partition AS p FROM predictions_churn FINAL ORDER BY timestamp, id");

test("what a new model can read is stored once, however often it is asked, and the rest stays", async () => {
  await writeFile(path.join(folder, "events.ndjson"), [...LINES, BROKEN].join("\n"));
  const before = await createApp(config(["fraud"]), { roles: [], quiet: true });
  try {
    const { predictions, deadLetters } = await before.replay(() => undefined);
    assert.deepEqual([predictions, deadLetters], [2, 4]);
  } finally {
    await before.stop();
  }
  const both = config(["fraud", "churn"]);
  const stopped = await statusOf(both, systemClock);
  assert.equal(stopped.ready, false);
  assert.match(statusText(stopped), /NOT READY\n {2}service: it is not running/);

  const app = await createApp(both, { roles: ["ingest", "web"], quiet: true, replayFirst: true });
  try {
    await app.start();
    const status = await statusOf(both, systemClock);
    assert.equal(status.ready, true);
    assert.deepEqual(
      status.dead_letters.map(({ reason, count }) => [reason, count]),
      [
        ["unknown_model", 3],
        ["not_json", 1],
      ],
    );
    const [broken] = await listDeadLetters(both, 10, { reason: "not_json" });
    assert.ok(broken !== undefined);
    assert.equal((await deadLetterBytes(both, broken))?.toString(), BROKEN);

    const first = await redriveDeadLetters(both, { reason: "unknown_model" });
    assert.deepEqual([first.looked_at, first.redriven, first.stay], [3, 3, []]);
    const stored = await churn(app);
    assert.deepEqual(
      stored.map((row) => row["id"]),
      ["c1", stored[1]?.["id"]],
    );
    assert.match(String(stored[1]?.["id"]), /^file:events\.ndjson:[0-9a-f]+\/0\/2$/);
    assert.deepEqual(await rowsOf(app.store, "SELECT id, label FROM labels FINAL"), [{ id: "c1", label: 1 }]);

    const again = await redriveDeadLetters(both, {});
    assert.deepEqual([again.looked_at, again.redriven], [1, 0]);
    assert.equal(again.stay[0]?.reason, "not_json");

    // As a process that is killed between the two writes leaves it: stored, and not marked.
    await app.store
      .lane("control")
      .command(
        written(
          "INSERT INTO dead_letters (source, partition, offset, item, format, reason, detail, raw, envelope, received_at) SELECT source, partition, offset, item, format, reason, detail, raw, envelope, received_at FROM dead_letters FINAL",
        ),
      );
    const repeated = await redriveDeadLetters(both, { source: "file:events" });
    assert.equal(repeated.redriven, 3);
    assert.deepEqual(
      (await churn(app)).map((row) => row["id"]).filter((id, index, all) => all.indexOf(id) === index),
      stored.map((row) => row["id"]),
    );
    const all = await listDeadLetters(both, 10, {});
    assert.deepEqual([all.length, all.filter(({ redriven_ms }) => redriven_ms !== null).length], [4, 3]);
    assert.equal((await listDeadLetters(both, 10, { id: broken })).map(letterId)[0], letterId(broken));

    await app.evaluate(true);
    const volume = await rowsOf(
      app.store,
      "SELECT model, n FROM metrics FINAL WHERE metric = 'volume' OR subject_kind = 'model' GROUP BY model, n ORDER BY model",
    );
    assert.deepEqual(
      volume.filter((row) => row["model"] === "churn").map((row) => row["n"]),
      [2],
    );
  } finally {
    await app.stop();
  }
});
