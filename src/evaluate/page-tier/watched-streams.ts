/** What the page tier of a model watches, and against what: the streams of its features and predictions, and its KPIs, with their shares. */
import { createHash } from "node:crypto";
import { canonicalJson } from "../../config/canonical-json.ts";
import type { ModelConfig } from "../../config/schema.ts";
import { directionsOf } from "../../sequential/directions.ts";
import { evidenceShares } from "../../sequential/evidence-shares.ts";
import { localHours, type StreamSeason, slotClock } from "../../sequential/season-slots.ts";
import { pagePlan } from "../../sequential/tilt-plan.ts";
import { type Tolerance, type ToleranceOptions, tolerancesOf } from "../../sequential/tolerance.ts";
import type { LoadedReference } from "../references/load-reference.ts";
import { type SegmentReference, segmentPaneMs } from "../segments/segment.ts";
import type { KpiBound } from "./kpi-bounds.ts";
import { type NoticePlan, planNotices } from "./notice-plan.ts";
import { type ClockedSeasons, noSeasons, type Seasons } from "./reference-seasons.ts";
import { type SegmentPlan, segmentPlan } from "./segment-streams.ts";
import { DAY_MS, type DesignEffects, designed, type TierPlan, type WatchedStream } from "./tier-plan.ts";
import { streamNames, type WatchableSubject, watchableOfSegments, watchableSubjects } from "./watchable-subjects.ts";
import { comparisonsOf, sharedKpis, type WatchedComparison } from "./watched-comparisons.ts";

export { DAY_MS, type DesignEffects, type WatchedStream } from "./tier-plan.ts";

export interface WatchedKpi extends KpiBound {
  readonly share: number;
}

export interface PageTierPlan extends TierPlan {
  readonly kpis: readonly WatchedKpi[];
  /** Of the challenger with the champion. */
  readonly comparisons: readonly WatchedComparison[];
  /** As asked for; each stream's tolerances say what holds. */
  readonly tolerance: ToleranceOptions;
  /** null where they are off. */
  readonly notices: NoticePlan | null;
  /** What is compared by hour of the day or of the week, and why: sentences. */
  readonly seasons: readonly string[];
  /** What could not be watched, or not as asked for: sentences. */
  readonly limits: readonly string[];
  /** What is watched by segment, judged apart from the whole with the part of the budget that segments have; null where none is. */
  readonly segments: SegmentPlan | null;
}

/** Changes with the meaning of stored states. */
const STATE_VERSION = 1;

/**
 * null where the budget is off or there is nothing to watch.
 *
 * @param measured design effects without seasons
 */
export function planPageTier(
  config: ModelConfig,
  reference: LoadedReference | null,
  kpis: readonly KpiBound[],
  measured: DesignEffects = new Map(),
  seasons: Seasons = noSeasons,
  bySegment: SegmentReference | null = null,
): PageTierPlan | null {
  const { false_alarms: budget, ignore_below: ignoreBelow, ignore_rare_below: ignoreRareBelow } = config;
  if (budget === null) return null;
  const found = watchableSubjects(reference, config.notices !== null);
  const comparisons = comparisonsOf(config);
  if (found.subjects.length === 0 && kpis.length === 0 && comparisons.length === 0) return null;
  const paging = found.subjects.filter(({ pages }) => pages);
  const ofSegments = watchableOfSegments(reference, bySegment?.segments ?? []);
  const shared = (subjects: readonly WatchableSubject[]) =>
    subjects.map(({ key }) => ({ subject: key, streams: streamNames }));
  const isFeature = ({ subject }: WatchableSubject) => subject.subjectKind === "feature";
  const shares = evidenceShares({
    features: shared(paging.filter(isFeature)),
    predictions: shared(paging.filter((one) => !isFeature(one))),
    kpis: sharedKpis(kpis, comparisons),
    segments: shared(ofSegments.subjects),
  });
  const shareOf = new Map(shares.map(({ subject, stream, share }) => [`${subject} ${stream}`, share]));
  const tolerance = { ignoreBelow, ...(ignoreRareBelow === undefined ? {} : { ignoreRareBelow }) };
  const ofSeasons = [...seasons.streams].map(([key, season]) => [key, season.effects] as const);
  const effects = new Map([...measured, ...ofSeasons]);
  // One clock for all streams: they ask for the same pane.
  const local = localHours(config.season_timezone);
  const clocked = { streams: seasons.streams, local };
  const streamsOf = (subjects: readonly WatchableSubject[]) =>
    subjects.flatMap((subject) => pageStreams(subject, shareOf, tolerance, effects, clocked));
  const streams = streamsOf(paging);
  const segmentStreams = streamsOf(ofSegments.subjects);
  const raised = [raisedTolerance(streams), raisedTolerance(segmentStreams)].filter((limit) => limit !== null);
  const keysOf = (list: readonly WatchedStream[]) => list.map(({ subject, stream }) => `${subject} ${stream}`);
  const content = [
    STATE_VERSION,
    reference?.referenceId ?? "",
    keysOf(streams),
    kpis,
    tolerance,
    budget,
    Object.fromEntries(effects),
    ...(comparisons.length === 0 ? [] : [comparisons]),
    ...(seasons.streams.size === 0 ? [] : [Object.fromEntries(seasons.streams)]),
    ...(segmentStreams.length === 0 ? [] : [keysOf(segmentStreams), segmentPaneMs(config)]),
  ];
  const planId = createHash("sha256").update(canonicalJson(content)).digest("hex").slice(0, 16);
  const threshold = budget.perMs / budget.alarms / DAY_MS;
  return {
    planId,
    threshold,
    streams,
    tolerance,
    kpis: kpis.map((kpi) => ({ ...kpi, share: shareOf.get(`kpi/${kpi.metric} kpi`) ?? 0 })),
    comparisons: comparisons.map((one) => ({ ...one, share: shareOf.get(`kpi/${one.subject} kpi`) ?? 0 })),
    notices: planNotices(config.notices, found.subjects, effects, clocked, planId),
    seasons: seasons.notes,
    limits: [...found.limits, ...ofSegments.limits, ...raised],
    segments: segmentPlan(config, reference, bySegment, {
      planId: `${planId} segments`,
      threshold,
      streams: segmentStreams,
    }),
  };
}

function pageStreams(
  { subject, key, segment, streams }: WatchableSubject,
  shareOf: ReadonlyMap<string, number>,
  tolerance: ToleranceOptions,
  effects: DesignEffects,
  { streams: seasons, local }: ClockedSeasons,
): readonly WatchedStream[] {
  return streams.map((against, index) => {
    const stream = streamNames[index] ?? "values";
    const season = seasons.get(`${key} ${stream}`) ?? null;
    const directions = directionsOf(against);
    const slots = (season?.weights ?? [against.weights]).map((weights) => ({
      weights,
      tolerances: tolerancesOf({ ...against, weights }, directions, tolerance),
    }));
    return {
      subject: key,
      subjectKind: subject.subjectKind,
      name: subject.subject,
      ...(segment === "" ? {} : { segment }),
      stream,
      share: shareOf.get(`${key} ${stream}`) ?? 0,
      plan: pagePlan(
        against,
        slots.map(({ weights, tolerances }) => ({ weights, tolerances: tolerances.map(({ value }) => value) })),
        designed(effects, `${key} ${stream}`),
      ),
      tolerances: directions.flatMap((_, index) => widest(slots.flatMap((slot) => slot.tolerances[index] ?? []))),
      season,
      slotAt: slotClock(season, local),
    };
  });
}

/** Of the slot with the fewest rows. */
function widest(tolerances: readonly Tolerance[]): readonly Tolerance[] {
  const [first, ...more] = tolerances;
  if (first === undefined) return [];
  return [more.reduce((most, one) => (one.value > most.value ? one : most), first)];
}

/** A reference that is too small for what was asked: with what holds instead, and the size that would do. */
function raisedTolerance(streams: readonly WatchedStream[]): string | null {
  let worst: { readonly name: string; readonly tolerance: Tolerance; readonly season: StreamSeason | null } | null =
    null;
  for (const { name, segment, plan, tolerances, season } of streams) {
    // Single bins are many; what people set the limit for is the move as a whole.
    const [tolerance] = tolerances;
    if (tolerance === undefined || plan.stream.kind === "rate" || tolerance.value <= tolerance.wanted) continue;
    if (worst === null || tolerance.value > worst.tolerance.value)
      worst = { name: segment === undefined ? name : `${name} where ${segment}`, tolerance, season };
  }
  if (worst === null) return null;
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const { value, wanted, rowsNeeded } = worst.tolerance;
  const each =
    worst.season === null
      ? ""
      : ` in every slot of ${worst.season.season}, of which this has ${worst.season.weights.length}`;
  return `the reference is small: changes of ${worst.name} below ${percent(value)} of the events can't be told from its own sampling error (ignore_below asks for ${percent(wanted)}; that needs ${rowsNeeded} rows${each})`;
}
