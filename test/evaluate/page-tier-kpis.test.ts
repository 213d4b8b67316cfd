/** KPIs in the page tier on the embedded engine: of sets of events and of numbers, and across changes of the plan. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { z } from "zod";
import { readIncidents } from "../../src/alert/alert-store.ts";
import { createEvaluation } from "../../src/evaluate/evaluation.ts";
import { prepareModel } from "../../src/evaluate/prepare-model.ts";
import { sql } from "../../src/store/sql.ts";
import { createAlertStation } from "../support/alert-station.ts";
import { openStage } from "../support/evaluation-stage.ts";
import { modelConfig, type WrittenEvent } from "../support/event-writer.ts";
import { uniform } from "../support/golden.ts";

const T0 = Date.parse("2026-03-02T00:00:00Z");
const HOUR = 3_600_000;
const PER_HOUR = 300;
let now = T0 + 200 * HOUR;
const clock = { now: () => now, sleep: () => Promise.resolve() };
const stage = await openStage(clock);
after(() => stage.close());

interface Outcome {
  readonly prediction: number;
  readonly label: number;
}

/** Predictions of the hours and their labels half an hour later. */
function hours(from: number, to: number, draw: (hour: number) => Outcome): WrittenEvent[] {
  return Array.from({ length: (to - from) * PER_HOUR }, (_, index) => index).flatMap((index): WrittenEvent[] => {
    const hour = from + Math.floor(index / PER_HOUR);
    const { prediction, label } = draw(hour);
    const timestamp = T0 + from * HOUR + index * (HOUR / PER_HOUR);
    const id = `${from}-${index}`;
    return [
      { kind: "prediction", id, timestamp, prediction },
      { kind: "label", id, timestamp: timestamp + HOUR / 2, label },
    ];
  });
}

const stepsOf = (model: string) =>
  stage.lane.query(
    sql`SELECT subject, toUnixTimestamp64Milli(pane_start) AS start, sums FROM steps FINAL WHERE model = ${model} AND stream = 'kpi' ORDER BY subject, start`,
    z.object({ subject: z.string(), start: z.number(), sums: z.array(z.number()) }),
  );

const evidenceOf = (model: string) =>
  stage.lane.query(
    sql`SELECT subject, toUnixTimestamp64Milli(window_start) AS start, breached, alarmed, toUnixTimestamp64Milli(onset) AS onset, finding, plan_id
      FROM evidence FINAL WHERE model = ${model} AND metric = 'kpi-evidence' ORDER BY subject, start`,
    z.object({
      subject: z.string(),
      start: z.number(),
      breached: z.boolean(),
      alarmed: z.boolean(),
      onset: z.number().nullable(),
      finding: z.string(),
      plan_id: z.string(),
    }),
  );

/** One in five is decided to be positive; of those 90 % are right, from hour 20 on 60 %. Of the others 90 % are right. */
function detections(seed: number): (hour: number) => Outcome {
  const draw = uniform(seed);
  return (hour) => {
    const prediction = Number(draw() < 0.2);
    const right = draw() < (prediction === 1 && hour >= 20 ? 0.6 : 0.9);
    return { prediction, label: right ? prediction : 1 - prediction };
  };
}

test("precision is tested over what was decided to be positive, with fewer such rows a window than are needed to judge it", async () => {
  const written = {
    name: "detect",
    task: "binary",
    pane: "1h",
    windows: ["1h"],
    detectors: ["volume"],
    min_rows: 1000,
    kpis: [{ use: "precision", min: 0.8 }, { use: "specificity", min: 0.8 }, "accuracy"],
  };
  const scene = await stage.scene(written);
  const events = hours(0, 30, detections(5));
  await scene.write(events, 0);
  await scene.evaluation.run({ final: true });
  const rows = await scene.rows("1h");
  assert.ok(rows.filter(({ metric }) => metric === "precision").every(({ status }) => status === "insufficient"));

  const decided = new Map(
    events.flatMap((event) => (event.kind === "prediction" ? [[event.id, event.prediction] as const] : [])),
  );
  const expected = Array.from({ length: 30 }, () => [0, 0]);
  for (const event of events) {
    if (event.kind !== "label" || decided.get(event.id) !== 1) continue;
    const hour = expected[Math.floor((event.timestamp - HOUR / 2 - T0) / HOUR)];
    if (hour !== undefined) hour[event.label === 1 ? 1 : 0] = (hour[event.label === 1 ? 1 : 0] ?? 0) + 1;
  }
  const steps = (await stepsOf("detect")).filter(({ subject }) => subject === "precision");
  assert.deepEqual(
    steps.map(({ sums }) => sums),
    expected,
  );
  const told = (await evidenceOf("detect")).filter(({ alarmed }) => alarmed);
  assert.ok(told.length > 0 && told.every(({ subject }) => subject === "precision"));
  assert.equal(told[0]?.onset, T0 + 20 * HOUR);
  assert.match(told[0]?.finding ?? "", /^fell to 0\.[56]\d*, below its limit 0\.8$/);
});

test("the mean error of numbers is tested up to its cap, and one wild error does not page", async () => {
  const written = {
    name: "prices",
    task: "regression",
    pane: "1h",
    windows: ["1h"],
    detectors: ["volume"],
    kpis: [
      { use: "mae", max: 2 },
      { use: "rmse", max: 3 },
    ],
  };
  const scene = await stage.scene(written);
  const draw = uniform(9);
  const events = hours(0, 30, (hour) => {
    const error = (hour >= 20 ? 8 : 3) * (draw() - 0.5) * 2;
    return { prediction: 100 + error, label: 100 };
  });
  const wild = events.map((event, index) => (index === 2 ? { ...event, prediction: 1e9 } : event));
  await scene.write(wild, 0);
  await scene.evaluation.run({ final: true });
  const errors = Array.from({ length: 30 }, () => [0, 0]);
  for (const event of wild) {
    if (event.kind !== "prediction") continue;
    const hour = errors[Math.floor((event.timestamp - T0) / HOUR)];
    const error = Math.min(Math.abs(Number(event.prediction) - 100), 8) / 8;
    if (hour !== undefined) [hour[0], hour[1]] = [(hour[0] ?? 0) + error, (hour[1] ?? 0) + 1 - error];
  }
  const steps = (await stepsOf("prices")).filter(({ subject }) => subject === "mae");
  assert.equal(steps.length, 30);
  for (const [index, { sums }] of steps.entries())
    for (const [side, sum] of sums.entries())
      assert.ok(Math.abs(sum - (errors[index]?.[side] ?? 0)) < 1e-6, `hour ${index}: ${sum}`);
  const told = (await evidenceOf("prices")).filter(({ alarmed }) => alarmed);
  assert.deepEqual([...new Set(told.map(({ subject }) => subject))].sort(), ["mae", "rmse"]);
  assert.ok(told.every(({ start }) => start >= T0 + 20 * HOUR));
  assert.match(
    told.find(({ subject }) => subject === "mae")?.finding ?? "",
    /^rose to [34]\.\d+, above its limit 2 \(a greater error than 8 counts as that\)$/,
  );
});

/** Right nine times in ten, but for hours 8 to 16. */
function withFall(seed: number): (hour: number) => Outcome {
  const draw = uniform(seed);
  return (hour) => ({ prediction: 0, label: Number(draw() < (hour >= 8 && hour < 16 ? 0.4 : 0.1)) });
}

const accuracy = {
  name: "",
  task: "binary",
  pane: "1h",
  windows: ["1h"],
  detectors: ["volume"],
  kpis: [{ use: "accuracy", min: 0.8 }],
};

/** Writes and evaluates two hours after two under one configuration, with a restart before each. */
async function follow(written: typeof accuracy, from: number, to: number, draw: (hour: number) => Outcome) {
  const scene = await stage.scene(written);
  const { alerting } = createAlertStation(stage.store, { models: [written] }, { clock });
  for (let hour = from; hour < to; hour += 2) {
    now += 60_000;
    await scene.write(hours(hour, hour + 2, draw), hour * 2 * PER_HOUR);
    const prepared = await prepareModel(stage.lane, modelConfig(written), clock);
    await createEvaluation({ store: stage.store, models: [prepared], clock }).run({});
    await alerting.process(written.name);
  }
}

const incidentsOf = async (model: string) =>
  (await readIncidents(stage.lane)).filter((incident) => incident.model === model);

/** What the page tier takes part in incidents with; a limit's own rule may be in the same ones. */
const pageTierOf = async (model: string) =>
  (await incidentsOf(model)).flatMap(({ members }) => members.filter(({ metric }) => metric === "kpi-evidence"));

test("a plan that changes while a KPI counts as fallen goes on with it: no second alarm, and an end once it has recovered", async () => {
  const written = { ...accuracy, name: "replanned" };
  const draw = withFall(21);
  await follow(written, 0, 16, draw);
  const [opened] = await incidentsOf("replanned");
  assert.equal(opened?.state, "firing");
  const before = await evidenceOf("replanned");
  // Another budget, and a limit that the past would have broken sooner.
  const changed = { ...written, false_alarms: "1 per 90d", kpis: [{ use: "accuracy", min: 0.85 }] };
  await follow(changed, 16, 18, draw);
  assert.equal((await incidentsOf("replanned"))[0]?.state, "firing");
  await follow(changed, 18, 30, draw);
  const incidents = await incidentsOf("replanned");
  assert.equal(incidents.length, 1);
  assert.equal(incidents[0]?.state, "resolved");
  const rows = await evidenceOf("replanned");
  assert.deepEqual(rows.slice(0, before.length), before);
  const later = rows.slice(before.length).filter(({ onset }) => onset !== null);
  assert.deepEqual(
    later.map(({ breached, onset }) => ({ breached, onset })),
    [{ breached: false, onset: T0 + 8 * HOUR }],
  );
});

test("a KPI that is tested no more ends, also where the process starts anew before it is written", async () => {
  const written = { ...accuracy, name: "dropped" };
  const draw = withFall(22);
  await follow(written, 0, 16, draw);
  assert.equal((await incidentsOf("dropped"))[0]?.state, "firing");
  const without = { ...written, kpis: [{ use: "recall", min: 0.1 }] };
  await stage.scene(without);
  await follow(without, 16, 18, draw);
  assert.deepEqual(
    (await pageTierOf("dropped")).map(({ firing }) => firing),
    [false],
  );
});

test("a process that ends between a step and what it says loses no alarm", async () => {
  const written = { ...accuracy, name: "broken" };
  const draw = withFall(23);
  await follow(written, 0, 8, draw);
  const isAlarm = ({ alarmed }: { readonly alarmed: boolean }) => alarmed;
  for (let hour = 8; !(await evidenceOf("broken")).some(isAlarm); hour += 2)
    await follow(written, hour, hour + 2, draw);
  const before = await evidenceOf("broken");
  await stage.lane.command(sql`DELETE FROM evidence WHERE model = 'broken' AND alarmed`);
  assert.ok(!(await evidenceOf("broken")).some(isAlarm));
  now += 60_000;
  const prepared = await prepareModel(stage.lane, modelConfig(written), clock);
  await createEvaluation({ store: stage.store, models: [prepared], clock }).run({});
  assert.deepEqual(await evidenceOf("broken"), before);
});

test("a restart goes on from the saved states, and says the same as a process that never ended", async () => {
  const draws = [withFall(41), withFall(41)] as const;
  await follow({ ...accuracy, name: "restarted" }, 0, 36, draws[0]);
  const scene = await stage.scene({ ...accuracy, name: "lasting" });
  for (let hour = 0; hour < 36; hour += 2) {
    now += 60_000;
    await scene.write(hours(hour, hour + 2, draws[1]), hour * 2 * PER_HOUR);
    await scene.evaluation.run({});
  }
  const evidence = await evidenceOf("restarted");
  assert.ok(evidence.some(({ alarmed }) => alarmed));
  assert.deepEqual(evidence, await evidenceOf("lasting"));
  const [left] = await stage.lane.query(
    sql`SELECT countIf(sealed_at > (SELECT max(through) FROM page_tier_states WHERE model = 'restarted' AND stream = 'kpis')) AS steps, count() AS all
      FROM steps FINAL WHERE model = 'restarted' AND subject_kind = 'kpi'`,
    z.object({ steps: z.number(), all: z.number() }),
  );
  assert.ok(left !== undefined && left.all > 30 && left.steps < 26, JSON.stringify(left));
});

test("a new plan's evidence begins at the present: what the old one saw is not seen again", async () => {
  // Within the first limit and beyond the second: the past alone would alarm at once.
  const written = { ...accuracy, name: "present", kpis: [{ use: "accuracy", min: 0.5 }] };
  const draw = uniform(31);
  const poor = () => ({ prediction: 0, label: Number(draw() < 0.3) });
  const good = () => ({ prediction: 0, label: Number(draw() < 0.05) });
  await follow(written, 0, 12, poor);
  const strict = { ...written, kpis: [{ use: "accuracy", min: 0.9 }] };
  await follow(strict, 12, 18, good);
  assert.deepEqual(await pageTierOf("present"), []);
  assert.deepEqual(
    (await evidenceOf("present")).filter(({ alarmed }) => alarmed),
    [],
  );
  // Back under the first plan, and again: each begins anew.
  await follow(written, 18, 20, poor);
  await follow(strict, 20, 26, poor);
  const told = (await evidenceOf("present")).filter(({ alarmed }) => alarmed);
  assert.ok(told.length > 0 && told.every(({ start }) => start >= T0 + 20 * HOUR));
  assert.ok(told.every(({ onset }) => onset !== null && onset >= T0 + 18 * HOUR));
});
