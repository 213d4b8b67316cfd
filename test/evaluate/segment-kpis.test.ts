/** KPIs by segment on the embedded engine: each value's own rows, what late labels change, and rules that name segments. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { z } from "zod";
import type { MetricRow } from "../../src/core/metric.ts";
import { wilsonInterval } from "../../src/math/wilson-interval.ts";
import { sql } from "../../src/store/sql.ts";
import { createAlertStation } from "../support/alert-station.ts";
import { assertNear, openStage, type Scene } from "../support/evaluation-stage.ts";
import type { WrittenEvent } from "../support/event-writer.ts";

const T0 = Date.parse("2026-03-02T00:00:00Z");
const HOUR = 3_600_000;
const clock = { now: () => T0 + 200 * HOUR, sleep: () => Promise.resolve() };
const stage = await openStage(clock);
after(() => stage.close());

/** Of ten events: de 5, fr 3, one of four other countries, each too rare to be watched by itself, and one of none. */
const COUNTRIES = ["de", "fr", "de", "fr", "de", "fr", "de", "it", "de", ""];
const countryOf = (index: number): string =>
  index % 10 === 7 ? `it${Math.floor(index / 10) % 4}` : (COUNTRIES[index % 10] ?? "");
const tierOf = (index: number): string => (index % 20 < 10 ? "gold" : "free");

const reference = await stage.referenceFile(
  "reference.ndjson",
  Array.from({ length: 5_000 }, (_, index) => ({
    timestamp: new Date(T0 - (5_000 - index) * 60_000).toISOString(),
    country: countryOf(index) || null,
    tier: tierOf(index),
    amount: index % 100,
  })),
);

const kpis = [
  { use: "accuracy", min: 0.8 },
  "f1",
  "label_coverage",
  { name: "approved", sql: "avg(prediction)", min_rows: 10 },
];
const base = {
  task: "binary",
  pane: "10m",
  windows: ["1h"],
  detectors: ["volume"],
  min_rows: 50,
  reference: { file: reference },
  segments: ["country", "tier"],
  kpis,
};

/** 400 events an hour; the model is wrong about every tenth event, of France in the hours `bad` about two in three. */
function events(hours: number, bad: readonly number[]): { predictions: WrittenEvent[]; labels: WrittenEvent[] } {
  const predictions: WrittenEvent[] = [];
  const labels: WrittenEvent[] = [];
  for (let index = 0; index < hours * 400; index++) {
    const hour = Math.floor(index / 400);
    const timestamp = T0 + index * (HOUR / 400);
    const country = countryOf(index);
    const isWrong = country === "fr" && bad.includes(hour) ? index % 3 !== 0 : index % 11 === 0;
    const prediction = index % 2;
    const features = { tier: tierOf(index), amount: index % 100, ...(country === "" ? {} : { country }) };
    predictions.push({ kind: "prediction", id: `${index}`, timestamp, prediction, features });
    const label = isWrong ? 1 - prediction : prediction;
    labels.push({ kind: "label", id: `${index}`, timestamp: timestamp + HOUR, label });
  }
  return { predictions, labels };
}

const bySegment = (rows: readonly MetricRow[], start: number, metric: string): Map<string, MetricRow> =>
  new Map(rows.filter((row) => row.window_start === start && row.metric === metric).map((row) => [row.segment, row]));

const SEGMENTS = ["", "country=", "country=(other)", "country=de", "country=fr", "tier=free", "tier=gold"];

test("each value of `segments` has the KPIs of its own rows, the rest together; a limit is breached by all of the interval", async () => {
  const scene = await stage.scene({ ...base, name: "shops", false_alarms: "off" });
  const { predictions, labels } = events(2, [1]);
  await scene.write(predictions, 0);
  await scene.evaluation.run({ final: true });
  const before = await scene.rows("1h");
  assert.deepEqual([...bySegment(before, T0, "accuracy").keys()], [""], "nothing by segment before the first label");
  assertNear(bySegment(before, T0, "approved").get("country=fr")?.value, 1);

  await scene.write(labels, 10_000);
  await scene.evaluation.run({ final: true });
  const rows = await scene.rows("1h");
  const accuracy = bySegment(rows, T0 + HOUR, "accuracy");
  assert.deepEqual([...accuracy.keys()].sort(), SEGMENTS);
  const own = (country: string) =>
    Array.from({ length: 400 }, (_, index) => 400 + index).filter((index) => countryOf(index) === country);
  const rightIn = (country: string) => own(country).filter((index) => index % 11 !== 0).length;
  assert.deepEqual([accuracy.get("country=de")?.n, accuracy.get("country=fr")?.n], [200, 120]);
  assertNear(accuracy.get("country=de")?.value, rightIn("de") / 200);
  assertNear(accuracy.get("country=fr")?.value, own("fr").filter((index) => index % 3 === 0).length / 120);
  const interval = wilsonInterval(rightIn("de"), 200);
  assertNear(accuracy.get("country=de")?.lower, interval.lower);
  assert.deepEqual(
    [accuracy.get("country=fr")?.breached, accuracy.get("country=de")?.breached, accuracy.get("country=fr")?.threshold],
    [true, false, 0.8],
  );
  // 40 rows are fewer than asked for, and no number.
  for (const segment of ["country=", "country=(other)"]) {
    assert.deepEqual([accuracy.get(segment)?.status, accuracy.get(segment)?.value], ["insufficient", null]);
    assert.match(accuracy.get(segment)?.detail ?? "", /40 rows that count; 50 are needed/);
  }
  assert.ok(!(accuracy.get("country=fr")?.detail ?? "").includes("sums"), "the page tier has no part in it");
  assert.equal(bySegment(rows, T0, "accuracy").get("country=fr")?.breached, false);
  assert.ok((bySegment(rows, T0, "f1").get("tier=gold")?.value ?? 0) > 0.8);
  assert.equal(bySegment(rows, T0, "label_coverage").get("tier=free")?.value, 1);
});

test("an interval that reaches over the limit is no breach of a segment", async () => {
  // About 85 % of 200 rows, against a limit of 0.92.
  const scene = await stage.scene({
    ...base,
    name: "near",
    false_alarms: "off",
    kpis: [{ use: "accuracy", min: 0.92 }],
  });
  const { predictions, labels } = events(1, []);
  await scene.write([...predictions, ...labels], 0);
  await scene.evaluation.run({ final: true });
  const found = bySegment(await scene.rows("1h"), T0, "accuracy");
  assert.ok((found.get("country=de")?.value ?? 1) < 0.92);
  assert.deepEqual([found.get("country=de")?.breached, found.get("")?.breached], [false, true]);
});

test("a rule that names segments opens an incident of each that breaches, others look at the whole; the evidence of the page tier is as without", async () => {
  const rules = ["accuracy < 0.7", { metric: "accuracy", below: 0.7, segments: ["country"], for: "2 of 2" }];
  const written = { ...base, name: "ruled", kpis: [{ use: "accuracy", min: 0.5 }], alerts: { rules } };
  const scene = await stage.scene(written);
  const plain = await stage.scene({ ...written, name: "plain", segments: [], alerts: {} });
  const { alerting } = createAlertStation(stage.store, { models: [written] }, { clock });
  const { predictions, labels } = events(12, [4, 5, 6, 7]);
  const fill = async ({ write, evaluation }: Scene) => {
    await write([...predictions, ...labels], 0);
    await evaluation.run({ final: true });
  };
  await fill(plain);
  await fill(scene);
  const changes = await alerting.process("ruled");
  const members = changes.flatMap(({ incident }) => incident.members).filter(({ metric }) => metric === "accuracy");
  assert.deepEqual([...new Set(members.map(({ segment = "" }) => segment))], ["country=fr"]);
  assert.match(changes[0]?.incident.title ?? "", /country=fr/);
  assert.equal(changes[0]?.incident.onset, T0 + 4 * HOUR);
  assert.deepEqual(
    changes.map(({ kind }) => kind).filter((kind) => kind === "opened" || kind === "resolved"),
    ["opened", "resolved"],
  );
  const steps = (model: string) =>
    stage.lane.query(
      sql`SELECT toString(pane_start) AS start, sums FROM steps FINAL WHERE model = ${model} AND subject_kind = 'kpi' ORDER BY start`,
      z.object({ start: z.string(), sums: z.array(z.number()) }),
    );
  const taken = await steps("ruled");
  assert.equal(taken.length, 12, "a step a window, of the whole");
  assert.deepEqual(taken, await steps("plain"));
});
