/**
 * A model of the loss (direct loss estimation): from a row's features and prediction, how large its absolute and its squared error will
 * be, fitted on a labelled reference. Each is checked on the half of the reference that it has not seen, and refused where it tells
 * nothing there, or is off.
 */
import { z } from "zod";
import { addTree, type BinnedRows, type BoostedTrees, boostedTrees, boostedValues } from "../../math/boosted-trees.ts";

/** Labelled rows below which a reference can't say where errors are large. */
const LEAST_ROWS = 500;
/**
 * Few trees would draw every answer towards the mean, and a window of other rows would be estimated as if they were like the reference; what
 * many trees make of noise goes out in the mean over a window. So their number is fixed, and large leaves keep noise small.
 */
const BOOSTING = { trees: 100, depth: 3, rate: 0.1 };
const LEAST_LEAF_ROWS = 20;
const LEAF_SHARE = 0.02;
/** 99 % point of the normal law, one-sided: by so many standard errors the trees must beat the mean loss on rows not seen. */
const Z99_ONE_SIDED = 2.3263478740408408;
/** 95 % point, one-sided. */
const Z95_ONE_SIDED = 1.6448536269514722;
/** A mean distance of estimated from realised losses, as a share of the mean loss, that estimates don't survive. */
const MOST_ERROR = 0.15;
const CALIBRATION_GROUPS = 10;

/** Something of a row that the loss is told from. */
const inputSchema = z.object({
  /** The feature's name; null is the prediction. */
  feature: z.string().nullable(),
  kind: z.enum(["numeric", "categorical"]),
  edges: z.array(z.number()),
  categories: z.array(z.string()),
  /** By category: its code, 1 and up in the order of their mean loss. */
  codes: z.array(z.number()),
  /** Code of a category that is not listed; a missing value has 0. */
  other: z.number(),
});
export type LossInput = z.output<typeof inputSchema>;

const treeSchema = z.object({
  features: z.array(z.number()).readonly(),
  cuts: z.array(z.number()).readonly(),
  leaves: z.array(z.number()).readonly(),
});

const learntSchema = z.object({
  trees: z.object({ base: z.number(), trees: z.array(treeSchema).readonly() }),
  /** On rows not seen: mean squared residual over mean squared estimate. The error's law is taken to differ by its scale alone. */
  spread: z.number(),
  /** On rows not seen: mean distance of estimated from realised loss over groups of rows, as a share of the mean loss; debiased. */
  calibration_error: z.number(),
  /** Of the reference's losses. */
  mean: z.number(),
  deviation: z.number(),
});
/** What has been learnt of one loss. */
export type LearntLoss = z.output<typeof learntSchema>;

const momentsSchema = z.object({
  mean: z.number(),
  deviation: z.number(),
  /** Mean of the losses where those above `lossCap` count as that. */
  capped: z.number(),
});

/** Losses beyond so many standard deviations above their mean count as that much in the page tier. */
const CAP_DEVIATIONS = 3;
export const lossCap = ({ mean, deviation }: { readonly mean: number; readonly deviation: number }): number =>
  mean + CAP_DEVIATIONS * deviation;

export const lossModelSchema = z.object({
  inputs: z.array(inputSchema),
  /** Reference rows that it was fitted to. */
  rows: z.number(),
  /** Text: why there is none. */
  absolute: z.union([learntSchema, z.string()]),
  squared: z.union([learntSchema, z.string()]),
  /** Of the reference's losses, whether or not anything was learnt of them. */
  moments: z.object({ absolute: momentsSchema, squared: momentsSchema }).optional(),
});
export type LossModel = z.output<typeof lossModelSchema>;

/** @param errors prediction less label, one a row; the rows must be in no order that has to do with their errors */
export function fitLossModel(inputs: readonly LossInput[], data: BinnedRows, errors: Float64Array): LossModel {
  const absolute = errors.map((error) => Math.abs(error));
  const squared = errors.map((error) => error * error);
  return {
    inputs: [...inputs],
    rows: data.rows,
    absolute: learntLoss(data, absolute),
    squared: learntLoss(data, squared),
    moments: { absolute: withCapped(absolute), squared: withCapped(squared) },
  };
}

function learntLoss(data: BinnedRows, losses: Float64Array): LearntLoss | string {
  if (data.rows < LEAST_ROWS)
    return `The reference has ${data.rows} rows with a prediction and a label; estimates need ${LEAST_ROWS}.`;
  const fitted = everyOther(data, losses, 0);
  const held = everyOther(data, losses, 1);
  const found = checkedOn(held.data, held.losses, treesOf(fitted.data, fitted.losses));
  if (typeof found === "string") return found;
  // What has stood the test on half of the rows is fitted to all of them.
  return { trees: treesOf(data, losses), ...found, ...momentsOf(losses) };
}

function treesOf(data: BinnedRows, losses: Float64Array): BoostedTrees {
  const leafRows = Math.max(LEAST_LEAF_ROWS, Math.round(LEAF_SHARE * data.rows));
  return boostedTrees(data, losses, { ...BOOSTING, leafRows });
}

function everyOther({ rows, features, codes }: BinnedRows, losses: Float64Array, first: 0 | 1) {
  const count = Math.floor((rows + 1 - first) / 2);
  const half = new Uint8Array(count * features);
  for (let row = 0; row < count; row++) {
    const at = (2 * row + first) * features;
    half.set(codes.subarray(at, at + features), row * features);
  }
  return {
    data: { rows: count, features, codes: half },
    losses: Float64Array.from({ length: count }, (_, row) => losses[2 * row + first] ?? 0),
  };
}

/** How well trees serve on rows that they were not fitted to; text where they don't. */
function checkedOn(held: BinnedRows, losses: Float64Array, fitted: BoostedTrees) {
  if (!tellAnything(held, losses, fitted))
    return "The reference's features and predictions don't tell where errors are large: an estimate would always be the reference's value.";
  const estimates = boostedValues(fitted, held).map((value) => Math.max(0, value));
  const { error, noise } = calibrationOf(estimates, losses);
  if (error - noise.mean - Z95_ONE_SIDED * noise.deviation > MOST_ERROR)
    return `What the reference tells of its errors does not hold on rows that were kept back: it is off by ${error.toFixed(2)} of the mean error, ${MOST_ERROR} is the most.`;
  let residuals = 0;
  let squares = 0;
  for (const [row, estimate] of estimates.entries()) {
    residuals += ((losses[row] ?? 0) - estimate) ** 2;
    squares += estimate * estimate;
  }
  return { spread: residuals / squares, calibration_error: Math.max(0, error - noise.mean) };
}

/** Whether some number of the trees, from the first, comes nearer to losses not seen than their mean does, beyond chance. */
function tellAnything(held: BinnedRows, losses: Float64Array, { base, trees }: BoostedTrees): boolean {
  const values = new Float64Array(held.rows).fill(base);
  let best = { mean: 0, deviation: 0 };
  for (const tree of trees) {
    addTree(tree, held, values);
    const gain = momentsOf(losses.map((loss, row) => (loss - base) ** 2 - (loss - (values[row] ?? 0)) ** 2));
    if (gain.mean > best.mean) best = gain;
  }
  return best.mean > (Z99_ONE_SIDED * best.deviation) / Math.sqrt(held.rows);
}

/** Over groups of equal size by estimate: mean distance as a share of the mean loss, and what chance alone would show of it. */
function calibrationOf(estimates: Float64Array, losses: Float64Array) {
  const order = Uint32Array.from(estimates, (_, row) => row).sort(
    (a, b) => (estimates[a] ?? 0) - (estimates[b] ?? 0) || a - b,
  );
  const { mean } = momentsOf(losses);
  let distance = 0;
  let noise = 0;
  let variance = 0;
  for (let group = 0; group < CALIBRATION_GROUPS; group++) {
    const rows = order.subarray(
      Math.floor((order.length * group) / CALIBRATION_GROUPS),
      Math.floor((order.length * (group + 1)) / CALIBRATION_GROUPS),
    );
    const realised = momentsOf(Float64Array.from(rows, (row) => losses[row] ?? 0));
    const estimated = momentsOf(Float64Array.from(rows, (row) => estimates[row] ?? 0));
    const weight = rows.length / order.length;
    distance += weight * Math.abs(realised.mean - estimated.mean);
    noise += (weight * realised.deviation * Math.sqrt(2 / Math.PI)) / Math.sqrt(rows.length);
    variance += (weight * realised.deviation) ** 2 / rows.length;
  }
  return { error: distance / mean, noise: { mean: noise / mean, deviation: Math.sqrt(variance) / mean } };
}

function withCapped(losses: Float64Array) {
  const moments = momentsOf(losses);
  const cap = lossCap(moments);
  return { ...moments, capped: momentsOf(losses.map((loss) => Math.min(loss, cap))).mean };
}

function momentsOf(values: Float64Array): { readonly mean: number; readonly deviation: number } {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / values.length) };
}
