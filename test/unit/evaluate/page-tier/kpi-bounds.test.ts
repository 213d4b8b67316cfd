/** Which KPIs the page tier tests, against what, and what a window adds to each. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { KpiName } from "../../../../src/config/kpis.ts";
import { kpiSums } from "../../../../src/evaluate/kpis/kpi-sums.ts";
import type { KpiValue } from "../../../../src/evaluate/kpis/kpi-value.ts";
import { kpiBounds } from "../../../../src/evaluate/page-tier/kpi-bounds.ts";
import { kpiFinding } from "../../../../src/evaluate/page-tier/kpi-finding.ts";
import { modelConfig } from "../../../support/event-writer.ts";
import { loadedReference } from "../../../support/page-tier.ts";

const near = (found: number | undefined, expected: number) =>
  assert.ok(Math.abs((found ?? Number.NaN) - expected) < 1e-12, `${found} is not ${expected}`);

/** 60,000 tp, 20,000 fp, 15,000 fn, 105,000 tn; scores 0.25 below the cut and 0.75 above it. */
const labelled = {
  positive: "1",
  rows: [120_000, 80_000],
  positives: [15_000, 60_000],
  means: [0.25, 0.75],
};
const reference = loadedReference(200_000, { labelledScores: [{ ...labelled, ...cellsOf(labelled) }] });

/** The same as cells of a thousandth each. */
function cellsOf({ rows, positives, means }: typeof labelled) {
  const spread = (values: readonly number[]) => {
    const cells = Array.from({ length: 2000 }, () => 0);
    cells[250] = values[0] ?? 0;
    cells[1750] = values[1] ?? 0;
    return cells;
  };
  return { rows: spread(rows), positives: spread(positives), means: spread(means) };
}

const bounds = (written: Readonly<Record<string, unknown>>, against: typeof reference | null = reference) =>
  kpiBounds(modelConfig({ name: "m", task: "binary", ...written }), against, "none");
const boundOf = (metric: string, written: Readonly<Record<string, unknown>>, against?: typeof reference | null) =>
  bounds(written, against).find((bound) => bound.metric === metric);

test("rates have their limit's complement, the false positive rate its limit, as the bound", () => {
  const kpis = [
    { use: "precision", min: 0.7 },
    { use: "recall", min: 0.75 },
    { use: "specificity", min: 0.8 },
    { use: "false_positive_rate", max: 0.2 },
    { use: "f1", min: 0.6 },
    { use: "brier", max: 0.2 },
  ];
  const found = bounds({ kpis });
  assert.deepEqual(
    found.map(({ metric, isGood, source }) => [metric, isGood, source]),
    [
      ["precision", true, "limit"],
      ["recall", true, "limit"],
      ["specificity", true, "limit"],
      ["false_positive_rate", false, "limit"],
      ["f1", true, "limit"],
      ["brier", false, "limit"],
    ],
  );
  for (const [index, bound] of [0.3, 0.25, 0.2, 0.2, 0.4, 0.2].entries()) near(found[index]?.bound, bound);
});

test("without limits the labelled reference's own rates, less what does not matter, are the bounds", () => {
  const kpis = ["accuracy", "precision", "recall", "specificity", "false_positive_rate", "f1", "brier", "ece"];
  const found = new Map(bounds({ kpis }).map((bound) => [bound.metric, bound]));
  near(found.get("accuracy")?.bound, 35 / 200 + 0.03);
  near(found.get("precision")?.bound, 20 / 80 + 0.03);
  near(found.get("recall")?.bound, 15 / 75 + 0.03);
  near(found.get("specificity")?.bound, 20 / 125 + 0.03);
  near(found.get("false_positive_rate")?.bound, 20 / 125 + 0.03);
  near(found.get("f1")?.bound, 35 / 155 + 0.03);
  const brier = (15 * 0.75 ** 2 + 105 * 0.25 ** 2 + 60 * 0.25 ** 2 + 20 * 0.75 ** 2) / 200;
  near(found.get("brier")?.bound, brier + 0.002 + 0.03);
  // 75 of 200 are positive, and the scores say 90: they may not become worse than that, nor too low.
  near(found.get("ece")?.bound, (1 + 0.03) / 2);
  near(found.get("ece")?.otherBound, (1 + 15 / 200 + 0.03) / 2);
  assert.ok([...found.values()].every(({ source }) => source === "reference"));
});

test("a small reference's own error widens the bound, the more the smaller the set that a rate is over", () => {
  const few = loadedReference(200, {
    labelledScores: [{ positive: "1", rows: [120, 80], positives: [15, 60], means: [0.25, 0.75] }],
  });
  const recall = boundOf("recall", { kpis: ["recall"] }, few)?.bound ?? 0;
  const accuracy = boundOf("accuracy", { kpis: ["accuracy"] }, few)?.bound ?? 0;
  near(recall, 0.2 + 3.1 * Math.sqrt((0.2 * 0.8) / 75) + 4 / 75);
  assert.ok(recall - 0.2 > accuracy - 0.175);
});

test("what is no mean over events is not tested: areas, means over classes, log loss, and what nothing bounds", () => {
  assert.deepEqual(bounds({ kpis: [{ use: "roc_auc", min: 0.8 }, { use: "log_loss", max: 1 }, "label_coverage"] }), []);
  const classes = { task: "multiclass", classes: ["a", "b", "c"] };
  assert.deepEqual(
    bounds(
      {
        ...classes,
        kpis: [
          { use: "f1", min: 0.8 },
          { use: "recall", min: 0.5 },
        ],
      },
      null,
    ),
    [],
  );
  assert.deepEqual(bounds({ kpis: ["recall", "brier", "ece"] }, null), []);
  // An estimate that there can be none of takes no part of the budget.
  assert.deepEqual(bounds({ kpis: [{ use: "estimated_recall", min: 0.5 }] }), []);
});

test("the accuracy of several classes is tested, a row being right in its own class", () => {
  // Of 1,000 rows 700 are decided to be of a, 600 of them rightly, and 300 of b, 200 rightly.
  const classes = [
    { positive: "a", rows: [300, 700], positives: [100, 600], means: [0.2, 0.8] },
    { positive: "b", rows: [700, 300], positives: [100, 200], means: [0.2, 0.8] },
  ];
  const many = loadedReference(1000, { labelledScores: classes });
  const found = boundOf("accuracy", { task: "multiclass", kpis: ["accuracy"], ignore_below: 0.1 }, many);
  near(found?.bound, 0.2 + 0.1);
});

test("the Brier score of several classes lies between 0 and 2, and is halved", () => {
  const found = boundOf("brier", { task: "multiclass", kpis: [{ use: "brier", max: 0.5 }] }, null);
  assert.deepEqual(found, { metric: "brier", isGood: false, bound: 0.25, source: "limit", cap: 2 });
  assert.deepEqual(kpiSums("brier", "multiclass", { status: "ok", value: 1.5, n: 8 }), [6, 2]);
});

test("errors are shares of a cap: of so many times the limit, or of what the reference's errors come to", () => {
  const regression = (kpis: unknown, against: typeof reference | null) => bounds({ task: "regression", kpis }, against);
  assert.deepEqual(
    regression(
      [
        { use: "mae", max: 2 },
        { use: "rmse", max: 3 },
      ],
      null,
    ),
    [
      { metric: "mae", isGood: false, bound: 0.25, source: "limit", cap: 8 },
      { metric: "rmse", isGood: false, bound: 1 / 6, source: "limit", cap: 54 },
    ],
  );
  const moments = {
    absolute: { mean: 2, deviation: 1, capped: 1.9 },
    squared: { mean: 5, deviation: 5, capped: 4.6 },
  };
  const lossModel = { inputs: [], rows: 10_000, absolute: "none", squared: "none", moments };
  const [mae, rmse] = regression(["mae", "rmse"], { ...reference, lossModel });
  assert.equal(mae?.cap, 5);
  near(mae?.bound, 0.38 + 0.03);
  assert.equal(rmse?.cap, 20);
  near(rmse?.bound, 0.23 + 0.03);
});

const ok = (value: number, n: number, detail: Extract<KpiValue, { status: "ok" }>["detail"] = {}): KpiValue => ({
  status: "ok",
  value,
  n,
  detail,
});

test("a rate's sums are of the rows that bear on it, not of the window", () => {
  const cells = { tp: 6, fp: 2, fn: 3, tn: 89 };
  const sums = (kpi: KpiName) => kpiSums(kpi, "binary", ok(0.5, 100, cells));
  assert.deepEqual(sums("precision"), [2, 6]);
  assert.deepEqual(sums("recall"), [3, 6]);
  assert.deepEqual(sums("specificity"), [2, 89]);
  assert.deepEqual(sums("false_positive_rate"), [2, 89]);
  assert.deepEqual(sums("f1"), [2.5, 6]);
  assert.deepEqual(sums("estimated_recall"), [3, 6]);
  assert.deepEqual(kpiSums("accuracy", "binary", ok(0.95, 100)), [5, 95]);
  assert.deepEqual(kpiSums("recall", "binary", ok(0.5, 100)), null);
  assert.deepEqual(kpiSums("precision", "multiclass", ok(0.5, 100, cells)), null);
  assert.deepEqual(kpiSums("roc_auc", "binary", ok(0.5, 100)), null);
  assert.deepEqual(kpiSums("accuracy", "binary", { status: "insufficient", n: 0, reason: "none" }), null);
});

test("calibration's sums lie about a half, and errors count up to their cap", () => {
  assert.deepEqual(kpiSums("ece", "binary", ok(0.02, 100, { positives: 30, scores: 24 })), [53, 47]);
  assert.deepEqual(kpiSums("mae", "regression", ok(3, 10, { cap: 8, capped: 20, capped_rows: 10 })), [2.5, 7.5]);
  assert.deepEqual(kpiSums("mae", "regression", ok(3, 10)), null);
});

test("findings say the KPI in its own unit, and on which side calibration is off", () => {
  const limit = { source: "limit" } as const;
  const rate = { metric: "false_positive_rate", isGood: false, bound: 0.2, ...limit };
  assert.equal(kpiFinding(rate, { bad: 30, events: 100 }), "rose to 0.3, above its limit 0.2");
  const recall = { metric: "estimated_recall", isGood: true, bound: 0.25, source: "reference" } as const;
  assert.equal(kpiFinding(recall, { bad: 40, events: 100 }), "fell to 0.6, below what the reference allows, 0.75");
  const rmse = { metric: "rmse", isGood: false, bound: 1 / 6, cap: 54, ...limit };
  assert.equal(
    kpiFinding(rmse, { bad: 100 / 3, events: 100 }),
    "rose to 4.24, above its limit 3 (a greater error than 7.35 counts as that)",
  );
  const ece = { metric: "ece", isGood: false, bound: 0.515, otherBound: 0.515, ...limit };
  assert.equal(
    kpiFinding(ece, { bad: 55, events: 100 }),
    "labels are positive 10 points more often than the scores say; its limit is 3 points",
  );
  assert.equal(
    kpiFinding(ece, { bad: 54, events: 100 }, true),
    "labels are positive 8 points less often than the scores say; its limit is 3 points",
  );
});
