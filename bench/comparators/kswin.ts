/** KSWIN: the newest values of a window against a random sample of its older ones, by Kolmogorov-Smirnov (Raab, C. et al., 2020, Neurocomputing 416). */
import { type OnlineRule, restarting, signalOf } from "./online-rule.ts";

export interface KswinOptions {
  readonly alpha?: number;
  readonly window?: number;
  readonly newest?: number;
  /** Uniform numbers in [0, 1), for the sample. */
  readonly draw: () => number;
}

const LEAST_DISTANCE = 0.1;

export function kswin({ alpha = 0.005, window = 100, newest = 30, draw }: KswinOptions): OnlineRule {
  const critical = Math.max(criticalSteps(newest, alpha), Math.floor(LEAST_DISTANCE * newest + 1e-9) + 1);
  return restarting(() => {
    const steps = kswinDistance({ window, newest, draw });
    return (value) => signalOf((steps(value) ?? 0) >= critical);
  });
}

/** The distance of the two samples in steps of 1 / newest, after each value; undefined until the window is full. */
export function kswinDistance({ window = 100, newest = 30, draw }: Omit<KswinOptions, "alpha">) {
  const ring = new Float64Array(window);
  const order = Int32Array.from({ length: window - newest }, (_, index) => index);
  const sample = new Float64Array(newest);
  const recent = new Float64Array(newest);
  let seen = 0;
  return (value: number): number | undefined => {
    ring[seen % window] = value;
    seen++;
    if (seen < window) return undefined;
    // The first steps of a shuffle draw a sample without replacement, whatever order the last one left.
    for (let index = 0; index < newest; index++) {
      const other = index + Math.floor(draw() * (order.length - index));
      const chosen = order[other] ?? 0;
      order[other] = order[index] ?? 0;
      order[index] = chosen;
      sample[index] = ring[(seen + chosen) % window] ?? 0;
      recent[index] = ring[(seen + order.length + index) % window] ?? 0;
    }
    return greatestStep(sortSmall(sample), sortSmall(recent));
  };
}

/** Insertion sort: faster than the general one for some thirty values. */
function sortSmall(values: Float64Array): Float64Array {
  for (let index = 1; index < values.length; index++) {
    const value = values[index] ?? 0;
    let to = index - 1;
    while (to >= 0 && (values[to] ?? 0) > value) {
      values[to + 1] = values[to] ?? 0;
      to--;
    }
    values[to + 1] = value;
  }
  return values;
}

/** max |#(a <= x) - #(b <= x)| of two sorted samples. */
function greatestStep(a: Float64Array, b: Float64Array): number {
  let [i, j, greatest] = [0, 0, 0];
  while (i < a.length && j < b.length) {
    const value = Math.min(a[i] ?? 0, b[j] ?? 0);
    while (i < a.length && a[i] === value) i++;
    while (j < b.length && b[j] === value) j++;
    greatest = Math.max(greatest, Math.abs(i - j));
  }
  return greatest;
}

/**
 * The least number of steps h for which P(D >= h / n) <= alpha, for two samples of n values each: exactly
 * 2 sum over k >= 1 of (-1)^(k-1) C(2n, n - kh) / C(2n, n) (Gnedenko & Korolyuk 1951).
 */
export function criticalSteps(n: number, alpha: number): number {
  let steps = 1;
  while (steps <= n && exactTail(n, steps) > alpha) steps++;
  return steps;
}

function exactTail(n: number, steps: number): number {
  let sum = 0;
  for (let k = 1; k * steps <= n; k++) {
    // C(2n, n - d) / C(2n, n) = product over i < d of (n - i) / (n + 1 + i).
    let ratio = 1;
    for (let i = 0; i < k * steps; i++) ratio *= (n - i) / (n + 1 + i);
    sum += k % 2 === 1 ? ratio : -ratio;
  }
  return 2 * sum;
}
