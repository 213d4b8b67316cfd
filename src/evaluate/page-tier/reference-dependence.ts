/**
 * How dependent a reference's events are, and whether it is stable in itself: measured once per reference and length of pane, and stored.
 * Events that come in bursts count for less, by the design effect of each direction.
 */
import { z } from "zod";
import type { ModelConfig } from "../../config/schema.ts";
import { designEffects } from "../../sequential/design-effect.ts";
import { directionsOf } from "../../sequential/directions.ts";
import { replay } from "../../sequential/replay.ts";
import { mergeCounts, type StreamReference } from "../../sequential/stream-reference.ts";
import { pagePlan } from "../../sequential/tilt-plan.ts";
import { tolerancesOf } from "../../sequential/tolerance.ts";
import { sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { LoadedReference } from "../references/load-reference.ts";
import { findingText } from "./finding-text.ts";
import { type ReferencePanes, readReferencePanes, type SubjectSlice } from "./reference-panes.ts";
import { DAY_MS, type DesignEffects, type PageTierPlan, type StreamName } from "./watched-streams.ts";

export interface Dependence {
  readonly effects: DesignEffects;
  /** What people should know of the reference, in sentences. */
  readonly notes: readonly string[];
}

export const noDependence: Dependence = { effects: new Map(), notes: [] };

const stored = z.object({ stream: z.string(), effects: z.array(z.number()), notes: z.array(z.string()) });

/** @param plan without design effects */
export async function dependenceOf(
  lane: Lane,
  readLane: Lane,
  config: ModelConfig,
  reference: LoadedReference,
  plan: PageTierPlan,
): Promise<Dependence> {
  const where = sql`model = ${config.name} AND reference_id = ${reference.referenceId} AND pane = ${config.pane}`;
  const known = await lane.query(
    sql`SELECT stream, effects, notes FROM reference_dependence FINAL WHERE ${where} ORDER BY stream`,
    stored,
  );
  if (known.length > 0)
    return {
      effects: new Map(known.filter(({ stream }) => stream !== "").map(({ stream, effects }) => [stream, effects])),
      notes: known.flatMap(({ notes }) => notes),
    };
  const measured = measure(plan, await readReferencePanes(readLane, config, reference.subjects));
  const base = { model: config.name, reference_id: reference.referenceId, pane: config.pane };
  await lane.insertRows("reference_dependence", [
    { ...base, stream: "", effects: [], notes: measured.notes },
    ...[...measured.effects].map(([stream, effects]) => ({ ...base, stream, effects, notes: [] })),
  ]);
  return measured;
}

/** Pure: from slices to design effects and notes. */
export function measure(plan: PageTierPlan, panes: ReferencePanes | null): Dependence {
  if (panes === null)
    return {
      effects: new Map(),
      notes: [
        "the reference has no column of event times that spans enough panes: bursts and seasons in the events can't be told from change",
      ],
    };
  const effects = new Map<string, readonly number[]>();
  const halves: { readonly of: PageTierPlan["streams"][number]; readonly counts: readonly Float64Array[] }[] = [];
  for (const stream of plan.streams) {
    const slices = panes.subjects.get(stream.subject);
    if (slices === undefined) continue;
    const against = stream.plan.stream;
    const counts = slices.map((slice) => mergeCounts(against, countsOf(slice, stream.stream as StreamName)));
    effects.set(`${stream.subject} ${stream.stream}`, designEffects(counts, against.weights, directionsOf(against)));
    halves.push({ of: stream, counts });
  }
  const unstable = changeWithin(plan, panes, halves);
  return { effects, notes: unstable === null ? [] : [unstable] };
}

function countsOf({ bins, missing, invalid }: SubjectSlice, stream: StreamName): readonly number[] {
  if (stream === "values") return bins;
  const all = bins.reduce((sum, count) => sum + count, 0) + missing + invalid;
  const rate = stream === "missing" ? missing : invalid;
  return [rate, all - rate];
}

/** The second half of the reference against the first: a reference that alarms against itself can't be one to compare with. */
function changeWithin(
  plan: PageTierPlan,
  { sliceMs, first }: ReferencePanes,
  streams: readonly { readonly of: PageTierPlan["streams"][number]; readonly counts: readonly Float64Array[] }[],
): string | null {
  const half = Math.floor((streams[0]?.counts.length ?? 0) / 2);
  if (half === 0) return null;
  const planned = streams.map(({ of, counts }) => {
    const earlier = counts.slice(0, half);
    const weights = of.plan.stream.weights.map((_, bin) =>
      Math.max(
        1,
        earlier.reduce((sum, slice) => sum + (slice[bin] ?? 0), 0),
      ),
    );
    const against: StreamReference = { ...of.plan.stream, weights };
    const directions = directionsOf(against);
    const tolerances = tolerancesOf(against, directions, wantedOf(of)).map(({ value }) => value);
    const designed = { designEffects: designEffects(earlier, weights, directions) };
    return { ...of, plan: pagePlan(against, [{ weights, tolerances }], designed) };
  });
  const steps = Array.from({ length: (streams[0]?.counts.length ?? 0) - half }, (_, index) => ({
    counts: streams.map(({ counts }) => counts[half + index] ?? []),
    weight: sliceMs / DAY_MS,
    mark: first + (half + index) * sliceMs,
  }));
  const [alarm] = replay({ streams: planned, threshold: plan.threshold }, steps).alarms;
  const [finding] = alarm?.findings ?? [];
  const stream = planned.find((one) => one === finding?.stream);
  if (alarm === undefined || finding === undefined || stream === undefined) return null;
  const since = new Date(finding.onset).toISOString().slice(0, 10);
  const at = streams.findIndex(({ of }) => of.subject === stream.subject && of.stream === stream.stream);
  const after = (streams[at]?.counts ?? []).slice(half + Math.round((finding.onset - first) / sliceMs) - half);
  const sums = stream.plan.stream.weights.map((_, bin) => after.reduce((sum, slice) => sum + (slice[bin] ?? 0), 0));
  return `the reference is not stable: ${stream.name} changes within it, about ${since} (${findingText({ ...finding, stream }, sums)}); take a reference from a time without such a change, or events will be compared with a mixture`;
}

/** What was asked for, as it stands in the tolerances. */
function wantedOf({ tolerances, plan }: PageTierPlan["streams"][number]) {
  const isRare = (index: number) => plan.directions[index]?.isSet === true && plan.directions[index]?.bin === null;
  const rare = tolerances.find((_, index) => isRare(index) || plan.stream.kind === "rate");
  const bulk = tolerances.find((_, index) => !isRare(index));
  const ignoreBelow = bulk?.wanted ?? rare?.wanted ?? 0.03;
  return { ignoreBelow, ...(rare === undefined ? {} : { ignoreRareBelow: rare.wanted }) };
}
