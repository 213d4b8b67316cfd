/**
 * Which episodes have one cause: the pure rules by which they become incidents.
 *
 * - Of one model and version, what fires at the same time is one incident, whatever rule, window or tier says it.
 * - Versions and models that share a feature which moved at the same time are one incident: something upstream of both has changed.
 * - A version that a retraining for an incident has brought takes the place of the incident's own.
 * - What a longer window says of a time that an incident has covered and that is over is an echo of it, and no news.
 *
 * A feature has moved at the same time where each change began before the other was seen.
 */
import { type Episode, endOf, memberKey, overlap } from "./episode.ts";
import type { IncidentRecord } from "./incident-record.ts";
import type { NewVersion } from "./retrained.ts";

/** Episodes that are, or become, one incident. */
export interface Bucket {
  /** null: nobody knows of it yet. */
  readonly record: IncidentRecord | null;
  readonly episodes: Episode[];
  /** What longer windows say of it after it is over. */
  readonly echoes: Episode[];
}

export interface BucketInput {
  readonly model: string;
  /** Open incidents in which the model takes part, the oldest first. */
  readonly open: readonly IncidentRecord[];
  /** Those that are over. */
  readonly ended: readonly IncidentRecord[];
  /** Incidents of other models alone, open or over. */
  readonly foreign: readonly IncidentRecord[];
  /** The model's episodes as they are known now. */
  readonly episodes: readonly Episode[];
  /** Versions that have come of retrainings, by incident. */
  readonly retrained?: ReadonlyMap<string, NewVersion> | undefined;
}

export interface Buckets {
  /** Of open and of new incidents, in the order of their beginning. */
  readonly buckets: readonly Bucket[];
  /** Episodes that belong to incidents that are over. */
  readonly accounted: ReadonlyMap<IncidentRecord, readonly Episode[]>;
}

const isOpen = ({ incident }: IncidentRecord): boolean => incident.state !== "resolved";

export function causeBuckets(input: BucketInput): Buckets {
  const { model, open, ended, foreign } = input;
  const assigned = assign(input);
  const known: Bucket[] = open.map((record) => ({
    record,
    episodes: [...record.episodes.filter((episode) => episode.model !== model), ...(assigned.mine.get(record) ?? [])],
    echoes: [],
  }));
  const others: Bucket[] = foreign
    .filter(isOpen)
    .map((record) => ({ record, episodes: [...record.episodes], echoes: [] }));
  const accounted = new Map(assigned.accounted);
  const fresh: Bucket[] = [];
  for (const group of touching(assigned.free, known, input)) {
    const { bucket: own, episodes } = group;
    if (own !== null) {
      own.episodes.push(...episodes);
      continue;
    }
    const repeated = repeatedBy(episodes, ended, fresh);
    if (repeated !== null) {
      if ("echoes" in repeated) repeated.echoes.push(...episodes);
      else accounted.set(repeated, [...(accounted.get(repeated) ?? []), ...episodes]);
      continue;
    }
    const home = [...known, ...fresh, ...others].find((bucket) => isRelated(bucket.episodes, episodes));
    const past = home === undefined ? relatedPast([...ended, ...foreign], episodes) : undefined;
    if (past !== undefined) accounted.set(past, [...(accounted.get(past) ?? []), ...episodes]);
    else if (home !== undefined) home.episodes.push(...episodes);
    else fresh.push({ record: null, episodes: [...episodes], echoes: [] });
  }
  const joined = others.filter(({ record, episodes }) => episodes.length > (record?.episodes.length ?? 0));
  return { buckets: [...known, ...joined, ...fresh], accounted };
}

interface Assignment {
  readonly mine: ReadonlyMap<IncidentRecord, readonly Episode[]>;
  readonly accounted: ReadonlyMap<IncidentRecord, readonly Episode[]>;
  readonly free: readonly Episode[];
}

/** Hands each episode to the incident that has told of it, or that it is a part of. */
function assign({ open, ended, episodes }: BucketInput): Assignment {
  const mine = new Map<IncidentRecord, Episode[]>();
  const accounted = new Map<IncidentRecord, Episode[]>();
  const free: Episode[] = [];
  const told = new Map<string, { readonly record: IncidentRecord; readonly episode: Episode }[]>();
  for (const record of open)
    for (const episode of record.episodes) {
      const key = memberKey(episode);
      told.set(key, [...(told.get(key) ?? []), { record, episode }]);
    }
  for (const episode of episodes) {
    const found = told.get(memberKey(episode))?.find((one) => overlap(one.episode, episode));
    if (found !== undefined) {
      // What people were told stays the evidence, even if the window's number has moved since.
      const isSame = found.episode.fired.window_start === episode.fired.window_start;
      const kept = isSame ? { ...episode, fired: found.episode.fired, onset: found.episode.onset } : episode;
      mine.set(found.record, [...(mine.get(found.record) ?? []), kept]);
      continue;
    }
    // Of several that are over the one that has told of it: the others would tell of it again. What somebody has accepted is no news to any.
    const isNews = episode.accepted !== true;
    const over =
      ended.find((record) => accountsFor(record, episode) && hasTold(record, episode)) ??
      (isNews ? ended.find((record) => accountsFor(record, episode)) : undefined);
    if (over !== undefined) accounted.set(over, [...(accounted.get(over) ?? []), episode]);
    else if (isNews) free.push(episode);
  }
  return { mine, accounted, free };
}

/** Whether an incident that is over has told of an episode, or covers it. */
function accountsFor(record: IncidentRecord, episode: Episode): boolean {
  const { opened_at, resolved_at } = record.incident;
  const end = resolved_at ?? opened_at;
  if (!record.episodes.some((other) => sameScope(other, episode))) return false;
  if (!Number.isFinite(endOf(episode))) return false;
  const isWithin = episode.fired.window_end >= opened_at && endOf(episode) <= end;
  return isWithin || hasTold(record, episode);
}

const hasTold = ({ episodes }: IncidentRecord, episode: Episode): boolean =>
  episodes.some((other) => memberKey(other) === memberKey(episode) && overlap(other, episode));

/** A longer window's word on a time that is over: it began before the end, and all that it says may lie there. */
function isEcho(episode: Episode, onset: number, end: number): boolean {
  const { start, end: seen } = episode.last_breach;
  return start < end && end < seen && onset < seen && episode.fired.window_end > end;
}

/** The incident that is over and of whose time all episodes of a group are echoes; null where one of them is more. */
function repeatedBy(
  group: readonly Episode[],
  ended: readonly IncidentRecord[],
  fresh: readonly Bucket[],
): IncidentRecord | Bucket | null {
  const isRepeatedBy = ({ episodes }: IncidentRecord | Bucket) =>
    group.every((episode) => {
      const mine = episodes.filter((other) => sameScope(other, episode));
      const end = Math.max(...mine.map(endOf));
      return mine.length > 0 && isEcho(episode, Math.min(...mine.map(({ onset }) => onset)), end);
    });
  return ended.find(isRepeatedBy) ?? fresh.find(isRepeatedBy) ?? null;
}

export const sameScope = (one: Episode, other: Episode): boolean =>
  one.model === other.model && one.version === other.version;

interface Group {
  /** The open incident that it goes on with, or null. */
  readonly bucket: Bucket | null;
  readonly episodes: readonly Episode[];
}

/**
 * Groups of one version whose times touch, in the order of their beginning; what an open incident has stays together whatever late data did
 * to it.
 */
function touching(
  free: readonly Episode[],
  known: readonly Bucket[],
  { model, retrained }: Pick<BucketInput, "model" | "retrained">,
): Group[] {
  const groups: (Group & { start: number })[] = [];
  for (const version of new Set(free.map((episode) => episode.version))) {
    const spans = free
      .filter((episode) => episode.version === version)
      .map((episode) => ({
        start: episode.fired.window_end,
        end: endOf(episode),
        bucket: null as Bucket | null,
        episodes: [episode],
      }));
    for (const bucket of known) {
      const isFollowed = retrained?.get(bucket.record?.incident.incident_id ?? "")?.version === version;
      const mine = bucket.episodes.filter(
        (episode) => episode.model === model && (isFollowed || episode.version === version),
      );
      if (mine.length === 0) continue;
      const start = Math.min(...mine.map((episode) => episode.fired.window_end));
      spans.push({ start, end: Math.max(...mine.map(endOf)), bucket, episodes: [] });
    }
    spans.sort((a, b) => a.start - b.start);
    const merged: typeof spans = [];
    for (const span of spans) {
      const last = merged.at(-1);
      // Of two open incidents of one version each keeps its own.
      if (last === undefined || span.start > last.end || (last.bucket !== null && span.bucket !== null))
        merged.push({ ...span, episodes: [...span.episodes] });
      else {
        last.end = Math.max(last.end, span.end);
        last.bucket ??= span.bucket;
        last.episodes.push(...span.episodes);
      }
    }
    groups.push(...merged);
  }
  return groups.filter(({ episodes }) => episodes.length > 0).sort((a, b) => a.start - b.start);
}

/** Whether two lists share a feature that moved at the same time, while both go on. */
function isRelated(one: readonly Episode[], other: readonly Episode[]): boolean {
  const mine = byFeature(one);
  return other.some((episode) =>
    (mine.get(episode.subject_kind === "feature" ? episode.subject : "") ?? []).some(
      (twin) => !sameScope(twin, episode) && movedTogether(twin, episode) && overlap(twin, episode),
    ),
  );
}

function byFeature(episodes: readonly Episode[]): ReadonlyMap<string, readonly Episode[]> {
  const found = new Map<string, Episode[]>();
  for (const episode of episodes)
    if (episode.subject_kind === "feature")
      found.set(episode.subject, [...(found.get(episode.subject) ?? []), episode]);
  return found;
}

/** Another version of one model meets what its inputs had long before. */
const movedTogether = (one: Episode, other: Episode): boolean =>
  one.model === other.model || (one.onset < other.fired.window_end && other.onset < one.fired.window_end);

/** The incident that is over and of whose cause a group that is over too has been. */
function relatedPast(records: readonly IncidentRecord[], group: readonly Episode[]): IncidentRecord | undefined {
  if (group.some((episode) => !Number.isFinite(endOf(episode)))) return undefined;
  return records.find((record) => !isOpen(record) && !record.withdrawn && isRelated(record.episodes, group));
}
