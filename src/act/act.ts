/**
 * Asking machines: whether an incident triggers an action of its model (retraining), and why not where it doesn't. The outbox does
 * the sending.
 *
 * An action is asked for when an incident opens with, or rises to, the severity that the action waits for; at most once in its
 * cooldown. The cooldown is counted in event time, from the opening of the incident that was last acted upon: so a replay decides as
 * the first run did, and a restart forgets nothing, since requests lie in the store.
 */
import { z } from "zod";
import type { Planner } from "../alert/alerting.ts";
import type { Config, ModelConfig } from "../config/schema.ts";
import type { PlannedDelivery, Send } from "../core/delivery.ts";
import { DriftlineError } from "../core/errors.ts";
import { contentUuid } from "../core/identity.ts";
import { type ActionDecision, type Incident, type IncidentChange, severities, severityRank } from "../core/incident.ts";
import { readLastRequest } from "../deliver/delivery-store.ts";
import type { Lane } from "../store/store.ts";
import { actions } from "./actions/index.ts";

/** What every action has beside its own options; those are checked by the action itself. */
const whenSchema = z.looseObject({ use: z.string(), on: z.enum(severities), cooldown: z.number() });
type ActionConfig = z.output<typeof whenSchema>;

interface NamedAction {
  /** "webhook", and "webhook 2" for a second one of the kind. */
  readonly name: string;
  readonly target: string;
  readonly config: ActionConfig;
}

/** The actions of a model under the names that the outbox and people know them by. */
export function namedActions(model: Pick<ModelConfig, "name" | "actions">): readonly NamedAction[] {
  const seen = new Map<string, number>();
  return model.actions.map((written) => {
    const config = whenSchema.parse(written);
    const count = (seen.get(config.use) ?? 0) + 1;
    seen.set(config.use, count);
    const name = count === 1 ? config.use : `${config.use} ${count}`;
    return { name, target: `action ${model.name} ${name}`, config };
  });
}

/** Opens every configured action. @throws DriftlineError `channel_unknown` */
export function openActions(config: Pick<Config, "models">): Map<string, Send> {
  const opened = new Map<string, Send>();
  for (const model of config.models) {
    for (const { target, config: written } of namedActions(model)) {
      const { use, on: _on, cooldown: _cooldown, ...settings } = written;
      const action = actions.find((candidate) => candidate.name === use);
      if (action === undefined)
        throw new DriftlineError("channel_unknown", `models.${model.name}.actions: there is no action "${use}"`);
      opened.set(target, action.open(settings));
    }
  }
  return opened;
}

/** @param link address of an incident's page, '' where the service has no public address */
export function createAct(lane: Lane, models: readonly ModelConfig[], link: (incident: Incident) => string): Planner {
  const named = new Map(models.map((model) => [model.name, namedActions(model)]));
  return async (change) => {
    const deliveries: PlannedDelivery[] = [];
    const decisions: ActionDecision[] = [];
    if (change.kind !== "opened" && change.kind !== "escalated") return { deliveries };
    for (const action of named.get(change.incident.model) ?? []) {
      const reason = await refusal(lane, action, change);
      if (reason === null) deliveries.push(plan(action, change, change.kind, link(change.incident)));
      decisions.push({
        action: action.name,
        requested: reason === null,
        reason: reason ?? `asked at severity ${change.incident.severity}`,
      });
    }
    return { deliveries, actions: decisions };
  };
}

/** The id leaves out the transition: an action is asked for once per incident. */
const requestId = (action: NamedAction, incident: Incident): string =>
  contentUuid("request", incident.incident_id, action.target);

/** Why the action is not asked for, or null if it is. */
async function refusal(lane: Lane, action: NamedAction, change: IncidentChange): Promise<string | null> {
  const { on, cooldown } = action.config;
  const { severity, opened_at } = change.incident;
  if (severityRank(severity) < severityRank(on)) return `severity ${severity} is below ${on}`;
  if (change.severityBefore !== null && severityRank(change.severityBefore) >= severityRank(on))
    return `decided when severity reached ${on}`;
  const except = requestId(action, change.incident);
  const last = await readLastRequest(lane, {
    target: action.target,
    openedAt: opened_at,
    cooldownMs: cooldown,
    except,
  });
  return last === null ? null : `in cooldown until ${new Date(last + cooldown).toISOString()}`;
}

function plan(
  action: NamedAction,
  change: IncidentChange,
  transition: "opened" | "escalated",
  link: string,
): PlannedDelivery {
  const { incident, sequence } = change;
  const deliveryId = requestId(action, incident);
  const notification = {
    idempotencyKey: deliveryId,
    transition,
    incident,
    title: `Retrain ${incident.model}: ${incident.title}`,
    lines: [],
    link,
  };
  return { deliveryId, kind: "action", target: action.target, sequence, notification };
}
