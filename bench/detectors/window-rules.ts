/** The rules that look at tumbling windows of a thousand events: the peers' customary ones, and Driftline's warn tier. */
import { jensenShannon } from "../../detectors/jensen-shannon.ts";
import { missingRate } from "../../detectors/missing-rate.ts";
import { newCategoryRate } from "../../detectors/new-category-rate.ts";
import { wasserstein } from "../../detectors/wasserstein.ts";
import { type Detector, hasBreached } from "../../src/core/detector.ts";
import { chiSquaredUpperTail } from "../../src/math/chi-squared-upper-tail.ts";
import { kolmogorovUpperTail } from "../../src/math/kolmogorov-upper-tail.ts";
import { windowOf } from "../../test/support/summaries.ts";
import type { Kind, Reference } from "./scenes.ts";

export const WINDOW = 1000;

export interface WindowRule {
  readonly name: string;
  /** A score that alarms above a threshold; `values` are sorted for numbers. */
  score(reference: Reference, values: Float64Array): number;
  /** The customary thresholds, as the table shows them. */
  readonly customary: readonly { readonly label: string; readonly threshold: number }[];
  /** Whether it is shown at the matched rate as well. */
  readonly matched: boolean;
}

const LEAST_SHARE = 1e-4;

const atLevel = [{ label: "p < 0.05", threshold: -0.05 }];
/** 1 for a breach, which is the detector's own decision. */
const byItself = [{ label: "default", threshold: 0.5 }];

export const windowRules: Readonly<Record<Kind, readonly WindowRule[]>> = {
  numeric: [
    { name: "KS", score: kolmogorovSmirnovScore, customary: atLevel, matched: true },
    {
      name: "PSI, 10 bins",
      score: (reference, values) => psi(quantileShares(reference, 10), shares(quantileCounts(reference, values, 10))),
      customary: [0.1, 0.2].map((threshold) => ({ label: `> ${threshold}`, threshold })),
      matched: true,
    },
    {
      name: "Wasserstein / sd",
      score: wassersteinScore,
      customary: [{ label: "> 0.1", threshold: 0.1 }],
      matched: true,
    },
    {
      name: "JS, 20 bins",
      score: (reference, values) =>
        jensen(quantileShares(reference, 20), shares(quantileCounts(reference, values, 20))),
      customary: [{ label: "> 0.1", threshold: 0.1 }],
      matched: true,
    },
    {
      name: "chi-squared, 20 bins",
      score(reference, values) {
        const rows = reference.values.length;
        const of = quantileShares(reference, 20).map((share) => share * rows);
        return -chiSquaredP(of, quantileCounts(reference, values, 20));
      },
      customary: atLevel,
      matched: true,
    },
    driftline("Driftline warn: wasserstein", wasserstein),
    driftline("Driftline warn: jensen-shannon", jensenShannon),
  ],
  category: [
    {
      name: "chi-squared",
      score: (reference, values) => -chiSquaredP(reference.values, valueCounts(reference, values)),
      customary: atLevel,
      matched: true,
    },
    {
      name: "PSI",
      score: (reference, values) => psi(shares(reference.values), shares(valueCounts(reference, values))),
      customary: [0.1, 0.2].map((threshold) => ({ label: `> ${threshold}`, threshold })),
      matched: true,
    },
    {
      name: "JS",
      score: (reference, values) => jensen(shares(reference.values), shares(valueCounts(reference, values))),
      customary: [{ label: "> 0.1", threshold: 0.1 }],
      matched: true,
    },
    driftline("Driftline warn: jensen-shannon", jensenShannon),
    driftline("Driftline warn: new-category-rate", newCategoryRate),
  ],
  missing: [
    {
      name: "chi-squared",
      score: (reference, values) => -chiSquaredP(reference.values, valueCounts(reference, values)),
      customary: atLevel,
      matched: true,
    },
    driftline("Driftline warn: missing-rate", missingRate),
  ],
};

/** Minus the p-value of Kolmogorov's limit law. */
function kolmogorovSmirnovScore({ values: sorted }: Reference, values: Float64Array): number {
  const [n, m] = [sorted.length, values.length];
  let distance = 0;
  let [i, j] = [0, 0];
  while (i < n && j < m) {
    const value = Math.min(sorted[i] ?? 0, values[j] ?? 0);
    while (i < n && sorted[i] === value) i++;
    while (j < m && values[j] === value) j++;
    distance = Math.max(distance, Math.abs(i / n - j / m));
  }
  return -kolmogorovUpperTail(distance * Math.sqrt((n * m) / (n + m)));
}

/** Mean distance of the quantiles over the reference's standard deviation; the reference has a whole multiple of the window's rows. */
function wassersteinScore({ values: sorted, subject }: Reference, values: Float64Array): number {
  const times = sorted.length / values.length;
  let sum = 0;
  for (let index = 0; index < sorted.length; index++) {
    sum += Math.abs((sorted[index] ?? 0) - (values[Math.floor(index / times)] ?? 0));
  }
  return sum / sorted.length / subject.standardDeviation;
}

/** Cuts at the reference's order statistics n k / bins. */
function quantileCounts({ values: sorted }: Reference, values: Float64Array, bins: number): number[] {
  const counts = Array.from({ length: bins }, () => 0);
  let bin = 0;
  for (const value of values) {
    while (bin < bins - 1 && value > (sorted[Math.floor((sorted.length * (bin + 1)) / bins) - 1] ?? 0)) bin++;
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts;
}

function quantileShares({ values: sorted }: Reference, bins: number): number[] {
  const cut = (k: number) => Math.floor((sorted.length * k) / bins);
  return Array.from({ length: bins }, (_, bin) => (cut(bin + 1) - cut(bin)) / sorted.length);
}

function valueCounts({ values: known }: Reference, values: Float64Array): number[] {
  const counts = Array.from({ length: known.length }, () => 0);
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

function shares(counts: ArrayLike<number>): number[] {
  const list = Array.from(counts);
  const all = list.reduce((sum, count) => sum + count, 0);
  return list.map((count) => count / all);
}

/** With shares of at least 1e-4, as is customary. */
function psi(of: readonly number[], to: readonly number[]): number {
  let sum = 0;
  for (const [bin, share] of of.entries()) {
    const [p, q] = [Math.max(share, LEAST_SHARE), Math.max(to[bin] ?? 0, LEAST_SHARE)];
    sum += (q - p) * Math.log(q / p);
  }
  return sum;
}

/** The distance, base 2. */
function jensen(of: readonly number[], to: readonly number[]): number {
  const part = (share: number, middle: number) => (share > 0 ? share * Math.log2(share / middle) : 0);
  let sum = 0;
  for (const [bin, p] of of.entries()) {
    const q = to[bin] ?? 0;
    sum += (part(p, (p + q) / 2) + part(q, (p + q) / 2)) / 2;
  }
  return Math.sqrt(Math.max(0, sum));
}

/** Of the table of two samples, without columns that are empty in both. */
function chiSquaredP(of: ArrayLike<number>, to: readonly number[]): number {
  const n = Array.from(of).reduce((sum, count) => sum + count, 0);
  const m = to.reduce((sum, count) => sum + count, 0);
  let [statistic, columns] = [0, 0];
  for (const [bin, y] of to.entries()) {
    const x = of[bin] ?? 0;
    if (x + y === 0) continue;
    columns++;
    statistic += (x * m - y * n) ** 2 / (n * m * (x + y));
  }
  return chiSquaredUpperTail(statistic, columns - 1);
}

function driftline(name: string, detector: Detector): WindowRule {
  const compare = detector.bind({});
  return {
    name,
    score(reference, values) {
      const { subject } = reference;
      const bins = Array.from({ length: subject.bins.length }, () => 0);
      // A reference of missing values counts [missing, present]; what is present stands in one bin.
      if (reference.stream.kind === "rate") {
        const missing = values.reduce((sum, value) => sum + value, 0);
        return breach(compare(subject, windowOf({ bins: [values.length - missing], missing })));
      }
      for (const value of values) {
        const bin = reference.binOf(value);
        bins[bin] = (bins[bin] ?? 0) + 1;
      }
      const ends = { minimum: values[0] ?? null, maximum: values.at(-1) ?? null };
      return breach(compare(subject, windowOf(subject.kind === "numeric" ? { bins, ...ends } : { bins })));
    },
    customary: byItself,
    matched: false,
  };
}

function breach(result: ReturnType<ReturnType<Detector["bind"]>>): number {
  return result.status === "ok" && hasBreached(result) ? 1 : 0;
}
