/**
 * The incident machine: a pure function from what is stored of a model's incidents and the present episodes of its rules to what
 * has to change, each change with its reason.
 *
 * An incident opens once, with its first episode; what fires while it is open joins it (`cause-buckets.ts` says what belongs together);
 * it resolves when every episode has ended. Called again with the same input it changes nothing; called after every window or
 * only at the end it opens and resolves the same incidents, under the same ids.
 *
 * Late data may change the past. An open incident is amended, or withdrawn if nothing of it remains. One that people know to be
 * over stays over: what lies within it, or has ended too, is added to it, with a note; what still fires opens a new one.
 */
import { isDeepStrictEqual } from "node:util";
import { contentUuid } from "../core/identity.ts";
import { type Incident, severityRank } from "../core/incident.ts";
import { type Bucket, causeBuckets } from "./cause-buckets.ts";
import { type Episode, endOf, memberKey, overlap, type PendingBreach } from "./episode.ts";
import { changeOf, type IncidentInput, type RecordedChange, steps } from "./incident-changes.ts";
import type { IncidentRecord } from "./incident-record.ts";
import { memberSentence, plainTime } from "./incident-text.ts";
import { compareText, greatest, incidentAt, mutingOf, severityOf } from "./incident-view.ts";

/** A series that was folded anew: all its episodes that did not end before `since` (a window's start) are in `episodes`. */
export interface Refold {
  readonly since: number;
  readonly episodes: readonly Episode[];
}

/**
 * The episodes that the records know, in one list. Those of one series never overlap: where late data have moved one, so that an incident that
 * is over and a newer one each know of it, the newer one holds.
 */
export function storedEpisodes(records: readonly IncidentRecord[]): readonly Episode[] {
  const known = new Map<string, Episode[]>();
  const newestFirst = records.filter((record) => !record.withdrawn).sort(byNews);
  for (const episode of newestFirst.flatMap(({ episodes }) => episodes)) {
    const key = memberKey(episode);
    const mine = known.get(key) ?? [];
    known.set(key, mine);
    if (!mine.some((other) => overlap(other, episode))) mine.push(episode);
  }
  return [...known.values()].flat();
}

/** What is open, then what was recorded last. */
const byNews = (one: IncidentRecord, other: IncidentRecord): number =>
  Number(one.incident.state === "resolved") - Number(other.incident.state === "resolved") ||
  other.recorded_at - one.recorded_at ||
  other.incident.opened_at - one.incident.opened_at;

/** By series: for `openEpisodeAt`. */
export function episodesByKey(stored: readonly Episode[]): ReadonlyMap<string, readonly Episode[]> {
  const found = new Map<string, Episode[]>();
  for (const episode of stored) {
    const key = memberKey(episode);
    found.set(key, [...(found.get(key) ?? []), episode]);
  }
  return found;
}

/** The episode of a series that went on at the start of the window `since`, or null. */
export function openEpisodeAt(episodes: readonly Episode[], since: number): Episode | null {
  const open = episodes.filter(
    (episode) =>
      episode.fired.window_start < since && (episode.cleared === null || episode.cleared.window_start >= since),
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
export function advanceIncidents(input: IncidentInput): readonly RecordedChange[] {
  const embryos = new Map(input.records.filter(neverOpened).map((record) => [record.incident.incident_id, record]));
  const open = input.records
    .filter(({ incident }) => incident.state !== "resolved" && incident.state !== "pending")
    .sort((a, b) => a.incident.opened_at - b.incident.opened_at);
  const ended = input.records.filter(({ incident, withdrawn }) => incident.state === "resolved" && !withdrawn);
  const { model, foreign, episodes, retrained } = input;
  const { buckets, accounted } = causeBuckets({ model, open, ended, foreign, episodes, retrained });
  const changes: RecordedChange[] = [];
  const over = new Set([...ended, ...accounted.keys()]);
  for (const record of over) changes.push(...amendEnded(record, accounted.get(record) ?? [], input));
  const ids = new Set([...input.records, ...foreign].map((record) => record.incident.incident_id));
  for (const id of embryos.keys()) ids.delete(id);
  for (const { record, episodes: mine, echoes } of buckets) {
    if (mine.length === 0) {
      if (record !== null) changes.push(withdraw(record, input));
      continue;
    }
    const made = record ?? newRecord(mine, input, ids);
    const embryo = embryos.get(made.incident.incident_id);
    embryos.delete(made.incident.incident_id);
    const before = embryo === undefined ? made : born(embryo, made);
    ids.add(before.incident.incident_id);
    const advanced = steps(before, mine, input);
    changes.push(...advanced);
    const last = advanced.at(-1)?.record;
    if (last !== undefined && echoes.length > 0) changes.push(...addToEnded(last, echoes, input));
  }
  changes.push(...pendingChanges(embryos, buckets, input, ids));
  return changes.sort(byEventTime);
}

/** Pending, or it was: nobody has ever been told of it. */
const neverOpened = ({ pending_key }: IncidentRecord): boolean => pending_key !== "";

/** A pending incident that opens keeps its place in the order of its changes. */
const born = (embryo: IncidentRecord, { incident, recorded_at }: IncidentRecord): IncidentRecord => ({
  ...embryo,
  incident: { ...incident, state: "pending" },
  recorded_at,
  withdrawn: false,
  pending_key: "",
});

/** Keeps an incident that is over in step with late data: what turned out to be part of it, what has moved, or that nothing of it remains. */
function amendEnded(record: IncidentRecord, found: readonly Episode[], input: IncidentInput): RecordedChange[] {
  const isForeign = (told: Episode) => told.model !== input.model || !input.rules.has(told.rule);
  const now = (told: Episode) => input.episodes.find((one) => memberKey(one) === memberKey(told) && overlap(one, told));
  const remaining = record.episodes.flatMap((told) => (isForeign(told) ? told : asNow(told, now(told))));
  const known = new Set(record.episodes.map(memberKey));
  const added = found.filter(
    (episode) => !remaining.some((one) => memberKey(one) === memberKey(episode) && overlap(one, episode)),
  );
  const current = { ...record, episodes: [...remaining, ...added.filter((episode) => known.has(memberKey(episode)))] };
  const joined = added.filter((episode) => !known.has(memberKey(episode)));
  if (joined.length > 0) return addToEnded(current, joined, input);
  if (record.episodes.length === 0) return [];
  if (current.episodes.length > 0) return isDeepStrictEqual(current.episodes, record.episodes) ? [] : [moved(current)];
  const reason = input.refuted.get(record.incident.incident_id) ?? "late data show that this should not have opened";
  return [
    changeOf(record, {
      kind: "revised",
      occurrence: 2,
      told: record.told === null ? null : "revised",
      reason,
      after: { ...record, withdrawn: true },
    }),
  ];
}

/** An episode as people were told of it, over the time that it has now; none where late data leave none. One that goes on is in another incident. */
function asNow(told: Episode, now: Episode | undefined): readonly Episode[] {
  if (now === undefined) return [];
  const isSame =
    now.fired.window_start === told.fired.window_start && now.cleared?.window_start === told.cleared?.window_start;
  return isSame || !Number.isFinite(endOf(now)) ? [told] : [now];
}

const moved = (record: IncidentRecord): RecordedChange =>
  changeOf(record, {
    kind: "amended",
    occurrence: 1,
    told: null,
    reason: "late data have changed when some of it began or ended",
    after: record,
  });

function addToEnded(record: IncidentRecord, joined: readonly Episode[], input: IncidentInput): RecordedChange[] {
  const { incident } = record;
  const { resolved_at } = incident;
  const episodes = [...record.episodes, ...joined];
  const context = contextOf(record, input);
  const muting = mutingOf(episodes, context.explanations);
  const severity = greatest([incident.severity, severityOf(joined, muting)]);
  const view = incidentAt({ ...incident, severity }, episodes, Number.POSITIVE_INFINITY, context, true);
  const after = { ...record, episodes, incident: { ...view, resolved_at } };
  const told = record.told;
  const isNewModel = joined.some(({ model }) => !record.episodes.some((episode) => episode.model === model));
  const isLate = joined.some((episode) => episode.fired.window_end <= (resolved_at ?? incident.opened_at));
  const [first] = joined;
  const what = first === undefined ? "" : `: ${firedSentence(first)}`;
  if (told !== null && isNewModel) {
    // The channels of a model that took part hear of it as the others did: those that know are not told again.
    const opened = changeOf(record, {
      kind: "amended",
      occurrence: 1,
      told: "opened",
      reason: "another model had a part in it",
      after,
    });
    const resolved = { kind: "amended", occurrence: 1, told: "resolved", reason: "it is over there too" } as const;
    return [opened, changeOf(opened.record, { ...resolved, after: opened.record })];
  }
  // Of what is over people hear once that there was more, and again only where that was more urgent.
  const isNews =
    told !== null && (record.revised === undefined || severityRank(record.revised) < severityRank(severity));
  const isTold = isLate && isNews;
  return [
    changeOf(record, {
      kind: isLate ? "revised" : "amended",
      occurrence: record.revised === undefined ? 1 : LATER_REVISIONS + severityRank(severity),
      told: isTold ? "revised" : null,
      reason: isLate ? `late data add to it${what}` : `a longer window says the same of that time${what}`,
      after: isTold ? { ...after, revised: severity } : after,
    }),
  ];
}

/** Occurrences of what is told of an incident that is over: 1 the first addition, 2 that it never was, from here on those that are more urgent. */
const LATER_REVISIONS = 3;

/** What an episode said when it fired. */
function firedSentence(episode: Episode): string {
  const { rule, severity, version, variant, subject_kind, subject, metric, fired, onset, finding } = episode;
  return memberSentence({
    rule,
    severity,
    version,
    variant,
    subject_kind,
    subject,
    metric,
    ...fired,
    ...(finding === undefined ? {} : { onset, finding }),
    fired_at: fired.window_end,
    cleared_at: null,
    firing: true,
    data_missing: false,
  });
}

/** What accounts for drift of the input's model, and what is known of that of other models. */
function contextOf({ incident }: IncidentRecord, { explanations, weigh, model }: IncidentInput) {
  const others = (incident.explanations ?? []).filter((explanation) => explanation.model !== model);
  return { weigh, explanations: [...explanations, ...others] };
}

function withdraw(record: IncidentRecord, input: IncidentInput): RecordedChange {
  const { incident } = record;
  const members = incident.members.map((member) => ({ ...member, firing: false, data_missing: false }));
  const after: Incident = { ...incident, members, state: "resolved", resolved_at: incident.opened_at };
  return changeOf(record, {
    kind: "withdrawn",
    occurrence: 1,
    told: record.told === null ? null : "withdrawn",
    reason:
      input.refuted.get(incident.incident_id) ?? "late data, or a changed rule, show that this should not have opened",
    after: { ...record, incident: after, withdrawn: true, data_missing_since: null },
  });
}

/** An incident that nobody knows of yet: sequence 0, as it will be at its opening. */
function newRecord(group: readonly Episode[], input: IncidentInput, taken: ReadonlySet<string>): IncidentRecord {
  const { model, now, weigh, explanations } = input;
  const openedAt = Math.min(...group.map((episode) => episode.fired.window_end));
  const first = group.filter((episode) => episode.fired.window_end === openedAt);
  const onset = Math.min(...first.map((episode) => episode.onset));
  const cause = first.map(memberKey).sort(compareText)[0] ?? "";
  const [named] = first;
  const base = {
    incident_id: freeId(model, cause, onset, taken),
    model,
    window: named?.window ?? "",
    onset,
    opened_at: openedAt,
    severity: severityOf(first, mutingOf(first, explanations)),
  };
  return untold(incidentAt(base, group, openedAt, { weigh, explanations }), "", now);
}

/** A record that nobody has been told of, and that no row of the store holds yet. */
const untold = (incident: Incident, pendingKey: string, now: number): IncidentRecord => ({
  incident,
  sequence: 0,
  episodes: [],
  withdrawn: false,
  told: null,
  told_subjects: 0,
  told_through: 0,
  pending_key: pendingKey,
  confirmed: [],
  data_missing_since: null,
  data_missing_told: false,
  reminders: 0,
  recorded_at: now,
});

/** An incident that was withdrawn, or ended and then turned out to go on, has the same cause and onset: the count tells them apart. */
function freeId(model: string, cause: string, onset: number, taken: ReadonlySet<string>): string {
  let copy = 0;
  while (taken.has(contentUuid("incident", model, cause, onset, copy))) copy++;
  return contentUuid("incident", model, cause, onset, copy);
}

/**
 * A rule that has breached, not yet often enough: kept where people look, under the id that the incident will have, and told to nobody.
 * One at a time, and only while nothing of the model fires.
 */
function pendingChanges(
  embryos: ReadonlyMap<string, IncidentRecord>,
  buckets: readonly Bucket[],
  input: IncidentInput,
  taken: ReadonlySet<string>,
): RecordedChange[] {
  const known = [...embryos.values()].find(({ incident }) => incident.state === "pending");
  const fires = buckets.some(({ episodes }) =>
    episodes.some((one) => one.model === input.model && one.cleared === null),
  );
  // Its series has no new window, so nothing is known of it.
  if (known !== undefined && !fires && !input.folded.has(known.pending_key)) return [];
  const [breach] = fires ? [] : [...input.pending].sort((a, b) => a.onset - b.onset || compareText(a.key, b.key));
  const wanted = breach === undefined ? null : pendingRecord(breach, input, taken);
  const id = wanted?.incident.incident_id;
  const lapsed =
    known === undefined || known.incident.incident_id === id
      ? []
      : [
          amended(known, {
            ...known,
            withdrawn: true,
            incident: {
              ...known.incident,
              state: "resolved",
              resolved_at: known.incident.opened_at,
              reason: "pending → resolved: it did not breach often enough to fire",
            },
          }),
        ];
  if (wanted === null) return lapsed;
  const { sequence, incident: before, recorded_at } = embryos.get(id ?? "") ?? wanted;
  const isSame = before.state === "pending" && before.reason === wanted.incident.reason && sequence > 0;
  return isSame ? lapsed : [...lapsed, amended({ ...wanted, sequence }, { ...wanted, recorded_at })];
}

const amended = (before: IncidentRecord, after: IncidentRecord): RecordedChange =>
  changeOf(before, { kind: "amended", occurrence: 1, told: null, reason: after.incident.reason ?? "", after });

function pendingRecord(
  { key, window, rule, row, onset, breached }: PendingBreach,
  { model, now }: IncidentInput,
  taken: ReadonlySet<string>,
): IncidentRecord {
  const { window_end } = row;
  const incident: Incident = {
    incident_id: freeId(model, key, onset, taken),
    model,
    window,
    severity: rule.severity,
    state: "pending",
    onset,
    opened_at: window_end,
    resolved_at: null,
    members: [],
    title: `${model}: ${rule.name} is pending`,
    reason: `pending: ${breached} of the last ${rule.of} windows have breached, ${rule.needed} are needed (newest ${plainTime(window_end)})`,
  };
  return untold(incident, key, now);
}

/** Event time at which a change happened, for the order of messages; what is of the present comes last. */
function byEventTime(one: RecordedChange, other: RecordedChange): number {
  if (one.incident.incident_id === other.incident.incident_id) return one.sequence - other.sequence;
  return (
    one.incident.opened_at - other.incident.opened_at ||
    compareText(one.incident.incident_id, other.incident.incident_id)
  );
}
