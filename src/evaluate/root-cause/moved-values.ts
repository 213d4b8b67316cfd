/** Which values of a subject moved, and what each adds to the distance that breached: over the very bins that the detector compared. */
import type { CauseCondition } from "../../core/incident-cause.ts";
import type { ReferenceSubject, WindowSummary } from "../../core/summary.ts";
import {
  chiSquaredParts,
  energyParts,
  greatestDifferenceParts,
  hellingerParts,
  jensenShannonParts,
  kolmogorovParts,
  kullbackLeiblerParts,
  type Parts,
  stabilityParts,
  totalVariationParts,
  transportParts,
} from "../../math/distance-contributions.ts";
import { quantileCuts } from "../../math/merge-bins.ts";
import { pairedCounts } from "../../math/paired-counts.ts";
import { rangeOf } from "./segments.ts";

export interface MovedValue {
  readonly condition: CauseCondition;
  /** Places in the subject's bins; `missing` is one past the last. */
  readonly bins: readonly number[];
  readonly shares: readonly [number, number];
  /** Of the distance; the parts of a subject sum to 1. */
  readonly part: number;
}

/** How a detector compares: quantile bins of a numeric subject, whether the outer bins stay, and the parts of its distance. */
interface Comparison {
  readonly bins: number | "all";
  readonly withEnds: boolean;
  readonly parts: (reference: readonly number[], window: readonly number[], places: readonly number[]) => Parts;
}

const over = (parts: Comparison["parts"], bins: number | "all" = 20, withEnds = true): Comparison => ({
  bins,
  withEnds,
  parts,
});

const COMPARISONS: Readonly<Record<string, Comparison>> = {
  "jensen-shannon": over(jensenShannonParts),
  "total-variation": over(totalVariationParts),
  "kullback-leibler": over(kullbackLeiblerParts),
  "chi-squared": over(chiSquaredParts),
  psi: over(stabilityParts, 10, false),
  hellinger: over(hellingerParts),
  "l-infinity": over(greatestDifferenceParts),
  "kolmogorov-smirnov": over(kolmogorovParts, "all"),
  wasserstein: over(transportParts, "all"),
  energy: over(energyParts, "all"),
};
/** Without parts of its own (Cramér-von Mises, means, rates) a move is told by the share of rows that moved. */
const OTHERS = over(totalVariationParts);

/** All values that the detector compared, in the order of the bins; empty where one side has no rows. */
export function movedValues(metric: string, reference: ReferenceSubject, window: WindowSummary): MovedValue[] {
  const { bins, withEnds, parts } = COMPARISONS[metric] ?? OTHERS;
  const counts = pairedCounts(reference, window, bins, withEnds);
  const { referenceRows: n, windowRows: m } = counts;
  if (!(n > 0) || !(m > 0)) return [];
  const cuts =
    reference.kind === "numeric"
      ? bins === "all"
        ? reference.edges.map((_, edge) => edge)
        : quantileCuts(reference.bins, bins, withEnds)
      : [];
  const last = counts.reference.length - 1;
  // Distances along the axis know no place for what is missing.
  const ordered = bins === "all" && reference.kind === "numeric";
  const found = ordered
    ? [...parts(counts.reference.slice(0, last), counts.window.slice(0, last), placesOf(reference, window)), 0]
    : parts(counts.reference, counts.window, []);
  const whole = found.reduce((sum, part) => sum + part, 0);
  return counts.reference.map((x, index) => ({
    condition: {
      subject_kind: reference.subjectKind,
      subject: reference.subject,
      value: index === last ? { kind: "missing" } : valueOf(reference, cuts, index),
    },
    bins: index === last ? [reference.bins.length] : binsOf(reference, cuts, index),
    shares: [x / n, (counts.window[index] ?? 0) / m],
    part: whole > 0 ? (found[index] ?? 0) / whole : 0,
  }));
}

function valueOf(reference: ReferenceSubject, cuts: readonly number[], index: number): CauseCondition["value"] {
  if (reference.kind === "numeric") return rangeOf(reference, cuts, index);
  const name = reference.categories[index];
  if (name !== undefined) return { kind: "category", name };
  return { kind: index === reference.categories.length ? "other" : "new" };
}

function binsOf(reference: ReferenceSubject, cuts: readonly number[], index: number): number[] {
  if (reference.kind === "categorical") return [index];
  const from = (cuts[index - 1] ?? -1) + 1;
  const to = cuts[index] ?? reference.bins.length - 1;
  return Array.from({ length: to - from + 1 }, (_, offset) => from + offset);
}

/** Where a bin's rows lie: at the mean of its reference rows; without any in its middle, beyond the range half-way to the window's extreme. */
function placesOf({ bins, means, edges, minimum, maximum }: ReferenceSubject, window: WindowSummary): number[] {
  let before = Number.NEGATIVE_INFINITY;
  return bins.map((rows, bin) => {
    const low = edges[bin - 1] ?? Math.min(minimum, window.minimum ?? minimum);
    const high = edges[bin] ?? Math.max(maximum, window.maximum ?? maximum);
    before = Math.max(before, rows > 0 ? (means[bin] ?? low) : low / 2 + high / 2);
    return before;
  });
}
