/** Reference and window side by side, over the same bins, in the form that the measures on counts want. */
import { mergeBins, quantileCuts } from "./merge-bins.ts";
import { total } from "./total.ts";

export interface CountedReference {
  readonly kind: "numeric" | "categorical";
  readonly categories: readonly string[];
  readonly bins: readonly number[];
  readonly missing: number;
  readonly singletons?: number;
}

export interface CountedWindow {
  readonly bins: readonly number[];
  readonly missing: number;
}

export interface PairedCounts {
  readonly reference: readonly number[];
  readonly window: readonly number[];
  /** Sums of the two. */
  readonly referenceRows: number;
  readonly windowRows: number;
  /** Where categories are compared: which bin is the tail, which the new ones, and how many reference rows are their category's only one. */
  readonly categorical?: { readonly tail: number; readonly new: number; readonly singletons: number };
}

/**
 * @param quantileBins numeric bins are merged to so many quantile bins of the reference; `all` keeps them
 * @param withEnds keep *below the minimum* and *above the maximum* as bins of their own
 * @throws RangeError if the two have not the same bins
 */
export function pairedCounts(
  reference: CountedReference,
  window: CountedWindow,
  quantileBins: number | "all" = "all",
  withEnds = true,
): PairedCounts {
  if (reference.bins.length !== window.bins.length) {
    throw new RangeError(
      `The window has ${window.bins.length} bins, its reference ${reference.bins.length}; they must be the same bins.`,
    );
  }
  let [of, to] = [reference.bins, window.bins];
  if (reference.kind === "numeric" && quantileBins !== "all") {
    const cuts = quantileCuts(of, quantileBins, withEnds);
    [of, to] = [mergeBins(of, cuts), mergeBins(to, cuts)];
  }
  const counts = { reference: [...of, reference.missing], window: [...to, window.missing] };
  const rows = { referenceRows: total(counts.reference), windowRows: total(counts.window) };
  if (reference.kind === "numeric") return { ...counts, ...rows };
  const known = reference.categories.length;
  return { ...counts, ...rows, categorical: { tail: known, new: known + 1, singletons: knownSingletons(reference) } };
}

/** Categories seen once, at most as many as there are rows: as counted, else those that are listed. */
export function knownSingletons({ categories, bins, singletons }: Omit<CountedReference, "kind" | "missing">): number {
  if (singletons !== undefined) return Math.min(singletons, total(bins));
  let listed = 0;
  for (let index = 0; index < categories.length; index++) if (bins[index] === 1) listed++;
  return listed;
}
