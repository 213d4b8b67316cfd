/**
 * What each bin adds to a distance between a reference and a window, so that "it has moved" becomes "this value has moved". Of every
 * family here the parts sum to the distance itself, or to its square where the distance is a root.
 */
import { chiSquaredTerm } from "./contingency-test.ts";
import {
  hellingerTerm,
  jensenShannonTerm,
  kullbackLeiblerTerm,
  smoothedShare,
  stabilityTerm,
  totalVariationTerm,
} from "./divergences.ts";
import { total } from "./total.ts";

type Counts = readonly number[];

/** One part a bin, in the order of the bins. */
export type Parts = readonly number[];

/** |p - q| / 2: sums to the total variation, the share of rows that moved. None negative. */
export function totalVariationParts(reference: Counts, window: Counts): Parts {
  return parts(reference, window, totalVariationTerm);
}

/** The bin that moved most has all of it, the first one of equals: the sum is max |p - q|. */
export function greatestDifferenceParts(reference: Counts, window: Counts): Parts {
  const sizes = parts(reference, window, (p, q) => Math.abs(p - q));
  const greatest = sizes.reduce((most, size) => Math.max(most, size), 0);
  const at = sizes.indexOf(greatest);
  return sizes.map((size, bin) => (bin === at ? size : 0));
}

/** Half the divergences from the average, in bits: sums to the square of the Jensen-Shannon distance in base 2. None negative (Lin 1991). */
export function jensenShannonParts(reference: Counts, window: Counts): Parts {
  return parts(reference, window, (p, q) => jensenShannonTerm(p, q) / Math.LN2);
}

/** (sqrt p - sqrt q)² / 2: sums to the square of the Hellinger distance. None negative. */
export function hellingerParts(reference: Counts, window: Counts): Parts {
  return parts(reference, window, hellingerTerm);
}

/** (p - q) ln(p / q) of shares (count + 1/2) / (rows + bins / 2): sums to the population stability index. Bins empty in both have 0. */
export function stabilityParts(reference: Counts, window: Counts): Parts {
  return smoothedParts(reference, window, stabilityTerm);
}

/**
 * q ln(q / p) - q + p of the same smoothed shares: sums to KL(window || reference) in nats, as the shares on both sides sum to 1, and
 * unlike q ln(q / p) no part is negative.
 */
export function kullbackLeiblerParts(reference: Counts, window: Counts): Parts {
  return smoothedParts(reference, window, (p, q) => kullbackLeiblerTerm(q, p));
}

/** A column's part of Pearson's X² of the table of two rows, without Yates' correction. None negative. */
export function chiSquaredParts(reference: Counts, window: Counts): Parts {
  const [n, m] = [total(reference), total(window)];
  return reference.map((x, bin) => chiSquaredTerm(x, window[bin] ?? 0, n, m));
}

/**
 * Of bins in the order of their values: what each has in max |F - G| over their upper ends. Rows that moved across the greatest
 * gap, from either side, share it; a part is negative where a bin moved the other way.
 */
export function kolmogorovParts(reference: Counts, window: Counts): Parts {
  const { gaps } = cumulativeGaps(reference, window);
  let at = 0;
  for (const [bin, gap] of gaps.entries()) if (Math.abs(gap) > Math.abs(gaps[at] ?? 0)) at = bin;
  return potentialParts(reference, window, (bin) => (bin === at ? Math.sign(gaps[bin] ?? 0) : 0));
}

/**
 * Of bins whose rows lie at ascending `places`: what each has in the integral of |F - G|, the 1-Wasserstein distance. By its dual it is
 * the mean of one function (slope 1 where rows must move up, -1 where down) over the window less that over the reference, and so a
 * sum over bins (Kantorovich & Rubinstein 1958; Villani 2009, Optimal Transport, section 5). A part is negative where a bin moved against
 * the stream.
 */
export function transportParts(reference: Counts, window: Counts, places: readonly number[]): Parts {
  const { gaps } = cumulativeGaps(reference, window);
  return potentialParts(reference, window, (bin) => width(places, bin) * Math.sign(gaps[bin] ?? 0));
}

/** The same of 2 times the integral of (F - G)², the energy distance (squared): the function's slope is twice the gap itself. */
export function energyParts(reference: Counts, window: Counts, places: readonly number[]): Parts {
  const { gaps } = cumulativeGaps(reference, window);
  return potentialParts(reference, window, (bin) => 2 * width(places, bin) * (gaps[bin] ?? 0));
}

const width = (places: readonly number[], bin: number): number =>
  bin + 1 < places.length ? (places[bin + 1] ?? 0) - (places[bin] ?? 0) : 0;

function parts(reference: Counts, window: Counts, part: (p: number, q: number) => number): number[] {
  const [n, m] = [total(reference), total(window)];
  return reference.map((x, bin) => part(x / n, (window[bin] ?? 0) / m));
}

function smoothedParts(reference: Counts, window: Counts, part: (p: number, q: number) => number): number[] {
  const [n, m] = [total(reference), total(window)];
  const bins = reference.filter((x, bin) => x + (window[bin] ?? 0) > 0).length;
  return reference.map((x, bin) => {
    const y = window[bin] ?? 0;
    return x + y > 0 ? part(smoothedShare(x, n, bins), smoothedShare(y, m, bins)) : 0;
  });
}

/** F - G at the upper end of each bin. */
function cumulativeGaps(reference: Counts, window: Counts): { readonly gaps: readonly number[] } {
  const [n, m] = [total(reference), total(window)];
  let [x, y] = [0, 0];
  return {
    gaps: reference.map((count, bin) => {
      x += count;
      y += window[bin] ?? 0;
      return x / n - y / m;
    }),
  };
}

/**
 * The sum over cuts of step · (F - G), told as a sum over bins: (p - q) · h, h being what the steps from the bin on add up to. A constant
 * added to h changes no sum, as the differences of the shares sum to 0; h is measured from its mean over the rows of both.
 */
function potentialParts(reference: Counts, window: Counts, step: (bin: number) => number): number[] {
  const [n, m] = [total(reference), total(window)];
  const heights = new Float64Array(reference.length);
  let height = 0;
  for (let bin = reference.length - 1; bin >= 0; bin--) {
    height += step(bin);
    heights[bin] = height;
  }
  let mean = 0;
  for (const [bin, x] of reference.entries()) mean += ((x / n + (window[bin] ?? 0) / m) / 2) * (heights[bin] ?? 0);
  return reference.map((x, bin) => (x / n - (window[bin] ?? 0) / m) * ((heights[bin] ?? 0) - mean));
}
