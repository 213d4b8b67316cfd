/** The steps from an incident as it is stored to its present: each a change with its reason, and whether people are told of it. */
import { isDeepStrictEqual } from "node:util";
import {
  type Explanation,
  type Incident,
  type IncidentChange,
  type IncidentChangeKind,
  type IncidentMember,
  type IncidentTransition,
  type RetrainedVersion,
  retrainedVersions,
  type Severity,
  severityRank,
} from "../core/incident.ts";
import { type Episode, memberKey, type PendingBreach } from "./episode.ts";
import type { IncidentRecord } from "./incident-record.ts";
import { memberName, memberSentence, plainTime } from "./incident-text.ts";
import { compareText, incidentAt, mutingOf, type ViewContext } from "./incident-view.ts";
import { kpiName, type Plans } from "./kpi-plans.ts";
import { type NewVersion, retrainingSteps } from "./retrained.ts";
import { expected, heldBackBy, type Silence } from "./telling.ts";

export interface IncidentInput {
  readonly model: string;
  /** The newest record of each incident of the model that is open or pending, or touches the judged time. */
  readonly records: readonly IncidentRecord[];
  /** Incidents of other models that may have the same cause. */
  readonly foreign: readonly IncidentRecord[];
  /** What is known to be so now of the model: see `mergeEpisodes`. */
  readonly episodes: readonly Episode[];
  /** Of the series that were folded now. */
  readonly pending: readonly PendingBreach[];
  /** Keys of the episodes of the series that were folded now. */
  readonly folded: ReadonlySet<string>;
  /** Names of the rules that the configuration has now. */
  readonly rules: ReadonlySet<string>;
  /** What accounts for drift of the model. */
  readonly explanations: readonly Explanation[];
  readonly weigh: ViewContext["weigh"];
  /** By incident: why an estimate of it was wrong, of those whose episodes are left out for that. */
  readonly refuted: ReadonlyMap<string, string>;
  /** Versions that have come of retrainings, by incident; the episodes have been continued by them: see `continueByVersion`. */
  readonly retrained?: ReadonlyMap<string, NewVersion>;
  readonly silences: readonly Silence[];
  /** The plan of the KPI that a member of a model speaks of; left out: there are none. */
  readonly plans?: Plans;
  /** By incident: whoever has taken it on. */
  readonly acknowledged: ReadonlyMap<string, string>;
  /** Clock time; decides when something is told, never what. */
  readonly now: number;
  /** null: no reminders. */
  readonly renotifyEveryMs: number | null;
  /** How long all firing members must have lacked data before that is told, by window. */
  readonly dataMissingAfterMs: (window: string) => number;
}

export interface RecordedChange extends IncidentChange {
  readonly record: IncidentRecord;
}

interface Step {
  readonly kind: IncidentChangeKind;
  readonly told: IncidentTransition | null;
  readonly occurrence: number;
  /** One sentence. */
  readonly reason: string;
  readonly after: IncidentRecord;
}

export function changeOf(before: IncidentRecord, { kind, told, occurrence, reason, after }: Step): RecordedChange {
  const sequence = before.sequence + 1;
  const record = { ...after, sequence, incident: { ...after.incident, reason } };
  return {
    kind,
    told,
    occurrence,
    before: isOpened(before) ? before.incident : null,
    sequence,
    incident: record.incident,
    record,
  };
}

const isOpened = ({ sequence, incident }: IncidentRecord): boolean => sequence > 0 && incident.state !== "pending";

/** The changes that lead from a record to the present of its episodes. */
export function steps(before: IncidentRecord, episodes: readonly Episode[], input: IncidentInput): RecordedChange[] {
  const changes: RecordedChange[] = [];
  const ordered = [...episodes].sort(byFiring);
  const others = (before.incident.explanations ?? []).filter(({ model }) => model !== input.model);
  const context = { weigh: input.weigh, explanations: [...input.explanations, ...others] };
  let record = before;
  const step = (made: Omit<Step, "after">, after: Partial<IncidentRecord>) => {
    const known = spreading.has(made.told) ? toldOf(after.incident ?? record.incident) : {};
    const change = changeOf(record, { ...made, after: { ...record, ...after, ...known } });
    changes.push(change);
    record = change.record;
  };
  const seen = (at: number, severity: Severity) => ({
    incident: incidentAt({ ...record.incident, severity }, ordered, at, context),
    episodes: ordered,
  });
  const isHeld = (incident: Incident) => heldBackBy(incident, input.silences, input.now, input.plans);

  if (!isOpened(before)) {
    const after = seen(before.incident.opened_at, before.incident.severity);
    const held = isHeld(after.incident);
    step(
      {
        kind: "opened",
        occurrence: 1,
        told: held === null ? "opened" : null,
        reason: openedReason(after.incident, held),
      },
      after,
    );
  }
  for (const { at, severity } of rises(ordered, record.incident.severity, context)) {
    const after = seen(at, severity);
    const held = isHeld(after.incident);
    const told = held !== null ? null : record.told === null ? "opened" : "escalated";
    const occurrence = told === "opened" ? 1 : severityRank(severity);
    step({ kind: "escalated", occurrence, told, reason: escalatedReason(after.incident, held) }, after);
  }
  for (const { kind, retrained, reason } of retrainingSteps(record, ordered, input)) {
    const after = seen(Number.POSITIVE_INFINITY, record.incident.severity);
    const told = record.told === null || isHeld(after.incident) !== null ? null : kind;
    const incident = withRetrained(after.incident, retrained);
    step({ kind, occurrence: retrained.count, told, reason }, { ...after, incident });
  }
  const present = seen(Number.POSITIVE_INFINITY, record.incident.severity);
  if (present.incident.state === "resolved") {
    const told = record.told === null ? null : "resolved";
    const reason = resolvedReason(record.incident, present.incident);
    const incident = withOutcome(present.incident);
    step({ kind: "resolved", occurrence: 1, told, reason }, { ...present, incident, data_missing_since: null });
    return changes;
  }
  onGoing(present, { input, step, current: () => record, held: isHeld(present.incident) });
  return changes;
}

const withOutcome = (incident: Incident): Incident =>
  retrainedVersions(incident).reduce((known, one) => withRetrained(known, { ...one, outcome: "recovered" }), incident);

/** In place of what is known of that model. */
function withRetrained(incident: Incident, retrained: RetrainedVersion): Incident {
  if (retrained.model === undefined) return { ...incident, retrained };
  const others = (incident.retrained_others ?? []).filter(({ model }) => model !== retrained.model);
  return { ...incident, retrained_others: [...others, retrained] };
}

interface Going {
  readonly input: IncidentInput;
  readonly step: (made: Omit<Step, "after">, after: Partial<IncidentRecord>) => void;
  readonly current: () => IncidentRecord;
  readonly held: string | null;
}

/** What is told, or only written down, of an incident that goes on. Only what is told carries the time of the clock. */
function onGoing(
  present: { readonly incident: Incident; readonly episodes: readonly Episode[] },
  { input, step, current, held }: Going,
): void {
  const { incident } = present;
  const firing = incident.members.filter((member) => member.firing);
  const since = firing.every((member) => member.data_missing) ? (current().data_missing_since ?? input.now) : null;
  const after = { ...present, episodes: [...present.episodes], data_missing_since: since };
  const owner = input.acknowledged.get(incident.incident_id);
  const isHeard = () => held === null && current().told !== null;

  const severity = current().told;
  if (held === null && (severity === null || severityRank(severity) < severityRank(incident.severity))) {
    // Silenced at the time, or explained by what explains no more.
    const told = severity === null ? "opened" : "escalated";
    const occurrence = told === "opened" ? 1 : severityRank(incident.severity);
    step({ kind: "disclosed", occurrence, told, reason: "it goes on, and nothing holds it back any more" }, after);
  }
  const joined = newModels(current().incident, incident);
  if (joined.length > 0) {
    const reason = `${joined.length === 1 ? `model ${joined[0]}` : `${joined.length} models`} joined: a shared feature moved at the same time`;
    step({ kind: "amended", occurrence: 1, told: isHeard() ? "opened" : null, reason }, after);
  }
  const widened = isHeard() ? widenedBy(current(), incident, present.episodes) : 0;
  if (widened > 0) {
    const reason = `${widened} more moved after people were told of ${current().told_subjects}`;
    step({ kind: "widened", occurrence: current().told_through, told: "widened", reason }, after);
  }
  for (const metric of confirmedNow(present.episodes)) {
    if (current().confirmed.includes(metric)) continue;
    const confirmed = [...current().confirmed, metric];
    step(
      {
        kind: "confirmed",
        occurrence: confirmed.length,
        told: isHeard() ? "confirmed" : null,
        reason: confirmedReason(incident, metric),
      },
      { ...after, confirmed },
    );
  }
  const wait = Math.max(...firing.map(({ window }) => input.dataMissingAfterMs(window ?? incident.window)));
  if (since !== null && !current().data_missing_told && input.now - since >= wait && isHeard() && owner === undefined)
    step(
      { kind: "data_missing", occurrence: 1, told: "data_missing", reason: stateReason(incident, present.episodes) },
      { ...after, data_missing_told: true },
    );
  const { recorded_at, reminders } = current();
  const due = input.renotifyEveryMs === null ? 0 : Math.floor((input.now - recorded_at) / input.renotifyEveryMs);
  if (due > reminders && isHeard() && owner === undefined)
    step(
      { kind: "reminder", occurrence: due, told: "reminder", reason: "it is still open" },
      { ...after, reminders: due },
    );
  if (!isDeepStrictEqual(plain({ ...current(), ...after }), plain(current())))
    step(
      { kind: "amended", occurrence: 1, told: null, reason: amendedReason(current(), incident, present.episodes) },
      after,
    );
}

/**
 * A record without what each window moves on while nothing happens: where the last breach lies, and how long an explanation has been seen. The
 * change that comes next writes them down.
 */
function plain({ incident, episodes, ...rest }: IncidentRecord) {
  const { reason: _, explanations = [], ...picture } = incident;
  return {
    ...rest,
    incident: { ...picture, explanations: explanations.map(({ until: __, text: ___, ...seen }) => seen) },
    episodes: episodes.map(({ last_breach, ...episode }) =>
      episode.good === 0 ? episode : { ...episode, last_breach },
    ),
  };
}

/** What tells people how far an incident has spread. */
const spreading: ReadonlySet<IncidentTransition | null> = new Set(["opened", "escalated", "widened"]);

const toldOf = (incident: Incident) => ({
  told: incident.severity,
  told_subjects: subjectsOf(incident.members).size,
  told_through: Math.max(...incident.members.map(({ fired_at }) => fired_at)),
});

/** What members speak of, muted ones left out. */
const subjectsOf = (members: readonly IncidentMember[]): ReadonlySet<string> =>
  new Set(
    members
      .filter(({ muted }) => muted === undefined)
      .map((member) => JSON.stringify([member.model, member.subject_kind, member.version, kpiName(member)])),
  );

/**
 * Subjects that began to move after people were told, where these are more than they were told of: another change has fallen into an incident
 * that was open already. What is only found later began before, and is no news.
 */
function widenedBy(record: IncidentRecord, { members }: Incident, episodes: readonly Episode[]): number {
  const late = new Set(
    episodes
      .filter(({ onset, cleared }) => cleared === null && onset >= record.told_through)
      .map((episode) => JSON.stringify([episode.model, episode.subject_kind, episode.version, kpiName(episode)])),
  );
  const lead = record.incident.model;
  const news = subjectsOf(members.filter(({ firing }) => firing).map((member) => ({ model: lead, ...member })));
  const found = [...news].filter((subject) => late.has(subject)).length;
  return found > record.told_subjects ? found : 0;
}

const newModels = (before: Incident, now: Incident): string[] =>
  (now.models ?? []).filter((model) => model !== before.model && !(before.models ?? []).includes(model));

/** Realised KPIs that fire beside their estimates. */
function confirmedNow(episodes: readonly Episode[]): string[] {
  const kpis = new Set(episodes.filter(({ subject_kind }) => subject_kind === "kpi").map(kpiName));
  return [...kpis].filter((name) => kpis.has(`estimated_${name}`)).sort(compareText);
}

/** When the greatest severity of what fires and is news rose above what is known, and to what. */
function rises(
  episodes: readonly Episode[],
  known: Severity,
  { explanations }: ViewContext,
): { at: number; severity: Severity }[] {
  const muting = mutingOf(episodes, explanations);
  const found: { at: number; severity: Severity }[] = [];
  let most = known;
  const byTime = episodes
    .filter((episode) => {
      const kind = muting(episode)?.kind;
      return kind === undefined || (kind !== "whole" && !expected.has(kind));
    })
    .sort((a, b) => a.fired.window_end - b.fired.window_end || severityRank(b.severity) - severityRank(a.severity));
  for (const episode of byTime) {
    if (severityRank(episode.severity) <= severityRank(most)) continue;
    most = episode.severity;
    found.push({ at: episode.fired.window_end, severity: most });
  }
  return found;
}

/** Makes the order of a record's episodes a fixed one. */
function byFiring(one: Episode, other: Episode): number {
  return one.fired.window_start - other.fired.window_start || compareText(memberKey(one), memberKey(other));
}

const first = ({ members }: Incident): IncidentMember | undefined => members.find(({ firing }) => firing) ?? members[0];

const sentence = (member: IncidentMember | undefined): string =>
  member === undefined ? "" : memberSentence({ ...member, data_missing: false });

const withHeld = (reason: string, held: string | null): string => (held === null ? reason : `${reason}; ${held}`);

const openedReason = (incident: Incident, held: string | null): string =>
  withHeld(`→ firing: ${sentence(first(incident))} (rule: ${first(incident)?.rule ?? ""})`, held);

function escalatedReason(incident: Incident, held: string | null): string {
  const member = incident.members.find(({ severity, firing }) => firing && severity === incident.severity);
  return withHeld(`now ${incident.severity}: ${sentence(member ?? first(incident))}`, held);
}

function resolvedReason(before: Incident, now: Incident): string {
  const accepted = now.explanations?.find(({ kind }) => kind === "accepted");
  // Measured against the new normal it may have cleared by itself in the meantime.
  const isCovered = (member: IncidentMember) =>
    member.cleared_at === null || member.muted?.includes(accepted?.text ?? "") === true;
  if (accepted !== undefined && now.members.some(isCovered)) return `${before.state} → resolved: ${accepted.text}`;
  const last = [...now.members].sort((a, b) => (b.cleared_at ?? 0) - (a.cleared_at ?? 0))[0];
  return `${before.state} → resolved: ${sentence(last)}${now.resolved_at === null ? "" : `, since ${plainTime(now.resolved_at)}`}`;
}

const confirmedReason = (incident: Incident, metric: string): string =>
  `labels confirm the estimate: ${sentence(incident.members.find((member) => kpiName(member) === metric))}`;

/** Why an open incident is in its state. */
function stateReason({ state, members }: Incident, episodes: readonly Episode[]): string {
  const open = episodes.filter(({ cleared }) => cleared === null);
  const missing = members.find(({ firing }) => firing);
  if (state === "insufficient_data")
    return `the newest windows hold too few data to judge ${memberName(missing ?? blank)}`;
  if (state === "error") return `${memberName(missing ?? blank)} can't be computed`;
  if (state === "recovering")
    return `the newest windows are good: ${Math.min(...open.map(({ good }) => good))} in a row so far`;
  return sentence(missing);
}

const blank = { metric: "it", subject_kind: "model", subject: "model" } as const;

function amendedReason(before: IncidentRecord, now: Incident, episodes: readonly Episode[]): string {
  const state = before.incident.state;
  if (state !== now.state) return `${state} → ${now.state}: ${stateReason(now, episodes)}`;
  const known = new Set(before.episodes.map(memberKey));
  const joined = episodes.filter((episode) => !known.has(memberKey(episode)));
  const [one] = joined;
  if (one === undefined) return `still ${now.state}: the numbers have changed`;
  return `${memberName(one)} joined${joined.length > 1 ? `, with ${joined.length - 1} more` : ""}`;
}
