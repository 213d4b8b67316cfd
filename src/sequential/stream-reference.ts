/**
 * What the page tier compares with: every stream, of numbers, categories or yes and no, is a list of bins with additive counts and, for each
 * bin, the weight that the reference gives it. The stored counts of a subject are merged into these bins, so one stored pane serves all.
 */
import type { ReferenceSubject } from "../core/summary.ts";
import { cutIndices, nextBelow } from "../math/numeric-edges.ts";

/** Categories with bins of their own: the most frequent ones that have rows enough to know their share. */
const MOST_CATEGORIES = 50;
const LEAST_CATEGORY_ROWS = 20;
/** Quantile bins of a numeric stream between its tails. */
const INNER_BINS = 20;

export type BinRole = "range" | "category" | "tail" | "new" | "other" | "yes" | "no";

export interface StreamBin {
  readonly role: BinRole;
  /** For people: the category, "(3, 7.5]", "missing". */
  readonly label: string;
}

export interface StreamReference {
  readonly kind: "numeric" | "categorical" | "rate";
  readonly bins: readonly StreamBin[];
  /**
   * Rows of the reference per bin, at least 1 each: the parameters of Polya's urn. Without ties they are the exact law of the bins' true
   * shares for any continuous distribution, the finite reference included (David & Nagaraja 2003, Order Statistics).
   */
  readonly weights: readonly number[];
  /** For each bin of the stored counts the bin that it is merged into. */
  readonly mergedInto: readonly number[];
}

/** Why a subject has no stream. */
export interface NoStream {
  readonly rows: number;
  readonly needed: number;
}

/** Below this a reference says too little about its bins. */
export const LEAST_REFERENCE_ROWS = 50;
/** Below this the page tier could promise so little that only the notice tier watches. */
export const LEAST_PAGE_TIER_ROWS = 200;

/**
 * The stream of a subject's values, given those that are present and valid.
 *
 * @param tellsNewFromTail false where the reference had too many distinct values to remember them all: *tail* and *new* are then one bin
 */
export function valueStream(subject: ReferenceSubject, tellsNewFromTail = true): StreamReference | NoStream {
  const rows = subject.bins.reduce((sum, count) => sum + count, 0);
  if (rows < LEAST_REFERENCE_ROWS) return { rows, needed: LEAST_REFERENCE_ROWS };
  if (subject.kind === "numeric") return numericStream(subject.edges, subject.bins);
  return categoricalStream(subject, tellsNewFromTail);
}

/**
 * Numeric bins, cut at the order statistics 1, n/1000, n/100, n·k/20 and the mirrors of the first three. An order statistic is the first
 * stored edge with that many rows at or below it, so the values themselves are not needed; the stored edges have to hold these.
 */
export function numericStream(edges: readonly number[], stored: readonly number[]): StreamReference {
  const cuts = streamCuts(stored);
  const weights = Array.from({ length: cuts.length + 1 }, () => 0);
  const mergedInto: number[] = [];
  let into = 0;
  for (const [bin, rows] of stored.entries()) {
    while (into < cuts.length && bin > (cuts[into] ?? 0)) into++;
    mergedInto.push(into);
    weights[into] = (weights[into] ?? 0) + rows;
  }
  const edgeAt = (cut: number) => edges[cuts[cut] ?? -1];
  const bins = weights.map((_, bin) => rangeBin(edgeAt(bin - 1), edgeAt(bin), edgeAt(bin + 1)));
  return { kind: "numeric", bins, weights: weights.map(atLeastOne), mergedInto };
}

/** Ascending indices of the stored edges that stay. */
function streamCuts(stored: readonly number[]): readonly number[] {
  const rows = stored.reduce((sum, count) => sum + count, 0);
  const indices = cutIndices(rows, INNER_BINS);
  const kept: number[] = [];
  let below = 0;
  let next = 0;
  for (let edge = 0; edge < stored.length - 1; edge++) {
    below += stored[edge] ?? 0;
    // An edge with no rows below it stands just under a minimum that occurs twice: "below the minimum" is a bin of its own.
    let isCut = edge === 0 && below === 0;
    while (next < indices.length && (indices[next] ?? 0) <= below) {
      isCut = true;
      next++;
    }
    if (isCut) kept.push(edge);
  }
  return kept;
}

function rangeBin(above: number | undefined, to: number | undefined, next: number | undefined): StreamBin {
  return { role: "range", label: rangeLabel(above, to, next) };
}

/** Edges one step of a double apart hold a single value, a minimum that occurs twice or more. */
function rangeLabel(above: number | undefined, to: number | undefined, next: number | undefined): string {
  if (to === undefined) return above === undefined ? "all values" : `above ${short(above)}`;
  if (above === undefined)
    return next !== undefined && nextBelow(next) === to ? `below ${short(next)}` : `at most ${short(to)}`;
  return nextBelow(to) === above ? short(to) : `(${short(above)}, ${short(to)}]`;
}

const short = (value: number) => String(Number(value.toPrecision(6)));

/**
 * The most frequent categories, *tail* (seen in the reference, not listed; only if there are such rows) and *new* (never seen).
 *
 * What was never seen weighs as much as what was seen exactly once, and that many rows move from the tail: the chance that the next row is
 * of a new category is the expected number of singletons among n + 1 rows, over n + 1 (Good 1953, Biometrika 40). A fixed small weight
 * for *new* instead alarms for certain where the tail is long.
 */
export function categoricalStream(subject: ReferenceSubject, tellsNewFromTail = true): StreamReference {
  const listed = subject.bins.slice(0, -2);
  let kept = 0;
  while (kept < MOST_CATEGORIES && (listed[kept] ?? 0) >= LEAST_CATEGORY_ROWS) kept++;
  const rest = listed.slice(kept).reduce((sum, count) => sum + count, 0) + (subject.bins.at(-2) ?? 0);
  const singletons = subject.singletons ?? listed.filter((count) => count === 1).length;
  const categories = listed.slice(0, kept);
  const bins = categories.map((_, bin): StreamBin => ({ role: "category", label: subject.categories[bin] ?? "" }));
  const weights = categories.map(atLeastOne);
  if (!tellsNewFromTail) {
    bins.push({ role: "other", label: "other categories" });
    weights.push(atLeastOne(rest));
  } else {
    if (rest > 0) {
      bins.push({ role: "tail", label: "rare categories" });
      weights.push(atLeastOne(rest - singletons));
    }
    bins.push({ role: "new", label: "new categories" });
    weights.push(atLeastOne(singletons));
  }
  const mergedInto = subject.bins.map((_, bin) =>
    bin < kept ? bin : bin === subject.bins.length - 1 ? bins.length - 1 : Math.min(kept, bins.length - 1),
  );
  return { kind: "categorical", bins, weights, mergedInto };
}

/** A share of events, as the two bins [yes, no]: missing, invalid, wrong, positive. */
export function rateStream(label: string, events: number, rows: number): StreamReference | NoStream {
  if (rows < LEAST_REFERENCE_ROWS) return { rows, needed: LEAST_REFERENCE_ROWS };
  return {
    kind: "rate",
    bins: [
      { role: "yes", label },
      { role: "no", label: `not ${label}` },
    ],
    weights: [atLeastOne(events), atLeastOne(rows - events)],
    mergedInto: [0, 1],
  };
}

const atLeastOne = (rows: number) => Math.max(1, rows);

/** Stored counts over the stream's bins. A stored bin that the reference does not know counts to the last one. */
export function mergeCounts({ bins, mergedInto }: StreamReference, stored: ArrayLike<number>): Float64Array {
  const counts = new Float64Array(bins.length);
  for (let bin = 0; bin < stored.length; bin++) {
    const into = mergedInto[bin] ?? bins.length - 1;
    counts[into] = (counts[into] ?? 0) + (stored[bin] ?? 0);
  }
  return counts;
}
