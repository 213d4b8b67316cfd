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
import { readAllOpen, readChanged, readJudged, readOpen, writeJudged } from "./alert-store.ts";
import type { RecordedChange } from "./incident-changes.ts";
import type { IncidentRecord } from "./incident-record.ts";
import { createJudge, type JudgeOptions } from "./judge.ts";
import { createPlans } from "./kpi-plans.ts";
import { recordChanges } from "./record-changes.ts";
import { endRemoved } from "./removed-models.ts";
import { effectiveRules, metricsBySegment, watchedMetrics } from "./rules.ts";

/** What a change leads to: messages and requests to queue, and what was decided about actions. */
export interface Plan {
  readonly deliveries: readonly PlannedDelivery[];
  readonly actions?: readonly ActionDecision[];
}
/** Decides what a change leads to. Notify and act each give one. */
export type Planner = (change: IncidentChange) => Promise<Plan>;

export interface AlertingOptions extends Omit<JudgeOptions, "plans"> {
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
   * Calls run one after the other, since models may share an incident; a failed call is repeated whole by the next.
   */
  process(model: string, about?: ProcessOptions): Promise<readonly IncidentChange[]>;
  /** Ends what is open of models that the configuration has no more: once, since it changes with the configuration alone. */
  endRemoved(): Promise<readonly IncidentChange[]>;
}

export interface ProcessOptions {
  /** Nothing was evaluated since the last call: then there is nothing to judge, and only what is open has a clock. */
  readonly isQuiet?: boolean;
}

export function createAlerting(options: AlertingOptions): Alerting {
  const models = new Map(options.models.map((model) => [model.name, createModelAlerting(options, model)]));
  let before: Promise<unknown> = Promise.resolve();
  let areRemovedEnded = false;
  const inTurn = (run: () => Promise<readonly IncidentChange[]>) => {
    const call = before.then(run);
    before = call.catch(() => undefined);
    return call;
  };
  return {
    process: (name, { isQuiet = false } = {}) => inTurn(async () => (await models.get(name)?.(isQuiet)) ?? []),
    endRemoved: () =>
      inTurn(async () => {
        if (areRemovedEnded) return [];
        const records = await readAllOpen(options.lane);
        const changes = await recordChanges(options, endRemoved(records, new Set(models.keys())));
        areRemovedEnded = true;
        for (const { incident } of changes) if (!models.has(incident.model)) options.metrics?.open(incident.model, {});
        return changes;
      }),
  };
}

function createModelAlerting(
  options: AlertingOptions,
  model: ModelConfig,
): (isQuiet: boolean) => Promise<readonly IncidentChange[]> {
  const { lane } = options;
  const rules = effectiveRules(model);
  const metrics = watchedMetrics(rules);
  const bySegment = metricsBySegment(rules);
  const judge = createJudge({ ...options, plans: createPlans(options.models) }, model, rules);
  /** What the last call left; null at first and after a failure. */
  let last: { readonly judged: number | null; readonly anyOpen: boolean } | null = null;

  const run = async (
    judged: number | null,
    anyOpen: boolean,
  ): Promise<{ changes: readonly RecordedChange[]; judged: number | null; open: number }> => {
    const changed = metrics.length === 0 ? [] : await readChanged(lane, model.name, metrics, bySegment, judged);
    if (changed.length === 0 && !anyOpen) return { changes: [], judged, open: 0 };
    // Read anew each time: a second process by mistake then finds nothing left to do, and does nothing.
    const records = await readOpen(lane, model.name);
    const changes = await recordChanges(options, await judge(changed, records));
    const through = Math.max(judged ?? 0, ...changed.map((metric) => metric.through));
    if (changed.length > 0 && through !== judged) await writeJudged(lane, model.name, through);
    const open = new Map(records.map((record) => [record.incident.incident_id, record]));
    for (const { record } of changes) {
      if (record.incident.state === "resolved") open.delete(record.incident.incident_id);
      else open.set(record.incident.incident_id, record);
    }
    count(options.metrics, model.name, changes, open);
    return { changes, judged: changed.length > 0 ? through : judged, open: open.size };
  };

  return async (isQuiet) => {
    if (isQuiet && last !== null && !last.anyOpen) return [];
    // Another model may have drawn this one into its incident: only what was found open here is known.
    const { judged, anyOpen } = last ?? { judged: await readJudged(lane, model.name), anyOpen: true };
    last = null;
    const done = await run(judged, anyOpen);
    last = { judged: done.judged, anyOpen: done.open > 0 };
    return done.changes;
  };
}

function count(
  metrics: IncidentMetrics | undefined,
  model: string,
  changes: readonly RecordedChange[],
  open: ReadonlyMap<string, IncidentRecord>,
): void {
  if (metrics === undefined) return;
  for (const { kind } of changes) if (kind !== "amended" && kind !== "disclosed") metrics.transition(model, kind);
  const counts: Partial<Record<Severity, number>> = {};
  for (const { incident } of open.values()) {
    // An incident of several models counts where it was seen first.
    if (incident.state === "pending" || incident.model !== model) continue;
    counts[incident.severity] = (counts[incident.severity] ?? 0) + 1;
  }
  metrics.open(model, counts);
}
