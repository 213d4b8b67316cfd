/**
 * Labels by entity: whatever the order in which predictions and labels come, and however often they are evaluated on the way, each
 * prediction has the label that a plain reading of the rule gives it, and the KPIs are the same.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { z } from "zod";
import { forgottenText } from "../../src/alert/decisions.ts";
import type { MetricRow } from "../../src/core/metric.ts";
import { privateText } from "../../src/core/private-text.ts";
import { readCommitRecords, readMarks } from "../../src/evaluate/commit-records.ts";
import { joinEntitiesOfPredictions } from "../../src/evaluate/entity-outcomes.ts";
import { joinedRows } from "../../src/evaluate/kpis/joined-rows.ts";
import type { PreparedModel } from "../../src/evaluate/prepare-model.ts";
import { seededRandom } from "../../src/math/seeded-random.ts";
import { forget } from "../../src/serve/forget.ts";
import { name, sql } from "../../src/store/sql.ts";
import { openStage, type Scene } from "../support/evaluation-stage.ts";
import type { WrittenEntityLabel, WrittenLabel, WrittenPrediction } from "../support/event-writer.ts";
import { messages, writerOver } from "../support/ingest.ts";

type WrittenEvent = WrittenPrediction | WrittenLabel | WrittenEntityLabel;

const T0 = Date.parse("2026-03-01T00:00:00Z");
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const WITHIN = 6 * HOUR;
const DEDUPE = 2 * HOUR;
const clock = { now: () => T0 + 1000 * HOUR, sleep: () => Promise.resolve() };
const stage = await openStage(clock);
after(() => stage.close());

const model = (name: string, window = "1h") => ({
  name,
  task: "binary",
  pane: "10m",
  windows: [window],
  min_rows: 1,
  dedupe_within: "2h",
  join_labels: { by: "entity", entity: "customer", within: "6h" },
  kpis: ["accuracy", "label_coverage"],
});

/** A day of events: two versions, a challenger, copies near and far, several predictions at one instant, versioned labels. */
function historyOf(seed: number): WrittenEvent[] {
  const next = seededRandom(seed);
  const pick = (n: number) => Math.floor(next() * n);
  const events: WrittenEvent[] = [];
  const labelled = new Set<string>();
  for (let i = 0; i < 260; i++) {
    const timestamp = T0 + pick(24 * 6) * 10 * MINUTE;
    const prediction = {
      kind: "prediction",
      id: `p${i}`,
      timestamp,
      version: next() < 0.7 ? "1" : "2",
      variant: next() < 0.2 ? "challenger" : "",
      entity: next() < 0.05 ? "" : `customer ${pick(9)}`,
      prediction: pick(2),
    } as const;
    events.push(prediction);
    if (next() < 0.2) events.push({ ...prediction, timestamp: timestamp + pick(24) * 10 * MINUTE });
    if (next() < 0.1) events.push({ kind: "label", id: prediction.id, timestamp: timestamp + HOUR, label: pick(2) });
  }
  for (let i = 0; i < 220; i++) {
    const label = {
      kind: "entity label",
      entity: `customer ${pick(10)}`,
      timestamp: T0 + pick(30 * 6) * 10 * MINUTE,
      version: next() < 0.8 ? "" : "2",
      label: pick(2),
    } as const;
    // Those of one instant are told apart by their position, which another order changes.
    const key = `${label.entity} ${label.timestamp}`;
    if (!labelled.has(key)) events.push(label);
    labelled.add(key);
  }
  return events;
}

const seriesOf = ({ version = "", variant = "" }: WrittenPrediction) => `${version} ${variant}`;
const rowOf = (one: WrittenPrediction) => `${one.id} ${seriesOf(one)} ${one.timestamp}`;

/** The label of each prediction that counts, by the rule as it is documented. */
function expectedLabels(events: readonly WrittenEvent[]): Map<string, string> {
  const predictions = events.filter((event): event is WrittenPrediction => event.kind === "prediction");
  const kept = predictions.filter(
    (one) =>
      !predictions.some(
        (other) =>
          other.id === one.id &&
          seriesOf(other) === seriesOf(one) &&
          other.timestamp < one.timestamp &&
          one.timestamp - other.timestamp <= DEDUPE,
      ),
  );
  const best = new Map<string, WrittenEntityLabel>();
  for (const label of events.filter((event): event is WrittenEntityLabel => event.kind === "entity label")) {
    for (const series of new Set(kept.map(seriesOf))) {
      const [latest] = kept
        .filter((one) => one.entity === label.entity && seriesOf(one) === series && one.timestamp <= label.timestamp)
        .sort((a, b) => b.timestamp - a.timestamp || (a.id < b.id ? 1 : -1));
      if (latest === undefined || label.timestamp - latest.timestamp > WITHIN) continue;
      if ((label.version ?? "") !== "" && label.version !== latest.version) continue;
      if ((best.get(rowOf(latest))?.timestamp ?? 0) < label.timestamp) best.set(rowOf(latest), label);
    }
  }
  const labels = new Map([...best].map(([row, { label }]) => [row, String(label)]));
  for (const label of events.filter((event): event is WrittenLabel => event.kind === "label"))
    for (const one of kept.filter(({ id }) => id === label.id)) labels.set(rowOf(one), String(label.label));
  return labels;
}

const joinedRow = z.object({
  id: z.string(),
  version: z.string(),
  variant: z.string(),
  at: z.number(),
  label_text: z.string(),
});

/** As KPIs read them. */
async function foundLabels(prepared: PreparedModel): Promise<Map<string, string>> {
  const span = { from: T0, to: T0 + 100 * HOUR };
  const joined = await joinedRows(
    stage.lane,
    prepared,
    { span, key: sql`toInt64(0)`, where: sql`true` },
    { features: [], labelled: true },
  );
  const rows = await stage.lane.query(
    sql`SELECT id, version, variant, toUnixTimestamp64Milli(timestamp) AS at, label_text FROM (${joined}) WHERE labelled`,
    joinedRow,
  );
  return new Map(rows.map((row) => [`${row.id} ${row.version} ${row.variant} ${row.at}`, row.label_text]));
}

function shuffled<Item>(items: readonly Item[], seed: number): Item[] {
  const next = seededRandom(seed);
  return items
    .map((item) => ({ item, at: next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

const comparable = (rows: readonly MetricRow[]): string[] =>
  rows
    .filter(({ subject_kind }) => subject_kind === "kpi")
    .map(({ version, variant, window_start, metric, value, n, coverage, status }) =>
      JSON.stringify([version, variant, window_start, metric, value, n, coverage, status]),
    )
    .sort();

async function evaluated(name: string, order: readonly WrittenEvent[], batch: number, restarts: boolean) {
  let scene = await stage.scene(model(name, "6h"));
  for (let at = 0; at < order.length; at += batch) {
    await scene.write(order.slice(at, at + batch), at);
    if (restarts) scene = await stage.scene(model(name, "6h"));
    await scene.evaluation.run();
  }
  await scene.evaluation.run({ final: true });
  return { labels: await foundLabels(scene.prepared), rows: comparable(await scene.rows("6h")) };
}

test("the order of arrival never changes which label a prediction has", async () => {
  const byTime = historyOf(1).sort((a, b) => a.timestamp - b.timestamp);
  const expected = expectedLabels(byTime);
  assert.ok(expected.size > 80, `${expected.size} labelled predictions`);
  const isLabel = ({ kind }: WrittenEvent) => kind !== "prediction";
  const labels = byTime.filter(isLabel);
  const predictions = byTime.filter((event) => !isLabel(event));
  const once = await evaluated("once", byTime, 10_000, false);
  assert.deepEqual(once.labels, expected);
  assert.ok(once.rows.length > 30);
  const ways: readonly [string, readonly WrittenEvent[], number, boolean][] = [
    ["stream", byTime, 220, false],
    ["labels-first", [...labels, ...predictions.toReversed()], 280, false],
    ["predictions-first", [...predictions, ...labels.toReversed()], 350, true],
    ["shuffled-and-again", [...shuffled(byTime, 1), ...byTime.slice(0, 200)], 280, true],
  ];
  for (const [name, order, batch, restarts] of ways) {
    const found = await evaluated(name, order, batch, restarts);
    assert.deepEqual(found.labels, expected, name);
    assert.deepEqual(found.rows, once.rows, name);
  }
});

const at = (hours: number) => T0 + hours * HOUR;
const said = (id: string, hours: number, entity = "c"): WrittenPrediction => ({
  kind: "prediction",
  id,
  timestamp: at(hours),
  entity,
  prediction: 1,
});
const truth = (hours: number, label: number, entity = "c"): WrittenEntityLabel => ({
  kind: "entity label",
  entity,
  timestamp: at(hours),
  label,
});
const labelsOf = async (scene: Scene) =>
  Object.fromEntries([...(await foundLabels(scene.prepared))].map(([row, label]) => [row.split(" ")[0], label]));

test("a label waits for its prediction, a nearer prediction takes it over, and the window it leaves is computed again", async () => {
  const scene = await stage.scene(model("takeover"));
  await scene.write([truth(5, 0), said("other", 20, "d")], 0);
  await scene.evaluation.run();
  assert.deepEqual(await labelsOf(scene), {});
  await scene.write([said("far", 1)], 10);
  await scene.evaluation.run();
  assert.deepEqual(await labelsOf(scene), { far: "0" });
  const coverage = async (hours: number) =>
    (await scene.rows("1h")).find(
      ({ metric, window_start }) => metric === "label_coverage" && window_start === at(hours),
    );
  assert.equal((await coverage(1))?.value, 1);
  const before = (await coverage(1))?.revision ?? 0;
  await scene.write([said("near", 4)], 20);
  await scene.evaluation.run();
  assert.deepEqual(await labelsOf(scene), { near: "0" });
  const lost = await coverage(1);
  assert.deepEqual([lost?.value, (lost?.revision ?? 0) > before], [0, true]);
  assert.equal((await coverage(4))?.value, 1);
});

test("a label at the end of the horizon counts, one past it does not; one at the very time of a prediction is its own", async () => {
  const scene = await stage.scene(model("horizon"));
  await scene.write(
    [said("a", 1), truth(7, 1), said("b", 1, "late"), truth(7.001, 1, "late"), said("c", 9), truth(9, 0)],
    0,
  );
  await scene.evaluation.run({ final: true });
  assert.deepEqual(await labelsOf(scene), { a: "1", c: "0" });
});

test("a correction for the same entity and time replaces the label, whatever it says; entities without a label have none", async () => {
  const scene = await stage.scene(model("corrected"));
  await scene.write([said("a", 1), said("b", 1, "unlabelled"), truth(2, 0)], 0);
  await scene.evaluation.run();
  await scene.write([truth(2, 1)], 10);
  await scene.evaluation.run({ final: true });
  assert.deepEqual(await labelsOf(scene), { a: "1" });
});

test("a crash after the labels were joined and before the windows were computed changes nothing", async () => {
  const first = await stage.scene(model("crash"));
  await first.write([said("far", 1), truth(5, 0), said("other", 20, "d")], 0);
  await first.evaluation.run();
  await first.write([said("near", 4)], 10);
  const records = await readCommitRecords(stage.lane, "crash", await readMarks(stage.lane, "crash"));
  await joinEntitiesOfPredictions(stage.lane, first.prepared, records);
  const again = await stage.scene(model("crash"));
  await again.evaluation.run({ final: true });
  const coverage = (await again.rows("1h")).filter(({ metric }) => metric === "label_coverage");
  assert.deepEqual(
    coverage.filter(({ n }) => n > 0).map(({ window_start, value }) => [(window_start - T0) / HOUR, value]),
    [
      [1, 0],
      [4, 1],
      [20, 0],
    ],
  );
});

test("events as they come over the wire: the key in a feature, in the label a field, numbers and text alike", async () => {
  const scene = await stage.scene(model("wire"));
  const writer = writerOver(stage.lane, clock, [scene.prepared.schema]);
  const common = { model: "wire", version: "1" };
  const sent = [
    { ...common, type: "label", customer: 81, label: 0, timestamp: at(3) },
    { ...common, type: "prediction", id: "r-1", prediction: 1, features: { customer: "81" }, timestamp: at(1) },
    { ...common, type: "prediction", id: "r-2", prediction: 1, segments: { customer: 82 }, timestamp: at(1) },
    { ...common, type: "label", customer: "82", label: 1, timestamp: at(2) },
    { ...common, type: "label", label: 1, timestamp: at(2) },
  ];
  await writer.push(
    messages(
      sent.map((event) => JSON.stringify(event)),
      0,
      "wire",
    ),
  );
  await writer.flush();
  await writer.close(0);
  await scene.evaluation.run({ final: true });
  assert.deepEqual(await labelsOf(scene), { "r-1": "0", "r-2": "1" });
  const accuracy = (await scene.rows("1h")).find(({ metric }) => metric === "accuracy");
  assert.deepEqual([accuracy?.value, accuracy?.n], [0.5, 2]);
  const dead = await stage.lane.query(
    sql`SELECT reason FROM dead_letters WHERE source = 'wire'`,
    z.object({ reason: z.string() }),
  );
  assert.deepEqual(dead, [{ reason: "field_missing" }]);
});

const KEY = "0123456789abcdef";
const ENTITY_TABLES = ["entity_labels", "prediction_entities", "entity_outcomes"];

test("an entity is forgotten with its predictions, labels and messages, by its key or its hash; what is about others stays", async () => {
  const hash = privateText(KEY)("c");
  for (const [called, key, more] of [
    ["known", "c", {}],
    ["hashed", hash, { privacy: { key: KEY, id: "hash" } }],
  ] as const) {
    const scene = await stage.scene({ ...model(called), ...more });
    await scene.write([said("mine", 1, key), said("mine-too", 2, key), said("other", 1, "cc"), truth(3, 0, key)], 0);
    await scene.write([{ kind: "label", id: "mine", timestamp: at(4), label: 1 }, truth(3, 1, "cc")], 10);
    await scene.evaluation.run({ final: true });
    assert.deepEqual(await labelsOf(scene), { mine: "1", "mine-too": "0", other: "1" });
    const letter = { source: called, partition: 0, item: 0, reason: "field_invalid", detail: "no" };
    await stage.lane.insertRows(
      "dead_letters",
      [`{"customer":"${key}"}`, '{"customer":"cc"}', '{"customer":"x","c1":0}'].map((raw, offset) => ({
        ...letter,
        offset,
        raw,
      })),
    );
    const place = { lane: stage.lane, models: [scene.prepared.config], now: at(900) };
    const request = { entity: "c", owner: "ana", reason: "asked to" };
    const { decision_id, rows } = await forget(place, request);
    const { outcomes = 0, ...others } = rows;
    assert.ok(outcomes >= 1, "rows of one prediction, as long as the engine has not merged them");
    assert.deepEqual(others, {
      labels: 1,
      prediction_ids: 2,
      entity_labels: 1,
      prediction_entities: 2,
      entity_outcomes: 1,
      [`predictions_${called}`]: 2,
      dead_letters: 1,
    });
    assert.deepEqual(await labelsOf(scene), { other: "1" });
    for (const table of ENTITY_TABLES) {
      const text = await stage.lane.text(sql`SELECT * FROM ${name(table)} WHERE model = ${called}`.text, "JSONEachRow");
      assert.equal(text.trim().split("\n").length, 1, table);
    }
    assert.deepEqual((await forget(place, request)).rows, {});
    const [decision] = await stage.lane.query(
      sql`SELECT kind, subject, owner FROM decisions WHERE decision_id = ${decision_id}`,
      z.object({ kind: z.string(), subject: z.string(), owner: z.string() }),
    );
    assert.deepEqual(decision, { kind: "forgotten", subject: `entity ${forgottenText("c")}`, owner: "ana" });
  }
});
