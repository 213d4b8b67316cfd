/** What Driftline computes on the census stream against what NannyML 0.13.1 computed on the same events (examples/census/nannyml.json). */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { z } from "zod";
import type { MetricRow } from "../../src/core/metric.ts";
import { createEvaluation } from "../../src/evaluate/evaluation.ts";
import { readMetrics } from "../../src/evaluate/metric-writer.ts";
import { prepareModel } from "../../src/evaluate/prepare-model.ts";
import { openStore } from "../../src/store/open.ts";
import { sql } from "../../src/store/sql.ts";
import { CENSUS_PREDICTIONS, censusFolder, writeCensusBatch } from "../support/census.ts";
import { modelConfig } from "../support/event-writer.ts";

let root = import.meta.dirname;
while (!existsSync(path.join(root, "package-lock.json"))) root = path.dirname(root);
const census = censusFolder(root);
const peer = z
  .object({ values: z.record(z.string(), z.unknown()) })
  .parse(JSON.parse(readFileSync(path.join(census, "nannyml.json"), "utf8"))).values;
const realised = (kpi: string) => z.object({ realised: z.array(z.number()) }).parse(peer[kpi]).realised;
const estimated = (kpi: string) => z.object({ estimated: z.array(z.number()) }).parse(peer[kpi]).estimated;
const drift = z.record(z.string(), z.record(z.string(), z.array(z.number()))).parse(peer["drift"]);

const folder = await mkdtemp(path.join(os.tmpdir(), "driftline-census-"));
const store = await openStore({ embedded: path.join(folder, "store") });
after(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});
const lane = store.lane("control");
const WINDOW = "20000 events";
const config = modelConfig({
  name: "census",
  task: "binary",
  reference: {
    file: path.join(census, "reference.parquet"),
    score: "predicted_probability",
    label: "employed",
    ignore: ["id"],
  },
  pane: "1d",
  windows: [WINDOW, "30d"],
  anchor: "never",
  detectors: ["jensen-shannon", "kolmogorov-smirnov", "total-variation", "wasserstein", "psi", "chi-squared", "volume"],
  kpis: [
    "accuracy",
    "precision",
    "recall",
    "specificity",
    "f1",
    "roc_auc",
    "log_loss",
    "brier",
    "ece",
    "label_coverage",
  ],
  fairness: { groups: ["SEX", "RAC1P"] },
});
const clock = { now: () => Date.parse("2026-03-01T00:00:00Z"), sleep: () => Promise.resolve() };
const prepared = await prepareModel(lane, config, clock);
const evaluation = createEvaluation({ store, models: [prepared], clock });
/** The first window as it was when the next had not begun to get labels. */
let beforeLabels: readonly MetricRow[] = [];
for (let from = 0; from < CENSUS_PREDICTIONS; from += 20_000) {
  const to = Math.min(from + 20_000, CENSUS_PREDICTIONS);
  await writeCensusBatch(lane, config, prepared.schema, census, "prediction", from, to);
  // Labels come 30 days later: here two batches behind.
  if (from > 20_000)
    await writeCensusBatch(lane, config, prepared.schema, census, "label", from - 40_000, from - 20_000);
  await evaluation.run();
  if (beforeLabels.length === 0)
    beforeLabels = await readMetrics(lane, { model: "census", window: WINDOW, where: sql`subject_kind = 'kpi'` });
}
await writeCensusBatch(lane, config, prepared.schema, census, "label", 180_000, CENSUS_PREDICTIONS);
await evaluation.run({ final: true });
const rows = (await readMetrics(lane, { model: "census", window: WINDOW, where: sql`true` })).sort(
  (a, b) => a.window_start - b.window_start,
);
const series = (subject: string, metric: string) =>
  rows.filter((row) => row.subject === subject && row.metric === metric);

function near(found: readonly (number | null)[], expected: readonly number[], tolerance: number, what: string): void {
  assert.equal(found.length, expected.length, `${what}: ${found.length} windows`);
  for (const [index, value] of expected.entries()) {
    assert.ok(
      Math.abs((found[index] ?? Number.NaN) - value) <= tolerance,
      `${what}, window ${index}: ${found[index]} is not ${value}`,
    );
  }
}

test("eleven windows of 20,000 events, the last one short", () => {
  assert.deepEqual(
    series("kpi", "accuracy").map((row) => row.n),
    [...Array.from({ length: 10 }, () => 20_000), 8892],
  );
});

test("accuracy and F1 equal NannyML's to 1e-9, ROC-AUC to 1e-6", () => {
  for (const [kpi, tolerance] of [
    ["accuracy", 1e-9],
    ["f1", 1e-9],
    ["roc_auc", 1e-6],
  ] as const) {
    near(
      series("kpi", kpi).map((row) => row.value),
      realised(kpi),
      tolerance,
      kpi,
    );
  }
});

test("estimates before labels lie within 0.001 of NannyML's CBPE, in every window", () => {
  for (const kpi of ["accuracy", "f1", "roc_auc"]) {
    near(
      series("kpi", `estimated_${kpi}`).map((row) => row.value),
      estimated(kpi),
      0.001,
      `estimated_${kpi}`,
    );
  }
});

test("the fall of 2017 is estimated before its labels come, and only F1, recall and precision still lie low a window later", () => {
  const breached = (kpi: string) =>
    series("kpi", `estimated_${kpi}`).flatMap((row, index) => (row.breached ? [index] : []));
  assert.deepEqual(breached("accuracy"), [6]);
  assert.deepEqual(breached("f1"), [6, 7]);
  assert.deepEqual(breached("roc_auc"), []);
  const first = beforeLabels.find((row) => row.metric === "estimated_accuracy");
  assert.ok(first !== undefined && first.value !== null && first.status === "ok" && first.coverage === 1);
  assert.ok(!first.detail.includes("realised"));
  assert.equal(beforeLabels.find((row) => row.metric === "accuracy")?.value, null);
});

test("an estimate says what came of it once the labels are there", () => {
  for (const row of series("kpi", "estimated_accuracy")) {
    const detail = z
      .object({ realised: z.number(), error: z.number(), reference: z.number() })
      .parse(JSON.parse(row.detail));
    const known = series("kpi", "accuracy").find((other) => other.window_start === row.window_start);
    assert.equal(detail.realised, known?.value);
    assert.ok(Math.abs(detail.error) < 0.01);
    assert.ok(Math.abs(detail.reference - 0.82716) < 1e-5);
    assert.ok(row.lower !== null && row.upper !== null && row.lower < (row.value ?? 0) && (row.value ?? 1) < row.upper);
  }
});

test("fairness between SEX and RAC1P is estimated before labels, near what the labels then say, and says so", () => {
  const detail = z.object({ realised: z.number(), error: z.number(), missed: z.boolean() });
  const missed: string[] = [];
  for (const measure of ["equal_opportunity_difference", "equalised_odds_difference", "predictive_parity_difference"])
    for (const feature of ["SEX", "RAC1P"]) {
      const found = series(feature, `estimated_${measure}`);
      assert.equal(found.length, 11);
      for (const [index, row] of found.entries()) {
        const known = detail.parse(JSON.parse(row.detail));
        assert.ok(Math.abs(known.error) < (feature === "SEX" ? 0.025 : 0.08), `${measure}: ${known.error}`);
        missed.push(...(known.missed ? [`${feature} ${measure} ${index}`] : []));
      }
    }
  assert.deepEqual(missed, []);
});

test("Jensen-Shannon of the categorical features equals NannyML's to 1e-9", () => {
  let compared = 0;
  for (const [feature, metrics] of Object.entries(drift)) {
    const expected = metrics["jensen_shannon"];
    if (expected === undefined || feature === "AGEP") continue;
    near(
      series(feature, "jensen-shannon").map((row) => row.value),
      expected,
      1e-9,
      `${feature} jensen-shannon`,
    );
    compared++;
  }
  assert.ok(compared >= 3, `${compared} features`);
});

test("Kolmogorov-Smirnov of AGEP lies below NannyML's by at most the bound that the bins give", () => {
  const expected = drift["AGEP"]?.["kolmogorov_smirnov"] ?? [];
  const found = series("AGEP", "kolmogorov-smirnov");
  assert.equal(found.length, expected.length);
  for (const [index, row] of found.entries()) {
    const bound = Number(JSON.parse(row.detail).error_bound);
    const value = row.value ?? Number.NaN;
    const exact = expected[index] ?? Number.NaN;
    assert.ok(value <= exact + 1e-9 && exact <= value + bound, `window ${index}: ${value} + ${bound} against ${exact}`);
  }
});

test("the drift of RELP and AGEP in 2017 is found, and no feature breaches in the first three windows", () => {
  const breached = series("RELP", "jensen-shannon").filter((row) => row.breached);
  assert.ok(breached.some((row) => new Date(row.window_start).getUTCFullYear() === 2017));
  const early = new Set(
    series("kpi", "accuracy")
      .slice(0, 3)
      .map((row) => row.window_start),
  );
  assert.deepEqual(
    rows.filter(
      (row) =>
        early.has(row.window_start) &&
        row.subject_kind === "feature" &&
        row.metric === "jensen-shannon" &&
        row.breached,
    ),
    [],
  );
});

test("nothing changes when it is evaluated again, by a new process as well", async () => {
  assert.deepEqual(await evaluation.run({ final: true }), []);
  const again = createEvaluation({ store, models: [await prepareModel(lane, config, clock)], clock });
  assert.deepEqual(await again.run({ final: true }), []);
});

const evidence = await lane.query(
  sql`SELECT subject, metric, min(window_end) AS told, toUnixTimestamp64Milli(min(window_end)) AS at, argMin(finding, window_start) AS finding
    FROM evidence FINAL WHERE breached AND metric != 'model-evidence' GROUP BY subject, metric ORDER BY at, subject`,
  z.object({ subject: z.string(), metric: z.string(), told: z.string(), at: z.number(), finding: z.string() }),
);

test("the page tier says nothing in 2016, names RELP in January 2017 and the rest in December, and never SEX", () => {
  const [first, ...more] = evidence;
  assert.equal(first?.subject, "RELP");
  assert.ok(
    (first?.at ?? 0) > Date.UTC(2017, 0, 1) && (first?.at ?? Number.POSITIVE_INFINITY) < Date.UTC(2017, 0, 15),
    first?.told,
  );
  assert.equal(first?.finding, "the share of 17 fell from 5.2 % to 0 %");
  const drifted = more.filter(({ metric }) => metric === "evidence");
  for (const subject of ["AGEP", "MAR", "SCHL", "prediction", "score"]) {
    assert.ok(
      drifted.some((row) => row.subject === subject && row.at > Date.UTC(2017, 10, 1)),
      subject,
    );
  }
  assert.ok(evidence.every(({ subject }) => subject !== "SEX"));
});

test("the fall is told by the estimates before the labels tell of it: first of recall and F1, when accuracy has hardly moved", () => {
  const told = (subject: string) => evidence.find((row) => row.subject === subject);
  const toldAt = (subject: string) => told(subject)?.at ?? Number.POSITIVE_INFINITY;
  for (const kpi of ["recall", "f1", "precision"]) {
    assert.ok(Number.isFinite(toldAt(`estimated_${kpi}`)), kpi);
    assert.ok(toldAt(`estimated_${kpi}`) <= toldAt(kpi), kpi);
  }
  assert.ok(toldAt("estimated_recall") < toldAt("accuracy") && toldAt("recall") < toldAt("accuracy"));
  assert.match(told("estimated_recall")?.finding ?? "", /^fell to 0\.7\d*, below what the reference allows, 0\.8\d*$/);
});

test("KPIs that did not fall are not told of: specificity, the Brier score, calibration, and none of them in 2016", () => {
  const kpis = evidence.filter(({ metric }) => metric === "kpi-evidence");
  const steady = ["specificity", "estimated_specificity", "brier", "ece"];
  assert.deepEqual(
    kpis.filter(({ subject }) => steady.includes(subject)),
    [],
  );
  assert.ok(kpis.every(({ at }) => at > Date.UTC(2017, 10, 1)));
});
