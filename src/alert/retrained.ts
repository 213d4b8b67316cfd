/**
 * An incident after a retraining: the new version takes the place of the old one. What fired on the old version, whose events have ceased,
 * goes on with the new version's windows: it recovers with them, or is told again because the retraining did not help.
 */
import { isEvidence } from "../core/evidence.ts";
import { type RetrainedVersion, retrainedVersions } from "../core/incident.ts";
import { type Episode, evidence, memberKey, neededGood, overlap } from "./episode.ts";
import type { IncidentRecord } from "./incident-record.ts";
import { type EffectiveRule, type JudgedRow, verdictOf } from "./rules.ts";

/** A version that a retraining for an incident has brought. */
export type NewVersion = Pick<RetrainedVersion, "retraining_id" | "version" | "since" | "until">;

/** Steps that must be as in the reference before a change which the page tier found counts as over. */
const GOOD_STEPS = 3;

type ReadRows = (window: string, metric: string, from: number) => AsyncIterable<readonly JudgedRow[]>;

interface Followed {
  readonly records: readonly IncidentRecord[];
  readonly retrained: ReadonlyMap<string, NewVersion>;
  readonly rules: readonly EffectiveRule[];
}

/**
 * The episodes, where those that are open on a replaced version have been continued by the new one's windows. Also of incidents that are
 * over: a series that no events come for any more would else seem to go on once late labels have it folded anew.
 */
export async function continueByVersion(
  episodes: readonly Episode[],
  { records, retrained, rules }: Followed,
  read: ReadRows,
): Promise<readonly Episode[]> {
  if (retrained.size === 0) return episodes;
  const continued: Episode[] = [];
  for (const episode of episodes) {
    const record = records.find(({ episodes: known }) =>
      known.some((other) => memberKey(other) === memberKey(episode) && overlap(other, episode)),
    );
    const fresh = retrained.get(record?.incident.incident_id ?? "");
    const rule = rules.find(({ name }) => name === episode.rule);
    const follows = fresh !== undefined && episode.cleared === null && episode.version !== fresh.version;
    continued.push(follows && rule !== undefined ? await continuedBy(episode, rule, fresh, episodes, read) : episode);
  }
  return continued;
}

async function continuedBy(
  episode: Episode,
  rule: EffectiveRule,
  fresh: NewVersion,
  all: readonly Episode[],
  read: ReadRows,
): Promise<Episode> {
  if (firesOn(fresh, all, episode)) return { ...episode, good: 0, data_missing: false, error: false };
  const needed = isEvidence(episode.metric) ? Math.max(GOOD_STEPS, rule.clearAfter) : neededGood(rule, episode);
  const longEnough = isEvidence(episode.metric) ? episode.fired.window_end - episode.onset : 0;
  let good: JudgedRow[] = [];
  // Windows in which the old version is still at it don't count, and neither do those that decide nothing.
  const oldBreaches = new Set<number>();
  for await (const rows of read(episode.window, episode.metric, Math.min(fresh.since, episode.fired.window_start))) {
    for (const row of rows) {
      if (!isOfSubject(row, episode) || row.window_end <= fresh.since) continue;
      const verdict = verdictOf(rule, row);
      if (row.version === episode.version && row.variant === episode.variant) {
        if (verdict === "breach") oldBreaches.add(row.window_start);
      } else if (row.version === fresh.version && verdict !== "undecided") {
        good = verdict === "good" ? [...good, row] : [];
      }
    }
  }
  good = good.filter((row) => row.window_start > Math.max(Number.NEGATIVE_INFINITY, ...oldBreaches));
  const first = good[0];
  const clearing = good.find(
    (row, index) => index + 1 >= needed && first !== undefined && row.window_end - first.window_start >= longEnough,
  );
  if (clearing === undefined) return { ...episode, good: Math.max(1, good.length), data_missing: false, error: false };
  return {
    ...episode,
    good: good.length,
    cleared: evidence(rule, clearing, episode.fired),
    data_missing: false,
    error: false,
  };
}

const isOfSubject = (row: JudgedRow, { subject_kind, subject, metric, segment }: Episode): boolean =>
  row.subject_kind === subject_kind &&
  row.subject === subject &&
  row.metric === metric &&
  (row.segment ?? "") === segment;

/** Whether the same fires on the new version. */
function firesOn(fresh: NewVersion, episodes: readonly Episode[], episode: Episode): boolean {
  const keyOf = (of: Episode) => memberKey({ ...of, version: "", variant: "" });
  return episodes.some(
    (other) => other.version === fresh.version && other.cleared === null && keyOf(other) === keyOf(episode),
  );
}

export interface RetrainingStep {
  readonly kind: "retrained" | "reopened";
  readonly retrained: RetrainedVersion;
  /** One sentence. */
  readonly reason: string;
}

/** What is told of the new version now: that it is there, once; and that it did not help, once. */
export function retrainingSteps(
  { incident }: Pick<IncidentRecord, "incident">,
  episodes: readonly Pick<Episode, "model" | "version" | "cleared">[],
  of: { readonly model: string; readonly retrained?: ReadonlyMap<string, NewVersion>; readonly now: number },
): readonly RetrainingStep[] {
  const { model, retrained: versions, now } = of;
  const fresh = versions?.get(incident.incident_id);
  if (fresh === undefined) return [];
  const steps: RetrainingStep[] = [];
  const all = retrainedVersions(incident);
  const mine = model === incident.model ? {} : { model };
  let known = all.find((one) => one.model === mine.model);
  if (known?.retraining_id !== fresh.retraining_id || known.version !== fresh.version) {
    const seen = Math.max(0, ...all.map(({ count }) => count));
    known = { ...mine, ...fresh, count: seen + 1, outcome: null };
    const reason = `a retraining has brought version ${fresh.version}; it is followed`;
    steps.push({ kind: "retrained", retrained: known, reason });
  }
  const open = episodes.filter((episode) => episode.model === model && episode.cleared === null);
  const fires = open.some(({ version }) => version === fresh.version);
  if (known.outcome === null && open.length > 0 && (fires || now >= fresh.until))
    steps.push({
      kind: "reopened",
      retrained: { ...known, outcome: "not_recovered" },
      reason: fires
        ? `version ${fresh.version} does not hold the limits either`
        : `version ${fresh.version} has had no good windows in its time`,
    });
  return steps;
}
