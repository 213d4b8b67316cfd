/** Why an incident came about, on the embedded engine: models whose cause is known, from their events to the ranked list. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { causeSentences } from "../../src/alert/cause-text.ts";
import type { Incident, IncidentMember } from "../../src/core/incident.ts";
import type { CauseReport } from "../../src/core/incident-cause.ts";
import { createRootCause } from "../../src/evaluate/root-cause/root-cause.ts";
import { assertNear, openStage, type Scene } from "../support/evaluation-stage.ts";
import type { WrittenEvent } from "../support/event-writer.ts";
import { uniform } from "../support/golden.ts";
import { exampleMember } from "../support/notification.ts";

const T0 = Date.parse("2026-03-02T10:00:00Z");
const HOUR = 3_600_000;
const stage = await openStage({ now: () => T0 + 10 * HOUR, sleep: () => Promise.resolve() });
after(() => stage.close());

interface Person {
  readonly home: string;
  readonly device: string;
  readonly country: string;
  readonly age: number;
  readonly score: number;
  readonly prediction: number;
  readonly label: number;
}

/**
 * People whose scores are exact probabilities: sure ones, but for homes of kind 17, which are a toss-up.
 *
 * @param wrong chance that a label is turned round, by the person
 */
function people(
  rows: number,
  seed: number,
  hard: number,
  wrong: (person: Omit<Person, "label">) => number = () => 0,
): Person[] {
  const draw = uniform(seed);
  return Array.from({ length: rows }, () => {
    const home = draw() < hard ? "17" : String(Math.floor(draw() * 5));
    const device = draw() < 0.5 ? "ios" : "android";
    const country = ["DE", "FR", "US", "IT"][Math.floor(draw() * 4)] ?? "DE";
    const sure = draw() < 0.5 ? 0.95 : 0.05;
    const score = home === "17" ? 0.4 + 0.2 * draw() : sure;
    const person = { home, device, country, age: 20 + 50 * draw(), score, prediction: score >= 0.5 ? 1 : 0 };
    const label = draw() < score ? 1 : 0;
    return { ...person, label: draw() < wrong(person) ? 1 - label : label };
  });
}

const predictions = (rows: readonly Person[], start: number): WrittenEvent[] =>
  rows.map(({ score, prediction, home, device, country, age }, index) => ({
    kind: "prediction",
    id: `${start}-${index}`,
    timestamp: start + index * 800,
    prediction,
    score,
    features: { home, device, country, age },
    segments: { shop: index % 3 === 0 ? "north" : "south" },
  }));

const labels = (rows: readonly Person[], start: number): WrittenEvent[] =>
  rows.map(({ label }, index) => ({ kind: "label", id: `${start}-${index}`, timestamp: start + HOUR + index, label }));

function incidentOf(scene: Scene, hour: number, settings: Partial<IncidentMember>): Incident {
  const window_start = T0 + hour * HOUR;
  const member = exampleMember({ version: "", window_start, window_end: window_start + HOUR, ...settings });
  return {
    incident_id: "0d2c5d5e-6b5f-8a1c-9f00-000000000001",
    model: scene.config.name,
    window: "1h",
    severity: "ticket",
    state: "firing",
    onset: window_start,
    opened_at: window_start + HOUR,
    resolved_at: null,
    members: [member],
    title: "",
  };
}

const drifted = { subject_kind: "feature", subject: "home", metric: "jensen-shannon", direction: "above" } as const;
const base = { task: "binary", windows: ["1h"], min_rows: 100, kpis: ["accuracy", "f1"] };

async function explain(scene: Scene, incident: Incident): Promise<CauseReport> {
  const report = await createRootCause(stage.lane, [scene.prepared])(incident);
  assert.ok(report !== null);
  assert.deepEqual(await createRootCause(stage.lane, [scene.prepared])(incident), report, "the same a second time");
  return report;
}

test("more of what is hard: the value, since when, and that its share explains the estimated fall, before any label", async () => {
  const file = await stage.referenceFile("hard.ndjson", people(6000, 1, 0.03));
  const scene = await stage.scene({ ...base, name: "hard", reference: { file } });
  for (const [hour, hard] of [0.03, 0.03, 0.2, 0.2].entries())
    await scene.write(predictions(people(4000, 10 + hour, hard), T0 + hour * HOUR), hour * 10_000);
  await scene.evaluation.run({ final: true });
  const report = await explain(scene, incidentOf(scene, 3, drifted));
  assert.deepEqual(report.baseline, { kind: "reference", window_start: null, window_end: null });
  assert.equal(report.kpi?.metric, "estimated_accuracy");
  assert.ok((report.kpi?.segments ?? 0) > 50, "pairs were compared too");
  const [first] = report.causes;
  assert.deepEqual(first?.conditions, [
    { subject_kind: "feature", subject: "home", value: { kind: "category", name: "17" } },
  ]);
  assertNear(first.share_before, 0.03, 0.01);
  assertNear(first.share_after, 0.2, 0.02);
  assert.equal(first.first_window_start, T0 + 2 * HOUR);
  assert.equal(first.first_window_end, T0 + 3 * HOUR);
  // Sure ones are right in 95 %, the others in 55 %: 0.17 more of these cost 0.068, all of it by their share.
  assert.ok(report.kpi !== null);
  const { before, after: now } = report.kpi;
  assertNear(before - now, 0.17 * 0.4, 0.012);
  assert.ok((first.effect?.part ?? 0) > 0.75 && (first.effect?.part ?? 2) < 1.05, `${first.effect?.part}`);
  assert.ok(Math.abs(first.effect?.rate ?? 1) < 0.1 * Math.abs(first.effect?.mix ?? 0));
  assert.ok((first.drift?.part ?? 0) > 0.5 && first.drift?.metric === "jensen-shannon");
  assert.equal(report.features[0]?.subject, "home");
  assertNear(report.features[0]?.loss_change, 0.17 * 0.4, 0.02);
  assert.equal(report.features.length, 1, "nothing else moved");
  assert.match(
    causeSentences(report, 3)[0] ?? "",
    /^home = 17 rose from (2\.\d|3|3\.\d) % to (19|20|21) % since the window of 2026-03-02 12:00 to 2026-03-02 13:00; explains \d+ % of the estimated fall of accuracy$/,
  );
});

test("a fault where two values meet: the pair is named, by its rate, and its single values are not", async () => {
  const file = await stage.referenceFile("meet.ndjson", people(8000, 2, 0.03));
  const scene = await stage.scene({
    ...base,
    name: "meet",
    reference: { file },
    kpis: [{ use: "accuracy", min: 0.9 }],
    estimates: false,
  });
  const bad = people(4000, 20, 0.03, ({ device, country }) => (device === "ios" && country === "DE" ? 0.6 : 0));
  await scene.write(predictions(bad, T0), 0);
  await scene.write(labels(bad, T0), 10_000);
  await scene.evaluation.run({ final: true });
  const report = await explain(scene, incidentOf(scene, 0, { metric: "accuracy", direction: "below" }));
  assert.equal(report.kpi?.metric, "accuracy");
  const right = bad.filter(({ prediction, label }) => prediction === label).length / bad.length;
  assertNear(report.kpi?.after, right, 1e-12);
  const [first] = report.causes;
  assert.deepEqual(
    first?.conditions.map(({ subject, value }) => [subject, value.kind === "category" ? value.name : ""]).sort(),
    [
      ["country", "DE"],
      ["device", "ios"],
    ],
  );
  assert.ok((first?.effect?.part ?? 0) > 0.85 && (first?.effect?.part ?? 2) < 1.15, `${first?.effect?.part}`);
  assert.ok(Math.abs(first?.effect?.mix ?? 1) < 0.1 * Math.abs(first?.effect?.rate ?? 0));
  assert.ok((first?.effect?.p_value ?? 1) < 1e-6);
  const alone = report.causes.filter(({ conditions }) => conditions.length === 1);
  assert.deepEqual(
    alone.filter(({ conditions }) => ["device", "country"].includes(conditions[0]?.subject ?? "")),
    [],
  );
  assert.match(
    causeSentences(report, 1)[0] ?? "",
    /accuracy there went from 0\.9\d* to 0\.[45]\d*; explains \d+ % of the fall of accuracy$/,
  );
});

test("a single value that fails is not told as a pair", async () => {
  const file = await stage.referenceFile("single.ndjson", people(8000, 3, 0.03));
  const scene = await stage.scene({ ...base, name: "single", reference: { file }, kpis: ["f1"], estimates: false });
  const bad = people(4000, 21, 0.03, ({ device }) => (device === "ios" ? 0.3 : 0));
  await scene.write(predictions(bad, T0), 0);
  await scene.write(labels(bad, T0), 10_000);
  await scene.evaluation.run({ final: true });
  const report = await explain(scene, incidentOf(scene, 0, { metric: "f1", direction: "below" }));
  assert.equal(report.kpi?.metric, "f1");
  assert.deepEqual(report.causes[0]?.conditions, [
    { subject_kind: "feature", subject: "device", value: { kind: "category", name: "ios" } },
  ]);
  assertNear(report.causes[0]?.effect?.part, 1, 0.15);
});

test("a fall that is the same everywhere is said to be so, and no segment is blamed", async () => {
  const file = await stage.referenceFile("even.ndjson", people(8000, 6, 0.03));
  const scene = await stage.scene({ ...base, name: "even", reference: { file }, kpis: ["accuracy"], estimates: false });
  const bad = people(4000, 25, 0.03, () => 0.2);
  await scene.write(predictions(bad, T0), 0);
  await scene.write(labels(bad, T0), 10_000);
  await scene.evaluation.run({ final: true });
  const report = await explain(scene, incidentOf(scene, 0, { metric: "accuracy", direction: "below" }));
  assert.equal(report.kpi?.metric, "accuracy");
  assert.deepEqual(report.causes, []);
  assert.match(
    causeSentences(report, 3)[0] ?? "",
    /^no segment stands out in the fall of accuracy from 0\.9\d* to 0\.7\d*$/,
  );
});

test("where nothing has changed no segment is blamed", async () => {
  const file = await stage.referenceFile("same.ndjson", people(8000, 4, 0.03));
  const scene = await stage.scene({ ...base, name: "same", reference: { file } });
  const same = people(4000, 22, 0.03);
  await scene.write(predictions(same, T0), 0);
  await scene.write(labels(same, T0), 10_000);
  await scene.evaluation.run({ final: true });
  const report = await createRootCause(stage.lane, [scene.prepared])(
    incidentOf(scene, 0, { metric: "accuracy", direction: "below" }),
  );
  assert.equal(report, null);
});

test("without a labelled reference a good window before is compared with, also by the events' own segments", async () => {
  const file = await stage.referenceFile(
    "bare.ndjson",
    people(3000, 5, 0.03).map(({ home, device, country, age }) => ({ home, device, country, age })),
  );
  const scene = await stage.scene({
    ...base,
    name: "bare",
    reference: { file },
    kpis: ["accuracy"],
    segments: ["shop"],
  });
  const good = people(3000, 23, 0.03);
  const bad = people(3000, 24, 0.03).map((person, index) =>
    index % 3 === 0 && index % 2 === 0 ? { ...person, label: 1 - person.prediction } : person,
  );
  for (const [hour, rows] of [good, bad].entries()) {
    await scene.write(predictions(rows, T0 + hour * HOUR), hour * 10_000);
    await scene.write(labels(rows, T0 + hour * HOUR), hour * 10_000 + 5000);
  }
  await scene.evaluation.run({ final: true });
  const report = await explain(scene, incidentOf(scene, 1, { metric: "accuracy", direction: "below" }));
  assert.deepEqual(report.baseline, { kind: "window", window_start: T0, window_end: T0 + HOUR });
  assert.deepEqual(report.causes[0]?.conditions, [
    { subject_kind: "segment", subject: "shop", value: { kind: "category", name: "north" } },
  ]);
  assertNear(report.causes[0]?.effect?.part, 1, 0.2);
});
