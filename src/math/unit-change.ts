/**
 * Whether a sample is another one in a different unit: its values a * x + b of the other's, with a and b known. Mean and standard deviation
 * are weighed by Bayes' rule (Kass & Raftery 1995, JASA 90, 773-795) between units, an ordinary change and none; the shares of the bins
 * decide whether the shape allows it.
 */
import type { NumericReference } from "./placed-rows.ts";
import { total } from "./total.ts";

/** x in the reference's unit is `factor * x + offset` in another one. */
export interface UnitConversion {
  readonly factor: number;
  readonly offset: number;
  /** How often it is met, against the others. */
  readonly weight: number;
  /** "grams for kilograms". */
  readonly example: string;
}

/** Factors beyond these are not looked for. */
const powersOfTen: readonly (readonly [number, string, string])[] = [
  [10, "millimetres for centimetres", "centimetres for millimetres"],
  [100, "cents for euros", "euros for cents"],
  [1000, "grams for kilograms", "kilograms for grams"],
  [1_000_000, "microseconds for seconds", "seconds for microseconds"],
];
const others: readonly (readonly [number, string, string])[] = [
  [60, "seconds for minutes", "minutes for seconds"],
  [3600, "seconds for hours", "hours for seconds"],
  [24, "hours for days", "days for hours"],
  [86_400, "seconds for days", "days for seconds"],
  [1.609344, "kilometres for miles", "miles for kilometres"],
  [0.45359237, "kilograms for pounds", "pounds for kilograms"],
  [2.54, "centimetres for inches", "inches for centimetres"],
  [0.3048, "metres for feet", "feet for metres"],
  [3.785411784, "litres for US gallons", "US gallons for litres"],
];

const bothWays = (list: readonly (readonly [number, string, string])[], weight: number): UnitConversion[] =>
  list.flatMap(([factor, example, reverse]) => [
    { factor, offset: 0, weight, example },
    { factor: 1 / factor, offset: 0, weight, example: reverse },
  ]);

export const unitConversions: readonly UnitConversion[] = [
  ...bothWays(powersOfTen, 3),
  ...bothWays(others, 1),
  { factor: 1.8, offset: 32, weight: 1, example: "Fahrenheit for Celsius" },
  { factor: 1 / 1.8, offset: -32 / 1.8, weight: 1, example: "Celsius for Fahrenheit" },
  { factor: 1, offset: 273.15, weight: 1, example: "Kelvin for Celsius" },
  { factor: 1, offset: -273.15, weight: 1, example: "Celsius for Kelvin" },
];

export interface UnitChange {
  /** Posterior probability of a conversion, whichever it is, 0..1. */
  readonly probability: number;
  /** The most likely one; null where none is possible. */
  readonly conversion: UnitConversion | null;
}

/** What is known of the window's values. */
export interface Moments {
  readonly bins: readonly number[];
  readonly mean: number;
  readonly standardDeviation: number;
}

/** Before anything is seen: no change, an ordinary one, another unit. */
const PRIOR = { none: 0.9, ordinary: 0.05, unit: 0.05 } as const;
/** Ordinary changes: all values times one number (prices, durations), all values moved, and any other. */
const ORDINARY = { multiplied: 0.3, moved: 0.2, free: 0.5 } as const;
/**
 * Nothing stays quite as it was: half of the time the moments also wander, the mean by so many standard deviations and the logarithm of the spread
 * by so much. Small factors need moments that agree better than that.
 */
const WANDERS = [
  { mean: 0.004, spread: 0.004 },
  { mean: 0.1, spread: 0.06 },
] as const;

/** Shift in standard deviations of the reference, logarithm of the ratio of the spreads. */
type Place = readonly [shift: number, spread: number];
interface Covariance {
  readonly mean: number;
  readonly spread: number;
  readonly both: number;
}

/** The most likely conversion of all, and how likely it is. */
export function unitChange(reference: NumericReference, window: Moments): UnitChange {
  const n = total(reference.bins);
  const m = total(window.bins);
  const impossible = { probability: 0, conversion: null };
  const { mean: centre, standardDeviation: sd } = reference;
  if (!(sd > 0) || !(window.standardDeviation > 0) || n < 2 || m < 2) return impossible;
  const place: Place = [(window.mean - centre) / sd, Math.log(window.standardDeviation / sd)];
  if (!place.every(Number.isFinite)) return impossible;
  const noise = momentNoise(reference, 1 / n + 1 / m);
  const ofConversion = (one: Pick<UnitConversion, "factor" | "offset">) =>
    density(place, placeOf(one, centre, sd), scaled(noise, one.factor));
  const weights = unitConversions.reduce((sum, { weight }) => sum + weight, 0);
  const scores = unitConversions.map((conversion) => ({
    conversion,
    score: shapeAllows(reference, window, conversion, n, m)
      ? PRIOR.unit * (conversion.weight / weights) * ofConversion(conversion)
      : 0,
  }));
  const ordinary =
    PRIOR.ordinary *
    (ORDINARY.multiplied * multipliedDensity(place, centre / sd, noise) +
      ORDINARY.moved * movedDensity(place, noise) +
      ORDINARY.free * shiftDensity(place[0]) * spreadDensity(place[1]));
  const converted = scores.reduce((sum, { score }) => sum + score, 0);
  const all = PRIOR.none * ofConversion({ factor: 1, offset: 0 }) + ordinary + converted;
  const best = scores.reduce((most, one) => (one.score > most.score ? one : most));
  const probability = all > 0 ? converted / all : 0;
  return Number.isFinite(probability) && best.score > 0
    ? { probability: Math.min(1, probability), conversion: best.conversion }
    : impossible;
}

const placeOf = ({ factor, offset }: Pick<UnitConversion, "factor" | "offset">, centre: number, sd: number): Place => [
  ((factor - 1) * centre + offset) / sd,
  Math.log(factor),
];

/** The mean of values in another unit is as much less certain as they are greater; the logarithm of their spread is not. */
const scaled = ({ mean, spread, both }: Covariance, factor: number): Covariance => ({
  mean: mean * factor * factor,
  spread,
  both: both * factor,
});

/** Of the shift and of the logarithm of the spread, from the skewness and kurtosis of the reference's bins; `rows` is 1/n + 1/m. */
function momentNoise({ bins, means, mean, standardDeviation }: NumericReference, rows: number): Covariance {
  const n = total(bins);
  const powers = (power: number) =>
    bins.reduce((sum, count, bin) => sum + count * (((means[bin] ?? mean) - mean) / standardDeviation) ** power, 0) / n;
  // Rows lie at the means of their bins, so the tails are a little heavier than this says.
  const kurtosis = Math.max(1.8, 1.2 * powers(4));
  const spread = ((kurtosis - 1) / 4) * rows;
  const both = Math.max(-0.95, Math.min(0.95, powers(3) / Math.sqrt(kurtosis - 1))) * Math.sqrt(spread * rows);
  return { mean: rows, spread, both };
}

/** Normal in the plane, over both ways to wander. */
function density(place: Place, at: Place, noise: Covariance): number {
  return WANDERS.reduce(
    (sum, wander) => sum + normalDensity(place, at, wandering(noise, wander, at[1])) / WANDERS.length,
    0,
  );
}

function wandering(noise: Covariance, wander: (typeof WANDERS)[number], logFactor: number): Covariance {
  return {
    mean: noise.mean + (wander.mean * Math.exp(logFactor)) ** 2,
    spread: noise.spread + wander.spread ** 2,
    both: noise.both,
  };
}

function normalDensity([x, y]: Place, [atX, atY]: Place, { mean, spread, both }: Covariance): number {
  const determinant = mean * spread - both * both;
  const [dx, dy] = [x - atX, y - atY];
  const square = (spread * dx * dx - 2 * both * dx * dy + mean * dy * dy) / determinant;
  return determinant > 0 ? Math.exp(-square / 2) / (2 * Math.PI * Math.sqrt(determinant)) : 0;
}

/** Of any shift: Cauchy's law, with heavy tails. */
const shiftDensity = (shift: number): number => 1 / (Math.PI * (1 + shift * shift));

/** Of the logarithm of a factor: e-fold changes are as likely as not, tenfold ones rare. */
const LEAST_SPREAD = 0.5;
const spreadDensity = (log: number): number => Math.exp(-Math.abs(log) / LEAST_SPREAD) / (2 * LEAST_SPREAD);

/** All values moved by any amount: the spread stays. */
const movedDensity = ([shift, spread]: Place, noise: Covariance): number =>
  WANDERS.reduce((sum, wander) => {
    const variance = noise.spread + wander.spread ** 2;
    return sum + Math.exp(-(spread ** 2) / (2 * variance)) / Math.sqrt(2 * Math.PI * variance) / WANDERS.length;
  }, 0) * shiftDensity(shift);

/** All values times one number of any size: its law integrated by Laplace's method about the number that fits best. */
function multipliedDensity(place: Place, ratio: number, noise: Covariance): number {
  return WANDERS.reduce((sum, wander) => {
    let log = place[1];
    let gained = 0;
    for (let step = 0; step < 8; step++) {
      const cov = wandering(scaled(noise, Math.exp(log)), wander, log);
      const determinant = cov.mean * cov.spread - cov.both ** 2;
      const slope = Math.exp(log) * ratio;
      const [dx, dy] = [place[0] - (Math.exp(log) - 1) * ratio, place[1] - log];
      gained = (slope * slope * cov.spread - 2 * slope * cov.both + cov.mean) / determinant;
      const towards = (dx * (slope * cov.spread - cov.both) + dy * (cov.mean - slope * cov.both)) / determinant;
      log += Math.max(-1, Math.min(1, towards / gained));
    }
    const fit = normalDensity(
      place,
      [(Math.exp(log) - 1) * ratio, log],
      wandering(scaled(noise, Math.exp(log)), wander, log),
    );
    const value = spreadDensity(log) * fit * Math.sqrt((2 * Math.PI) / gained);
    return sum + (Number.isFinite(value) ? value : 0) / WANDERS.length;
  }, 0);
}

/** 99.5 % point of Kolmogorov's law. */
const KOLMOGOROV_995 = 1.73;
/** Shares may wander by this much beside chance. */
const WANDERING_SHARE = 0.06;

/**
 * Whether the window's shares below each edge can be those of the reference in the other unit. The reference's share below a value between
 * two edges is known to lie between those of the edges. Without bins that both reach this says nothing, and the moments decide alone.
 */
function shapeAllows(
  { edges, bins }: NumericReference,
  { bins: found }: Moments,
  { factor, offset }: UnitConversion,
  n: number,
  m: number,
): boolean {
  const allowed = KOLMOGOROV_995 * Math.sqrt(1 / n + 1 / m) + WANDERING_SHARE;
  const below = cumulated(bins).map((rows) => rows / n);
  let rows = 0;
  return edges.every((edge, index) => {
    rows += found[index] ?? 0;
    // Not the edge divided: what lies just below zero would become zero.
    const under = edges.reduce((count, other) => count + (other * factor + offset <= edge ? 1 : 0), 0);
    const low = under === 0 ? 0 : (below[under - 1] ?? 0);
    const high = under === edges.length ? 1 : (below[under] ?? 1);
    return rows / m >= low - allowed && rows / m <= high + allowed;
  });
}

function cumulated(counts: readonly number[]): number[] {
  let sum = 0;
  return counts.map((count) => (sum += count));
}
