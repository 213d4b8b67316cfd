/** The detectors of several features together, as rows of `metrics` of the model as a whole. */
import { setImmediate } from "node:timers/promises";
import type { MetricRow } from "../../core/metric.ts";
import { firstRows, type RowSample } from "../../core/row-sample.ts";
import type { Lane } from "../../store/store.ts";
import { blankRow, type SeriesWindow, withResult } from "../drift-rows.ts";
import type { WindowRows } from "../kpis/joined-rows.ts";
import type { PreparedModel } from "../prepare-model.ts";
import type { BoundSampleDetector } from "./bound-detectors.ts";
import { sampledFeatures } from "./sample-cells.ts";
import { windowKey, windowSamples } from "./window-samples.ts";

/** Cells that one statement reads, about. */
const CELLS_AT_ONCE = 400_000;

/** `rowsOf`: the rows of some of the windows, others may be among them. */
export async function multivariateRows(
  lane: Lane,
  prepared: PreparedModel,
  windows: readonly SeriesWindow[],
  rowsOf: (some: readonly SeriesWindow[]) => WindowRows,
  computedAt: number,
): Promise<MetricRow[]> {
  const { sampleDetectors: detectors, reference } = prepared;
  if (detectors.length === 0 || reference === null) return [];
  const sample = reference.sample ?? emptySample;
  const names = new Set(sample.columns.map(({ name }) => name));
  const features = sampledFeatures(reference.subjects).filter(({ subject }) => names.has(subject));
  const most = Math.max(...detectors.map(({ sampleRows }) => sampleRows));
  const found: MetricRow[] = [];
  for (const some of chunksOf(windows, most * Math.max(1, features.length), most)) {
    const filled = some.filter(({ n }) => n > 0);
    const samples =
      filled.length === 0 || features.length === 0
        ? new Map<string, RowSample>()
        : await windowSamples(lane, prepared, features, most, rowsOf(filled), filled);
    for (const window of some) {
      for (const detector of detectors) {
        // A fit takes a good part of a second at worst: others get their turn in between.
        await setImmediate();
        found.push(judgedSample(prepared, window, detector, sample, samples.get(windowKey(window)), computedAt));
      }
    }
  }
  return found;
}

const emptySample: RowSample = { of: 0, hashes: new Uint32Array(0), columns: [] };

/** Windows whose samples together are read by one statement. */
function* chunksOf(windows: readonly SeriesWindow[], cells: number, most: number): Generator<SeriesWindow[]> {
  let chunk: SeriesWindow[] = [];
  let room = CELLS_AT_ONCE;
  for (const window of windows) {
    const needed = (cells / most) * Math.min(most, window.n);
    if (chunk.length > 0 && needed > room) {
      yield chunk;
      chunk = [];
      room = CELLS_AT_ONCE;
    }
    chunk.push(window);
    room -= needed;
  }
  if (chunk.length > 0) yield chunk;
}

function judgedSample(
  prepared: PreparedModel,
  window: SeriesWindow,
  detector: BoundSampleDetector,
  reference: RowSample,
  sample: RowSample | undefined,
  computedAt: number,
): MetricRow {
  const row: MetricRow = {
    ...blankRow(prepared, window, computedAt),
    subject_kind: "model",
    subject: "model",
    metric: detector.name,
    n: window.n,
  };
  const ofWindow = sample ?? { ...emptySample, columns: reference.columns.map(empty) };
  const seen = (all: RowSample): RowSample =>
    firstRows({ ...all, columns: all.columns.filter((column) => detector.watches(column)) }, detector.sampleRows);
  return withResult(row, () => detector.compare(seen(reference), seen(ofWindow)));
}

const empty = <Column extends { readonly values: Float64Array }>(column: Column) => ({
  ...column,
  values: new Float64Array(0),
});
