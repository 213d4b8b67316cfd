/** A regression whose errors depend on its features: rows for tests of direct loss estimation, drawn without a clock. */
import type { WrittenEvent } from "./event-writer.ts";
import { uniform } from "./golden.ts";

export interface LossRow {
  readonly x: number;
  readonly w: number;
  readonly kind: string;
  readonly prediction: number;
  readonly label: number;
}

/** `from`..`to` is where x lies; the noise of the label grows with x, is three times as large for kind "c", and `scale` times as all. */
export function lossRows(
  count: number,
  seed: number,
  { from = 0, to = 1, scale = 1 }: { readonly from?: number; readonly to?: number; readonly scale?: number } = {},
): LossRow[] {
  const draw = uniform(seed);
  return Array.from({ length: count }, () => {
    const x = from + (to - from) * draw();
    const w = draw();
    const u = draw();
    const kind = u < 0.5 ? "a" : u < 0.8 ? "b" : "c";
    const noise = Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
    const prediction = 10 * x + 5 * w;
    const spread = (0.5 + 2 * x) * (kind === "c" ? 3 : 1) * scale;
    return { x, w, kind, prediction, label: prediction + spread * noise };
  });
}

export const lossPredictions = (rows: readonly LossRow[], start: number): WrittenEvent[] =>
  rows.map(({ x, w, kind, prediction }, index) => ({
    kind: "prediction",
    id: `${start}-${index}`,
    timestamp: start + index * 100,
    prediction,
    features: { x, w, kind },
  }));

export const lossLabels = (rows: readonly LossRow[], start: number, at: number): WrittenEvent[] =>
  rows.map(({ label }, index) => ({ kind: "label", id: `${start}-${index}`, timestamp: at + index, label }));

/** Mean absolute error and root mean squared error. */
export function realisedErrors(rows: readonly LossRow[]): { readonly mae: number; readonly rmse: number } {
  const errors = rows.map(({ prediction, label }) => prediction - label);
  return {
    mae: errors.reduce((sum, error) => sum + Math.abs(error), 0) / rows.length,
    rmse: Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / rows.length),
  };
}
