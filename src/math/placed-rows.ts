/** Where the rows of numeric bins are taken to lie on the axis, for distances that need more than counts: Wasserstein, energy, means. */
import type { Mass } from "./binned-wasserstein.ts";
import { total } from "./total.ts";

/** Numeric reference bins: bin b holds edges[b-1] < x <= edges[b]; `means` of the reference rows of each. */
export interface NumericReference {
  readonly edges: readonly number[];
  readonly bins: readonly number[];
  readonly means: readonly number[];
  readonly mean: number;
  readonly standardDeviation: number;
  readonly minimum: number;
  readonly maximum: number;
}

export interface NumericWindow {
  readonly bins: readonly number[];
  readonly minimum: number | null;
  readonly maximum: number | null;
}

/** A bin inside the reference's range: its ends, the place of its rows, the rows of either sample. */
export interface PlacedBin {
  readonly low: number;
  readonly high: number;
  readonly at: number;
  readonly reference: number;
  readonly window: number;
}

/** The window's rows beyond one end of the reference's range, and the reference rows of that bin, which lie at the end. */
export interface RowsBeyond {
  readonly end: number;
  readonly at: number;
  readonly extreme: number;
  readonly reference: number;
  readonly window: number;
}

export interface PlacedRows {
  readonly masses: readonly Mass[];
  /** The same with the window's rows beyond the reference's range moved to its end. */
  readonly inside: readonly Mass[];
  readonly bins: readonly PlacedBin[];
  readonly beyond: readonly RowsBeyond[];
  readonly referenceRows: number;
  readonly windowRows: number;
}

/** Each bin's rows lie at the mean of its reference rows; those beyond the reference's range half-way to the window's own extreme. */
export function placeRows(reference: NumericReference, window: NumericWindow): PlacedRows {
  const masses: Mass[] = [];
  const inside: Mass[] = [];
  const bins: PlacedBin[] = [];
  const beyond: RowsBeyond[] = [];
  for (const [bin, x] of reference.bins.entries()) {
    const y = window.bins[bin] ?? 0;
    const out = rowsBeyond(reference, window, bin);
    if (out !== undefined) {
      beyond.push({ ...out, reference: x, window: y });
      masses.push({ at: out.end, reference: x, window: 0 }, { at: out.at, reference: 0, window: y });
      inside.push({ at: out.end, reference: x, window: y });
      continue;
    }
    const low = reference.edges[bin - 1] ?? reference.minimum;
    const high = reference.edges[bin] ?? reference.maximum;
    const width = Math.max(0, high - low);
    const at = x > 0 ? Math.min(high, Math.max(low, reference.means[bin] ?? low)) : low + width / 2;
    bins.push({ low, high: low + width, at, reference: x, window: y });
    masses.push({ at, reference: x, window: y });
    inside.push({ at, reference: x, window: y });
  }
  return { masses, inside, bins, beyond, referenceRows: total(reference.bins), windowRows: total(window.bins) };
}

/** The window's rows in an outer bin that reaches beyond the reference's range: half-way to the extreme, or at it if there is only one. */
function rowsBeyond(reference: NumericReference, window: NumericWindow, bin: number) {
  const { edges, minimum, maximum } = reference;
  const isFirst = bin === 0;
  const end = isFirst ? minimum : maximum;
  const extreme = isFirst ? window.minimum : window.maximum;
  const rows = window.bins[bin] ?? 0;
  const isOuter = (isFirst || bin === edges.length) && (reference.bins[bin] ?? 0) <= 1;
  if (!isOuter || rows === 0 || extreme === null || (isFirst ? extreme >= end : extreme <= end)) return undefined;
  // Halves first: the two may lie further apart than a double can say.
  return { end, extreme, at: rows === 1 ? extreme : extreme / 2 + end / 2 };
}

/**
 * How many of m rows may lie beyond one end of n earlier ones by chance, 99.5 % of the time: k do with the probability (m / (n + m))^k.
 * One stray value may be any distance away, so without this a single one would be a breach.
 */
export function chanceFinds(n: number, m: number): number {
  return Math.ceil(Math.log(0.005) / Math.log(m / (n + m)));
}

// Features are rounded to 32 bits: a spread below the last digit of the mean is rounding, and the reference a constant.
const singlePrecision = 2 ** -24;

/** The reference's standard deviation, or for a constant its magnitude (1 if it is 0). */
export function unitOf({ standardDeviation, mean }: { readonly standardDeviation: number; readonly mean: number }): {
  readonly unit: number;
  readonly unitIs: string;
} {
  const magnitude = Math.abs(mean);
  const isSpread = standardDeviation > magnitude * singlePrecision && standardDeviation > Number.MIN_VALUE;
  if (isSpread) return { unit: standardDeviation, unitIs: "standard deviation of the reference" };
  return { unit: magnitude > 0 ? magnitude : 1, unitIs: "magnitude of the constant reference" };
}

/** Values near the greatest double overflow when they are squared; a number that large says the same. */
export function finite(x: number): number {
  return Number.isFinite(x) ? x : Number.MAX_VALUE;
}
