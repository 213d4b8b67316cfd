/** ADWIN: a window that grows while its parts agree and is cut where they do not, for changes of the mean whose time scale is unknown. */
import { z } from "zod";
import { defineSequentialDetector } from "../../src/core/sequential-detector.ts";

/** Buckets of 2^i values each, the oldest first: their sums, and the sums of squared differences from their means. */
interface Row {
  readonly totals: readonly number[];
  readonly squares: readonly number[];
}

interface Window {
  readonly width: number;
  readonly total: number;
  readonly squares: number;
  /** Row i has the buckets of 2^i values; older values are in higher rows. */
  readonly rows: readonly Row[];
}

interface Cutting {
  readonly delta: number;
  readonly minPart: number;
}

export const adwin = defineSequentialDetector({
  name: "adwin",
  title: "Adaptive windowing",
  description:
    "Keeps all values since the last change in buckets that double in length, and compares the means of the older and the newer part at every border between buckets; where they differ by more than chance allows, the older values are dropped. It finds small shifts late and large ones soon, without a window length to choose, and is the best of this folder on a stream of single events; it sees the mean alone and is blind to a change of spread or shape. `delta` is no false-alarm rate: on independent normal values its default alarms falsely at most once in a million values and 0.03 about nine times. The bound supposes bounded values: heavy tails (38 in a million for a t law of 3 degrees, 66 for a lognormal one) and dependent values (334 at a correlation of 0.5) alarm far more often.",
  citation:
    "Bifet, A. & Gavaldà, R. (2007). Learning from time-changing data with adaptive windowing. SDM 2007, 443-448. SIAM. As in River 0.26, which starts anew after a change.",
  scaleFree: false,
  scaleNote:
    "Nearly free of the unit while the spread is about 1 or larger; the bound has a term for values between 0 and 1, which makes it slow where the spread is far smaller: divide such values by their standard deviation.",
  ofWindows: { check_every: 1 },
  options: z.strictObject({
    delta: z
      .number()
      .positive()
      .max(1)
      .default(0.002)
      .describe("Confidence of one comparison: smaller finds later and alarms less."),
    check_every: z.int().min(1).default(32).describe("Values from one look for a change to the next."),
    max_buckets: z
      .int()
      .min(2)
      .default(5)
      .describe("Buckets of one length before two are joined: more means more borders to cut at, and more state."),
    min_part: z.int().min(1).default(5).describe("Values that each of the two compared parts has at least."),
    min_values: z.int().min(2).default(11).describe("Values after a start before the first look for a change."),
  }),
  state: z.strictObject({
    width: z.number().min(0),
    total: z.number(),
    squares: z.number(),
    rows: z
      .array(z.strictObject({ totals: z.array(z.number()).readonly(), squares: z.array(z.number()).readonly() }))
      .readonly(),
    /** Values since the start, dropped ones included. */
    count: z.int().min(0),
    /** Greatest difference over its bound at the last look. */
    score: z.number().min(0),
  }),
  start: () => ({ width: 0, total: 0, squares: 0, rows: [], count: 0, score: 0 }),

  /** |mean of the older - mean of the newer| > bound, at any border, drops the oldest bucket; as often as it holds. */
  step({ state, value, options }) {
    const count = state.count + 1;
    let window = inserted(state, value, options.max_buckets);
    if (count < options.min_values || window.width < options.min_values) {
      const verdict = { status: "insufficient", drifted: false, seen: count, needed: options.min_values } as const;
      return { state: stateOf(window, count, 0), verdict };
    }
    let score = state.score;
    let drifted = false;
    if (count % options.check_every === 0) {
      const cutting = { delta: options.delta, minPart: options.min_part };
      score = greatestDifference(window, cutting);
      drifted = score > 1;
      for (let further = score; further > 1; further = greatestDifference(window, cutting))
        window = withoutOldest(window);
    }
    return {
      state: stateOf(window, count, score),
      verdict: { status: "ok", drifted, warning: false, score, limit: 1 },
    };
  },
});

/** Field by field: a spread for every value is ten times slower. */
function stateOf({ width, total, squares, rows }: Window, count: number, score: number) {
  return { width, total, squares, rows, count, score };
}

const emptyRow: Row = { totals: [], squares: [] };

/** The window with one value more: where a row has a bucket too many, its two oldest become one of the next row. */
function inserted({ width, total, squares, rows: before }: Window, value: number, maxBuckets: number): Window {
  const difference = width > 0 ? value - total / width : 0;
  const rows = before.slice();
  let bucket = value;
  let within = 0;
  for (let index = 0; ; index++) {
    const row = rows[index] ?? emptyRow;
    // Copies by slice and push: this runs for every value, and spreading is several times slower.
    const totals = row.totals.slice();
    const rowSquares = row.squares.slice();
    totals.push(bucket);
    rowSquares.push(within);
    if (totals.length <= maxBuckets) {
      rows[index] = { totals, squares: rowSquares };
      break;
    }
    rows[index] = { totals: totals.slice(2), squares: rowSquares.slice(2) };
    const length = 2 ** index;
    const first = totals[0] ?? 0;
    const second = totals[1] ?? 0;
    const apart = first / length - second / length;
    bucket = first + second;
    within = (rowSquares[0] ?? 0) + (rowSquares[1] ?? 0) + (length * length * apart * apart) / (length + length);
  }
  return {
    width: width + 1,
    total: total + value,
    squares: squares + (width * difference * difference) / (width + 1),
    rows,
  };
}

/** The window without its oldest bucket. */
function withoutOldest({ width, total, squares, rows: before }: Window): Window {
  const row = before[before.length - 1] ?? emptyRow;
  const length = 2 ** (before.length - 1);
  const [bucket = 0, ...totals] = row.totals;
  const [within = 0, ...rowSquares] = row.squares;
  const rest = { width: width - length, total: total - bucket };
  const apart = bucket / length - rest.total / rest.width;
  const rows = [...before.slice(0, -1), ...(totals.length > 0 ? [{ totals, squares: rowSquares }] : [])];
  return { ...rest, squares: squares - (within + (length * rest.width * apart * apart) / width), rows };
}

/**
 * The greatest difference between the means of two parts, over its bound; the parts are cut at every border between two buckets.
 * Bound: sqrt(2 r v d) + 2/3 r d with r = 1/(n0 - min + 1) + 1/(n1 - min + 1), v the variance of the window, d = ln(2 ln(width) / delta).
 */
function greatestDifference(window: Window, { delta, minPart }: Cutting): number {
  const confidence = Math.log((2 * Math.log(window.width)) / delta);
  const variance = varianceOf(window);
  return greatestOverBorders(window, minPart, (difference, reciprocals) => {
    const bound = Math.sqrt(2 * reciprocals * variance * confidence) + (2 / 3) * confidence * reciprocals;
    return difference / bound;
  });
}

export const varianceOf = ({ squares, width }: Pick<Window, "squares" | "width">): number =>
  Math.max(0, squares / width);

/**
 * The greatest of a measure, not below 0, over all borders between two buckets with at least `minPart` values on either side.
 *
 * @param measure of the difference between the means of both parts and the sum r of their reciprocal sizes
 */
export function greatestOverBorders(
  { width, total, rows }: Pick<Window, "width" | "total" | "rows">,
  minPart: number,
  measure: (difference: number, reciprocals: number) => number,
): number {
  let greatest = 0;
  let older = 0;
  let olderTotal = 0;
  for (let index = rows.length - 1; index >= 0; index--) {
    const totals = rows[index]?.totals ?? [];
    const length = 2 ** index;
    for (let bucket = 0; bucket < totals.length; bucket++) {
      older += length;
      olderTotal += totals[bucket] ?? 0;
      const newer = width - older;
      if (older < minPart || newer < minPart) continue;
      const reciprocals = 1 / (older - minPart + 1) + 1 / (newer - minPart + 1);
      const difference = Math.abs(olderTotal / older - (total - olderTotal) / newer);
      const measured = measure(difference, reciprocals);
      if (measured > greatest) greatest = measured;
    }
  }
  return greatest;
}
