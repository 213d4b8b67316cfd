/** What the page tier of a model watches, and against what: the streams of its features and predictions, and its KPIs, with their shares. */
import { createHash } from "node:crypto";
import { canonicalJson } from "../../config/canonical-json.ts";
import type { ModelConfig } from "../../config/schema.ts";
import type { ReferenceSubject, SubjectKind } from "../../core/summary.ts";
import { directionsOf } from "../../sequential/directions.ts";
import { evidenceShares } from "../../sequential/evidence-shares.ts";
import type { PlannedStream } from "../../sequential/replay.ts";
import { type NoStream, rateStream, type StreamReference, valueStream } from "../../sequential/stream-reference.ts";
import { pagePlan } from "../../sequential/tilt-plan.ts";
import { type Tolerance, type ToleranceOptions, tolerancesOf } from "../../sequential/tolerance.ts";
import { type LoadedReference, subjectKey } from "../references/load-reference.ts";
import { type SegmentReference, segmentPaneMs } from "../segments/segment.ts";
import type { KpiBound } from "./kpi-bounds.ts";
import { type SegmentPlan, segmentPlan, watchedKey } from "./segment-streams.ts";
import { comparisonsOf, sharedKpis, type WatchedComparison } from "./watched-comparisons.ts";

export const DAY_MS = 86_400_000;

const streamNames = ["values", "missing", "invalid"] as const;

export interface WatchedStream extends PlannedStream {
  readonly subjectKind: SubjectKind;
  /** The feature's name; `subject` is kind and name, and the segment where it is of one. */
  readonly name: string;
  /** '' is the whole. */
  readonly segment: string;
  readonly tolerances: readonly Tolerance[];
}

export interface WatchedKpi extends KpiBound {
  readonly share: number;
}

/** Streams that are judged together, for one version at a time. */
export interface DriftPlan {
  /** Of all that the evidence depends on: with another one it starts anew, and the time that was watched before still counts. */
  readonly planId: string;
  /** Days per false alarm. */
  readonly threshold: number;
  readonly streams: readonly WatchedStream[];
}

export interface PageTierPlan extends DriftPlan {
  readonly kpis: readonly WatchedKpi[];
  /** Of the challenger with the champion. */
  readonly comparisons: readonly WatchedComparison[];
  /** As asked for; each stream's tolerances say what holds. */
  readonly tolerance: ToleranceOptions;
  /** What could not be watched, or not as asked for: sentences. */
  readonly limits: readonly string[];
  /** What is watched by segment, judged apart from the whole with the part of the budget that segments have; null where none is. */
  readonly segments: SegmentPlan | null;
}

/** Changes with the meaning of stored states. */
const STATE_VERSION = 1;

const watchedKinds: ReadonlySet<SubjectKind> = new Set<SubjectKind>(["feature", "prediction", "score"]);

/** Of each stream, one factor per direction: see `designEffects`. */
export type DesignEffects = ReadonlyMap<string, readonly number[]>;

/** null where the budget is off or there is nothing to watch. */
export function planPageTier(
  config: ModelConfig,
  reference: LoadedReference | null,
  kpis: readonly KpiBound[],
  effects: DesignEffects = new Map(),
  bySegment: SegmentReference | null = null,
): PageTierPlan | null {
  const { false_alarms: budget, ignore_below: ignoreBelow, ignore_rare_below: ignoreRareBelow } = config;
  if (budget === null) return null;
  const limits: string[] = [];
  const found = reference === null ? [] : watchedSubjects(reference, "", reference.subjects, limits);
  const ofSegments =
    reference === null
      ? []
      : (bySegment?.segments ?? []).flatMap(({ segment, subjects }) =>
          watchedSubjects(reference, segment, subjects, limits),
        );
  const comparisons = comparisonsOf(config);
  if (found.length === 0 && kpis.length === 0 && comparisons.length === 0) return null;
  const isFeature = ({ subject }: WatchedSubject) => subject.subjectKind === "feature";
  const shared = (subjects: readonly WatchedSubject[]) =>
    subjects.map(({ key }) => ({ subject: key, streams: streamNames }));
  const shares = evidenceShares({
    features: shared(found.filter(isFeature)),
    predictions: shared(found.filter((subject) => !isFeature(subject))),
    kpis: sharedKpis(kpis, comparisons),
    segments: shared(ofSegments),
  });
  const shareOf = new Map(shares.map(({ subject, stream, share }) => [`${subject} ${stream}`, share]));
  const tolerance = { ignoreBelow, ...(ignoreRareBelow === undefined ? {} : { ignoreRareBelow }) };
  const plannedOf = (subjects: readonly WatchedSubject[]) =>
    subjects.flatMap((subject) => planned(subject, shareOf, tolerance, effects));
  const streams = plannedOf(found);
  const segmentStreams = plannedOf(ofSegments);
  for (const raised of [raisedTolerance(streams), raisedTolerance(segmentStreams)])
    if (raised !== null) limits.push(raised);
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
    limits,
    segments:
      reference === null || bySegment === null || segmentStreams.length === 0
        ? null
        : {
            ...segmentPlan(config, reference, bySegment),
            planId: `${planId} segments`,
            threshold,
            streams: segmentStreams,
          },
  };
}

interface WatchedSubject {
  readonly subject: ReferenceSubject;
  readonly segment: string;
  readonly key: string;
  /** In the order of `streamNames`. */
  readonly streams: readonly StreamReference[];
}

/** Those with reference rows enough, of the whole or of a segment; what the others lack is added to `limits`. */
function watchedSubjects(
  reference: LoadedReference,
  segment: string,
  subjects: readonly ReferenceSubject[],
  limits: string[],
): WatchedSubject[] {
  return subjects
    .filter(({ subjectKind }) => watchedKinds.has(subjectKind))
    .flatMap((subject) => {
      const whole = reference.subjects.find((one) => subjectKey(one) === subjectKey(subject)) ?? subject;
      const streams = streamsOf(subject, tellsNewFromTail(whole, reference));
      if (!("rows" in streams)) return [{ subject, segment, key: watchedKey(segment, subjectKey(subject)), streams }];
      limits.push(
        `${named(subject.subject, segment)} is not watched: its reference has ${streams.rows} rows, ${streams.needed} are needed`,
      );
      return [];
    });
}

const named = (name: string, segment: string) => (segment === "" ? name : `${name} where ${segment}`);

function planned(
  { subject, segment, key, streams }: WatchedSubject,
  shareOf: ReadonlyMap<string, number>,
  tolerance: ToleranceOptions,
  effects: DesignEffects,
): WatchedStream[] {
  return streamNames.map((stream, index) => {
    const against = streams[index] as StreamReference;
    const tolerances = tolerancesOf(against, directionsOf(against), tolerance);
    const slot = { weights: against.weights, tolerances: tolerances.map(({ value }) => value) };
    return {
      subject: key,
      subjectKind: subject.subjectKind,
      name: subject.subject,
      segment,
      stream,
      share: shareOf.get(`${key} ${stream}`) ?? 0,
      plan: pagePlan(against, [slot], designed(effects, `${key} ${stream}`)),
      tolerances,
    };
  });
}

function designed(effects: DesignEffects, key: string): { readonly designEffects?: readonly number[] } {
  const designEffects = effects.get(key);
  return designEffects === undefined ? {} : { designEffects };
}

function streamsOf(subject: ReferenceSubject, tellsNew: boolean): readonly StreamReference[] | NoStream {
  const values = valueStream(subject, tellsNew);
  const missing = rateStream("missing", subject.missing, subject.n);
  const invalid = rateStream("invalid", subject.invalid, subject.n);
  if ("rows" in values) return values;
  if ("rows" in missing) return missing;
  if ("rows" in invalid) return invalid;
  return [values, missing, invalid];
}

/** Where a reference had more distinct values than are remembered, what is rare and what is new look the same. */
function tellsNewFromTail(subject: ReferenceSubject, reference: LoadedReference | null): boolean {
  return (subject.bins.at(-2) ?? 0) === 0 || reference?.tails.has(subjectKey(subject)) === true;
}

/** A reference that is too small for what was asked: with what holds instead, and the size that would do. */
function raisedTolerance(streams: readonly WatchedStream[]): string | null {
  let worst: { readonly name: string; readonly tolerance: Tolerance } | null = null;
  for (const { name, segment, plan, tolerances } of streams) {
    // Single bins are many; what people set the limit for is the move as a whole.
    const [tolerance] = tolerances;
    if (tolerance === undefined || plan.stream.kind === "rate" || tolerance.value <= tolerance.wanted) continue;
    if (worst === null || tolerance.value > worst.tolerance.value) worst = { name: named(name, segment), tolerance };
  }
  if (worst === null) return null;
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const { value, wanted, rowsNeeded } = worst.tolerance;
  return `the reference is small: changes of ${worst.name} below ${percent(value)} of the events can't be told from its own sampling error (ignore_below asks for ${percent(wanted)}; that needs ${rowsNeeded} rows)`;
}
