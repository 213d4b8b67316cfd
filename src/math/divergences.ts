/** Distances of two discrete distributions given as shares over the same bins, in the textbooks' forms. */

type Shares = readonly number[];

/** (count + 1/2) / (rows + bins / 2): shares that are never 0 (Krichevsky & Trofimov 1981, IEEE Trans. Inf. Theory 27, 199-207). */
export function smoothedShares(counts: readonly number[]): number[] {
  let rows = 0;
  for (const count of counts) rows += count;
  return counts.map((count) => (count + 0.5) / (rows + counts.length / 2));
}

/** Counts over their sum; all NaN without rows. */
export function plainShares(counts: readonly number[]): number[] {
  let rows = 0;
  for (const count of counts) rows += count;
  return counts.map((count) => count / rows);
}

/** sum p ln(p / q), in nats: what is lost by taking q for p. Infinite where only q is 0. (Kullback & Leibler 1951.) */
export function kullbackLeibler(p: Shares, q: Shares): number {
  return sumOver(p, q, (x, y) => (x > 0 ? x * Math.log(x / y) : 0));
}

/** Half the divergences of both from their average, in nats, 0..ln 2; its root over ln 2 is the distance in base 2. (Lin 1991.) */
export function jensenShannonDivergence(p: Shares, q: Shares): number {
  const part = (x: number, y: number) => (x > 0 ? x * Math.log((2 * x) / (x + y)) : 0);
  return Math.max(
    0,
    sumOver(p, q, (x, y) => (part(x, y) + part(y, x)) / 2),
  );
}

/** sqrt(sum (sqrt p - sqrt q)² / 2), 0..1. (Hellinger 1909.) */
export function hellingerDistance(p: Shares, q: Shares): number {
  return Math.sqrt(sumOver(p, q, (x, y) => (Math.sqrt(x) - Math.sqrt(y)) ** 2 / 2));
}

/** sum |p - q| / 2, 0..1. */
export function totalVariationDistance(p: Shares, q: Shares): number {
  return sumOver(p, q, (x, y) => Math.abs(x - y) / 2);
}

/** max |p - q|, 0..1. */
export function greatestDifference(p: Shares, q: Shares): number {
  let greatest = 0;
  for (const [bin, x] of p.entries()) greatest = Math.max(greatest, Math.abs(x - (q[bin] ?? 0)));
  return greatest;
}

/** (p - q) ln(p / q) of each bin; their sum is the population stability index. Infinite where one share is 0. */
export function stabilityTerms(p: Shares, q: Shares): number[] {
  return p.map((x, bin) => (x - (q[bin] ?? 0)) * Math.log(x / (q[bin] ?? 0)));
}

function sumOver(p: Shares, q: Shares, term: (x: number, y: number) => number): number {
  if (p.length !== q.length) throw new RangeError(`${p.length} shares cannot be compared with ${q.length}.`);
  let sum = 0;
  for (const [bin, x] of p.entries()) sum += term(x, q[bin] ?? 0);
  return sum;
}
