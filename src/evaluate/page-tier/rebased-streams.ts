/**
 * The streams of a subject whose drift a person has accepted: the same shares of the budget, against the new normal. Its evidence begins anew when
 * that begins and when it ends, and no time passes while there are too few rows to compare with; so what was spent stays spent, and the promise
 * of the whole holds: evidence only grows with time that passes, and no time passes twice.
 */
import { directionsOf } from "../../sequential/directions.ts";
import { noticePlan, pagePlan, type TiltPlan } from "../../sequential/tilt-plan.ts";
import { type ToleranceOptions, tolerancesOf } from "../../sequential/tolerance.ts";
import { type AcceptedAt, type AcceptedBaseline, acceptedAt } from "../accepted/accepted-baseline.ts";
import { type Series, seriesKey } from "../window-series.ts";
import type { WatchedStream } from "./tier-plan.ts";
import { streamNames, streamsOfSubject } from "./watchable-subjects.ts";

/** What a subject is compared with in a step, where its drift is accepted. */
export interface Rebased {
  /** Tells one baseline from another, and having its rows from waiting for them. */
  readonly phase: string;
  /** Under which its steps are stored. */
  readonly baselineId: string;
  /** In the place of a stream of the plan; null: nothing to compare with. */
  streamOf(planned: WatchedStream): WatchedStream | null;
}

export interface Rebasing {
  /** null: compared with the reference. `start` of a step, ms. */
  at(series: Series, subject: WatchedStream, start: number): Rebased | null;
  /** The same for a state that was saved. */
  ofPhase(series: Series, phase: string): Rebased | null;
  /** Ids under which further steps are stored. */
  ids(): readonly string[];
}

export const noRebasing: Rebasing = { at: () => null, ofPhase: () => null, ids: () => [] };

/** What a tier needs besides the rows. `tolerance`: of the page tier; null for notices, which have none. */
export interface RebasingTier {
  readonly tolerance: ToleranceOptions | null;
  /** Days after which evidence has faded; of notices. */
  readonly fading?: number;
}

/** @param baselines as of now: they only grow by acceptances and by rows */
export function createRebasing(baselines: () => readonly AcceptedBaseline[], tier: RebasingTier): Rebasing {
  const made = new Map<string, Rebased>();
  const rebased = (series: Series, found: AcceptedAt): Rebased => {
    const phase = phaseOf(found);
    const key = `${seriesKey(series)} ${phase}`;
    const known = made.get(key) ?? rebase(phase, found, tier);
    made.set(key, known);
    return known;
  };
  return {
    at(series, { subjectKind, name, segment = "" }, start) {
      const found = acceptedAt(baselines(), { subjectKind, subject: name, segment }, series, start);
      return found === null ? null : rebased(series, found);
    },
    ofPhase(series, phase) {
      for (const baseline of baselines()) {
        const one = baseline.series.find((each) => seriesKey(each) === seriesKey(series));
        const starts = [baseline.through, one?.baseline?.from ?? baseline.through];
        for (const start of starts) {
          const found = acceptedAt([baseline], baseline, series, start);
          if (found !== null && phaseOf(found) === phase) return rebased(series, found);
        }
      }
      return null;
    },
    ids: () => baselines().flatMap(({ bins, baselineId }) => (bins === null ? [] : [baselineId])),
  };
}

const phaseOf = ({ baseline, reference }: AcceptedAt): string =>
  `${baseline.baselineId} ${reference === null ? "waits" : "holds"}`;

function rebase(phase: string, { baseline, reference }: AcceptedAt, tier: RebasingTier): Rebased {
  const { baselineId, bins } = baseline;
  const isTailKnown = (reference?.bins.at(-2) ?? 0) === 0 || (bins?.tail.length ?? 0) > 0;
  const streams = reference === null ? [] : streamsOfSubject(reference, isTailKnown);
  const made = new Map<string, WatchedStream | null>();
  const make = (planned: WatchedStream): WatchedStream | null => {
    const stream = streams[streamNames.findIndex((name) => name === planned.stream)];
    // A rhythm of the day can't be known from a baseline; compared as a whole each night would look like a change.
    if (stream === undefined || !("weights" in stream) || planned.season !== null) return null;
    const directions = directionsOf(stream);
    // How dependent events are was measured along the reference's directions; these are others, so the most cautious of them holds for all.
    const effect = Math.max(1, ...planned.plan.designEffects);
    const designEffects = directions.map(() => effect);
    const tolerances = tier.tolerance === null ? [] : tolerancesOf(stream, directions, tier.tolerance);
    const slot = { weights: stream.weights, tolerances: tolerances.map(({ value }) => value) };
    const plan: TiltPlan =
      tier.tolerance === null
        ? noticePlan(stream, { designEffects, ...(tier.fading === undefined ? {} : { fading: tier.fading }) })
        : pagePlan(stream, [slot], { designEffects });
    return { ...planned, plan, tolerances, season: null, slotAt: () => 0 };
  };
  return {
    phase,
    baselineId,
    streamOf(planned) {
      const known = made.get(planned.stream);
      if (known !== undefined) return known;
      const stream = make(planned);
      made.set(planned.stream, stream);
      return stream;
    },
  };
}
