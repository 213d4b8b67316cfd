/** Folds the series of a model that have new rows, gathers what bears on them, and asks the incident machine what follows. */
import type { ModelConfig } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import { type WindowGrid, windowGrid } from "../core/window-grid.ts";
import type { Lane } from "../store/store.ts";
import { type ChangedMetric, readEarlier, readEnded, readForeign, readRows } from "./alert-store.ts";
import { acceptancesOf, acknowledgementsOf, readDecisions, silencesOf } from "./decisions.ts";
import {
  type Episode,
  type EpisodeFold,
  foldEpisodes,
  keyOfRow,
  memberKey,
  type PendingBreach,
  windowsRemembered,
} from "./episode.ts";
import { readExplanations, type ShortestWindow } from "./explanation-store.ts";
import { withAccepted } from "./explanations.ts";
import type { RecordedChange } from "./incident-changes.ts";
import {
  advanceIncidents,
  episodesByKey,
  mergeEpisodes,
  openEpisodeAt,
  type Refold,
  storedEpisodes,
} from "./incident-machine.ts";
import type { IncidentRecord } from "./incident-record.ts";
import type { Plans } from "./kpi-plans.ts";
import { withoutRefuted } from "./refutations.ts";
import { continueByVersion, type NewVersion } from "./retrained.ts";
import { type EffectiveRule, type JudgedRow, metricsBySegment, ruleApplies } from "./rules.ts";

const MINUTE = 60_000;
const HOUR = 3_600_000;

export interface JudgeOptions {
  readonly lane: Lane;
  readonly clock: Clock;
  /** How much a feature of a model matters in its reference; 1 is an ordinary one, which it is where this is left out. */
  readonly importance?: (model: string, feature: string) => number;
  /** The plans of KPIs; left out: there are none. */
  readonly plans?: Plans;
  /** Versions of a model that have come of retrainings, by incident; left out: there are none. */
  readonly retrained?: (model: string) => Promise<ReadonlyMap<string, NewVersion>>;
}

export type Judge = (
  changed: readonly ChangedMetric[],
  open: readonly IncidentRecord[],
) => Promise<readonly RecordedChange[]>;

export function createJudge(options: JudgeOptions, model: ModelConfig, rules: readonly EffectiveRule[]): Judge {
  const { lane, importance = () => 1 } = options;
  const names = new Set(rules.map((rule) => rule.name));
  const grids = new Map(
    model.windows.map((window) => [window.name, window.kind === "time" ? windowGrid(window.ms, model.timezone) : null]),
  );
  const shortest = shortestWindow(model);
  const bySegment = metricsBySegment(rules);
  return async (changed, open) => {
    const earlier: (readonly JudgedRow[])[] = [];
    let floor = Math.min(...changed.map(({ since }) => since));
    for (const at of changed) {
      const rows = await readBefore(lane, model.name, at, grids.get(at.window) ?? null, rules, open);
      earlier.push(rows);
      floor = Math.min(floor, ...rows.slice(0, 1).map((row) => row.window_start));
    }
    const ended = changed.length === 0 ? [] : await readEnded(lane, model.name, floor);
    const records = [...open, ...ended];
    const stored = storedEpisodes(records).filter((episode) => episode.model === model.name);
    const { refolds, pending } = await refold(lane, model.name, changed, earlier, rules, stored);
    const merged = mergeEpisodes(stored, refolds, names);
    const retrained = records.length === 0 ? new Map() : ((await options.retrained?.(model.name)) ?? new Map());
    const continued = await continueByVersion(merged, { records, retrained, rules }, (window, metric, from) =>
      readRows(lane, { model: model.name, window, metric, bySegment }, from),
    );
    const { episodes: standing, refuted } = await withoutRefuted(lane, rules, continued, records, changed.length > 0);
    const now = options.clock.now();
    const decisions = await readDecisions(lane);
    const acceptances = acceptancesOf(decisions, model.name, now);
    const episodes = withAccepted(standing, acceptances);
    const isNew = hasNew(episodes, records);
    return advanceIncidents({
      model: model.name,
      records,
      foreign: isNew ? await readForeign(lane, model.name, floor) : [],
      episodes,
      pending,
      folded: new Set(refolds.keys()),
      rules: names,
      explanations: [
        ...acceptances,
        ...(await explanationsOf(lane, model.name, shortest, episodes, records, changed.length > 0)),
      ],
      weigh: ({ model: of, subject_kind, subject }) => (subject_kind === "feature" ? importance(of, subject) : 1),
      refuted,
      retrained,
      silences: silencesOf(decisions),
      ...(options.plans === undefined ? {} : { plans: options.plans }),
      acknowledged: acknowledgementsOf(decisions),
      now,
      renotifyEveryMs: model.alerts.renotify_every ?? null,
      dataMissingAfterMs: (window) => Math.min(Math.max(grids.get(window)?.ms ?? HOUR, MINUTE), HOUR),
    });
  };
}

/** The shortest by time, else that of the fewest events. */
function shortestWindow({ windows }: ModelConfig): ShortestWindow {
  const size = (window: (typeof windows)[number]) => (window.kind === "time" ? window.ms : window.events * 1e12);
  const [first] = [...windows].sort((a, b) => size(a) - size(b));
  return { name: first?.name ?? "", ms: first?.kind === "time" ? first.ms : 0 };
}

/** The earlier windows that the folds of a metric need: the last M, and the good ones that an open episode has counted. */
async function readBefore(
  lane: Lane,
  model: string,
  at: ChangedMetric,
  grid: WindowGrid | null,
  rules: readonly EffectiveRule[],
  open: readonly IncidentRecord[],
): Promise<JudgedRow[]> {
  const mine = rules.filter((rule) => rule.metric === at.metric);
  const own = open.flatMap(({ episodes }) =>
    episodes.filter(
      (episode) => episode.model === model && episode.metric === at.metric && episode.window === at.window,
    ),
  );
  // Of what does not fire only the last M windows matter.
  const of =
    own.length === 0 ? ({ of: last, clearAfter }: EffectiveRule) => Math.max(last, clearAfter) : windowsRemembered;
  const count = Math.max(1, ...mine.map(of));
  const begun = own.filter(({ cleared }) => cleared === null).map((episode) => episode.fired.window_start);
  const floor = grid === null ? 0 : Math.max(0, Math.min(grid.shift(at.since, -count), ...begun));
  return await readEarlier(lane, { ...at, model, floor, bySegment: metricsBySegment(rules) }, count);
}

/** Folds the series of each changed metric from its earliest changed window on. */
async function refold(
  lane: Lane,
  model: string,
  changed: readonly ChangedMetric[],
  earlier: readonly (readonly JudgedRow[])[],
  rules: readonly EffectiveRule[],
  stored: readonly Episode[],
): Promise<{ readonly refolds: ReadonlyMap<string, Refold>; readonly pending: readonly PendingBreach[] }> {
  const known = episodesByKey(stored);
  const bySegment = metricsBySegment(rules);
  const refolds = new Map<string, Refold>();
  const pending: PendingBreach[] = [];
  for (const [index, { window, metric, since }] of changed.entries()) {
    const folding = createFolding({ model, window, since }, rules, known, earlier[index] ?? []);
    for await (const rows of readRows(lane, { model, window, metric, bySegment }, since))
      for (const row of rows) folding.push(row);
    for (const [key, fold] of folding.folds) {
      refolds.set(key, { since, episodes: fold.episodes() });
      const breach = fold.pending();
      if (breach !== null) pending.push(breach);
    }
  }
  return { refolds, pending };
}

/** Hands rows to the folds of the rules that look at them. */
function createFolding(
  { since, ...place }: { readonly model: string; readonly window: string; readonly since: number },
  rules: readonly EffectiveRule[],
  known: ReadonlyMap<string, readonly Episode[]>,
  earlier: readonly JudgedRow[],
) {
  const folds = new Map<string, EpisodeFold>();
  const before = new Map<string, JudgedRow[]>();
  for (const row of earlier) {
    const rows = before.get(seriesKey(row)) ?? [];
    rows.push(row);
    before.set(seriesKey(row), rows);
  }
  const foldOf = (rule: EffectiveRule, row: JudgedRow): EpisodeFold => {
    const key = keyOfRow(rule, place, row);
    const begun = folds.get(key);
    if (begun !== undefined) return begun;
    const fold = foldEpisodes(rule, place, openEpisodeAt(known.get(key) ?? [], since), since);
    for (const warm of before.get(seriesKey(row)) ?? []) fold.warm(warm);
    folds.set(key, fold);
    return fold;
  };
  return {
    folds,
    push(row: JudgedRow) {
      for (const rule of rules) if (ruleApplies(rule, place.window, row)) foldOf(rule, row).push(row);
    },
  };
}

const seriesKey = (row: JudgedRow): string =>
  JSON.stringify([row.subject_kind, row.subject, row.version, row.variant, row.segment ?? ""]);

/** Whether an episode goes on that no incident has yet. */
function hasNew(episodes: readonly Episode[], records: readonly IncidentRecord[]): boolean {
  const known = new Set(records.flatMap((record) => record.episodes.map(memberKey)));
  return episodes.some((episode) => !known.has(memberKey(episode)));
}

/** As the store has them; where nothing is new, as they were known. */
async function explanationsOf(
  lane: Lane,
  model: string,
  shortest: ShortestWindow,
  episodes: readonly Episode[],
  records: readonly IncidentRecord[],
  isChanged: boolean,
) {
  const known = records.flatMap(({ incident }) =>
    (incident.explanations ?? []).filter(
      ({ model: of, kind }) => of === model && kind !== "accepted" && kind !== "whole",
    ),
  );
  const drifting = episodes.filter(({ subject_kind, cleared }) => subject_kind !== "kpi" && cleared === null);
  if (!isChanged || drifting.length === 0) return known;
  const onset = Math.min(...drifting.map((episode) => Math.min(episode.onset, episode.fired.window_start)));
  return [...(await readExplanations(lane, model, shortest, onset)), ...known];
}
