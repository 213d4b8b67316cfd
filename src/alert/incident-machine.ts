/**
 * The incident machine: a pure function from what is stored of a group's incidents and the present episodes of its rules to what
 * has to change. A group is a model and a window's name; it has one open incident at most.
 *
 * Episodes whose times touch are one incident. It opens once, with its first episode; what fires while it is open joins it;
 * it resolves when every episode has ended. Called again with the same input it changes nothing; called after every window or
 * only at the end it opens and resolves the same incidents, under the same ids.
 *
 * Late data may change the past. An open incident is amended, or withdrawn if nothing of it remains. One that people know to be
 * over stays over: what lies within it, or has ended too, is added to it without a word; what still fires opens a new one.
 */
import { isDeepStrictEqual } from "node:util";
import { contentUuid } from "../core/identity.ts";
import {
  type Incident,
  type IncidentChange,
  type IncidentChangeKind,
  type Severity,
  severityRank,
} from "../core/incident.ts";
import { type Episode, endOf, memberKey, overlap } from "./episode.ts";
import { compareText, type IncidentRecord, incidentAt } from "./incident-record.ts";
import { type NewVersion, retrainingSteps } from "./retrained.ts";

export interface GroupInput {
  readonly model: string;
  readonly window: string;
  /** The newest record of each incident that is open or touches the judged time. */
  readonly records: readonly IncidentRecord[];
  /** What is known to be so now: see `mergeEpisodes`. */
  readonly episodes: readonly Episode[];
  /** Names of the rules that the configuration has now. */
  readonly rules: ReadonlySet<string>;
  /** Clock time; decides when something is told, never what. */
  readonly now: number;
  /** null: no reminders. */
  readonly renotifyEveryMs: number | null;
  /** How long all firing members must have lacked data before that is told. */
  readonly dataMissingAfterMs: number;
  /** Versions that have come of retrainings, by incident; the episodes have been continued by them: see `continueByVersion`. */
  readonly retrained?: ReadonlyMap<string, NewVersion>;
}

export interface RecordedChange extends IncidentChange {
  readonly record: IncidentRecord;
}

/** A series that was folded anew: all its episodes that did not end before `since` (a window's start) are in `episodes`. */
export interface Refold {
  readonly since: number;
  readonly episodes: readonly Episode[];
}

/** The episodes that the records know, in one list: of copies of one episode the newest record's. */
export function storedEpisodes(records: readonly IncidentRecord[]): readonly Episode[] {
  const known = new Map<string, Episode>();
  const inOrder = records
    .filter((record) => !record.withdrawn)
    .sort((a, b) => a.incident.opened_at - b.incident.opened_at);
  for (const record of inOrder)
    for (const episode of record.episodes) known.set(`${memberKey(episode)} ${episode.fired.window_start}`, episode);
  return [...known.values()];
}

/** The episode of a series that went on at the start of the window `since`, or null. */
export function openEpisodeAt(stored: readonly Episode[], key: string, since: number): Episode | null {
  const open = stored.filter(
    (episode) =>
      memberKey(episode) === key &&
      episode.fired.window_start < since &&
      (episode.cleared === null || episode.cleared.window_start >= since),
  );
  return open.sort((a, b) => b.fired.window_start - a.fired.window_start)[0] ?? null;
}

/** Stored episodes with those of the refolded series in place of what they replace; without those of rules that are gone. */
export function mergeEpisodes(
  stored: readonly Episode[],
  refolds: ReadonlyMap<string, Refold>,
  rules: ReadonlySet<string>,
): readonly Episode[] {
  const kept = stored.filter((episode) => {
    if (!rules.has(episode.rule)) return false;
    const refold = refolds.get(memberKey(episode));
    return refold === undefined || (episode.cleared !== null && episode.cleared.window_start < refold.since);
  });
  return [...kept, ...[...refolds.values()].flatMap((refold) => refold.episodes)];
}

/** What has to change, in the order in which it happened. */
export function advanceIncidents(input: GroupInput): readonly RecordedChange[] {
  const open = input.records.find((record) => record.incident.state !== "resolved");
  const ended = input.records.filter((record) => record !== open && !record.withdrawn);
  const { mine, accounted, free } = assign(input.episodes, open, ended);
  const changes: RecordedChange[] = [];
  for (const record of ended) changes.push(...amendEnded(record, accounted.get(record) ?? [], input));
  if (open !== undefined && mine.length === 0) changes.push(withdraw(open));
  const ids = new Set(input.records.map((record) => record.incident.incident_id));
  for (const group of touching(free, mine)) {
    const continued = open !== undefined && mine.length > 0 && group.some((episode) => mine.includes(episode));
    const before = continued ? open : newRecord(group, input, ids);
    ids.add(before.incident.incident_id);
    changes.push(...carryOn(before, group, input));
  }
  return changes.sort(byEventTime);
}

interface Assignment {
  /** Episodes of the open incident. */
  readonly mine: readonly Episode[];
  /** Episodes of incidents that are over. */
  readonly accounted: ReadonlyMap<IncidentRecord, readonly Episode[]>;
  readonly free: readonly Episode[];
}

function assign(
  episodes: readonly Episode[],
  open: IncidentRecord | undefined,
  ended: readonly IncidentRecord[],
): Assignment {
  const mine: Episode[] = [];
  const free: Episode[] = [];
  const accounted = new Map<IncidentRecord, Episode[]>();
  for (const episode of episodes) {
    const told = open?.episodes.find((other) => memberKey(other) === memberKey(episode) && overlap(other, episode));
    if (told !== undefined) {
      // What people were told stays the evidence, even if the window's number has moved since.
      const same = told.fired.window_start === episode.fired.window_start;
      mine.push(same ? { ...episode, fired: told.fired, onset: told.onset } : episode);
      continue;
    }
    const over = episode.cleared === null ? undefined : ended.find((record) => accountsFor(record, episode));
    if (over === undefined) free.push(episode);
    else accounted.set(over, [...(accounted.get(over) ?? []), episode]);
  }
  return { mine, accounted, free };
}

function accountsFor(record: IncidentRecord, episode: Episode): boolean {
  const { opened_at, resolved_at } = record.incident;
  const within = episode.fired.window_end >= opened_at && endOf(episode) <= (resolved_at ?? opened_at);
  return within || record.episodes.some((other) => memberKey(other) === memberKey(episode) && overlap(other, episode));
}

/** Adds to an incident that is over what turned out to have been part of it; marks one of which nothing remains. */
function amendEnded(record: IncidentRecord, found: readonly Episode[], input: GroupInput): RecordedChange[] {
  const known = new Set(record.episodes.map((episode) => memberKey(episode)));
  const joined = found.filter((episode) => !known.has(memberKey(episode)));
  if (joined.length > 0) {
    const episodes = [...record.episodes, ...joined];
    const severity = greatest([record.incident.severity, ...joined.map((episode) => episode.severity)]);
    const { resolved_at } = record.incident;
    const incident = {
      ...incidentAt({ ...record.incident, severity }, episodes, Number.POSITIVE_INFINITY),
      resolved_at,
    };
    return [changeOf("amended", 1, record, { ...record, episodes, incident })];
  }
  const remains = record.episodes.some(
    (told) =>
      !input.rules.has(told.rule) ||
      input.episodes.some((episode) => memberKey(episode) === memberKey(told) && overlap(episode, told)),
  );
  return remains || record.episodes.length === 0
    ? []
    : [changeOf("amended", 1, record, { ...record, withdrawn: true })];
}

function withdraw(record: IncidentRecord): RecordedChange {
  const { incident } = record;
  const members = incident.members.map((member) => ({ ...member, firing: false, data_missing: false }));
  const after: Incident = { ...incident, members, state: "resolved", resolved_at: incident.opened_at };
  return changeOf("withdrawn", 1, record, { ...record, incident: after, withdrawn: true, data_missing_since: null });
}

/** Groups of episodes whose times touch; those of the open incident stay together whatever late data did to them. */
function touching(free: readonly Episode[], mine: readonly Episode[]): Episode[][] {
  const spans = free.map((episode) => ({ start: episode.fired.window_end, end: endOf(episode), episodes: [episode] }));
  if (mine.length > 0) {
    const start = Math.min(...mine.map((episode) => episode.fired.window_end));
    spans.push({ start, end: Math.max(...mine.map(endOf)), episodes: [...mine] });
  }
  spans.sort((a, b) => a.start - b.start);
  const groups: { end: number; episodes: Episode[] }[] = [];
  for (const span of spans) {
    const last = groups.at(-1);
    if (last === undefined || span.start > last.end) groups.push({ end: span.end, episodes: [...span.episodes] });
    else {
      last.end = Math.max(last.end, span.end);
      last.episodes.push(...span.episodes);
    }
  }
  return groups.map((group) => group.episodes);
}

/** An incident that nobody knows of yet: sequence 0, as it will be at its opening. */
function newRecord(group: readonly Episode[], input: GroupInput, taken: ReadonlySet<string>): IncidentRecord {
  const { model, window, now } = input;
  const openedAt = Math.min(...group.map((episode) => episode.fired.window_end));
  const first = group.filter((episode) => episode.fired.window_end === openedAt);
  const onset = Math.min(...first.map((episode) => episode.onset));
  const cause = first.map(memberKey).sort(compareText)[0] ?? "";
  // An incident that was withdrawn, or ended and then turned out to go on, has the same cause and onset: the count tells them apart.
  let copy = 0;
  while (taken.has(contentUuid("incident", model, window, cause, onset, copy))) copy++;
  const base = {
    incident_id: contentUuid("incident", model, window, cause, onset, copy),
    model,
    window,
    onset,
    opened_at: openedAt,
    severity: greatest(first.map((episode) => episode.severity)),
  };
  return {
    incident: incidentAt(base, group, openedAt),
    sequence: 0,
    episodes: [],
    withdrawn: false,
    data_missing_since: null,
    data_missing_told: false,
    reminders: 0,
    recorded_at: now,
  };
}

/** The changes that lead from a record to the present of its episodes. */
function carryOn(before: IncidentRecord, episodes: readonly Episode[], input: GroupInput): RecordedChange[] {
  const changes: RecordedChange[] = [];
  const ordered = [...episodes].sort(byFiring);
  let record = before;
  const step = (kind: IncidentChangeKind, occurrence: number, after: Partial<IncidentRecord>) => {
    const change = changeOf(kind, occurrence, record, { ...record, ...after });
    changes.push(change);
    record = change.record;
  };
  const seen = (at: number, severity: Severity) => ({
    incident: incidentAt({ ...record.incident, severity }, ordered, at),
    episodes: ordered,
  });

  if (before.sequence === 0) step("opened", 1, seen(before.incident.opened_at, before.incident.severity));
  for (const { at, severity } of rises(ordered, record.incident.severity))
    step("escalated", severityRank(severity), seen(at, severity));
  for (const { kind, retrained } of retrainingSteps(record, ordered, input)) {
    const now = seen(Number.POSITIVE_INFINITY, record.incident.severity);
    step(kind, retrained.count, { ...now, incident: { ...now.incident, retrained } });
  }
  const present = seen(Number.POSITIVE_INFINITY, record.incident.severity);
  if (present.incident.state === "resolved") {
    const { retrained } = present.incident;
    const helped = retrained === undefined ? {} : { retrained: { ...retrained, outcome: "recovered" as const } };
    step("resolved", 1, { ...present, incident: { ...present.incident, ...helped }, data_missing_since: null });
    return changes;
  }
  // Only what is told carries the time of the clock; the rest of a record is a function of the numbers.
  const missing = present.incident.members.filter((member) => member.firing).every((member) => member.data_missing);
  const since = missing ? (record.data_missing_since ?? input.now) : null;
  const after = { ...present, data_missing_since: since };
  if (since !== null && !record.data_missing_told && input.now - since >= input.dataMissingAfterMs)
    step("data_missing", 1, { ...after, data_missing_told: true });
  const due = input.renotifyEveryMs === null ? 0 : Math.floor((input.now - record.recorded_at) / input.renotifyEveryMs);
  if (due > record.reminders) step("reminder", due, { ...after, reminders: due });
  if (!isDeepStrictEqual({ ...record, ...after }, record)) step("amended", 1, after);
  return changes;
}

/** When the greatest severity of the firing episodes rose above what people know, and to what. */
function rises(episodes: readonly Episode[], told: Severity): { at: number; severity: Severity }[] {
  const found: { at: number; severity: Severity }[] = [];
  let known = told;
  const byTime = [...episodes].sort(
    (a, b) => a.fired.window_end - b.fired.window_end || severityRank(b.severity) - severityRank(a.severity),
  );
  for (const episode of byTime) {
    if (severityRank(episode.severity) <= severityRank(known)) continue;
    known = episode.severity;
    found.push({ at: episode.fired.window_end, severity: known });
  }
  return found;
}

function changeOf(
  kind: IncidentChangeKind,
  occurrence: number,
  before: IncidentRecord,
  after: IncidentRecord,
): RecordedChange {
  const sequence = before.sequence + 1;
  const record = { ...after, sequence };
  const severityBefore = before.sequence === 0 ? null : before.incident.severity;
  return { kind, occurrence, severityBefore, sequence, incident: record.incident, record };
}

/** Makes the order of a record's episodes a fixed one. */
function byFiring(one: Episode, other: Episode): number {
  return one.fired.window_start - other.fired.window_start || compareText(memberKey(one), memberKey(other));
}

/** Event time at which a change happened, for the order of messages; what is of the present comes last. */
function byEventTime(one: RecordedChange, other: RecordedChange): number {
  if (one.incident.incident_id === other.incident.incident_id) return one.sequence - other.sequence;
  return (
    one.incident.opened_at - other.incident.opened_at ||
    compareText(one.incident.incident_id, other.incident.incident_id)
  );
}

function greatest(list: readonly Severity[]): Severity {
  return list.reduce((most, severity) => (severityRank(severity) > severityRank(most) ? severity : most), "info");
}
