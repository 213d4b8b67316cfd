/** Measures of group fairness from the confusion matrix of each group: how far apart the groups' rates lie, with an interval. */
import { type ConfusionCounts, confusionShare } from "./confusion-rates.ts";
import { type Share, shareDifferenceInterval, shareRatioInterval } from "./share-intervals.ts";

/** Counts of one group. Selection (predicted positive) needs no labels, so it has counts of its own; the others are of rows with a label. */
export interface GroupCounts extends ConfusionCounts {
  readonly group: string;
  readonly rows: number;
  readonly selected: number;
}

export type GroupRate = "selection_rate" | "true_positive_rate" | "false_positive_rate" | "precision";

/** A rate of a group as a share of the rows that bear on it. */
export function groupShare(rate: GroupRate, counts: GroupCounts): Share {
  if (rate === "selection_rate") return { of: counts.selected, rows: counts.rows };
  return confusionShare(rate === "true_positive_rate" ? "recall" : rate, counts);
}

/** The two groups that lie farthest apart. */
export interface Gap {
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
  readonly highest: string;
  readonly lowest: string;
}

interface Extremes {
  /** Of an interval, so that those of all pairs of groups hold at once in 95 % (Bonferroni). */
  readonly level: number;
  readonly high: { readonly group: string; readonly share: Share };
  readonly low: { readonly group: string; readonly share: Share };
}

const valueOf = ({ of, rows }: Share) => of / rows;

function extremes(rate: GroupRate, groups: readonly GroupCounts[]): Extremes | null {
  const shares = groups
    .map((counts) => ({ group: counts.group, share: groupShare(rate, counts) }))
    .filter(({ share }) => share.rows > 0);
  const [first] = shares;
  if (first === undefined || shares.length < 2) return null;
  let high = first;
  let low = first;
  for (const one of shares) {
    if (valueOf(one.share) > valueOf(high.share)) high = one;
    if (valueOf(one.share) < valueOf(low.share)) low = one;
  }
  return { high, low, level: 1 - 0.05 / ((shares.length * (shares.length - 1)) / 2) };
}

/**
 * Greatest rate less the least one; 0 is parity. The interval is that of the two groups (Newcombe), its lower end not below 0, wide
 * enough for their being picked among all pairs. null with fewer than two groups that have the rate.
 */
export function rateDifference(rate: GroupRate, groups: readonly GroupCounts[]): Gap | null {
  const found = extremes(rate, groups);
  if (found === null) return null;
  const { high, low, level } = found;
  const { lower, upper } = shareDifferenceInterval(high.share, low.share, level);
  return {
    value: valueOf(high.share) - valueOf(low.share),
    lower: Math.max(0, lower),
    upper,
    highest: high.group,
    lowest: low.group,
  };
}

/** Least rate over the greatest one; 1 is parity, below 0.8 breaks the four-fifths rule. null where no group has a rate above 0. */
export function rateRatio(rate: GroupRate, groups: readonly GroupCounts[]): Gap | null {
  const found = extremes(rate, groups);
  if (found === null || found.high.share.of === 0) return null;
  const { high, low, level } = found;
  const { lower, upper } = shareRatioInterval(low.share, high.share, level);
  return {
    value: valueOf(low.share) / valueOf(high.share),
    lower,
    upper: Math.min(1, upper),
    highest: high.group,
    lowest: low.group,
  };
}

/** Equalised odds: the greater of the gaps of true and false positive rates. null where neither has two groups. */
export function equalisedOddsDifference(groups: readonly GroupCounts[]): (Gap & { readonly rate: GroupRate }) | null {
  const gaps = (["true_positive_rate", "false_positive_rate"] as const).flatMap((rate) => {
    const gap = rateDifference(rate, groups);
    return gap === null ? [] : [{ ...gap, rate }];
  });
  return gaps.reduce<(Gap & { readonly rate: GroupRate }) | null>(
    (worst, gap) => (worst === null || gap.value > worst.value ? gap : worst),
    null,
  );
}

/** Equalised odds as a ratio: the lesser of the ratios of true and false positive rates. null where neither has one. */
export function equalisedOddsRatio(groups: readonly GroupCounts[]): Gap | null {
  const ratios = (["true_positive_rate", "false_positive_rate"] as const).flatMap(
    (rate) => rateRatio(rate, groups) ?? [],
  );
  return ratios.reduce<Gap | null>((worst, one) => (worst === null || one.value < worst.value ? one : worst), null);
}
