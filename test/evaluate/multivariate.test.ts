/** Detectors of several features together over windows, on the embedded engine: what they find, what they name, what they refuse. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { MetricRow } from "../../src/core/metric.ts";
import { readReference } from "../../src/evaluate/references/stored-reference.ts";
import { assertNear, findRow, openStage } from "../support/evaluation-stage.ts";
import type { WrittenEvent } from "../support/event-writer.ts";
import { uniform } from "../support/golden.ts";

const T0 = Date.parse("2026-03-02T10:00:00Z");
const HOUR = 3_600_000;
const stage = await openStage({ now: () => T0 + 100 * HOUR, sleep: () => Promise.resolve() });
after(() => stage.close());

interface Row {
  readonly age: number | null;
  readonly income: number;
  readonly noise: number;
  readonly region: string;
}

/** Income grows with age, or falls; each alone looks the same. */
function people(count: number, seed: number, slope: 1 | -1 = 1): Row[] {
  const draw = uniform(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
  return Array.from({ length: count }, () => {
    const age = normal();
    const income = Math.exp(slope * 0.7 * age + 0.71 * normal());
    const region = ["north", "south", "east", "west"][Math.floor(4 * draw() ** 2)] ?? "west";
    return { age: draw() < 0.05 ? null : age, income, noise: normal(), region };
  });
}

const events = (rows: readonly Row[], start: number, name = "e"): WrittenEvent[] =>
  rows.map((features, index) => ({
    kind: "prediction",
    id: `${name}${start}-${index}`,
    timestamp: start + index * 1000,
    prediction: 1,
    features: { ...features },
  }));

const detailOf = (row: MetricRow): Record<string, unknown> => JSON.parse(row.detail);
const file = await stage.referenceFile("people.ndjson", people(3000, 1));
const base = {
  task: "binary",
  reference: { file },
  windows: ["1h", "1500 events"],
  anchor: "never",
  min_rows: 100,
  detectors: ["jensen-shannon", "domain-classifier", "correlation"],
};

const steady = await stage.scene({ ...base, name: "steady" });
await steady.write(
  [...events(people(1500, 2), T0), ...events(people(1500, 3, -1), T0 + HOUR), ...events(people(60, 4), T0 + 2 * HOUR)],
  0,
);
await steady.evaluation.run({ final: true });
const rows = await steady.rows("1h");

test("a window like the reference has an area near one half, within what chance shows, and no carriers", () => {
  const row = findRow(rows, T0, "domain-classifier");
  assert.deepEqual(
    [row.subject_kind, row.subject, row.status, row.breached, row.n],
    ["model", "model", "ok", false, 1500],
  );
  assertNear(row.value, 0.5, 0.04);
  assert.equal(row.threshold, 0.6);
  assert.ok((row.lower ?? 1) < (row.value ?? 0) && (row.value ?? 1) < (row.upper ?? 0));
  assert.equal(detailOf(row)["carried_by"], undefined);
  assert.equal(detailOf(row)["sampled"], 1500);
  assert.equal(detailOf(row)["reference_sampled"], 2000);
  assert.equal(findRow(rows, T0, "correlation").breached, false);
});

test("a change of what goes together alone is found by both, and each names the two features, in windows of both kinds", async () => {
  const counted = await steady.rows("1500 events");
  const starts = [...new Set(counted.map((row) => row.window_start))].sort((a, b) => a - b);
  for (const [all, start] of [[rows, T0 + HOUR] as const, [counted, starts[1] ?? 0] as const]) {
    const alone = all.filter(
      (row) => row.window_start === start && row.metric === "jensen-shannon" && row.subject_kind === "feature",
    );
    assert.equal(alone.length, 4);
    for (const row of alone) assert.equal(row.breached, false, row.subject);

    const row = findRow(all, start, "domain-classifier");
    assert.equal(row.breached, true);
    assert.ok((row.value ?? 0) > 0.7, `${row.value}`);
    const carriers = detailOf(row)["carried_by"];
    assert.ok(Array.isArray(carriers));
    assert.deepEqual(new Set(carriers.slice(0, 2).map(([name]) => name)), new Set(["age", "income"]));
    assert.ok(carriers.slice(0, 2).every(([, share]) => share > 0.35));
    assert.deepEqual(detailOf(row)["products"], ["age × income"]);

    const change = findRow(all, start, "correlation");
    assert.equal(change.breached, true);
    assertNear(change.value, 1.36, 0.08);
    assert.deepEqual([detailOf(change)["first"], detailOf(change)["second"]], ["age", "income"]);
    assertNear(Number(detailOf(change)["reference_correlation"]), 0.68, 0.04);
    assertNear(Number(detailOf(change)["window_correlation"]), -0.68, 0.04);
    assert.equal(detailOf(change)["pairs"], 3);
    assert.equal(detailOf(change)["pairs_beyond"], 1);
  }
});

test("too few rows are no verdict", () => {
  for (const metric of ["domain-classifier", "correlation"]) {
    const row = findRow(rows, T0 + 2 * HOUR, metric);
    assert.deepEqual([row.status, row.value, row.breached, row.n], ["insufficient", null, false, 60]);
    assert.match(String(detailOf(row)["reason"]), /The window has 60 rows; 100 are needed/);
  }
});

test("the order of the reference's rows and many equal ones do not matter, what goes together in it does", async () => {
  const plain = [
    ...people(500, 9),
    ...Array.from({ length: 500 }, () => ({ age: 1, income: 2, noise: 3, region: "east" })),
  ];
  const turned = plain.map((row, index) => ({ ...row, noise: plain[(index + 1) % plain.length]?.noise ?? 0 }));
  const idOf = async (name: string, some: readonly unknown[]) => {
    const scene = await stage.scene({
      ...base,
      name,
      reference: { file: await stage.referenceFile(`${name}.ndjson`, some) },
    });
    const { reference } = scene.prepared;
    assert.ok(reference?.sample !== null && reference !== null);
    assert.equal(reference.sample.hashes.length, 1000);
    const age = reference.sample.columns.find((column) => column.name === "age");
    assert.ok((age?.values.filter((value) => value === 1).length ?? 0) >= 500);
    return reference.referenceId;
  };
  const first = await idOf("plain", plain);
  assert.equal(await idOf("reversed", [...plain].reverse()), first);
  assert.notEqual(await idOf("turned", turned), first);
});

test("the stored sample of a reference is the one that was drawn", async () => {
  const stored = await readReference(stage.lane, "steady");
  assert.deepEqual(stored?.sample, steady.prepared.reference?.sample);
  assert.equal(stored?.sample?.hashes.length, 3000);
});

test("a feature left out is not looked at, a smaller sample is the beginning of the greater one", async () => {
  const scene = await stage.scene({
    ...base,
    name: "chosen",
    windows: ["1h"],
    detectors: [
      { use: "domain-classifier", subjects: ["noise", "region", "age"], sample_rows: 500 },
      { use: "correlation", sample_rows: 300 },
    ],
  });
  await scene.write(events(people(1500, 3, -1), T0), 0);
  await scene.evaluation.run({ final: true });
  const found = await scene.rows("1h");
  assert.equal(found.filter((row) => row.subject_kind !== "kpi").length, 2);
  const row = findRow(found, T0, "domain-classifier");
  assert.equal(row.breached, false);
  assert.deepEqual(
    [detailOf(row)["sampled"], detailOf(row)["reference_sampled"], detailOf(row)["features"]],
    [500, 500, 3],
  );
  assert.equal(detailOf(findRow(found, T0, "correlation"))["sampled"], 300);
});
