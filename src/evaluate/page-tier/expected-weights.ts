/** What the reference would have shown in the hours of some panes: with seasons, more than one mix of slots. */
import { sharesOf } from "../../sequential/directions.ts";
import type { WatchedStream } from "./tier-plan.ts";

/** Weights per bin: each slot's shares times the rows of its panes; those of the whole reference where it has no seasons or the panes no rows. */
export function expectedWeights(
  { plan, season, slotAt }: WatchedStream,
  panes: readonly { readonly start: number; readonly rows: number }[],
): readonly number[] {
  if (season === null || !panes.some(({ rows }) => rows > 0)) return plan.stream.weights;
  const shares = season.weights.map(sharesOf);
  const sums = plan.stream.weights.map(() => 0);
  for (const { start, rows } of panes) {
    for (const [bin, share] of (shares[slotAt(start)] ?? []).entries()) sums[bin] = (sums[bin] ?? 0) + rows * share;
  }
  return sums;
}
