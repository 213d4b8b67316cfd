/**
 * What accounts for drift: a field that changes its unit or type, gets stuck, or goes missing or invalid upstream, a drop of the volume, a new version. Drift that began with one of
 * them is muted: it is listed with its reason, but is no news by itself. KPIs are never muted: they are what the matter costs.
 */
import { isEvidence, rateFinding } from "../core/evidence.ts";
import { type Explanation, explanationKinds } from "../core/incident.ts";
import { type Episode, overlap } from "./episode.ts";

/** A field of which less is missing (or invalid) accounts for nothing: share of the events. */
export const LEAST_RATE = 0.05;

const rates: Readonly<Record<string, "missing" | "invalid">> = {
  "missing-rate": "missing",
  "invalid-rate": "invalid",
};
/** What drift of the model's inputs can carry over to. */
const downstream: ReadonlySet<string> = new Set(["prediction", "score", "attribution", "model"]);

/** The explanations that episodes are themselves: what a rule or the page tier says of missing and invalid values. */
export function explanationsOfEpisodes(episodes: readonly Episode[]): Explanation[] {
  return episodes.flatMap((episode) => {
    const { model, subject, version, variant, onset, subject_kind, metric, fired, finding, segment } = episode;
    if (subject_kind !== "feature" || segment !== "") return [];
    const found = isEvidence(metric) ? rateFinding(finding ?? "") : { kind: rates[metric], share: fired.value ?? 0 };
    if (found?.kind === undefined || found.share < LEAST_RATE) return [];
    const until = episode.cleared?.window_end ?? Math.max(fired.window_end, episode.last_breach.end);
    const { kind, share } = found;
    return [{ kind, model, subject, version, variant, since: onset, until, text: rateText(subject, kind, share) }];
  });
}

/** What says most of a field comes first: that numbers became text says more than that they are invalid. */
const bySpecificity = (one: Explanation, other: Explanation): number =>
  explanationKinds.indexOf(one.kind) - explanationKinds.indexOf(other.kind);

/** One of each kind, subject, version and variant: over the whole time in which it was seen, in the words of the first. */
export function mergedExplanations(all: readonly Explanation[]): Explanation[] {
  const merged = new Map<string, Explanation>();
  for (const one of all) {
    const key = JSON.stringify([one.kind, one.model, one.subject, one.version, one.variant, one.segment]);
    const known = merged.get(key);
    const span = (of: Explanation) => ({
      ...of,
      since: Math.min(of.since, one.since),
      until: Math.max(of.until, one.until),
      ...(of.earliest === undefined ? {} : { earliest: Math.min(of.earliest, one.earliest ?? one.since) }),
    });
    merged.set(key, known === undefined ? one : span(known));
  }
  return [...merged.values()].sort(bySpecificity);
}

/** "missing values of age (98 % of the events)". */
export const rateText = (subject: string, kind: "missing" | "invalid", share: number): string =>
  `${kind} values of ${subject} (${share >= 0.0995 ? Math.round(100 * share) : Number((100 * share).toPrecision(2))} % of the events)`;

/** Whether an episode is one that a rule or the page tier has of the explanation itself. */
const isItself = ({ metric, finding }: Episode): boolean =>
  rates[metric] !== undefined || metric === "volume" || rateFinding(finding ?? "") !== null;

/** The explanation that mutes an episode, or null. `others` are the model's other episodes. */
export function explainedBy(
  episode: Episode,
  explanations: readonly Explanation[],
  others: readonly Episode[],
): Explanation | null {
  if (episode.subject_kind === "kpi") return null;
  const found = explanations.find(
    (one) =>
      (one.kind === "accepted" || one.kind === "type" || !isItself(episode)) &&
      one.model === episode.model &&
      (one.kind === "accepted" || one.version === episode.version) &&
      (one.kind === "accepted" || one.kind === "version" || one.variant === episode.variant) &&
      reaches(one, episode) &&
      beganWith(one, episode) &&
      (one.kind !== "version" || !others.some((other) => movedElsewhere(other, episode))),
  );
  return found ?? null;
}

/** What is measured against the new normal where it is accepted. */
const rebasedKinds: ReadonlySet<string> = new Set(["feature", "prediction", "score"]);

/** Marks the episodes that a person's acceptance covers. */
export function withAccepted(episodes: readonly Episode[], acceptances: readonly Explanation[]): readonly Episode[] {
  if (acceptances.length === 0) return episodes.map(withoutMark);
  return episodes.map((episode) =>
    explainedBy(episode, acceptances, []) === null ? withoutMark(episode) : { ...episode, accepted: true },
  );
}

function withoutMark(episode: Episode): Episode {
  const { accepted, ...plain } = episode;
  return accepted === undefined ? episode : plain;
}

function reaches({ kind, subject, segment }: Explanation, episode: Episode): boolean {
  if (kind === "accepted") return episode.subject === subject && (segment ?? episode.segment) === episode.segment;
  if (kind === "volume" || kind === "version") return true;
  // A weekday is constant in every hour, and the score may have a reason of its own.
  if (kind === "constant") return episode.subject_kind === "feature" && episode.subject === subject;
  return episode.subject_kind === "feature" ? episode.subject === subject : downstream.has(episode.subject_kind);
}

/** Not before it, and not after it was over: the windows that show them overlap. */
function beganWith(
  { kind, since: seen, until, rebased: ofWhole, rebasedSegments, earliest: since = seen }: Explanation,
  { onset, fired, subject_kind, segment, last_breach }: Episode,
): boolean {
  const length = fired.window_end - fired.window_start;
  // What breaches later has moved away from the new normal; attributions, and segments without a baseline, are still compared with the reference.
  if (kind === "accepted") {
    const rebased = segment === "" ? ofWhole : rebasedSegments?.[segment];
    return rebased === undefined || last_breach.start < rebased || !rebasedKinds.has(subject_kind);
  }
  if (kind === "version") return onset >= since - length && onset <= until + length;
  // Detected from `onset` to the end of the window at which it fired; a long window may begin before what it shows.
  return fired.window_end > since && Math.max(onset, fired.window_start) < until + length && onset >= since - length;
}

/** The same subject drifts in another version too, so it is not the version's doing. */
function movedElsewhere(other: Episode, episode: Episode): boolean {
  return (
    other.model === episode.model &&
    other.version !== episode.version &&
    other.subject_kind === episode.subject_kind &&
    other.subject === episode.subject &&
    overlap(other, episode)
  );
}
