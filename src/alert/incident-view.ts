/** An incident as it was, or is, made from its episodes: state, members in their order, title. */
import {
  type Explanation,
  type Incident,
  type IncidentMember,
  type IncidentState,
  type Severity,
  severityRank,
} from "../core/incident.ts";
import { type Episode, endOf, memberKey } from "./episode.ts";
import { explainedBy, explanationsOfEpisodes, mergedExplanations } from "./explanations.ts";
import { incidentTitle } from "./incident-text.ts";
import { expected } from "./telling.ts";

/** What an incident's picture depends on beside its episodes. */
export interface ViewContext {
  /** What accounts for drift, of all models of the incident. */
  readonly explanations: readonly Explanation[];
  /** Importance x KPI impact of an episode's subject: 1 is an ordinary one. */
  readonly weigh: (episode: Episode) => number;
}

/** Identity, onset, opening: what does not change, and what is kept. */
export type IncidentBase = Pick<
  Incident,
  | "incident_id"
  | "model"
  | "window"
  | "onset"
  | "opened_at"
  | "severity"
  | "actions"
  | "causes"
  | "reason"
  | "retrained"
  | "retrained_others"
  | "beginning"
>;

/**
 * An incident as it was after the windows that end at `at` or before; infinity for the present.
 *
 * @param isOver it has ended for people, whatever longer windows say of the time before
 */
export function incidentAt(
  base: IncidentBase,
  episodes: readonly Episode[],
  at: number,
  context: ViewContext,
  isOver = false,
): Incident {
  const isPresent = at === Number.POSITIVE_INFINITY;
  const known = episodes.filter((episode) => episode.fired.window_end <= at);
  const muting = mutingOf(known, context.explanations);
  const latest = new Map<string, Episode>();
  for (const episode of known) {
    const before = latest.get(memberKey(episode));
    if (before === undefined || before.fired.window_end < episode.fired.window_end)
      latest.set(memberKey(episode), episode);
  }
  const members = [...latest.values()].map((episode) =>
    memberOf(base, episode, { at, isPresent, isOver }, muting(episode)?.text, context.weigh(episode)),
  );
  const firing = isOver ? [] : known.filter((episode) => endOf(episode) > at || !Number.isFinite(endOf(episode)));
  const explanations = mergedExplanations(known.flatMap((episode) => muting(episode) ?? []));
  const models = [...new Set([base.model, ...known.map(({ model }) => model).sort(compareText)])];
  const { models: _models, explanations: _explanations, ...kept }: Partial<Incident> & IncidentBase = base;
  return arranged({
    ...kept,
    ...(models.length > 1 ? { models } : {}),
    ...(explanations.length > 0 ? { explanations } : {}),
    state: stateOf(firing, isPresent),
    resolved_at: firing.length === 0 ? Math.max(base.opened_at, ...known.map(endOf).filter(Number.isFinite)) : null,
    members,
    title: "",
  });
}

/** Members in the order of what people should see first, and the title that follows from it. */
export function arranged(incident: Incident): Incident {
  const costs = new Map((incident.causes?.features ?? []).map(({ subject, loss_change }) => [subject, loss_change]));
  const most = Math.max(...costs.values());
  const impactOf = ({ subject_kind, subject, model }: IncidentMember) => {
    const cost = subject_kind === "feature" && model === undefined ? (costs.get(subject) ?? 0) : 0;
    return cost > 0 ? 1 + IMPACT_MAX * (cost / most) : 1;
  };
  const members = incident.members
    .map((member) => ({ member, rank: (member.weight ?? 1) * impactOf(member) }))
    .sort(
      (one, other) =>
        mostUrgentFirst(one.member, other.member) || other.rank - one.rank || fixedOrder(one.member, other.member),
    )
    .map(({ member }) => member);
  return { ...incident, members, title: incidentTitle({ ...incident, members }) };
}

/** What drift that costs most counts for, against drift that costs nothing: see `CauseReport.features`. */
const IMPACT_MAX = 9;

/** Which episodes of a list are muted, and by what. */
export function mutingOf(
  episodes: readonly Episode[],
  explanations: readonly Explanation[],
): (episode: Episode) => Explanation | null {
  const all = mergedExplanations([...explanations, ...explanationsOfEpisodes(episodes)]);
  const wholes = new Map(
    episodes.filter(({ segment }) => segment === "").map((episode) => [subjectOf(episode), episode]),
  );
  const found = new Map<Episode, Explanation | null>();
  return (episode) => {
    const known = found.get(episode);
    if (known !== undefined) return known;
    const explanation = explainedBy(episode, all, episodes) ?? ofTheWhole(episode, wholes.get(subjectOf(episode)));
    found.set(episode, explanation);
    return explanation;
  };
}

const subjectOf = ({ model, subject_kind, subject, version, variant, metric }: Episode): string =>
  JSON.stringify([model, subject_kind, subject, version, variant, metric]);

/** A segment that moves while the whole does is no news: the whole comes first. */
function ofTheWhole(episode: Episode, whole: Episode | undefined): Explanation | null {
  if (episode.segment === "" || whole === undefined) return null;
  if (whole.onset > episode.fired.window_end || episode.onset > endOf(whole)) return null;
  const { model, subject, version, variant, onset: since, last_breach } = whole;
  const text = "the same change of all events";
  return { kind: "whole", model, subject, version, variant, since, until: last_breach.end, text };
}

function stateOf(firing: readonly Episode[], isPresent: boolean): IncidentState {
  if (firing.length === 0) return "resolved";
  if (!isPresent) return "firing";
  if (firing.every((episode) => episode.data_missing))
    return firing.some((episode) => episode.error) ? "error" : "insufficient_data";
  return firing.every((episode) => episode.good > 0) ? "recovering" : "firing";
}

function memberOf(
  base: IncidentBase,
  episode: Episode,
  { at, isPresent, isOver }: { readonly at: number; readonly isPresent: boolean; readonly isOver: boolean },
  explained: string | undefined,
  importance: number,
): IncidentMember {
  const { rule, severity, version, variant, subject_kind, subject, metric, model, window, segment } = episode;
  const cleared = episode.cleared !== null && episode.cleared.window_end <= at ? episode.cleared : null;
  const firing = cleared === null && !isOver && !(isPresent && episode.accepted === true);
  return {
    rule,
    severity,
    ...(model === base.model ? {} : { model }),
    ...(window === base.window ? {} : { window }),
    ...(segment === "" ? {} : { segment }),
    version,
    variant,
    subject_kind,
    subject,
    metric,
    ...(cleared ?? episode.fired),
    fired_at: episode.fired.window_end,
    cleared_at: cleared?.window_end ?? null,
    firing,
    data_missing: isPresent && firing && episode.data_missing,
    ...(isPresent && firing && episode.error ? { error: true } : {}),
    ...(explained === undefined ? {} : { muted: `explained by ${explained}` }),
    weight: Number((effectOf(episode) * importance).toPrecision(6)),
    ...(episode.finding === undefined ? {} : { onset: episode.onset, finding: episode.finding }),
    ...(episode.onset_from === undefined ? {} : { onset_from: episode.onset_from }),
    ...(episode.onset_to === undefined ? {} : { onset_to: episode.onset_to }),
  };
}

const EFFECT_MAX = 100;

/** How many times its limit the value is when it fires; 1 where that can't be said. */
function effectOf({ fired: { value, threshold, direction } }: Episode): number {
  if (value === null || threshold === null || value === threshold) return 1;
  const ratio = direction === "above" ? value / threshold : threshold / value;
  return Number.isFinite(ratio) && ratio > 0 ? Math.min(EFFECT_MAX, ratio) : 1;
}

/** Firing before cleared, news before what is muted, then by severity, KPIs before what drifts, the whole before its segments, its first model. */
function mostUrgentFirst(one: IncidentMember, other: IncidentMember): number {
  return (
    Number(other.firing) - Number(one.firing) ||
    Number(one.muted !== undefined) - Number(other.muted !== undefined) ||
    severityRank(other.severity) - severityRank(one.severity) ||
    Number(other.subject_kind === "kpi") - Number(one.subject_kind === "kpi") ||
    Number(one.segment !== undefined) - Number(other.segment !== undefined) ||
    Number(one.model !== undefined) - Number(other.model !== undefined)
  );
}

const fixedOrder = (one: IncidentMember, other: IncidentMember): number =>
  one.fired_at - other.fired_at || compareText(orderKey(one), orderKey(other));

const orderKey = (of: IncidentMember): string =>
  JSON.stringify([of.rule, of.metric, of.subject_kind, of.subject, of.version, of.variant, of.window, of.model]);

/** The greatest severity of what is news; of what is muted where an upstream fault accounts for all; else `info`. */
export function severityOf(episodes: readonly Episode[], muting: (episode: Episode) => Explanation | null): Severity {
  const news = episodes.filter((episode) => muting(episode) === null);
  const upstream = episodes.filter((episode) => !expected.has(muting(episode)?.kind ?? "volume"));
  return greatest((news.length > 0 ? news : upstream).map(({ severity }) => severity));
}

export function greatest(list: readonly Severity[]): Severity {
  return list.reduce((most, severity) => (severityRank(severity) > severityRank(most) ? severity : most), "info");
}

export function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
