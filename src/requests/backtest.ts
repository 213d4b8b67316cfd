/**
 * A back-test: what a changed configuration would have said of what is stored, beside what was said. It computes in a workspace of its own
 * and never writes to the live tables. Of each model only what the change bears on is computed: the incidents alone where rules have changed,
 * the page tier too where its budget has, all windows where the numbers themselves have.
 */
import { z } from "zod";
import { createAct } from "../act/act.ts";
import { readIncidents } from "../alert/alert-store.ts";
import { createAlerting } from "../alert/alerting.ts";
import type { Config, ModelConfig } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import type { PlannedDelivery } from "../core/delivery.ts";
import type { Incident, Severity } from "../core/incident.ts";
import { insertPlanned } from "../deliver/delivery-store.ts";
import { createEvaluation } from "../evaluate/evaluation.ts";
import { hasStoredValues } from "../evaluate/monitors.ts";
import { hasStoredEvidence, judgeStoredSteps } from "../evaluate/page-tier/again.ts";
import { type PreparedModel, prepareModel } from "../evaluate/prepare-model.ts";
import { createNotify } from "../notify/notify.ts";
import { list, sql } from "../store/sql.ts";
import type { Lane, Store } from "../store/store.ts";
import { eventTables, openWorkspace, referenceTables, type Workspace } from "../store/workspace.ts";

export interface BacktestSpan {
  /** Incidents that open at or after `from` and before `to` are shown, ms; infinite for all. */
  readonly from: number;
  readonly to: number;
}

export interface BacktestIncident {
  readonly id: string;
  readonly model: string;
  readonly window: string;
  readonly severity: Severity;
  readonly title: string;
  readonly opened_at: number;
  readonly resolved_at: number | null;
  /** Times that people are told of it, on each channel. */
  readonly told: number;
}

export interface BacktestSide {
  readonly incidents: readonly BacktestIncident[];
  /** By target, "channel oncall"; of the stored side what was queued. */
  readonly deliveries: Readonly<Record<string, number>>;
}

/** What had to be computed anew. */
export type BacktestDepth = "incidents" | "page tier" | "windows";

export interface BacktestResult {
  readonly computed: Readonly<Record<string, BacktestDepth>>;
  readonly stored: BacktestSide;
  readonly changed: BacktestSide;
  /** The same cause on both sides, where it is on both; in the order of their opening. */
  readonly pairs: readonly { readonly stored: BacktestIncident | null; readonly changed: BacktestIncident | null }[];
  readonly seconds: number;
}

/** @throws DriftlineError where a model's reference can't be read */
export async function backtest(
  store: Store,
  config: Pick<Config, "models"> & Partial<Pick<Config, "routes">>,
  { from, to }: BacktestSpan,
  clock: Clock,
  readLane: Lane,
): Promise<BacktestResult> {
  const began = clock.now();
  const live = store.lane("control");
  const shared = eventTables(config.models.map(({ name }) => name));
  const workspace = await openWorkspace(store, "backtest", shared, began);
  try {
    const computed: Record<string, BacktestDepth> = {};
    for (const model of config.models) computed[model.name] = await compute(live, workspace, model, clock, readLane);
    await judge(workspace.store.lane("evaluate"), config, clock);
    const models = config.models.map(({ name }) => name);
    const span = { from, to, models };
    const stored = await sideOf(live, span);
    const changed = await sideOf(workspace.store.lane("control"), span);
    return {
      computed,
      stored: stored.side,
      changed: changed.side,
      pairs: pairsOf(stored, changed),
      seconds: (clock.now() - began) / 1000,
    };
  } finally {
    await workspace.remove();
  }
}

/** Brings a model's numbers and evidence into the workspace: copied where the configuration gives the stored ones, else computed. */
async function compute(
  live: Lane,
  workspace: Workspace,
  model: ModelConfig,
  clock: Clock,
  readLane: Lane,
): Promise<BacktestDepth> {
  const ofModel = sql`model = ${model.name}`;
  for (const table of referenceTables) await workspace.copy(table, ofModel);
  const lane = workspace.store.lane("evaluate");
  const prepared: PreparedModel = await prepareModel(lane, model, clock, { readLane });
  const parts = [prepared, ...prepared.others];
  if (!(await everyOne(parts, (part) => hasStoredValues(live, part)))) {
    await createEvaluation({ store: workspace.store, models: [prepared], clock }).run({ model: model.name });
    return "windows";
  }
  // Whatever wrote them: they are judged here for the first time.
  await workspace.copy("metrics", ofModel, new Map([["rebuilt", sql`false`]]));
  if (await everyOne(parts, (part) => hasStoredEvidence(live, part))) {
    await workspace.copy("evidence", ofModel);
    return "incidents";
  }
  await workspace.copy("steps", ofModel);
  for (const part of parts) await judgeStoredSteps(lane, part, clock.now());
  return "page tier";
}

/** Of the model's references each. */
async function everyOne(
  parts: readonly PreparedModel[],
  holds: (part: PreparedModel) => Promise<boolean>,
): Promise<boolean> {
  for (const part of parts) if (!(await holds(part))) return false;
  return true;
}

/** Opens and resolves incidents, and queues what people and machines would have got; nothing is sent. */
async function judge(
  lane: Lane,
  { models, routes = [] }: Pick<Config, "models"> & Partial<Pick<Config, "routes">>,
  clock: Clock,
): Promise<void> {
  const alerting = createAlerting({
    lane,
    models,
    clock,
    planners: [createNotify(models, () => "", { routes }), rehearsedAct(lane, models, clock)],
    enqueue: (deliveries: readonly PlannedDelivery[]) => insertPlanned(lane, deliveries, clock.now()),
  });
  for (const { name } of models) await alerting.process(name);
}

/** What would be asked of machines: nobody can approve it, and nothing of it is sent. */
const rehearsedAct = (lane: Lane, models: readonly ModelConfig[], clock: Clock) =>
  createAct({
    lane,
    models,
    clock,
    link: () => "",
    publicUrl: () => "",
    about: () => ({ reference: null, data: { store: "", predictions_table: "", labels_table: "" } }),
    createToken: () => "",
    isRehearsal: true,
  });

interface Side {
  readonly side: BacktestSide;
  readonly incidents: readonly Incident[];
}

async function sideOf(
  lane: Lane,
  { from, to, models }: BacktestSpan & { readonly models: readonly string[] },
): Promise<Side> {
  const incidents = (await readIncidents(lane)).filter(
    ({ model, opened_at }) => models.includes(model) && opened_at >= from && opened_at < to,
  );
  const ids = incidents.map(({ incident_id }) => incident_id);
  const told = await lane.query(
    sql`SELECT toString(incident_id) AS id, uniqExactIf(sequence, transition != 'amended') AS told FROM incidents WHERE incident_id IN ${list(ids)} GROUP BY incident_id`,
    z.object({ id: z.string(), told: z.number() }),
  );
  const deliveries = await lane.query(
    sql`SELECT target, uniqExact(delivery_id) AS n FROM deliveries WHERE incident_id IN ${list(ids)} GROUP BY target ORDER BY target`,
    z.object({ target: z.string(), n: z.number() }),
  );
  const timesTold = new Map(told.map((row) => [row.id, row.told]));
  return {
    incidents,
    side: {
      incidents: incidents.map((incident) => shown(incident, timesTold.get(incident.incident_id) ?? 0)),
      deliveries: Object.fromEntries(deliveries.map(({ target, n }) => [target, n])),
    },
  };
}

const shown = (
  { incident_id, model, window, severity, title, opened_at, resolved_at }: Incident,
  told: number,
): BacktestIncident => ({ id: incident_id, model, window, severity, title, opened_at, resolved_at, told });

/** Of one cause are those whose times overlap and that have a subject in common; each takes the earliest that is left. */
function pairsOf(stored: Side, changed: Side): BacktestResult["pairs"] {
  const left = new Map(changed.side.incidents.map((incident, index) => [index, incident]));
  const pairs: { stored: BacktestIncident | null; changed: BacktestIncident | null }[] = [];
  for (const [index, incident] of stored.side.incidents.entries()) {
    const before = stored.incidents[index];
    const match = [...left.keys()].find((other) => {
      const after = changed.incidents[other];
      return before !== undefined && after !== undefined && isOneCause(before, after);
    });
    pairs.push({ stored: incident, changed: match === undefined ? null : (left.get(match) ?? null) });
    if (match !== undefined) left.delete(match);
  }
  for (const incident of left.values()) pairs.push({ stored: null, changed: incident });
  const opened = (pair: (typeof pairs)[number]) => (pair.stored ?? pair.changed)?.opened_at ?? 0;
  return pairs.sort((a, b) => opened(a) - opened(b));
}

function isOneCause(one: Incident, other: Incident): boolean {
  const end = ({ resolved_at }: Incident) => resolved_at ?? Number.POSITIVE_INFINITY;
  const subjects = new Set(one.members.map(({ subject_kind, subject }) => `${subject_kind}/${subject}`));
  return (
    one.model === other.model &&
    one.onset < end(other) &&
    other.onset < end(one) &&
    other.members.some(({ subject_kind, subject }) => subjects.has(`${subject_kind}/${subject}`))
  );
}
