/** People with a score, the decision by it and the truth, as events: for tests of estimates and fairness. */
import type { MetricRow } from "../../src/core/metric.ts";
import type { WrittenEvent } from "./event-writer.ts";

export interface Person {
  readonly sex: string;
  readonly score: number;
  readonly prediction: number;
  readonly label: number;
}

export const predictions = (rows: readonly Person[], start: number): WrittenEvent[] =>
  rows.map(({ sex, score, prediction }, index) => ({
    kind: "prediction",
    id: `${start}-${index}`,
    timestamp: start + index * 500,
    prediction,
    score,
    features: { sex },
  }));

/** `start` is that of their predictions, `at` when the first label comes; of those rows alone whose label is there. */
export const labels = (
  rows: readonly Person[],
  start: number,
  at: number,
  isThere: (row: Person, index: number) => boolean = () => true,
): WrittenEvent[] =>
  rows.flatMap((row, index) =>
    isThere(row, index) ? [{ kind: "label", id: `${start}-${index}`, timestamp: at + index, label: row.label }] : [],
  );

export const detailOf = (row: MetricRow): Record<string, unknown> => JSON.parse(row.detail);
