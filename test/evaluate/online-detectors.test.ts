/**
 * Online detectors in the service, on the real engine: a fall of accuracy at a known event is found where the detector itself, fed with the
 * errors one by one, finds it; labels that come late or are corrected revise the rows; a restart and a later start write the same ones.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { z } from "zod";
import { onlineDetectors } from "../../detectors/online/index.ts";
import type { MetricRow } from "../../src/core/metric.ts";
import { createEvaluation } from "../../src/evaluate/evaluation.ts";
import { replayReference, replayText } from "../../src/evaluate/online/reference-replay.ts";
import { prepareModel } from "../../src/evaluate/prepare-model.ts";
import { createRootCause } from "../../src/evaluate/root-cause/root-cause.ts";
import { seededRandom } from "../../src/math/seeded-random.ts";
import { sql } from "../../src/store/sql.ts";
import { createAlertStation } from "../support/alert-station.ts";
import { findRow, openStage, type Scene } from "../support/evaluation-stage.ts";
import { modelConfig, type WrittenEvent, type WrittenLabel, type WrittenPrediction } from "../support/event-writer.ts";

const HOUR = 3_600_000;
const T0 = Date.parse("2026-03-01T00:00:00Z");
const clock = { now: () => T0 + 1000 * HOUR, sleep: () => Promise.resolve() };
const stage = await openStage(clock);
after(() => stage.close());

/** 100 events an hour for 60 hours; one in twenty is wrong, from the 3,050th on, in the middle of an hour, four in ten. */
const CHANGE = 3050;
const next = seededRandom(11);
const wrong = Array.from({ length: 6000 }, (_, i) => next() < (i < CHANGE ? 0.05 : 0.4));
const timeOf = (i: number) => T0 + i * (HOUR / 100);
const predictions = wrong.map(
  (_, i): WrittenPrediction => ({
    kind: "prediction",
    id: `e${String(i).padStart(5, "0")}`,
    timestamp: timeOf(i),
    prediction: i % 2,
    features: { amount: i < CHANGE ? i % 10 : 10 + (i % 10) },
  }),
);
const labels = wrong.map(
  (isWrong, i): WrittenLabel => ({
    kind: "label",
    id: `e${String(i).padStart(5, "0")}`,
    timestamp: timeOf(i) + HOUR,
    label: isWrong ? 1 - (i % 2) : i % 2,
  }),
);

const online = ["adwin", "ddm", "cusum", "ewma", "page-hinkley"];
const written = {
  task: "binary",
  pane: "10m",
  windows: ["1h", "250 events"],
  anchor: "never",
  min_rows: 20,
  kpis: ["accuracy"],
  detectors: [
    ...online.filter((use) => use !== "ewma"),
    { use: "ewma", on: "accuracy", min_values: 20 },
    { use: "adwin", on: "accuracy" },
  ],
};

/** Indices of the errors at which a detector with its defaults finds a change. */
function changesIn(name: string, errors: readonly boolean[]): number[] {
  const run = onlineDetectors.find((detector) => detector.name === name)?.bind({});
  assert.ok(run !== undefined);
  let state = run.start();
  return errors.flatMap((isWrong, index) => {
    const { state: after, verdict } = run.step(state, isWrong ? 1 : 0);
    state = after;
    return verdict.drifted ? [index] : [];
  });
}

const detailSchema = z.looseObject({
  changes: z.number(),
  found_at: z.string().optional(),
  since: z.string().optional(),
  mean_before: z.number().optional(),
  mean_after: z.number().optional(),
});
const detailOf = (row: MetricRow) => detailSchema.parse(JSON.parse(row.detail));

const onlineRows = (rows: readonly MetricRow[]) => rows.filter((row) => online.includes(row.metric));
const comparable = (rows: readonly MetricRow[]) =>
  onlineRows(rows)
    .map(({ revision: _revision, computed_at: _at, model: _model, monitor_hash: _hash, ...row }) => JSON.stringify(row))
    .sort();

async function evaluated(name: string, batches: readonly (readonly WrittenEvent[])[]): Promise<Scene> {
  const scene = await stage.scene({ name, ...written });
  let offset = 0;
  for (const batch of batches) {
    await scene.write(batch, offset);
    offset += batch.length;
    await scene.evaluation.run();
  }
  await scene.evaluation.run({ final: true });
  return scene;
}

const whole = await evaluated("whole", [[...predictions, ...labels]]);

test("a change is told in the window of the event at which the detector finds it, and nowhere else", async () => {
  for (const [window, size] of [
    ["1h", 100],
    ["250 events", 250],
  ] as const) {
    const rows = onlineRows(await whole.rows(window)).filter((row) => row.subject === "error");
    for (const name of online.filter((one) => one !== "ewma")) {
      const found = changesIn(name, wrong);
      const mine = rows.filter((row) => row.metric === name).sort((a, b) => a.window_start - b.window_start);
      assert.equal(mine.length, 6000 / size, `${name} in ${window}`);
      const told = mine.map((row) => (row.status === "ok" ? detailOf(row).changes : 0));
      const expected = mine.map((_, index) => found.filter((at) => Math.floor(at / size) === index).length);
      assert.deepEqual(told, expected, `${name} in ${window}`);
      assert.deepEqual(
        mine.map((row) => row.breached),
        expected.map((changes) => changes > 0),
      );
      for (const row of mine.filter(({ breached }) => breached))
        assert.ok((row.value ?? 0) > (row.threshold ?? Number.POSITIVE_INFINITY), `${name}: ${row.value}`);
    }
  }
});

test("the fall is found soon after the event where it began, and the row says since when and from what to what", async () => {
  const rows = await whole.rows("1h");
  const [first] = changesIn("adwin", wrong).filter((at) => at >= CHANGE);
  assert.ok(first !== undefined && first < CHANGE + 150, `found at ${first}`);
  const row = findRow(rows, T0 + Math.floor(first / 100) * HOUR, "adwin", "error");
  const detail = detailOf(row);
  assert.equal(detail.found_at, new Date(timeOf(first)).toISOString());
  assert.ok(Math.abs(Date.parse(detail.since ?? "") - timeOf(CHANGE)) < HOUR / 4, detail.since);
  assert.ok(Math.abs((detail.mean_before ?? 0) - 0.05) < 0.02, `before ${detail.mean_before}`);
  assert.ok(Math.abs((detail.mean_after ?? 0) - 0.4) < 0.15, `after ${detail.mean_after}`);
  assert.deepEqual([row.subject_kind, row.n, row.version], ["kpi", 100, ""]);
});

test("on a KPI each window is one value, and the first ones say what is usual", async () => {
  const rows = (await whole.rows("1h")).filter((row) => row.subject === "accuracy" && row.metric === "ewma");
  const inOrder = rows.sort((a, b) => a.window_start - b.window_start);
  assert.equal(inOrder.length, 60);
  assert.ok(inOrder.slice(0, 20).every((row) => row.status === "insufficient"));
  const breached = inOrder.filter(({ breached }) => breached).map((row) => (row.window_start - T0) / HOUR);
  assert.ok(
    breached.some((hour) => hour >= 30 && hour <= 33),
    breached.join(),
  );
  const accuracy = (await whole.rows("1h")).filter((row) => row.metric === "accuracy");
  assert.equal(accuracy.length, 60, "the rows of the KPI itself stay");
});

test("a rule names it like any metric: the change opens an incident, and the next windows resolve it", async () => {
  const { alerting } = createAlertStation(
    stage.store,
    { models: [{ ...written, name: "whole", false_alarms: "off", alerts: { rules: ["adwin breached"] } }] },
    { clock, explain: createRootCause(stage.lane, [whole.prepared]) },
  );
  const changes = (await alerting.process("whole")).filter(({ incident }) => incident.window === "1h");
  const opened = changes.filter(({ kind }) => kind === "opened");
  const [first] = changesIn("adwin", wrong).filter((at) => at >= CHANGE);
  const ofError = opened.find(({ incident }) => incident.members.some(({ subject }) => subject === "error"));
  assert.equal(ofError?.incident.onset, T0 + Math.floor((first ?? 0) / 100) * HOUR);
  assert.match(ofError?.incident.title ?? "", /^whole, window 1h: adwin of error [\d.]+ is above 1/);
  assert.ok(changes.some(({ kind }) => kind === "resolved"));
});

test("labels that come late and are corrected revise the rows to what they would have been", async () => {
  const isLate = (i: number) => i % 7 === 3;
  const early = labels.filter((_, i) => !isLate(i)).map((label, i) => (i % 50 === 0 ? { ...label, label: 1 } : label));
  const corrected = labels
    .filter((_, i) => !isLate(i))
    .filter((_, i) => i % 50 === 0)
    .map((label) => ({ ...label, timestamp: label.timestamp + 1 }));
  const late = labels.filter((_, i) => isLate(i));
  const scene = await evaluated("late", [
    predictions.slice(0, 3500),
    early.slice(0, 3000),
    [...predictions.slice(3500), ...early.slice(3000)],
    [...corrected, ...late.slice(400)],
    late.slice(0, 400),
  ]);
  const rows = await scene.rows("1h");
  for (const window of ["1h", "250 events"])
    assert.deepEqual(comparable(await scene.rows(window)), comparable(await whole.rows(window)), window);
  const revised = onlineRows(rows).filter((row) => row.revision > 1);
  assert.ok(revised.length > 20, `${revised.length} rows were revised`);
});

test("a restart after any run goes on from saved states, and evaluating again writes nothing", async () => {
  const scene = await stage.scene({ name: "restarts", ...written });
  const events = [...predictions, ...labels].sort((a, b) => a.timestamp - b.timestamp);
  for (let at = 0; at < events.length; at += 2500) {
    await scene.write(events.slice(at, at + 2500), at);
    const prepared = await prepareModel(stage.lane, scene.config, clock);
    await createEvaluation({ store: stage.store, models: [prepared], clock }).run();
  }
  await scene.evaluation.run({ final: true });
  for (const window of ["1h", "250 events"])
    assert.deepEqual(comparable(await scene.rows(window)), comparable(await whole.rows(window)), window);
  const states = await stage.lane.query(
    sql`SELECT window, count() AS n FROM online_states FINAL WHERE model = 'restarts' AND slot >= 0 GROUP BY window ORDER BY window`,
    z.object({ window: z.string(), n: z.number() }),
  );
  // 60 hours are three days: one state a day, however many windows and runs there were.
  assert.deepEqual(states, [
    { window: "1h", n: 3 },
    { window: "250 events", n: 3 },
  ]);
  const again = createEvaluation({
    store: stage.store,
    models: [await prepareModel(stage.lane, scene.config, clock)],
    clock,
  });
  assert.deepEqual(await again.run({ final: true }), []);
});

test("a crash between rows and states repeats the same rows", async () => {
  const scene = await evaluated("crash", [[...predictions.slice(0, 4000), ...labels.slice(0, 4000)]]);
  // What a crash would leave: the marks and the states of the last run are not written.
  await stage.lane.command(sql`DELETE FROM evaluated WHERE model = 'crash'`);
  await stage.lane.command(sql`DELETE FROM online_states WHERE model = 'crash' AND slot >= 0`);
  await scene.write([...predictions.slice(4000), ...labels.slice(4000)], 8000);
  const prepared = await prepareModel(stage.lane, scene.config, clock);
  await createEvaluation({ store: stage.store, models: [prepared], clock }).run({ final: true });
  for (const window of ["1h", "250 events"])
    assert.deepEqual(comparable(await scene.rows(window)), comparable(await whole.rows(window)), window);
});

test("added to a running model a detector learns from the past, and tells from then on", async () => {
  const before = await stage.scene({ name: "added", ...written, detectors: ["volume"] });
  await before.write([...predictions.slice(0, 2000), ...labels.slice(0, 2000)], 0);
  await before.evaluation.run();
  const scene = await stage.scene({ name: "added", ...written });
  await scene.write([...predictions.slice(2000), ...labels.slice(2000)], 4000);
  await scene.evaluation.run({ final: true });
  const rows = await scene.rows("1h");
  const first = Math.min(...onlineRows(rows).map((row) => row.window_start));
  assert.ok(first >= T0 + 19 * HOUR, new Date(first).toISOString());
  const later = (all: readonly MetricRow[]) => comparable(all.filter((row) => row.window_start >= first));
  assert.deepEqual(later(rows), later(await whole.rows("1h")));
});

test("the reference is replayed in the order of time: how often each detector would have alarmed, told at a start", async () => {
  const rows = wrong.slice(0, 4000).map((isWrong, i) => ({
    timestamp: new Date(timeOf(i)).toISOString(),
    amount: i % 10,
    prediction: i % 2,
    // One class in several spellings.
    label: (isWrong ? 1 - (i % 2) : i % 2) === 1 ? (i % 3 === 0 ? "true" : 1) : "0.0",
  }));
  const file = await stage.referenceFile("replayed.ndjson", [...rows.slice(2000), ...rows.slice(0, 2000)]);
  const { config, prepared } = await stage.scene({
    ...written,
    name: "replayed",
    reference: { file },
    false_alarms: "off",
    detectors: ["jensen-shannon", "adwin", { use: "page-hinkley", threshold: 1e6 }, { use: "adwin", on: "accuracy" }],
  });
  const alarms = changesIn("adwin", wrong.slice(0, 4000)).length;
  assert.ok(alarms > 0);
  const replays = await replayReference(stage.lane, config);
  assert.deepEqual(replays, [
    { detector: "adwin", alarms, rows: 4000 },
    { detector: "page-hinkley", alarms: 0, rows: 4000 },
  ]);
  assert.match(replayText(replays), /^adwin (once|\d+ times), page-hinkley never in its own 4000 labelled rows$/);
  assert.ok(
    prepared.warnings.some((warning) => /online detectors find changes in the reference itself: adwin/.test(warning)),
    prepared.warnings.join("\n"),
  );
  const withoutTimes = await stage.referenceFile(
    "timeless.ndjson",
    rows.map(({ amount, prediction, label }) => ({ amount, prediction, label })),
  );
  const timeless = modelConfig({ ...written, name: "timeless", reference: { file: withoutTimes } });
  assert.deepEqual(await replayReference(stage.lane, timeless), []);
});

test("the absolute error of numbers is watched in its own standard deviations", async () => {
  const scene = await stage.scene({
    name: "numbers",
    task: "regression",
    pane: "10m",
    windows: ["1h"],
    detectors: [{ use: "page-hinkley", threshold: 50 }, "adwin"],
  });
  const noise = seededRandom(5);
  const events = Array.from({ length: 4000 }, (_, i): WrittenEvent[] => {
    const error = 1e6 * (noise() + (i < 2500 ? 0 : 1));
    const at = T0 + i * (HOUR / 100);
    return [
      { kind: "prediction", id: `n${i}`, timestamp: at, prediction: 1000 },
      { kind: "label", id: `n${i}`, timestamp: at, label: 1000 + (i % 2 === 0 ? error : -error) },
    ];
  }).flat();
  await scene.write(events, 0);
  await scene.evaluation.run({ final: true });
  const rows = await scene.rows("1h");
  for (const metric of ["page-hinkley", "adwin"]) {
    const breached = rows.filter((row) => row.metric === metric && row.breached);
    assert.deepEqual(
      breached.map((row) => (row.window_start - T0) / HOUR).filter((hour) => hour >= 25 && hour <= 26).length,
      1,
      `${metric}: ${breached.length}`,
    );
  }
});
