/** Labels that come later than they did, or no more: found by windows, and no false alarm of labels that are not due yet. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { z } from "zod";
import type { Clock } from "../../src/core/clock.ts";
import { createAlertStation } from "../support/alert-station.ts";
import { findRow, openStage, type Scene } from "../support/evaluation-stage.ts";
import type { WrittenEvent } from "../support/event-writer.ts";
import { uniform } from "../support/golden.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** A Monday. */
const T0 = Date.parse("2026-03-02T00:00:00Z");
const DAYS = 63;
const PER_DAY = 96;
const CHANGE = T0 + 49 * DAY;
const clock: Clock = { now: () => T0 + 200 * DAY, sleep: () => Promise.resolve() };
const stage = await openStage(clock);
after(() => stage.close());

const base = {
  task: "binary",
  pane: "1h",
  windows: ["1d", "1h"],
  retention: "1000d",
  detectors: [{ use: "label-delay", min_rows: 50 }],
};

type DelayOf = (at: number, draw: number) => number;
const weekday = (at: number): number => Math.floor((at - T0) / DAY) % 7;
/** Four days, give or take one; what would come on a weekend comes on Monday at noon. */
const steady: DelayOf = (_at, draw) => (3 + 2 * draw) * DAY;
const atWork: DelayOf = (at, draw) => {
  const label = at + steady(at, draw);
  return weekday(label) < 5 ? label - at : Math.floor((label - T0) / (7 * DAY) + 1) * 7 * DAY + T0 + DAY / 2 - at;
};

/** Nine of ten predictions get a label within the time of the history, as it is known at its end. */
function history(delayOf: DelayOf, isKept: (labelAt: number) => boolean = () => true) {
  const draws = uniform(7);
  const predictions: WrittenEvent[] = [];
  const labels: WrittenEvent[] = [];
  for (let index = 0; index < DAYS * PER_DAY; index++) {
    const timestamp = T0 + index * (DAY / PER_DAY);
    const id = `${index}`;
    predictions.push({ kind: "prediction", id, version: "1", timestamp, prediction: 1, features: {} });
    const [draw, chance] = [draws(), draws()];
    const at = timestamp + delayOf(timestamp, draw);
    if (chance < 0.9 && at < T0 + DAYS * DAY && isKept(at))
      labels.push({ kind: "label", id, timestamp: Math.floor(at), label: 1 });
  }
  return { predictions, labels };
}

async function told(name: string, { predictions, labels }: ReturnType<typeof history>, more = {}): Promise<Scene> {
  const scene = await stage.scene({ ...base, ...more, name });
  await scene.write([...predictions, ...labels], 0);
  await scene.evaluation.run({ final: true });
  return scene;
}

const detail = z.object({
  predictions: z.number(),
  labelled: z.number(),
  usual_share: z.number(),
  weeks: z.number(),
  age_s: z.number(),
  delay_s: z.number().nullable(),
  usual_delay_s: z.number().nullable(),
});
const delays = async (scene: Scene) =>
  (await scene.rows("1d"))
    .filter(({ metric }) => metric === "label-delay")
    .sort((a, b) => a.window_start - b.window_start);
const breachesOf = async (scene: Scene) =>
  (await delays(scene)).filter(({ breached }) => breached).map(({ window_start }) => (window_start - T0) / DAY);

test("labels that are not due yet, weekends and the beginning are no breach; hours are not looked at", async () => {
  for (const [name, delayOf] of [
    ["steady", steady],
    ["weekends", atWork],
  ] as const) {
    const scene = await told(name, history(delayOf));
    assert.deepEqual(await breachesOf(scene), [], name);
    assert.ok((await scene.rows("1h")).every(({ metric }) => metric !== "label-delay"));
    const rows = await delays(scene);
    assert.ok(rows.filter(({ status }) => status === "ok").length > 45, `${name}: ${rows.length}`);
    assert.ok(
      rows.every(({ window_start }) => window_start >= T0 + 9 * DAY),
      "a week and a day of labels are needed",
    );
    const last = detail.parse(JSON.parse(rows.at(-1)?.detail ?? "{}"));
    assert.equal(last.weeks, 4);
    assert.ok(last.usual_share > 0.75 && last.usual_share < 0.95, `${last.usual_share}`);
    if (delayOf !== steady) continue;
    for (const seconds of [last.delay_s, last.usual_delay_s])
      assert.ok(Math.abs((seconds ?? 0) / 86_400 - 4) < 0.5, `${(seconds ?? 0) / 86_400} days`);
  }
});

test("labels that come three days later are found once they should have been there, and the delays are told", async () => {
  const later = history((at, draw) => steady(at, draw) + (at >= CHANGE ? 3 * DAY : 0));
  const scene = await told("later", later);
  const breaches = await breachesOf(scene);
  // The first of the later ones were due five days after the change, and a day is granted.
  assert.ok((breaches[0] ?? 0) >= 54 && (breaches[0] ?? 99) <= 57, `${breaches[0]}`);
  assert.deepEqual(
    breaches,
    Array.from({ length: DAYS - (breaches[0] ?? 0) }, (_, index) => (breaches[0] ?? 0) + index),
  );
  const row = findRow(await delays(scene), T0 + 62 * DAY, "label-delay");
  assert.ok((row.value ?? 0) > 0.8, `${row.value}`);
  const found = detail.parse(JSON.parse(row.detail));
  assert.ok(Math.abs((found.usual_delay_s ?? 0) / 86_400 - 4) < 0.5, row.detail);
  assert.ok(found.delay_s === null || found.delay_s > 6 * 86_400, row.detail);
  const models = [{ ...base, name: "later", alerts: { rules: ["label-delay breached for 2 of 2 windows"] } }];
  const changes = await createAlertStation(stage.store, { models }, { clock }).alerting.process("later");
  assert.equal(changes[0]?.kind, "opened");
  assert.match(
    changes[0]?.incident.title ?? "",
    /^later, window 1d: label-delay \(version 1\) 0\.\d+ is above 0\.2: [\d.]+ % of the predictions that are 6\.1 days old have a label, usually \d+ %; half of the usual labels came within 4(\.\d)? days, now/,
  );
});

test("labels that come no more are found within days, of all predictions that were waiting for theirs", async () => {
  const scene = await told(
    "stopped",
    history(steady, (labelAt) => labelAt < CHANGE),
  );
  const breaches = await breachesOf(scene);
  assert.ok((breaches[0] ?? 0) >= 49 && (breaches[0] ?? 99) <= 52, `${breaches[0]}`);
  assert.equal(breaches.at(-1), DAYS - 1);
  const row = findRow(await delays(scene), T0 + 62 * DAY, "label-delay");
  assert.deepEqual([row.value, row.breached], [1, true]);
});

test("labels come in any order, late or early: the same numbers", async () => {
  const { predictions, labels } = history(steady);
  const whole = await told("whole", { predictions, labels });
  const apart = await stage.scene({ ...base, name: "apart" });
  const isLate = ({ timestamp }: WrittenEvent) => timestamp >= T0 + 35 * DAY && timestamp < T0 + 39 * DAY;
  await apart.write(predictions, 0);
  await apart.evaluation.run({ final: true });
  await apart.write(
    labels.filter((label) => !isLate(label)),
    100_000,
  );
  await apart.evaluation.run({ final: true });
  assert.equal((await breachesOf(apart))[0], 38, "labels of four days are missing");
  await apart.write(labels.filter(isLate), 200_000);
  await apart.evaluation.run({ final: true });
  assert.deepEqual(await breachesOf(apart), []);
  const numbers = async (scene: Scene) =>
    (await delays(scene)).map((row) => [row.window_start, row.value, row.threshold, row.breached, row.n, row.detail]);
  assert.deepEqual(await numbers(apart), await numbers(whole));
});
