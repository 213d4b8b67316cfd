/**
 * How dependent a reference's events are, and whether it is stable in itself: measured once per reference and length of pane, and stored.
 * Events that come in bursts count for less, by the design effect of each direction.
 */
import { z } from "zod";
import type { ModelConfig } from "../../config/schema.ts";
import type { Reference } from "../../core/summary.ts";
import { designEffects } from "../../sequential/design-effect.ts";
import { type ReferenceSeries, referenceStability } from "../../sequential/reference-stability.ts";
import { mergeCounts } from "../../sequential/stream-reference.ts";
import { sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { findingText } from "./finding-text.ts";
import { type ReferencePanes, readReferencePanes, streamCounts } from "./reference-panes.ts";
import type { SegmentPlan } from "./segment-streams.ts";
import { DAY_MS, type DesignEffects, type PageTierPlan, type WatchedStream } from "./watched-streams.ts";

export interface Dependence {
  readonly effects: DesignEffects;
  /** What people should know of the reference, in sentences. */
  readonly notes: readonly string[];
}

/** A reference, and the length of pane that it is compared in. */
export interface DependenceKey {
  readonly model: string;
  readonly referenceId: string;
  readonly pane: number;
}

const stored = z.object({ stream: z.string(), effects: z.array(z.number()), notes: z.array(z.string()) });

/** What is measured: the streams of the whole or of segments. */
type MeasuredPlan = Pick<PageTierPlan, "streams" | "threshold" | "tolerance" | "notices">;

/** Of the whole, or of segments, whose panes are named by which segments they are. */
export const dependenceKey = (config: ModelConfig, referenceId: string, segments: SegmentPlan | null): DependenceKey =>
  segments === null
    ? { model: config.name, referenceId, pane: config.pane }
    : { model: config.name, referenceId: `${referenceId} ${segments.panes}`, pane: segments.paneMs };

/** What was measured of a reference before; null where it has not been. */
export async function readDependence(lane: Lane, at: DependenceKey): Promise<Dependence | null> {
  const known = await lane.query(
    sql`SELECT stream, effects, notes FROM reference_dependence FINAL
      WHERE model = ${at.model} AND reference_id = ${at.referenceId} AND pane = ${at.pane} ORDER BY stream`,
    stored,
  );
  if (known.length === 0) return null;
  return {
    effects: new Map(known.filter(({ stream }) => stream !== "").map(({ stream, effects }) => [stream, effects])),
    notes: known.flatMap(({ notes }) => notes),
  };
}

/**
 * Measures and stores.
 *
 * @param plan without design effects
 */
export async function measureDependence(
  lane: Lane,
  readLane: Lane,
  config: ModelConfig,
  reference: Reference,
  plan: MeasuredPlan,
  segments: SegmentPlan | null = null,
): Promise<Dependence> {
  const slices = await readReferencePanes(readLane, config, reference.subjects, segments?.reference ?? null);
  const measured = measure(plan, slices);
  const { model, referenceId: reference_id, pane } = dependenceKey(config, reference.referenceId, segments);
  const base = { model, reference_id, pane };
  await lane.insertRows("reference_dependence", [
    { ...base, stream: "", effects: [], notes: measured.notes },
    ...[...measured.effects].map(([stream, effects]) => ({ ...base, stream, effects, notes: [] })),
  ]);
  return measured;
}

/** Pure: from slices to design effects and notes. */
export function measure(plan: MeasuredPlan, panes: ReferencePanes | null): Dependence {
  if (panes === null)
    return {
      effects: new Map(),
      notes: [
        "the reference has no column of event times that spans enough panes: bursts and seasons in the events can't be told from change",
      ],
    };
  // The notice tier may watch subjects whose reference is too small for the page tier.
  const watched = plan.notices?.streams ?? plan.streams;
  const series = watched.flatMap((stream): ReferenceSeries[] => {
    const slices = panes.subjects.get(stream.subject);
    if (slices === undefined) return [];
    const reference = stream.plan.stream;
    const counts = slices.map((slice) => mergeCounts(reference, streamCounts(slice, stream.stream)));
    return [{ ...stream, reference, tolerance: plan.tolerance, panes: counts }];
  });
  const directionsOf = new Map(watched.map(({ plan: tilts }) => [tilts.stream, tilts.directions]));
  const pages = new Map(plan.streams.map(({ subject, stream, share }) => [`${subject} ${stream}`, share]));
  const paging = series.flatMap((one) => {
    const share = pages.get(`${one.subject} ${one.stream}`);
    return share === undefined ? [] : [{ ...one, share }];
  });
  const unstable = changeWithin(plan, panes, paging);
  return {
    effects: new Map(
      series.map(({ subject, stream, reference, panes: counts }) => [
        `${subject} ${stream}`,
        designEffects(counts, reference.weights, directionsOf.get(reference) ?? []),
      ]),
    ),
    notes: unstable === null ? [] : [unstable],
  };
}

/** The second half of the reference against the first: a reference that alarms against itself can't be one to compare with. */
function changeWithin(
  { streams, threshold }: MeasuredPlan,
  { sliceMs, first }: ReferencePanes,
  series: readonly ReferenceSeries[],
): string | null {
  const [finding] = referenceStability(series, threshold, sliceMs / DAY_MS).alarms[0]?.findings ?? [];
  if (finding === undefined) return null;
  const { stream, onset } = finding;
  const isSame = (one: Pick<WatchedStream, "subject" | "stream">) =>
    one.subject === stream.subject && one.stream === stream.stream;
  const after = (series.find(isSame)?.panes ?? []).slice(onset);
  const sums = stream.plan.stream.weights.map((_, bin) => after.reduce((sum, slice) => sum + (slice[bin] ?? 0), 0));
  const since = new Date(first + onset * sliceMs).toISOString().slice(0, 10);
  return `the reference is not stable: ${streams.find(isSame)?.name} changes within it, about ${since} (${findingText(finding, sums)}); take a reference from a time without such a change, or events will be compared with a mixture`;
}
