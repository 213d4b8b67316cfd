/** Laws of values for simulations: what a stream draws from, and the true share of each bin that its reference's edges cut out. */
import { byFrequency, categoricalBins } from "../../src/math/categorical-bins.ts";
import { normalProbability } from "../../src/math/normal-probability.ts";
import { countIntoEdges, numericEdges } from "../../src/math/numeric-edges.ts";
import { categoricalStream, numericStream, type StreamReference } from "../../src/sequential/stream-reference.ts";
import { multinomial, type Random } from "./draws.ts";
import { categoricalSubject } from "./streams.ts";

/** A stream's reference, as it happened to be drawn, and the true shares of its bins. */
export interface Drawn {
  readonly stream: StreamReference;
  readonly shares: readonly number[];
}

export interface NumericLaw {
  readonly draw: (random: Random) => number;
  /** P(X <= x). */
  readonly below: (x: number) => number;
}

/** Any continuous law: the bins' counts depend on ranks alone. */
export const continuous: NumericLaw = {
  draw: (random) => random(),
  below: (x) => Math.min(1, Math.max(0, x)),
};

/** Integers from 17 to 90 about 38: ties everywhere. */
export const ages: NumericLaw = wholeNumbers(17, 90, (age) => normalProbability((age + 0.5 - 38) / 13));

/** 30 % zeros in the middle of a continuous law. */
export const zeroInflated: NumericLaw = {
  draw: (random) => (random() < 0.3 ? 0 : 2 * random() - 1),
  below: (x) => 0.7 * Math.min(1, Math.max(0, (x + 1) / 2)) + (x >= 0 ? 0.3 : 0),
};

/** 92 % zeros, the rest whole numbers from 1 to 5,000, the small ones the most frequent. */
export const capitalGains: NumericLaw = {
  draw: (random) => (random() < 0.92 ? 0 : Math.floor(5000 * random() ** 2) + 1),
  below: (x) => (x < 0 ? 0 : 0.92 + 0.08 * Math.sqrt(Math.min(1, Math.floor(x) / 5000))),
};

function wholeNumbers(least: number, greatest: number, below: (x: number) => number): NumericLaw {
  const cumulative = Array.from({ length: greatest - least }, (_, index) => below(least + index));
  return {
    draw: (random) => {
      const at = random();
      let low = 0;
      let high = cumulative.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((cumulative[middle] ?? 1) < at) low = middle + 1;
        else high = middle;
      }
      return least + low;
    },
    below: (x) => (x < least ? 0 : (cumulative[Math.floor(x) - least] ?? 1)),
  };
}

export function drawNumeric(law: NumericLaw, rows: number, random: Random): Drawn {
  const sorted = [...Float64Array.from({ length: rows }, () => law.draw(random)).sort()];
  const edges = numericEdges(sorted, 20);
  const below = [0, ...edges.map(law.below), 1];
  const shares = below.slice(1).map((share, bin) => Math.max(0, share - (below[bin] ?? 0)));
  return { stream: numericStream(edges, countIntoEdges(sorted, edges)), shares };
}

/** Shares of categories in inverse proportion to a power of their rank. */
export function zipf(categories: number, power: number): readonly number[] {
  const weights = Array.from({ length: categories }, (_, rank) => (rank + 1) ** -power);
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / all);
}

export function drawCategories(shares: readonly number[], rows: number, random: Random): Drawn {
  const counts = multinomial(random, rows, shares);
  const seen = new Map(counts.flatMap((count, category) => (count > 0 ? [[nameOf(category), count] as const] : [])));
  const stream = categoricalStream(categoricalSubject(categoricalBins(byFrequency(seen), 500)));
  const place = new Map(stream.bins.map(({ label }, bin) => [label, bin]));
  const tail = stream.bins.findIndex(({ role }) => role === "tail");
  const merged = stream.weights.map(() => 0);
  for (const [category, share] of shares.entries()) {
    const name = nameOf(category);
    const bin = place.get(name) ?? (seen.has(name) ? tail : stream.bins.length - 1);
    merged[bin] = (merged[bin] ?? 0) + share;
  }
  return { stream, shares: merged };
}

const nameOf = (category: number): string => `c${category}`;
