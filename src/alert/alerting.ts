/**
 * Alerting: judges the metric rows that are new since the last time, and writes what changed of a model's incidents. Everything it
 * needs lies in the store, so a restart goes on where the last run stopped, and a run that was cut off is repeated with the same ids.
 *
 * Order of writing: deliveries, incidents, then how far it has judged. A crash between two repeats the earlier ones as the same
 * rows; the other way round a crash could leave an incident of which nobody is ever told.
 */
import type { ModelConfig } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import type { PlannedDelivery } from "../core/delivery.ts";
import type { ActionDecision, Incident, IncidentChange, Severity } from "../core/incident.ts";
import type { IncidentBeginning } from "../core/incident-beginning.ts";
import type { CauseReport } from "../core/incident-cause.ts";
import type { Lane } from "../store/store.ts";
import type { IncidentMetrics } from "../telemetry/metrics.ts";
import {
  readChanged,
  readEarlier,
  readEnded,
  readJudged,
  readOpen,
  readRows,
  writeChanges,
  writeJudged,
} from "./alert-store.ts";
import { type Episode, type EpisodeFold, foldEpisodes, memberKey } from "./episode.ts";
import {
  advanceIncidents,
  mergeEpisodes,
  openEpisodeAt,
  type RecordedChange,
  type Refold,
  storedEpisodes,
} from "./incident-machine.ts";
import type { IncidentRecord } from "./incident-record.ts";
import { type EffectiveRule, effectiveRules, type JudgedRow, ruleApplies } from "./rules.ts";

const MINUTE = 60_000;
const HOUR = 3_600_000;

/** What a change leads to: messages and requests to queue, and what was decided about actions. */
export interface Plan {
  readonly deliveries: readonly PlannedDelivery[];
  readonly actions?: readonly ActionDecision[];
}
/** Decides what a change leads to. Notify and act each give one. */
export type Planner = (change: IncidentChange) => Promise<Plan>;

export interface AlertingOptions {
  readonly lane: Lane;
  readonly models: readonly ModelConfig[];
  readonly clock: Clock;
  readonly planners: readonly Planner[];
  /** Puts deliveries into the outbox; the same delivery twice is one. */
  readonly enqueue: (deliveries: readonly PlannedDelivery[]) => Promise<void>;
  /** Why an incident came about, null where nothing can be said; asked when it opens, escalates or fires anew. Must not throw. */
  readonly explain?: (incident: Incident) => Promise<CauseReport | null>;
  /** With which window and event an incident began; asked when it opens. Must not throw. */
  readonly findBeginning?: (incident: Incident) => Promise<IncidentBeginning | null>;
  readonly metrics?: IncidentMetrics;
}

export interface Alerting {
  /**
   * Judges what is new of a model and does what the clock asks for (reminders). Call it after each evaluation, and now and then.
   * Calls for one model run one after the other; a failed call is repeated whole by the next.
   */
  process(model: string): Promise<readonly IncidentChange[]>;
}

export function createAlerting(options: AlertingOptions): Alerting {
  const models = new Map(options.models.map((model) => [model.name, createModelAlerting(options, model)]));
  return {
    process: async (model) => (await models.get(model)?.()) ?? [],
  };
}

type Judge = (
  window: string,
  since: ReadonlyMap<string, number>,
  open: IncidentRecord | undefined,
) => Promise<readonly RecordedChange[]>;

function createModelAlerting(options: AlertingOptions, model: ModelConfig): () => Promise<readonly IncidentChange[]> {
  const { lane } = options;
  const rules = effectiveRules(model);
  const metrics = [...new Set(rules.map((rule) => rule.metric))];
  const judge = createJudge(options, model, rules);
  /** What the last call left; null at first and after a failure. */
  let last: { readonly judged: number | null; readonly anyOpen: boolean } | null = null;

  const run = async (
    judged: number | null,
    anyOpen: boolean,
  ): Promise<{ changes: readonly RecordedChange[]; judged: number | null; open: number }> => {
    const changed = metrics.length === 0 ? [] : await readChanged(lane, model.name, metrics, judged);
    if (changed.length === 0 && !anyOpen) return { changes: [], judged, open: 0 };
    // Read anew each time: a second process by mistake then finds nothing left to do, and does nothing.
    const open = new Map((await readOpen(lane, model.name)).map((record) => [record.incident.window, record]));
    const windows = new Map<string, Map<string, number>>([...open.keys()].map((window) => [window, new Map()]));
    for (const { window, metric, since } of changed) {
      if (!windows.has(window)) windows.set(window, new Map());
      windows.get(window)?.set(metric, since);
    }
    const all: RecordedChange[] = [];
    for (const [window, since] of windows) {
      const changes = await record(options, await judge(window, since, open.get(window)));
      for (const change of changes) {
        if (change.record.incident.state !== "resolved") open.set(window, change.record);
        else if (open.get(window)?.incident.incident_id === change.incident.incident_id) open.delete(window);
      }
      all.push(...changes);
    }
    const through = Math.max(judged ?? 0, ...changed.map((metric) => metric.through));
    if (changed.length > 0 && through !== judged) await writeJudged(lane, model.name, through);
    count(options.metrics, model.name, all, open);
    return { changes: all, judged: changed.length > 0 ? through : judged, open: open.size };
  };

  const once = async () => {
    const { judged, anyOpen } = last ?? { judged: await readJudged(lane, model.name), anyOpen: true };
    last = null;
    const done = await run(judged, anyOpen);
    last = { judged: done.judged, anyOpen: done.open > 0 };
    return done.changes;
  };

  let before: Promise<unknown> = Promise.resolve();
  return () => {
    const call = before.then(once);
    before = call.catch(() => undefined);
    return call;
  };
}

/** Folds the series that have new rows, and asks the incident machine what follows. */
function createJudge(options: AlertingOptions, model: ModelConfig, rules: readonly EffectiveRule[]): Judge {
  const names = new Set(rules.map((rule) => rule.name));
  const lengths = new Map(model.windows.map((window) => [window.name, window.kind === "time" ? window.ms : null]));
  return async (window, since, open) => {
    const length = lengths.get(window) ?? null;
    const mine = rules.filter((rule) => rule.windows === null || rule.windows.includes(window));
    const earlier = new Map<string, readonly JudgedRow[]>();
    let floor = Math.min(...since.values());
    for (const [metric, start] of since) {
      const rows = await readBefore(
        options.lane,
        { model: model.name, window, metric, since: start },
        length,
        mine,
        open,
      );
      earlier.set(metric, rows);
      floor = Math.min(floor, ...rows.slice(0, 1).map((row) => row.window_start));
    }
    const ended = since.size === 0 ? [] : await readEnded(options.lane, model.name, window, floor);
    const records = open === undefined ? ended : [open, ...ended];
    const stored = storedEpisodes(records);
    const refolds = new Map<string, Refold>();
    for (const [metric, start] of since) {
      const folding = createFolding(mine, window, start, stored, earlier.get(metric) ?? []);
      for await (const rows of readRows(options.lane, model.name, window, metric, start))
        for (const row of rows) folding.push(row);
      for (const [key, fold] of folding.folds) refolds.set(key, { since: start, episodes: fold.episodes() });
    }
    return advanceIncidents({
      model: model.name,
      window,
      records,
      episodes: mergeEpisodes(stored, refolds, names),
      rules: names,
      now: options.clock.now(),
      renotifyEveryMs: model.alerts.renotify_every ?? null,
      dataMissingAfterMs: Math.min(Math.max(length ?? HOUR, MINUTE), HOUR),
    });
  };
}

/** The earlier windows that the folds of a metric need: the last M, and the good ones that an open episode has counted. */
async function readBefore(
  lane: Lane,
  at: { readonly model: string; readonly window: string; readonly metric: string; readonly since: number },
  length: number | null,
  rules: readonly EffectiveRule[],
  open: IncidentRecord | undefined,
): Promise<JudgedRow[]> {
  const mine = rules.filter((rule) => rule.metric === at.metric);
  const count = Math.max(1, ...mine.map((rule) => Math.max(rule.of, rule.clearAfter)));
  const begun = (open?.episodes ?? [])
    .filter((episode) => episode.metric === at.metric)
    .map((episode) => episode.fired.window_start);
  const floor = length === null ? 0 : Math.max(0, Math.min(at.since - count * length, ...begun));
  return await readEarlier(lane, { ...at, floor }, count);
}

/** Hands rows to the folds of the rules that look at them. */
function createFolding(
  rules: readonly EffectiveRule[],
  window: string,
  since: number,
  stored: readonly Episode[],
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
    const key = memberKey({ ...row, rule: rule.name });
    const known = folds.get(key);
    if (known !== undefined) return known;
    const fold = foldEpisodes(rule, openEpisodeAt(stored, key, since));
    for (const warm of before.get(seriesKey(row)) ?? []) fold.warm(warm);
    folds.set(key, fold);
    return fold;
  };
  return {
    folds,
    push(row: JudgedRow) {
      for (const rule of rules) if (ruleApplies(rule, window, row.metric, row.subject)) foldOf(rule, row).push(row);
    },
  };
}

const seriesKey = (row: JudgedRow): string =>
  JSON.stringify([row.subject_kind, row.subject, row.version, row.variant, row.segment ?? ""]);

/** Explains, plans and writes changes. What was found and decided goes with the incident from there on. */
async function record(options: AlertingOptions, changes: readonly RecordedChange[]): Promise<RecordedChange[]> {
  const decided = new Map<string, readonly ActionDecision[]>();
  const explained = new Map<string, CauseReport>();
  const began = new Map<string, IncidentBeginning>();
  const recorded: RecordedChange[] = [];
  for (const made of changes) {
    const id = made.incident.incident_id;
    const causes = await causesOf(options, made, explained.get(id) ?? made.incident.causes);
    if (causes !== undefined) explained.set(id, causes);
    const beginning = began.get(id) ?? (await beginningOf(options, made));
    if (beginning !== undefined) began.set(id, beginning);
    const found = { ...(causes === undefined ? {} : { causes }), ...(beginning === undefined ? {} : { beginning }) };
    const change = { ...made, incident: { ...made.incident, ...found } };
    let actions = decided.get(id) ?? change.incident.actions ?? [];
    for (const plan of options.planners) {
      const { deliveries, actions: more = [] } = await plan(change);
      // At once: the cooldown of the next change's action counts this one's.
      if (deliveries.length > 0) await options.enqueue(deliveries);
      actions = [...actions, ...more];
    }
    decided.set(id, actions);
    const incident = actions.length === 0 ? change.incident : { ...change.incident, actions };
    recorded.push({ ...change, incident, record: { ...change.record, incident } });
  }
  if (recorded.length > 0) await writeChanges(options.lane, recorded, options.clock.now());
  return recorded;
}

/** Those that are known, unless a member has fired in a later window than they are of, or more urgently. */
async function causesOf(
  { explain }: AlertingOptions,
  { kind, incident }: RecordedChange,
  known: CauseReport | undefined,
): Promise<CauseReport | undefined> {
  const newest = Math.max(...incident.members.filter(({ firing }) => firing).map((member) => member.window_start));
  const wanted =
    known === undefined
      ? kind === "opened" || kind === "escalated"
      : kind === "escalated" || (incident.state !== "resolved" && newest > known.window_start);
  return wanted ? ((await explain?.(incident)) ?? known) : known;
}

/** As it was found at the opening. */
async function beginningOf(
  { findBeginning }: AlertingOptions,
  { kind, incident }: RecordedChange,
): Promise<IncidentBeginning | undefined> {
  return incident.beginning ?? (kind === "opened" ? ((await findBeginning?.(incident)) ?? undefined) : undefined);
}

function count(
  metrics: IncidentMetrics | undefined,
  model: string,
  changes: readonly RecordedChange[],
  open: ReadonlyMap<string, IncidentRecord>,
): void {
  if (metrics === undefined) return;
  for (const { kind } of changes) if (kind !== "amended") metrics.transition(model, kind);
  const counts: Partial<Record<Severity, number>> = {};
  for (const { incident } of open.values()) counts[incident.severity] = (counts[incident.severity] ?? 0) + 1;
  metrics.open(model, counts);
}
