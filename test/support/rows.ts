/** Looking up and comparing metric rows in tests. */
import assert from "node:assert/strict";
import type { MetricRow } from "../../src/core/metric.ts";

/** Fails unless the numbers differ by no more than the tolerance. */
export function close(actual: unknown, expected: number, tolerance = 1e-9): void {
  assert.ok(
    typeof actual === "number" && Math.abs(actual - expected) <= tolerance,
    `${String(actual)} instead of ${expected}`,
  );
}

/** The one row of a metric of a subject in the window that starts then; `window` where the model has several. */
export function rowOf(
  rows: readonly MetricRow[],
  start: string,
  subject: string,
  metric: string,
  window?: string,
): MetricRow {
  const [row, ...more] = rows.filter(
    (candidate) =>
      candidate.window_start === Date.parse(start) &&
      candidate.subject === subject &&
      candidate.metric === metric &&
      (window === undefined || candidate.window === window),
  );
  assert.ok(
    row !== undefined && more.length === 0,
    `${row === undefined ? "no" : "several"} rows of ${metric} of ${subject} at ${start}`,
  );
  return row;
}
