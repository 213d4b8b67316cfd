/** Private fields: nothing of them is anywhere in the store, events and reference have the same hashes, and a forgotten id is gone. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { privacyOf } from "../../src/config/privacy.ts";
import { configSchema } from "../../src/config/schema.ts";
import { prepareModel } from "../../src/evaluate/prepare-model.ts";
import { createDecoders } from "../../src/ingest/decoders.ts";
import { forget } from "../../src/serve/forget.ts";
import { decoderModel, limitsOf } from "../../src/service/ingestion.ts";
import { createPairs } from "../../src/service/pairs.ts";
import { openLocalReader } from "../../src/store/local-reader.ts";
import { name, sql } from "../../src/store/sql.ts";
import type { Store } from "../../src/store/store.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { createManualClock } from "../support/alert-station.ts";
import { decoderOptions, messages, openFreshStore, rowsOf, silentLog, writerOver } from "../support/ingest.ts";

const KEY = "0123456789abcdef";
const hash = (text: string) => createHmac("sha256", KEY).update(text).digest("hex").slice(0, 32);
const NOW = Date.UTC(2026, 2, 2, 12);

/** Every row of every table as text. */
async function everything(store: Store): Promise<string> {
  const lane = store.lane("control");
  const tables = await lane.query(
    sql`SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' ORDER BY name`,
    z.object({ name: z.string() }),
  );
  const texts: string[] = [];
  for (const table of tables) texts.push(await lane.text(`SELECT * FROM ${name(table.name).text}`, "JSONEachRow"));
  return texts.join("\n");
}

test("private fields are nowhere in the store, and a forgotten id is gone from all of its tables", async () => {
  const fresh = await openFreshStore([]);
  const { store, folder } = fresh;
  try {
    const lane = store.lane("control");
    const file = path.join(folder, "reference.csv");
    const countries = ["Atlantis", "Lemuria"];
    const lines = Array.from(
      { length: 400 },
      (_, index) => `${countries[index % 2]},mail${index}@example.com,${index},Zip${index % 2},0`,
    );
    await writeFile(file, `country,email,amount,segments.area,prediction\n${lines.join("\n")}\n`);
    const config = configSchema.parse({
      models: [
        {
          name: "m",
          task: "binary",
          segments: ["area"],
          reference: { file },
          privacy: {
            key: KEY,
            id: "hash",
            features: { country: "hash", "e*": "drop", phone: "hash" },
            segments: { area: "hash" },
          },
        },
      ],
    });
    const [model] = config.models;
    assert.ok(model !== undefined);
    const clock = createManualClock(NOW);
    const reader = await openLocalReader(store, path.join(folder, "data"));
    const prepared = await prepareModel(lane, model, clock, { readLane: reader.lane });
    await reader.close();
    const country = prepared.reference?.subjects.find(({ subject }) => subject === "country");
    assert.deepEqual([...(country?.categories ?? [])].sort(), countries.map(hash).sort());
    assert.deepEqual(
      prepared.reference?.subjects.map(({ subject }) => subject).filter((subject) => subject === "email"),
      [],
    );

    const decoder = decoderOptions(clock, [prepared.schema]);
    const writer = writerOver(store.lane("ingest"), clock, [prepared.schema], {
      decoder: { ...decoder, models: [{ schema: prepared.schema, maxFutureMs: 0, privacy: privacyOf(model) }] },
      deadLetterBytes: null,
    });
    const event = (id: string, more: object = {}) => ({
      type: "prediction",
      model: "m",
      id,
      timestamp: NOW - 60_000,
      prediction: 1,
      features: { country: "Atlantis", email: "ana@example.com", phone: "+49 999", amount: 3 },
      segments: { area: "Zip1" },
      attributions: { email: 0.5, amount: 1 },
      ...more,
    });
    const label = (id: string) => ({ type: "label", model: "m", id, timestamp: NOW - 30_000, label: 0 });
    const written = [
      event("person-1"),
      event("person-2"),
      label("person-1"),
      label("person-2"),
      event("person-3", { prediction: "Atlantis" }),
    ];
    await writer.push(messages([...written.map((one) => JSON.stringify(one)), '{"email":"ana@example.com", broken']));
    await writer.flush();

    const [row] = await rowsOf(
      store,
      "SELECT id, features.country AS country, segments, extra, attributions FROM predictions_m ORDER BY id LIMIT 1",
    );
    const first = [hash("person-1"), hash("person-2")].sort()[0];
    assert.deepEqual(row, {
      id: first,
      country: hash("Atlantis"),
      segments: { area: hash("Zip1") },
      extra: { phone: JSON.stringify(hash("+49 999")) },
      attributions: { amount: 1 },
    });
    const all = await everything(store);
    for (const secret of ["Atlantis", "Lemuria", "example.com", "+49 999", "Zip1", "person-", KEY])
      assert.equal(all.includes(secret), false, secret);
    assert.deepEqual(
      (await rowsOf(store, "SELECT reason, raw FROM dead_letters ORDER BY offset")).map(({ reason, raw }) => [
        reason,
        raw,
      ]),
      [
        ["field_invalid", ""],
        ["not_json", ""],
      ],
    );

    const place = { lane, models: config.models, now: NOW };
    const request = { id: "person-1", owner: "ana", reason: "asked to" };
    assert.deepEqual((await forget(place, request)).rows, {
      predictions_m: 1,
      prediction_ids: 1,
      labels: 1,
    });
    assert.equal((await everything(store)).includes(hash("person-1")), false);
    assert.ok((await everything(store)).includes(hash("person-2")));
    assert.deepEqual((await forget(place, request)).rows, {});
    const [audited] = await rowsOf(store, "SELECT kind, owner, reason, model FROM decisions ORDER BY at LIMIT 1");
    assert.deepEqual(audited, { kind: "forgotten", owner: "ana", reason: "asked to", model: "" });
    await assert.rejects(forget(place, { ...request, model: "n" }), /there is no model n/);
    await writer.close(0);
  } finally {
    await fresh.end();
  }
});

const half = (side: "request" | "response", id: string, body: object) => ({
  headers: {
    ce_type: `org.kubeflow.serving.inference.${side}`,
    ce_id: id,
    ce_time: new Date(NOW - 60_000).toISOString(),
    ce_inferenceservicename: "m",
    ce_component: "predictor",
  },
  value: Buffer.from(JSON.stringify(body)),
});
const asked = (id: string, country: string) =>
  half("request", id, { instances: [{ country, email: "ana@example.com", amount: 3 }] });
const answered = (id: string, rows = 1) => half("response", id, { predictions: Array.from({ length: rows }, () => 1) });

test("halves of calls wait, are paired, buried and forgotten without anything private ever lying in the store", async () => {
  const fresh = await openFreshStore([]);
  const { store } = fresh;
  try {
    const lane = store.lane("control");
    const config = configSchema.parse({
      store: { embedded: "x" },
      sources: [{ use: "kafka", brokers: ["kafka:9092"], topics: ["calls"], format: "kserve" }],
      models: [
        {
          name: "m",
          task: "binary",
          features: { country: "categorical", amount: "numeric" },
          privacy: { key: KEY, id: "hash", features: { country: "hash", email: "drop" } },
        },
      ],
    });
    const [model] = config.models;
    assert.ok(model !== undefined);
    const clock = createManualClock(NOW);
    const models = [await prepareModel(lane, model, clock, { readLane: lane })];
    const decoders = createDecoders({ config, models: models.map(decoderModel), clock });
    const writer = writerOver(store.lane("ingest"), clock, [], {
      ...limitsOf(config, models),
      decoderOf: (source) => decoders.of(source),
    });
    const sent = [
      asked("person-1", "Atlantis"),
      answered("person-1"),
      asked("person-2", "Atlantis"),
      asked("person-3", "Lemuria"),
      answered("person-3", 2),
      half("request", "person-4", { instances: "Atlantis" }),
    ];
    await writer.push(sent.map((one, offset) => ({ source: "kafka:calls:id", partition: 0, offset, ...one })));
    await writer.flush();
    const secrets = ["Atlantis", "Lemuria", "example.com", "person-", KEY];
    const hidden = async () => {
      const all = await everything(store);
      for (const secret of secrets) assert.equal(all.includes(secret), false, secret);
    };
    await hidden();
    const pairs = createPairs({
      config,
      models,
      store,
      clock,
      log: silentLog,
      metrics: createMetrics({ process: false }),
    });
    assert.deepEqual(await pairs.run({ final: true }), { calls: 1, rows: 1 });
    await pairs.close();
    await hidden();
    assert.deepEqual(
      await rowsOf(
        store,
        "SELECT id, features.country AS country, features.amount AS amount, extra FROM predictions_m",
      ),
      [{ id: hash("person-1/0"), country: hash("Atlantis"), amount: 3, extra: {} }],
    );
    const letters = await rowsOf(
      store,
      "SELECT offset AS o, reason, raw != '' AS kept FROM dead_letters FINAL ORDER BY o",
    );
    assert.deepEqual(letters, [
      { o: 2, reason: "unpaired", kept: 1 },
      { o: 4, reason: "halves_disagree", kept: 1 },
      { o: 5, reason: "format_unreadable", kept: 0 },
    ]);

    const place = { lane, models: config.models, now: NOW };
    for (const id of ["person-1/0", "person-2/0", "person-3/0"])
      await forget(place, { id, owner: "ana", reason: "asked to" });
    assert.deepEqual(
      await rowsOf(
        store,
        "SELECT 'letter' AS what, reason FROM dead_letters UNION ALL SELECT 'half' AS what, id FROM halves UNION ALL SELECT 'row' AS what, id FROM predictions_m",
      ),
      [{ what: "letter", reason: "format_unreadable" }],
    );
    await writer.close(0);
  } finally {
    await fresh.end();
  }
});
