/** HDDM: the mean since the start, plain or weighted, against its best, by the bounds of Hoeffding and McDiarmid (Frías-Blanco, I. et al., 2015). */
import { type OnlineRule, restarting, type Signal, signalOf } from "./online-rule.ts";

export interface HddmOptions {
  readonly changeConfidence?: number;
  readonly warningConfidence?: number;
  readonly twoSided?: boolean;
}

interface Mean {
  readonly count: number;
  readonly mean: number;
}

/** The A-test, on plain means. Takes values between 0 and 1. */
export function hddmA(options: HddmOptions = {}): OnlineRule {
  const { changeConfidence = 0.001, warningConfidence = 0.005, twoSided = false } = options;
  const bound = (count: number) => Math.sqrt((1 / (2 * count)) * Math.log(1 / changeConfidence));
  const apart = (from: Mean, to: Mean, confidence: number): boolean => {
    if (from.count === to.count) return false;
    const m = ((to.count - from.count) / from.count) * (1 / to.count);
    return Math.abs(to.mean - from.mean) >= Math.sqrt((m / 2) * Math.log(2 / confidence));
  };
  return restarting(() => {
    let all: Mean = { count: 0, mean: 0 };
    let least: Mean | undefined;
    let greatest: Mean | undefined;
    return (value) => {
      const count = all.count + 1;
      all = { count, mean: all.mean + (1 / count) * (value - all.mean) };
      least ??= all;
      greatest ??= all;
      if (least.mean + bound(least.count) >= all.mean + bound(count)) least = all;
      if (greatest.mean - bound(greatest.count) <= all.mean - bound(count)) greatest = all;
      const [low, high, now] = [least, greatest, all];
      const rises = (confidence: number) => now.mean >= low.mean && apart(low, now, confidence);
      const falls = (confidence: number) => twoSided && now.mean <= high.mean && apart(high, now, confidence);
      return judged(rises, falls, changeConfidence, warningConfidence);
    };
  });
}

/** A rise that is a change warns no more; what is seen of falls is put on top of it. */
function judged(
  rises: (confidence: number) => boolean,
  falls: (confidence: number) => boolean,
  change: number,
  warning: number,
): Signal {
  const risen = rises(change);
  const fallen = falls(change);
  return signalOf(risen || fallen, (!risen && rises(warning)) || (!fallen && falls(warning)));
}

/** A weighted mean with the constant of its bound; none before the first value. */
class WeightedMean {
  count = 0;
  mean = 0;
  bound = 1;
  readonly #weight: number;

  constructor(weight: number) {
    this.#weight = weight;
  }

  push(value: number): void {
    this.mean = this.count === 0 ? value : this.#weight * value + (1 - this.#weight) * this.mean;
    this.count++;
    this.bound = this.#weight ** 2 + (1 - this.#weight) ** 2 * this.bound;
  }

  copy(): WeightedMean {
    const copy = new WeightedMean(this.#weight);
    copy.count = this.count;
    copy.mean = this.mean;
    copy.bound = this.bound;
    return copy;
  }
}

/** The W-test, on exponentially weighted means. Takes values between 0 and 1. */
export function hddmW(options: HddmOptions & { readonly weight?: number } = {}): OnlineRule {
  const { changeConfidence = 0.001, warningConfidence = 0.005, twoSided = false, weight = 0.05 } = options;
  const bound = (constant: number, confidence: number) => Math.sqrt((constant * Math.log(1 / confidence)) / 2);
  const above = (low: WeightedMean, high: WeightedMean, confidence: number) =>
    low.count > 0 && high.count > 0 && high.mean - low.mean > bound(low.bound + high.bound, confidence);
  return restarting(() => {
    const all = new WeightedMean(weight);
    let low = { cut: Number.POSITIVE_INFINITY, before: new WeightedMean(weight), after: new WeightedMean(weight) };
    let high = { cut: Number.NEGATIVE_INFINITY, before: new WeightedMean(weight), after: new WeightedMean(weight) };
    return (value) => {
      all.push(value);
      const reach = bound(all.bound, changeConfidence);
      if (all.mean + reach < low.cut)
        low = { cut: all.mean + reach, before: all.copy(), after: new WeightedMean(weight) };
      else low.after.push(value);
      if (all.mean - reach > high.cut)
        high = { cut: all.mean - reach, before: all.copy(), after: new WeightedMean(weight) };
      else high.after.push(value);
      return judged(
        (confidence) => above(low.before, low.after, confidence),
        (confidence) => twoSided && above(high.after, high.before, confidence),
        changeConfidence,
        warningConfidence,
      );
    };
  });
}
