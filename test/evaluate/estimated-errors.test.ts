/** Direct loss estimation over windows, on the embedded engine: it sees that inputs have become harder, and not that labels behave otherwise. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { z } from "zod";
import type { MetricRow } from "../../src/core/metric.ts";
import { prepareModel } from "../../src/evaluate/prepare-model.ts";
import { readReference } from "../../src/evaluate/references/stored-reference.ts";
import { sql } from "../../src/store/sql.ts";
import { assertNear, findRow, openStage } from "../support/evaluation-stage.ts";
import { uniform } from "../support/golden.ts";
import { lossLabels, lossPredictions, lossRows, realisedErrors } from "../support/loss-rows.ts";

const T0 = Date.parse("2026-03-02T10:00:00Z");
const HOUR = 3_600_000;
const clock = { now: () => T0 + 10 * HOUR, sleep: () => Promise.resolve() };
const stage = await openStage(clock);
after(() => stage.close());

const base = { task: "regression", windows: ["1h"], detectors: ["volume"], min_rows: 100 };
const detailOf = (row: MetricRow): Record<string, unknown> => JSON.parse(row.detail);
/** (estimate - realised), as a share of the realised. */
const offBy = (row: MetricRow, realised: number) => Math.abs((row.value ?? Number.NaN) - realised) / realised;

test("errors are estimated before labels, track a shift of the inputs, and say what came of it", async () => {
  const file = await stage.referenceFile("losses.ndjson", lossRows(8000, 1));
  const scene = await stage.scene({ ...base, name: "price", reference: { file }, kpis: ["mae", "rmse", "r2"] });
  const steady = lossRows(4000, 2);
  const harder = lossRows(4000, 3, { from: 0.6, to: 1 });
  await scene.write([...lossPredictions(steady, T0), ...lossPredictions(harder, T0 + HOUR)], 0);
  await scene.evaluation.run({ final: true });
  const early = await scene.rows("1h");
  assert.equal(findRow(early, T0, "mae").status, "insufficient");
  for (const [start, rows, isBreached] of [
    [T0, steady, false],
    [T0 + HOUR, harder, true],
  ] as const)
    for (const kpi of ["mae", "rmse"] as const) {
      const row = findRow(early, start, `estimated_${kpi}`);
      const realised = realisedErrors(rows)[kpi];
      assert.equal(row.status, "ok");
      assert.equal(row.n, 4000);
      assert.equal(row.coverage, 1);
      assert.ok(offBy(row, realised) < 0.05, `${kpi}: ${row.value} against ${realised}`);
      assert.ok((row.lower ?? 9) < realised && realised < (row.upper ?? 0), `${row.lower} ${realised} ${row.upper}`);
      assert.equal(row.breached, isBreached, `${kpi} ${row.value} of ${row.threshold}`);
      assert.ok(Number(detailOf(row)["reference"]) < (row.threshold ?? 0));
    }
  assert.equal(early.filter(({ metric }) => metric === "estimated_r2").length, 0);

  await scene.write([...lossLabels(steady, T0, T0 + 3 * HOUR), ...lossLabels(harder, T0 + HOUR, T0 + 4 * HOUR)], 8000);
  await scene.evaluation.run({ final: true });
  const late = await scene.rows("1h");
  const told = findRow(late, T0 + HOUR, "estimated_mae");
  assert.equal(told.value, findRow(early, T0 + HOUR, "estimated_mae").value);
  assertNear(Number(detailOf(told)["realised"]), realisedErrors(harder).mae, 1e-9);
  assert.equal(detailOf(told)["missed"], false);
  assert.deepEqual(await scene.evaluation.run({ final: true }), []);
});

test("the page tier tells of errors beyond the reference's, by the estimates first, each error counting up to the cap", async () => {
  const file = await stage.referenceFile("tier.ndjson", lossRows(8000, 1));
  const scene = await stage.scene({ ...base, name: "tier", reference: { file }, kpis: ["mae", "rmse"] });
  const steady = lossRows(4000, 2);
  const harder = lossRows(4000, 3, { from: 0.6, to: 1 });
  await scene.write([...lossPredictions(steady, T0), ...lossPredictions(harder, T0 + HOUR)], 0);
  await scene.evaluation.run({ final: false });
  await scene.write([...lossLabels(steady, T0, T0 + 3 * HOUR), ...lossLabels(harder, T0 + HOUR, T0 + 4 * HOUR)], 8000);
  await scene.evaluation.run({ final: true });
  const bounds = new Map((scene.prepared.pageTier?.kpis ?? []).map((kpi) => [kpi.metric, kpi]));
  assert.deepEqual([...bounds.keys()], ["mae", "rmse", "estimated_mae", "estimated_rmse"]);
  const { cap = 0, bound = 0 } = bounds.get("mae") ?? {};
  const losses = lossRows(8000, 1).map(({ prediction, label }) => Math.abs(prediction - label));
  const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  const deviation = Math.sqrt(losses.reduce((sum, loss) => sum + (loss - mean) ** 2, 0) / losses.length);
  assertNear(cap, mean + 3 * deviation, 1e-9);
  const capped = losses.reduce((sum, loss) => sum + Math.min(loss, cap), 0) / losses.length;
  assertNear(bound, capped / cap + 0.03, 1e-9);
  assertNear(bounds.get("estimated_mae")?.bound, mean / cap + 0.03, 1e-9);

  const steps = await stage.lane.query(
    sql`SELECT subject, toUnixTimestamp64Milli(pane_start) AS start, sums FROM steps FINAL WHERE model = 'tier' AND stream = 'kpi'`,
    z.object({ subject: z.string(), start: z.number(), sums: z.array(z.number()) }),
  );
  for (const [start, rows] of [
    [T0, steady],
    [T0 + HOUR, harder],
  ] as const) {
    const bad = rows.reduce((sum, { prediction, label }) => sum + Math.min(Math.abs(prediction - label), cap) / cap, 0);
    const [realised] = steps.find((step) => step.subject === "mae" && step.start === start)?.sums ?? [];
    const [estimated = 0] = steps.find((step) => step.subject === "estimated_mae" && step.start === start)?.sums ?? [];
    assertNear(realised, bad, 1e-6 * bad);
    // An estimate is of a row's mean error, which hardly ever reaches the cap; single errors do.
    assert.ok(estimated > bad && estimated < 1.1 * bad, `${estimated} against ${bad}`);
  }
  const told = await stage.lane.query(
    sql`SELECT subject, toUnixTimestamp64Milli(window_start) AS start, finding FROM evidence FINAL WHERE model = 'tier' AND metric = 'kpi-evidence' AND alarmed ORDER BY subject`,
    z.object({ subject: z.string(), start: z.number(), finding: z.string() }),
  );
  // Of the squares a few great ones, which are capped, make the most: an hour is not enough to tell of them.
  assert.deepEqual(
    told.map(({ subject, start }) => [subject, start - T0]),
    ["estimated_mae", "estimated_rmse", "mae"].map((subject) => [subject, HOUR]),
  );
  for (const { finding } of told)
    assert.match(finding, /^rose to \d\.\d+, above what the reference allows, \d\.\d+ \(a /);
});

test("labels that behave otherwise for the same inputs are not seen: only the labels tell", async () => {
  const file = await stage.referenceFile("concept.ndjson", lossRows(8000, 1));
  const scene = await stage.scene({ ...base, name: "concept", reference: { file }, kpis: ["mae"] });
  const rows = lossRows(4000, 4, { scale: 2 });
  await scene.write(lossPredictions(rows, T0), 0);
  await scene.write(lossLabels(rows, T0, T0 + HOUR), 4000);
  await scene.evaluation.run({ final: true });
  const row = findRow(await scene.rows("1h"), T0, "estimated_mae");
  assert.equal(row.breached, false);
  assert.ok(offBy(row, realisedErrors(rows).mae) > 0.4);
  assert.equal(detailOf(row)["missed"], true);
});

test("of a window with many rows a sample is read, the same each time, and the band is the wider for it", async () => {
  const file = await stage.referenceFile("many.ndjson", lossRows(4000, 1));
  const scene = await stage.scene({ ...base, name: "many", reference: { file }, kpis: ["mae"] });
  const rows = lossRows(30_000, 5);
  await scene.write(lossPredictions(rows, T0), 0);
  await scene.evaluation.run({ final: true });
  const row = findRow(await scene.rows("1h"), T0, "estimated_mae");
  assert.equal(detailOf(row)["rows_read"], 20_000);
  assert.equal(row.n, 30_000);
  assert.ok(offBy(row, realisedErrors(rows).mae) < 0.05);
  assert.deepEqual(await scene.evaluation.run({ final: true }), []);
});

test("the model of the loss is the same when the reference is read again, and as it is stored", async () => {
  const file = await stage.referenceFile("same.ndjson", lossRows(3000, 6));
  const scene = await stage.scene({ ...base, name: "same", reference: { file }, kpis: ["mae"] });
  const again = await prepareModel(stage.lane, scene.config, clock);
  assert.ok(scene.prepared.reference?.lossModel != null);
  assert.equal(again.referenceId, scene.prepared.referenceId);
  assert.deepEqual(again.reference?.lossModel, scene.prepared.reference.lossModel);
  assert.deepEqual((await readReference(stage.lane, "same"))?.lossModel, scene.prepared.reference.lossModel);
});

test("labels that come for small predictions first: the errors weighted to be those of all rows, and none where a part has no label", async () => {
  const file = await stage.referenceFile("first.ndjson", lossRows(4000, 1));
  const rows = lossRows(6000, 12);
  const draw = uniform(79);
  const whole = realisedErrors(rows);
  for (const [name, chance] of [
    ["some", 0.15],
    ["none", 0],
  ] as const) {
    const scene = await stage.scene({ ...base, name, reference: { file }, kpis: ["mae", "rmse", "r2"] });
    await scene.write(lossPredictions(rows, T0), 0);
    const all = lossLabels(rows, T0, T0 + HOUR);
    await scene.write(
      all.filter((_, index) => draw() < ((rows[index]?.prediction ?? 0) < 7 ? 0.9 : chance)),
      6000,
    );
    await scene.evaluation.run({ final: true });
    const found = await scene.rows("1h");
    for (const kpi of ["mae", "rmse"] as const) {
      const row = findRow(found, T0, kpi);
      const detail = detailOf(row);
      assert.ok((row.value ?? 9) < 0.85 * whole[kpi], "the labelled rows alone are the easy ones");
      assert.ok("warning" in detail);
      if (name === "none") {
        assert.match(String(detail["not_weighted"]), /of the window have a score of which no label has come/);
        continue;
      }
      const weighted = z.object({ value: z.number(), lower: z.number(), upper: z.number() }).parse(detail["weighted"]);
      assert.ok(
        Math.abs(weighted.value - whole[kpi]) / whole[kpi] < 0.08,
        `${kpi}: ${weighted.value} of ${whole[kpi]}`,
      );
      assert.ok(weighted.lower < whole[kpi] && whole[kpi] < weighted.upper);
    }
    assert.equal("weighted" in detailOf(findRow(found, T0, "r2")), false);
  }
});

test("features that say nothing of the error, few rows and a reference without labels give no estimate, with a reason", async () => {
  const flat = lossRows(4000, 7).map((row, index) => ({
    ...row,
    label: row.prediction + ([1, -1, 2, -2][index % 4] ?? 0),
  }));
  for (const [name, rows, reason] of [
    ["flat", flat, /don't tell where errors are large/],
    ["short", lossRows(300, 8), /has 300 rows with a prediction and a label; estimates need 500/],
    ["bare", lossRows(1000, 9).map(({ label: _label, ...row }) => row), /no rows with a prediction and a label/],
  ] as const) {
    const file = await stage.referenceFile(`${name}.ndjson`, rows);
    const scene = await stage.scene({ ...base, name, reference: { file }, kpis: ["mae", "estimated_mae"] });
    await scene.write(lossPredictions(lossRows(500, 10), T0), 0);
    await scene.evaluation.run({ final: true });
    const row = findRow(await scene.rows("1h"), T0, "estimated_mae");
    assert.equal(row.status, "insufficient");
    assert.equal(row.value, null);
    assert.match(row.detail, reason);
  }
});
