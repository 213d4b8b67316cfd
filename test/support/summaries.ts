/** Reference and window summaries for tests: from counts, with what is left out filled in, or from values. */
import type { DetectorExample } from "../../src/core/detector.ts";
import type { ReferenceSubject, WindowSummary } from "../../src/core/summary.ts";
import { countIntoEdges, numericEdges } from "../../src/math/numeric-edges.ts";
import { total } from "../../src/math/total.ts";

export function referenceOf(given: DetectorExample["reference"]): ReferenceSubject {
  const kind = given.kind ?? "categorical";
  const edges =
    given.edges ?? (kind === "numeric" ? Array.from({ length: given.bins.length - 1 }, (_, edge) => edge) : []);
  const names =
    kind === "categorical" ? Array.from({ length: Math.max(0, given.bins.length - 2) }, (_, c) => `c${c}`) : [];
  const missing = given.missing ?? 0;
  const invalid = given.invalid ?? 0;
  return {
    subjectKind: "feature",
    subject: "x",
    missing,
    invalid,
    n: total(given.bins) + missing + invalid,
    means: kind === "numeric" ? given.bins.map((_, bin) => edges[bin] ?? edges[bin - 1] ?? 0) : [],
    mean: 0,
    standardDeviation: kind === "numeric" ? 1 : 0,
    minimum: edges[0] ?? 0,
    maximum: edges[edges.length - 1] ?? 0,
    ...given,
    kind,
    edges,
    categories: given.categories ?? names,
  };
}

export function windowOf(given: DetectorExample["window"]): WindowSummary {
  const missing = given.missing ?? 0;
  const invalid = given.invalid ?? 0;
  const n = total(given.bins) + missing + invalid;
  return { n, missing, invalid, mean: null, standardDeviation: null, minimum: null, maximum: null, ...given };
}

/** A numeric reference over its own edges, and windows over the same. */
export function numericReference(values: readonly number[]): ReferenceSubject {
  const sorted = [...values].sort((a, b) => a - b);
  const edges = numericEdges(sorted);
  const bins = countIntoEdges(sorted, edges);
  const sums = Array.from({ length: bins.length }, () => 0);
  let bin = 0;
  for (const value of sorted) {
    while ((edges[bin] ?? value) < value) bin++;
    sums[bin] = (sums[bin] ?? 0) + value;
  }
  const mean = total(sorted) / sorted.length;
  const variance = total(sorted.map((value) => (value - mean) ** 2)) / sorted.length;
  return referenceOf({
    kind: "numeric",
    edges,
    bins,
    means: sums.map((sum, index) => sum / Math.max(1, bins[index] ?? 0)),
    mean,
    standardDeviation: Math.sqrt(variance),
    minimum: sorted[0] ?? 0,
    maximum: sorted[sorted.length - 1] ?? 0,
  });
}

export function numericWindow(values: readonly number[], reference: ReferenceSubject): WindowSummary {
  const mean = total(values) / values.length;
  return windowOf({
    bins: countIntoEdges(values, reference.edges),
    mean,
    standardDeviation: Math.sqrt(total(values.map((value) => (value - mean) ** 2)) / values.length),
    minimum: Math.min(...values),
    maximum: Math.max(...values),
  });
}
