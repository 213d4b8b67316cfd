/** What has changed and when it began, from the stored steps of the stream that shows it. */
import { z } from "zod";
import { ONSET_LOOK_BACK, onsetOfStream } from "../../sequential/onset-interval.ts";
import type { Finding } from "../../sequential/replay.ts";
import { mergeCounts } from "../../sequential/stream-reference.ts";
import { sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { PreparedModel } from "../prepare-model.ts";
import type { Described } from "./drift-tracker.ts";
import { expectedWeights } from "./expected-weights.ts";
import { findingText } from "./finding-text.ts";
import type { WatchedStream } from "./tier-plan.ts";

export interface FindingPlace {
  readonly version: string;
  readonly variant: string;
  readonly finding: Finding<WatchedStream>;
  /** No change of now can have begun before it, ms; -Infinity where there is no such time. */
  readonly since: number;
  /** End of the step that alarmed, ms. */
  readonly end: number;
  /** Length of a step, ms. */
  readonly paneMs: number;
  /** Under which the steps of the stream are stored: the reference, or an accepted baseline. */
  readonly referenceId: string;
}

/** Moments that are told apart at most; over a longer time they are as many panes together as it takes. */
const MOST_SLICES = 1024;

/** A pure function of the steps up to `end`. */
export async function describeFinding(lane: Lane, prepared: PreparedModel, at: FindingPlace): Promise<Described> {
  const { stream, onset: rise } = at.finding;
  const { times, slices: least, wider, tries } = ONSET_LOOK_BACK;
  const earliest = Math.max(0, at.since);
  let before = Math.max(times * (at.end - rise), least * at.paneMs);
  let from = Math.max(earliest, rise - before);
  let found = await estimateFrom(lane, prepared, at, from);
  for (let left = tries; found !== null && found.first === 0 && from > earliest && left > 1; left--) {
    before *= wider;
    from = Math.max(earliest, rise - before);
    const wide = await estimateFrom(lane, prepared, at, from);
    const isMore = wide !== null && (wide.slices[0]?.start ?? 0) < (found.slices[0]?.start ?? 0);
    found = wide;
    if (!isMore) break;
  }
  if (found === null) return { finding: findingText(at.finding, []), began: null };
  const { slices, counts, first, last } = found;
  // Hours of one season have laws of their own, which the profile would take for changes: there the rise of the evidence has to do.
  const isSeasonal = stream.season !== null;
  const risen = slices.findIndex(({ end }) => end > rise);
  const best = isSeasonal ? Math.max(0, risen) : found.best;
  const after = stream.plan.stream.weights.map((_, bin) =>
    counts.slice(best).reduce((sum, slice) => sum + (slice[bin] ?? 0), 0),
  );
  const panes = slices
    .slice(best)
    .flatMap((slice) => Object.entries(slice.panes).map(([start, rows]) => ({ start: Number(start), rows })));
  const startOf = (slice: number) => slices[slice]?.start ?? at.finding.onset;
  return {
    finding: findingText(at.finding, after, expectedWeights(stream, panes)),
    began: isSeasonal ? null : { onset: startOf(best), from: startOf(first), to: slices[last]?.end ?? at.end },
  };
}

/** null without steps. */
async function estimateFrom(lane: Lane, prepared: PreparedModel, at: FindingPlace, from: number) {
  const { stream, tilt } = at.finding;
  const slices = await slicesFrom(lane, prepared, at, from);
  const counts = slices.map((slice) => mergeCounts(stream.plan.stream, slice.counts));
  return counts.length === 0 ? null : { slices, counts, ...onsetOfStream(stream.plan, tilt, counts) };
}

const sliceRow = z.object({
  start: z.number(),
  end: z.number(),
  counts: z.array(z.number()),
  /** Events by the start of their pane. */
  panes: z.record(z.string(), z.number()),
});

/** Steps in the order of time, some together; those without events have none. */
function slicesFrom(
  lane: Lane,
  { config }: PreparedModel,
  { version, variant, finding: { stream }, end, paneMs, referenceId }: FindingPlace,
  from: number,
): Promise<z.output<typeof sliceRow>[]> {
  let sliceMs = paneMs;
  while ((end - from) / sliceMs > MOST_SLICES) sliceMs *= 2;
  return lane.query(
    sql`SELECT toUnixTimestamp64Milli(min(pane_start)) AS start, toUnixTimestamp64Milli(max(step_end)) AS end, sumForEach(step.counts) AS counts,
        sumMap(map(toUnixTimestamp64Milli(step.pane_start), arraySum(step.counts))) AS panes
      FROM (SELECT pane_start, step_end, counts FROM steps FINAL WHERE model = ${config.name} AND reference_id = ${referenceId}
        AND subject_kind = ${stream.subjectKind} AND subject = ${stream.name} AND stream = ${stream.stream} AND version = ${version} AND variant = ${variant}
        AND segment = ${stream.segment ?? ""} AND pane_start >= ${time(from)} AND pane_start < ${time(end)}) AS step
      GROUP BY intDiv(toUnixTimestamp64Milli(pane_start) - ${from}, ${sliceMs}) ORDER BY start`,
    sliceRow,
  );
}
