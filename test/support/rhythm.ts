/** A numeric feature with a daily rhythm, as a reference in the order of time and as panes of events. */
import type { ModelConfig } from "../../src/config/schema.ts";
import type { HourOfReference } from "../../src/evaluate/page-tier/reference-hours.ts";
import { measureSeasons } from "../../src/evaluate/page-tier/reference-seasons.ts";
import { type PageTierPlan, planPageTier } from "../../src/evaluate/page-tier/watched-streams.ts";
import { normalQuantile } from "../../src/math/normal-quantile.ts";
import { countIntoEdges } from "../../src/math/numeric-edges.ts";
import { modelConfig } from "./event-writer.ts";
import { uniform } from "./golden.ts";
import { loadedReference } from "./page-tier.ts";
import { numericReference } from "./summaries.ts";

export const HOUR = 3_600_000;
/** A Monday, at midnight. */
export const T0 = Date.parse("2026-03-02T00:00:00Z");

/** Mean of the values at an hour since T0, in standard deviations. */
export type MeanAt = (hour: number) => number;

/** A sine of 24 hours. */
export const daily =
  (amplitude: number): MeanAt =>
  (hour) =>
    amplitude * Math.sin((2 * Math.PI * hour) / 24);

/** Draws `n` values of each hour. */
export function hoursOfValues(meanAt: MeanAt, from: number, to: number, n: number, seed: number): number[][] {
  const draw = uniform(seed);
  return Array.from({ length: to - from }, (_, index) =>
    Array.from({ length: n }, () => meanAt(from + index) + normalQuantile(Math.max(1e-12, draw()))),
  );
}

export interface Rhythm {
  readonly plan: PageTierPlan;
  /** Stored counts of a pane of these values, for the streams of the page and the notice tier. */
  readonly countsOf: (values: readonly number[]) => readonly (readonly number[])[];
}

/** The plan of a model with one feature over `days` whole days, `n` rows an hour. */
export function rhythmOf(
  meanAt: MeanAt,
  days: number,
  n: number,
  seed: number,
  written: Readonly<Record<string, unknown>> = {},
): Rhythm {
  const hours = hoursOfValues(meanAt, 0, 24 * days, n, seed);
  const subject = { ...numericReference(hours.flat()), subject: "amount" };
  const config: ModelConfig = modelConfig({ name: "m", task: "binary", pane: "1h", windows: ["1h"], ...written });
  const reference = { ...loadedReference(), subjects: [subject] };
  const plain = planPageTier(config, reference, []);
  if (plain === null) throw new Error("nothing is watched");
  const firstDay = T0 / (24 * HOUR);
  const counted = hours.map(
    (values, hour): HourOfReference => ({
      day: firstDay + Math.floor(hour / 24),
      hour: hour % 24,
      counts: { bins: countIntoEdges(values, subject.edges), missing: 0, invalid: 0 },
    }),
  );
  const seasons = measureSeasons(plain.notices?.streams ?? plain.streams, config, {
    first: { day: firstDay, hour: 0 },
    last: { day: firstDay + days - 1, hour: 23 },
    subjects: new Map([["feature/amount", counted]]),
  });
  const plan = planPageTier(config, reference, [], new Map(), seasons);
  if (plan === null) throw new Error("nothing is watched");
  return {
    plan,
    countsOf: (values) => [countIntoEdges(values, subject.edges), [0, values.length], [0, values.length]],
  };
}
