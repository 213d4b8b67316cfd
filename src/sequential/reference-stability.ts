/**
 * Whether a reference is like itself: the page tier, fitted to the first half of the reference, over its second half. A reference that
 * alarms against itself would alarm against any stream, so its user is told so before the first event comes.
 */
import { fitPagePlan } from "./fit-page-plan.ts";
import { type ModelPlan, type PlannedStream, type Replay, replay } from "./replay.ts";
import type { StreamReference } from "./stream-reference.ts";
import type { ToleranceOptions } from "./tolerance.ts";

/** A stream of the reference in the order of time. */
export interface ReferenceSeries {
  readonly subject: string;
  readonly stream: string;
  /** Fixed share of the model's evidence. */
  readonly share: number;
  readonly reference: StreamReference;
  readonly tolerance: ToleranceOptions;
  /** Counts per bin of each pane, over the bins of `reference`; the same panes for every stream. */
  readonly panes: readonly ArrayLike<number>[];
}

export interface Stability extends Pick<Replay, "alarms" | "greatestFraction"> {
  /** Whether the second half raised no alarm. */
  readonly isStable: boolean;
  /** The first pane of the second half; an alarm's `step` counts from it. */
  readonly from: number;
}

/**
 * @param threshold of the page tier, in the unit of `weight`
 * @param weight time that a pane takes
 */
export function referenceStability(series: readonly ReferenceSeries[], threshold: number, weight: number): Stability {
  const panes = series.reduce((most, one) => Math.max(most, one.panes.length), 0);
  const from = Math.floor(panes / 2);
  const plan: ModelPlan = { streams: series.map((one) => planFirst(one, from)), threshold };
  const steps = Array.from({ length: panes - from }, (_, index) => ({
    counts: series.map((one) => one.panes[from + index] ?? []),
    weight,
    mark: from + index,
  }));
  const { alarms, greatestFraction } = replay(plan, steps);
  return { isStable: alarms.length === 0, alarms, greatestFraction, from };
}

function planFirst(
  { subject, stream, share, reference, tolerance, panes }: ReferenceSeries,
  until: number,
): PlannedStream {
  const first = panes.slice(0, until);
  const weights = reference.weights.map((_, bin) => first.reduce((sum, counts) => sum + (counts[bin] ?? 0), 0));
  const fitted = { ...reference, weights: weights.map((rows) => Math.max(1, rows)) };
  return { subject, stream, share, plan: fitPagePlan(fitted, tolerance, first) };
}
