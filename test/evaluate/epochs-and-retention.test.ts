/** What a new reference changes and what it leaves, and what retention deletes. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { z } from "zod";
import { createEvaluation } from "../../src/evaluate/evaluation.ts";
import { readMetrics } from "../../src/evaluate/metric-writer.ts";
import { prepareModel } from "../../src/evaluate/prepare-model.ts";
import { applyRetention } from "../../src/evaluate/retention.ts";
import { openStore } from "../../src/store/open.ts";
import { sql, written } from "../../src/store/sql.ts";
import { modelConfig, type WrittenEvent, writeBatch } from "../support/event-writer.ts";

const folder = await mkdtemp(path.join(os.tmpdir(), "driftline-epochs-"));
const store = await openStore({ embedded: path.join(folder, "store") });
after(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});
const lane = store.lane("control");
const T0 = Date.parse("2026-03-02T10:00:00Z");
const HOUR = 3_600_000;
const clock = { now: () => T0 + 1000 * HOUR, sleep: () => Promise.resolve() };

async function reference(name: string, shift: number): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(
    file,
    Array.from({ length: 1000 }, (_, i) => JSON.stringify({ x: (i % 97) / 10 + shift })).join("\n"),
  );
  return file;
}

const hour = (index: number, minutes = 60): WrittenEvent[] =>
  Array.from({ length: minutes * 5 }, (_, i) => ({
    kind: "prediction",
    id: `h${index}-${i}`,
    timestamp: T0 + index * HOUR + i * 12_000,
    prediction: 1,
    features: { x: (i % 97) / 10 },
  }));

test("a new reference leaves closed windows as they are, and the open ones get all their panes", async () => {
  const model = (file: string) =>
    modelConfig({
      name: "epochs",
      task: "regression",
      reference: { file },
      windows: ["1h", "200 events"],
      detectors: ["total-variation"],
    });
  const first = await prepareModel(lane, model(await reference("first.ndjson", 0)), clock);
  const evaluation = createEvaluation({ store, models: [first], clock });
  await writeBatch(lane, first.config, first.schema, [...hour(0), ...hour(1), ...hour(2, 30)], {
    source: "epochs",
    offset: 0,
  });
  await evaluation.run();
  const second = await prepareModel(lane, model(await reference("second.ndjson", 5)), clock);
  assert.notEqual(second.referenceId, first.referenceId);
  evaluation.replace(second);
  await evaluation.run();
  await writeBatch(lane, second.config, second.schema, [...hour(2).slice(150), ...hour(3)], {
    source: "epochs",
    offset: 10_000,
  });
  await evaluation.run({ final: true });
  const rows = (await readMetrics(lane, { model: "epochs", window: "1h", where: sql`subject = 'x'` })).sort(
    (a, b) => a.window_start - b.window_start,
  );
  assert.deepEqual(
    rows.map((row) => [row.n, row.reference_id, row.revision]),
    [
      [300, first.referenceId, 1],
      [300, first.referenceId, 1],
      [300, second.referenceId, 1],
      [300, second.referenceId, 1],
    ],
  );
  assert.deepEqual(
    rows.map((row) => row.breached),
    [false, false, true, true],
  );
  const counted = (await readMetrics(lane, { model: "epochs", window: "200 events", where: sql`subject = 'x'` })).sort(
    (a, b) => a.window_start - b.window_start,
  );
  assert.deepEqual(
    counted.map((row) => [row.n, row.reference_id]),
    [...[0, 1, 2].map(() => [200, first.referenceId]), ...[3, 4, 5].map(() => [200, second.referenceId])],
  );
});

test("a model of two hundred features, some with five hundred long categories, is summarised", async () => {
  const names = Array.from({ length: 200 }, (_, i) => `feature ${i} with a rather long name`);
  const file = path.join(folder, "wide.ndjson");
  const row = (i: number): Record<string, unknown> =>
    Object.fromEntries(
      names.map((feature, k) => [
        feature,
        k % 20 === 0 ? `a category of considerable length, number ${i % 600}` : ((i * (k + 7)) % 101) / 10,
      ]),
    );
  await writeFile(file, Array.from({ length: 700 }, (_, i) => JSON.stringify(row(i))).join("\n"));
  const config = modelConfig({
    name: "wide",
    task: "regression",
    reference: { file },
    windows: ["1h"],
    detectors: ["total-variation"],
  });
  const prepared = await prepareModel(lane, config, clock);
  await writeBatch(
    lane,
    config,
    prepared.schema,
    Array.from({ length: 700 }, (_, i) => ({
      kind: "prediction",
      id: `w${i}`,
      timestamp: T0 + i * 1000,
      prediction: 1,
      features: row(i),
    })),
    { source: "wide", offset: 0 },
  );
  await createEvaluation({ store, models: [prepared], clock }).run({ final: true });
  const rows = await readMetrics(lane, { model: "wide", window: "1h", where: sql`subject_kind = 'feature'` });
  assert.equal(rows.length, 200);
  for (const found of rows)
    assert.ok(Math.abs(found.value ?? 1) < 1e-9, `${found.subject}: ${found.value} ${found.detail}`);
});

test("retention drops the months that lie behind it, and no row of the months that are kept", async () => {
  const config = modelConfig({
    name: "old",
    task: "regression",
    windows: ["1h"],
    retention: "40d",
    label_horizon: "30d",
  });
  const prepared = await prepareModel(lane, config, clock);
  const at = (date: string, id: string): WrittenEvent => ({
    kind: "prediction",
    id,
    timestamp: Date.parse(date),
    prediction: 1,
  });
  await writeBatch(
    lane,
    config,
    prepared.schema,
    [
      at("2025-11-15T00:00:00Z", "a"),
      at("2026-01-02T00:00:00Z", "b"),
      at("2026-01-25T00:00:00Z", "c"),
      at("2026-03-01T00:00:00Z", "d"),
    ],
    { source: "old", offset: 0 },
  );
  await createEvaluation({ store, models: [prepared], clock }).run({ final: true });
  assert.equal(await applyRetention(lane, prepared), Date.parse("2026-01-01T00:00:00Z"));
  const count = async (table: string) =>
    (await lane.query(sql`SELECT count() AS rows FROM ${written(table)}`, z.object({ rows: z.number() })))[0]?.rows;
  assert.equal(await count("predictions_old"), 3);
  assert.equal(await count("prediction_ids WHERE model = 'old'"), 3);
  assert.equal(await applyRetention(lane, prepared), null);
});
