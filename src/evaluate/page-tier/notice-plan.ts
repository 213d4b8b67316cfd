/**
 * What the notice tier watches: the streams of the page tier and those whose reference is too small for it, against what reference and stream
 * have shown so far (Polya's urn). It finds smaller changes sooner, and wakes nobody.
 */
import { createHash } from "node:crypto";
import { canonicalJson } from "../../config/canonical-json.ts";
import type { FalseAlarmBudget } from "../../config/false-alarms.ts";
import { evidenceShares } from "../../sequential/evidence-shares.ts";
import { slotClock } from "../../sequential/season-slots.ts";
import { noticePlan } from "../../sequential/tilt-plan.ts";
import type { ClockedSeasons } from "./reference-seasons.ts";
import { DAY_MS, type DesignEffects, designed, type TierPlan, type WatchedStream } from "./tier-plan.ts";
import { streamNames, type WatchableSubject } from "./watchable-subjects.ts";

export interface NoticePlan extends TierPlan {
  /** Days after which evidence has faded to 1/e. */
  readonly fading: number;
}

/** Changes with the meaning of stored states. */
const STATE_VERSION = 1;
/** Evidence has to fade, or a stream that never varies is noticed for certain. */
const FADING_PART = 1 / 4;

/**
 * null where notices are off or there is nothing to watch.
 *
 * @param pagePlanId of the page tier's plan: what counts as changed there decides what may be learned here
 */
export function planNotices(
  budget: FalseAlarmBudget | null,
  subjects: readonly WatchableSubject[],
  effects: DesignEffects,
  { streams: seasons, local }: ClockedSeasons,
  pagePlanId: string,
): NoticePlan | null {
  if (budget === null || subjects.length === 0) return null;
  const threshold = budget.perMs / budget.alarms / DAY_MS;
  const fading = threshold * FADING_PART;
  const shares = sharesOf(subjects);
  const streams = subjects.flatMap(({ subject, key, streams: references }) =>
    references.map((reference, index): WatchedStream => {
      const stream = streamNames[index] ?? "values";
      const season = seasons.get(`${key} ${stream}`) ?? null;
      const options = { ...designed(effects, `${key} ${stream}`), fading };
      return {
        subject: key,
        subjectKind: subject.subjectKind,
        name: subject.subject,
        stream,
        share: shares.get(`${key} ${stream}`) ?? 0,
        plan: noticePlan(reference, options, season?.weights),
        tolerances: [],
        season,
        slotAt: slotClock(season, local),
      };
    }),
  );
  const content = [STATE_VERSION, pagePlanId, budget, streams.map(({ subject, stream }) => `${subject} ${stream}`)];
  return {
    planId: createHash("sha256").update(canonicalJson(content)).digest("hex").slice(0, 16),
    threshold,
    fading,
    streams,
  };
}

function sharesOf(subjects: readonly WatchableSubject[]): ReadonlyMap<string, number> {
  const shared = (isFeature: boolean) =>
    subjects
      .filter(({ subject }) => (subject.subjectKind === "feature") === isFeature)
      .map(({ key }) => ({ subject: key, streams: streamNames }));
  const shares = evidenceShares({ features: shared(true), predictions: shared(false) });
  return new Map(shares.map(({ subject, stream, share }) => [`${subject} ${stream}`, share]));
}
