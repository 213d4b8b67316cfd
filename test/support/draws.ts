/** Seeded draws for simulations of the page tier: exact binomial and multinomial counts, so that a pane of any size costs the same. */
import { gammaLogarithm } from "../../src/math/gamma-logarithm.ts";

export type Random = () => number;

/** Standard normal numbers by the polar method. */
export function normals(random: Random): Random {
  let kept: number | undefined;
  return () => {
    if (kept !== undefined) {
      const value = kept;
      kept = undefined;
      return value;
    }
    for (;;) {
      const x = 2 * random() - 1;
      const y = 2 * random() - 1;
      const square = x * x + y * y;
      if (square >= 1 || square === 0) continue;
      const scale = Math.sqrt((-2 * Math.log(square)) / square);
      kept = y * scale;
      return x * scale;
    }
  };
}

/** Events out of n with the given probability: by inversion where few are expected, else by rejection (Hörmann 1993, algorithm BTRS). */
export function binomial(random: Random, n: number, probability: number): number {
  if (probability <= 0 || n <= 0) return 0;
  if (probability >= 1) return n;
  if (probability > 0.5) return n - binomial(random, n, 1 - probability);
  return n * probability < 10 ? byInversion(random, n, probability) : byRejection(random, n, probability);
}

function byInversion(random: Random, n: number, p: number): number {
  const odds = p / (1 - p);
  for (;;) {
    let mass = (1 - p) ** n;
    let left = random();
    for (let k = 0; k <= n; k++) {
      if (left <= mass) return k;
      left -= mass;
      mass *= ((n - k) / (k + 1)) * odds;
    }
  }
}

function byRejection(random: Random, n: number, p: number): number {
  const spread = Math.sqrt(n * p * (1 - p));
  const b = 1.15 + 2.53 * spread;
  const a = -0.0873 + 0.0248 * b + 0.01 * p;
  const centre = n * p + 0.5;
  const sure = 0.92 - 4.2 / b;
  const mode = Math.floor((n + 1) * p);
  for (;;) {
    const u = random() - 0.5;
    const v = random();
    const distance = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / distance + b) * u + centre);
    if (distance >= 0.07 && v <= sure) return k;
    if (k < 0 || k > n) continue;
    const height = Math.log((v * (2.83 + 5.1 / b) * spread) / (a / distance ** 2 + b));
    const mass =
      gammaLogarithm(mode + 1) +
      gammaLogarithm(n - mode + 1) -
      gammaLogarithm(k + 1) -
      gammaLogarithm(n - k + 1) +
      (k - mode) * Math.log(p / (1 - p));
    if (height <= mass) return k;
  }
}

/** Counts of n events over bins with these shares (sum 1). */
export function multinomial(random: Random, n: number, shares: readonly number[]): number[] {
  let events = n;
  let rest = 1;
  return shares.map((share, bin) => {
    const count = bin === shares.length - 1 ? events : binomial(random, events, Math.min(1, share / rest));
    events -= count;
    rest -= share;
    return count;
  });
}
