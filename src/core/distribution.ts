/** A window's counts over its reference's, as shares to draw, on the page and in messages: pure arithmetic, no markup. */
import type { ReferenceSubject, WindowSummary } from "./summary.ts";

/** What is drawn of a window. */
type WindowCounts = Pick<WindowSummary, "bins" | "n" | "missing" | "invalid">;

export interface ShareRow {
  readonly kind: "category" | "others" | "rare" | "new" | "missing" | "invalid";
  readonly label: string;
  readonly reference: number;
  readonly window: number;
  /** window - reference. */
  readonly change: number;
  /** Share of the whole move that this row makes up, 0 where nothing moved. */
  readonly ofMove: number;
}

interface Pair {
  readonly kind: ShareRow["kind"];
  readonly label: string;
  readonly reference: number;
  readonly window: number;
}

const share = (count: number, n: number): number => (n > 0 ? count / n : 0);

/**
 * The rows of the category table: the `most` largest changes, the others together, and always rare, new, missing and invalid,
 * also at 0.
 */
export function shareRows(reference: ReferenceSubject, counts: WindowCounts, most: number): ShareRow[] {
  const pair = (kind: ShareRow["kind"], label: string, before: number, now: number): Pair => ({
    kind,
    label,
    reference: share(before, reference.n),
    window: share(now, counts.n),
  });
  const categories = reference.categories.map((label, index) =>
    pair("category", label, reference.bins[index] ?? 0, counts.bins[index] ?? 0),
  );
  const k = reference.categories.length;
  const rest = [
    pair("rare", "", reference.bins[k] ?? 0, counts.bins[k] ?? 0),
    pair("new", "", 0, counts.bins[k + 1] ?? 0),
    pair("missing", "", reference.missing, counts.missing),
    pair("invalid", "", reference.invalid, counts.invalid),
  ];
  const moved = [...categories, ...rest].reduce((sum, row) => sum + Math.abs(row.window - row.reference), 0);
  const finish = (row: Pair): ShareRow => {
    const change = row.window - row.reference;
    return { ...row, change, ofMove: moved > 0 ? Math.abs(change) / moved : 0 };
  };
  const sorted = categories
    .map(finish)
    .sort((a, b) => Math.abs(b.change) - Math.abs(a.change) || b.reference - a.reference);
  const shown = sorted.slice(0, most);
  const hidden = sorted.slice(most);
  return [...shown, ...(hidden.length > 0 ? [together(hidden)] : []), ...rest.map(finish)];
}

function together(rows: readonly ShareRow[]): ShareRow {
  const sum = (pick: (row: ShareRow) => number) => rows.reduce((total, row) => total + pick(row), 0);
  return {
    kind: "others",
    label: String(rows.length),
    reference: sum((row) => row.reference),
    window: sum((row) => row.window),
    change: sum((row) => row.change),
    ofMove: sum((row) => row.ofMove),
  };
}

/** Two distributions over the same equally wide columns. Shares of all rows; what lies outside the columns is told apart. */
export interface Histogram {
  readonly from: number;
  readonly to: number;
  readonly reference: readonly number[];
  readonly window: readonly number[];
  /** Shares beyond the drawn range, the reference's extremes included. */
  readonly below: { readonly reference: number; readonly window: number };
  readonly above: { readonly reference: number; readonly window: number };
  /** Share of the window above the greatest value of the reference. */
  readonly unseenAbove: number;
}

/** A range that is this many times as wide as its middle 99 % is cut to it: one outlier would flatten the rest. */
const LONG_TAIL = 3;
const MOST_COLUMNS = 48;

/**
 * The reference's bins are cut at its quantiles and so have many widths; for drawing, each bin's rows are spread evenly over its
 * width onto equally wide columns. Null where the reference has no two values to draw between.
 */
export function histogram(reference: ReferenceSubject, counts: WindowCounts, columns = MOST_COLUMNS): Histogram | null {
  const { edges } = reference;
  const first = edges[0];
  const last = edges.at(-1);
  if (first === undefined || last === undefined || !isDrawable(first, last)) return null;
  const [from, to] = drawnRange(reference, first, last);
  const wide = columnCount(edges, from, to, columns);
  const before = spread(reference.bins, edges, from, to, wide, reference.n);
  const now = spread(counts.bins, edges, from, to, wide, counts.n);
  return {
    from,
    to,
    reference: before.columns,
    window: now.columns,
    below: { reference: before.below, window: now.below },
    above: { reference: before.above, window: now.above },
    unseenAbove: share(counts.bins[edges.length] ?? 0, counts.n),
  };
}

/** A constant has two edges, one double apart; and the width of a range may be more than a double holds. */
function isDrawable(first: number, last: number): boolean {
  const width = last - first;
  return width > Math.max(1e-300, 1e-12 * Math.max(Math.abs(first), Math.abs(last))) && Number.isFinite(width);
}

function drawnRange(reference: ReferenceSubject, first: number, last: number): readonly [number, number] {
  const total = reference.bins.reduce((sum, count) => sum + count, 0);
  const edgeAt = (quantile: number): number => {
    let sum = 0;
    for (const [index, edge] of reference.edges.entries()) {
      sum += reference.bins[index] ?? 0;
      if (sum >= quantile * total) return edge;
    }
    return last;
  };
  const low = edgeAt(0.005);
  const high = edgeAt(0.995);
  return high > low && last - first > LONG_TAIL * (high - low) ? [low, high] : [first, last];
}

/** Whole numbers over a short range get a column each. */
function columnCount(edges: readonly number[], from: number, to: number, most: number): number {
  const whole = edges.every((edge) => Number.isInteger(edge));
  return whole && to - from <= 2 * most && to - from <= 100 && most === MOST_COLUMNS ? to - from : most;
}

function spread(
  bins: readonly number[],
  edges: readonly number[],
  from: number,
  to: number,
  columns: number,
  n: number,
) {
  const out = Array.from({ length: columns }, () => 0);
  const width = (to - from) / columns;
  let below = 0;
  let above = 0;
  for (const [index, count] of bins.entries()) {
    const right = edges[index];
    const left = edges[index - 1];
    if (right === undefined) above += count;
    else if (left === undefined) {
      // Bin 0 is at or below the least edge: the least value of the reference, drawn with its own column.
      if (right >= from) out[0] = (out[0] ?? 0) + count;
      else below += count;
    } else if (right <= from) below += count;
    else if (left >= to) above += count;
    else spreadBin(out, count, left, right, from, width);
  }
  return { columns: out.map((count) => share(count, n)), below: share(below, n), above: share(above, n) };
}

/** Adds a bin's rows to the columns that it covers, by how much of it each covers. */
function spreadBin(out: number[], count: number, left: number, right: number, from: number, width: number): void {
  const firstColumn = Math.max(0, Math.floor((left - from) / width + 1e-9));
  const lastColumn = Math.min(out.length - 1, Math.ceil((right - from) / width - 1e-9) - 1);
  const start = Math.max(left, from);
  const end = Math.min(right, from + width * out.length);
  for (let column = firstColumn; column <= lastColumn; column++) {
    const covered = Math.min(end, from + (column + 1) * width) - Math.max(start, from + column * width);
    if (covered > 0) out[column] = (out[column] ?? 0) + (count * covered) / (end - start);
  }
}

/** Round numbers inside a range for an axis, at most about `most` of them; none in a range too narrow for doubles to count in. */
export function ticks(from: number, to: number, most: number): number[] {
  const rough = (to - from) / Math.max(1, most);
  if (!(rough > 0) || !Number.isFinite(rough)) return [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const size = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough) ?? 10 * power;
  const first = Math.ceil(from / size);
  // Beyond this, adding 1 changes nothing, and a loop that counts up would never end.
  if (!(Math.abs(first) < Number.MAX_SAFE_INTEGER / 2)) return [];
  const out: number[] = [];
  for (let index = first; index * size <= to + size * 1e-9; index++) out.push(index * size);
  return out;
}

/** The outline of a histogram's columns as an SVG path in a box, by default of (columns × 100). */
export function stairs(
  values: readonly number[],
  highest: number,
  closed: boolean,
  { width, height } = { width: values.length, height: 100 },
): string {
  const top = (value: number) => (height - (value / highest) * 0.98 * height).toFixed(2);
  const left = (index: number) => Number(((index / values.length) * width).toFixed(2));
  let path = `M0 ${height}`;
  for (const [index, value] of values.entries())
    path += `L${left(index)} ${top(value)}L${left(index + 1)} ${top(value)}`;
  return `${path}L${width} ${height}${closed ? "Z" : ""}`;
}
