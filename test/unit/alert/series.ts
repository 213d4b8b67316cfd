/** Windows written as text, and a group judged as alerting does it, without a store: for tests of the incident machine. */
import { type Episode, foldEpisodes, keyOfRow, type PendingBreach } from "../../../src/alert/episode.ts";
import { withAccepted } from "../../../src/alert/explanations.ts";
import type { IncidentInput, RecordedChange } from "../../../src/alert/incident-changes.ts";
import {
  advanceIncidents,
  episodesByKey,
  mergeEpisodes,
  openEpisodeAt,
  type Refold,
  storedEpisodes,
} from "../../../src/alert/incident-machine.ts";
import type { IncidentRecord } from "../../../src/alert/incident-record.ts";
import type { EffectiveRule, JudgedRow } from "../../../src/alert/rules.ts";

export const WINDOW_MS = 300_000;
export const START = Date.UTC(2026, 2, 2, 10);

export function rule(settings: Partial<EffectiveRule> = {}): EffectiveRule {
  return {
    name: "too high",
    metric: "mean_x",
    subjects: null,
    segments: null,
    windows: null,
    above: 80,
    below: null,
    needed: 1,
    of: 1,
    clear: null,
    clearAfter: 1,
    dampens: false,
    keepFiringMs: 0,
    severity: "ticket",
    minCoverage: 0.8,
    ...settings,
  };
}

/** The row of window `index` (from 1); null is a window without data. */
export function row(index: number, value: number | null, settings: Partial<JudgedRow> = {}): JudgedRow {
  const window_start = START + (index - 1) * WINDOW_MS;
  return {
    version: "7",
    variant: "",
    subject_kind: "kpi",
    subject: "kpi",
    metric: "mean_x",
    window_start,
    window_end: window_start + WINDOW_MS,
    value,
    threshold: null,
    breached: false,
    n: value === null ? 0 : 500,
    coverage: 1,
    status: value === null ? "insufficient" : "ok",
    ...settings,
  };
}

/** A group of one rule or more over series that may be judged bit by bit. Its memory is what would lie in the store. */
export function createGroup(
  rules: readonly EffectiveRule[],
  settings: Partial<Omit<IncidentInput, "dataMissingAfterMs">> & {
    readonly dataMissingAfterMs?: number;
    /** Of one model the windows' name, of several also the incidents of the others. */
    readonly window?: string;
  } = {},
) {
  const rows = new Map<string, JudgedRow>();
  const records = new Map<string, IncidentRecord>();
  const all: RecordedChange[] = [];
  const { window = "5m", dataMissingAfterMs = WINDOW_MS, ...rest } = settings;
  const place = { model: rest.model ?? "m", window };
  const keyOf = (one: JudgedRow) =>
    JSON.stringify([one.metric, one.subject_kind, one.subject, one.version, one.variant, one.segment]);

  return {
    changes: all,
    records,
    /** Rows that have been judged before: by the process that came before this one. */
    know(earlier: readonly JudgedRow[]): void {
      for (const one of earlier) rows.set(`${keyOf(one)} ${one.window_start}`, one);
    },
    /** Puts rows in place of older ones of the same window, and judges from the earliest of them on. */
    judge(fresh: readonly JudgedRow[], now = START): readonly RecordedChange[] {
      const since = new Map<string, number>();
      for (const one of fresh) {
        rows.set(`${keyOf(one)} ${one.window_start}`, one);
        since.set(keyOf(one), Math.min(since.get(keyOf(one)) ?? Number.POSITIVE_INFINITY, one.window_start));
      }
      const ordered = [...rows.values()].sort((a, b) => a.window_start - b.window_start);
      const stored: readonly Episode[] = storedEpisodes([...records.values()]).filter(
        (episode) => episode.model === place.model,
      );
      const known = episodesByKey(stored);
      const refolds = new Map<string, Refold>();
      const pending: PendingBreach[] = [];
      for (const [series, start] of since) {
        const mine = ordered.filter((one) => keyOf(one) === series);
        for (const each of rules) {
          const first = mine[0];
          if (first === undefined || each.metric !== first.metric) continue;
          const key = keyOfRow(each, place, first);
          const fold = foldEpisodes(each, place, openEpisodeAt(known.get(key) ?? [], start), start);
          for (const one of mine) {
            if (one.window_start < start) fold.warm(one);
            else fold.push(one);
          }
          refolds.set(key, { since: start, episodes: fold.episodes() });
          pending.push(...[fold.pending() ?? []].flat());
        }
      }
      const names = new Set(rules.map((each) => each.name));
      const changes = advanceIncidents({
        records: [...records.values()],
        foreign: [],
        episodes: withAccepted(
          mergeEpisodes(stored, refolds, names),
          (rest.explanations ?? []).filter(({ kind }) => kind === "accepted"),
        ),
        pending,
        folded: new Set(refolds.keys()),
        rules: names,
        explanations: [],
        weigh: () => 1,
        refuted: new Map(),
        silences: [],
        acknowledged: new Map(),
        now,
        renotifyEveryMs: null,
        dataMissingAfterMs: () => dataMissingAfterMs,
        ...rest,
        model: place.model,
      });
      // As through the store: what is remembered is what JSON holds.
      for (const { record } of changes) records.set(record.incident.incident_id, JSON.parse(JSON.stringify(record)));
      all.push(...changes);
      return changes;
    },
    told: () => all.flatMap((change) => change.told ?? []),
  };
}
