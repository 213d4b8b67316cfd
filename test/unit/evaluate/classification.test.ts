/** KPIs of predicted classes: scikit-learn's values where it and Driftline agree, and what they say where a rate is not defined. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { accuracy, type ConfusionCell, classRate, readCells } from "../../../src/evaluate/kpis/classification.ts";
import { columnsOf } from "../../golden/columns.ts";
import { assertClose, type GoldenCase, goldenCases } from "../../support/golden.ts";

function cellsOf(golden: GoldenCase): ConfusionCell[] {
  const column = columnsOf(golden);
  const predicted = column("yhat");
  return column("y").map((actual, row) => ({ actual: `${actual}`, predicted: `${predicted[row]}`, rows: 1 }));
}

function assertValue(kpi: ReturnType<typeof accuracy>, expected: unknown, { id, tolerance }: GoldenCase): void {
  assert.ok(kpi.status === "ok", id);
  assertClose(kpi.value, expected, tolerance, id);
}

for (const golden of goldenCases("binary_metrics")) {
  test(`golden ${golden.id}: accuracy, precision, recall and F1 of a window, inside their intervals`, () => {
    const cells = cellsOf(golden);
    assertValue(accuracy(cells), golden.expected["accuracy"], golden);
    for (const rate of ["precision", "recall", "f1"] as const) {
      const kpi = classRate(rate, cells, ["1"]);
      assertValue(kpi, golden.expected[rate], golden);
      assert.ok(kpi.status === "ok" && kpi.lower !== undefined && kpi.upper !== undefined);
      assert.ok(kpi.lower < kpi.value && kpi.value < kpi.upper);
    }
    // Specificity is the recall of the other class.
    const specificity = classRate("specificity", cells, ["1"]);
    const recall = classRate("recall", cells, ["0"]);
    assert.ok(specificity.status === "ok" && recall.status === "ok" && specificity.value === recall.value);
  });
}

for (const golden of goldenCases("multiclass")) {
  test(`golden ${golden.id}: accuracy, and means over the classes`, () => {
    const cells = cellsOf(golden);
    const classes = [...new Set(cells.flatMap(({ actual, predicted }) => [actual, predicted]))];
    assertValue(accuracy(cells), golden.expected["accuracy"], golden);
    assertValue(classRate("precision", cells, classes), golden.expected["macro_precision"], golden);
    assertValue(classRate("recall", cells, classes), golden.expected["macro_recall"], golden);
    assertValue(classRate("f1", cells, classes), golden.expected["macro_f1"], golden);
  });
}

test("a rate without rows has no value and says why, and a mean over classes leaves it out", () => {
  const cells = [
    { actual: "a", predicted: "b", rows: 3 },
    { actual: "b", predicted: "b", rows: 5 },
  ];
  assert.notEqual(classRate("precision", cells, ["a"]).status, "ok");
  assert.notEqual(classRate("recall", cells, ["c"]).status, "ok");
  assert.notEqual(classRate("f1", cells, ["c"]).status, "ok");
  const mean = classRate("precision", cells, ["a", "b"]);
  assert.ok(mean.status === "ok" && mean.value === 5 / 8);
  assert.equal(mean.detail?.["classes"], 1);
});

test("a cell's key holds any characters: the length comes first, in bytes", () => {
  assert.deepEqual(readCells([["3:é:a:b", 2]]), [{ predicted: "é:", actual: "a:b", rows: 2 }]);
});
