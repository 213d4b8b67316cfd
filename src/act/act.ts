/**
 * Asking machines: whether an incident triggers an action of its model (retraining), and why not where it doesn't. The outbox does
 * the sending, `retrainings.ts` follows what comes of it.
 *
 * An action is asked for when what fires of its model becomes what it waits for (`demand.ts`), be it in an incident that several models
 * share: once an incident, at most once in its cooldown, never while one is in flight, and within its budget. Cooldown and budget are
 * counted in event time, from the opening of the incident (of the model's part in it) that was acted upon: so a replay decides as the
 * first run did, and a restart forgets nothing, since requests lie in the store. That a retraining is asked for is written before
 * anything is sent: a crash repeats it under the same id.
 */
import { createHash } from "node:crypto";
import type { Planner } from "../alert/alerting.ts";
import { createPlans, type Plans } from "../alert/kpi-plans.ts";
import { partOf } from "../alert/model-part.ts";
import { channelsFor, type Route } from "../config/routes.ts";
import type { ModelConfig } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import type { Notification, PlannedDelivery } from "../core/delivery.ts";
import { contentUuid } from "../core/identity.ts";
import {
  type ActionDecision,
  type Incident,
  type IncidentChange,
  modelsOf,
  retrainedVersions,
} from "../core/incident.ts";
import { isCounted, isInFlight, type Retraining, type RetrainingDetail } from "../core/retraining.ts";
import type { RetrainingRequest } from "../core/retraining-evidence.ts";
import { readLastRequest } from "../deliver/delivery-store.ts";
import { eventOf, insertRetrainingEvents, readRetraining, readRetrainings } from "../deliver/retraining-store.ts";
import type { Lane } from "../store/store.ts";
import { demandOf } from "./demand.ts";
import { type NamedAction, namedActions } from "./named-actions.ts";
import { approvalMessage } from "./retraining-messages.ts";

export interface ActOptions {
  readonly lane: Lane;
  readonly models: readonly ModelConfig[];
  readonly routes?: readonly Route[];
  readonly clock: Clock;
  /** Address of an incident's page, '' where the service has no public address. */
  readonly link: (incident: Incident) => string;
  /** Where the service is reached, without a slash at the end; '' where that is not known. */
  readonly publicUrl: () => string;
  /** What goes with a request: reference and place of the data. */
  readonly about: (model: string) => Pick<RetrainingRequest, "reference" | "data">;
  /** A secret that nobody can guess. */
  readonly createToken: () => string;
  /** Whether a channel can ask its readers for approval; left out: every one. */
  readonly canAsk?: (channel: string) => boolean;
  /** Nothing is sent, so nothing comes to its end: of a back-test, which takes every run to be over before the next incident. */
  readonly isRehearsal?: boolean;
}

export const hashToken = (token: string): string => createHash("sha256").update(token).digest("hex");

export function createAct(options: ActOptions): Planner {
  const named = new Map(options.models.map((model) => [model.name, { model, actions: namedActions(model) }]));
  const plans = createPlans(options.models);
  return async (change) => {
    const deliveries: PlannedDelivery[] = [];
    const decisions: ActionDecision[] = [];
    await noteOutcome(options, change);
    for (const model of modelsOf(change.incident)) {
      const found = named.get(model);
      for (const action of found?.actions ?? []) {
        const turn = turnOf(action, change, plans);
        if (turn === null) continue;
        const of = { action: action.name, ...(model === change.incident.model ? {} : { model }) };
        const reason = turn.refused ?? (await refusal(options, action, turn.part));
        if (reason !== null) {
          decisions.push({ ...of, requested: false, reason });
          continue;
        }
        const asked = found === undefined ? [] : channelsFor(found.model, change.incident.severity, options.routes);
        const plan = await ask(options, action, { ...turn, change }, asked);
        deliveries.push(...plan.deliveries);
        decisions.push({ ...of, asked: true, ...plan.decision });
      }
    }
    return { deliveries, actions: decisions };
  };
}

/** Whether the retrainings that an incident was followed for have helped, as it shows. */
async function noteOutcome({ lane, clock }: ActOptions, { kind, incident }: IncidentChange): Promise<void> {
  if (kind !== "resolved" && kind !== "reopened") return;
  for (const { retraining_id, version, outcome } of retrainedVersions(incident)) {
    const retraining = outcome === null ? null : await readRetraining(lane, retraining_id);
    if (retraining === null || outcome === null) continue;
    const message = `version ${version}: the incident ${outcome === "recovered" ? "has resolved" : "goes on"}`;
    await insertRetrainingEvents(lane, [eventOf(retraining, { event: outcome, at: clock.now(), detail: { message } })]);
  }
}

interface Turn {
  /** The incident as far as it is the model's. */
  readonly part: Incident;
  /** Why the action is asked for. */
  readonly reason: string;
  /** Why it is not asked for, before any limit is looked at; null where it may be. */
  readonly refused: string | null;
}

/** Whether a change is one at which something is decided of an action: it is wanted now and was not before, or it is told why not. */
function turnOf(action: NamedAction, { kind, incident, before }: IncidentChange, plans: Plans): Turn | null {
  const part = partOf(incident, action.model);
  if (part === null) return null;
  const wasAsked = before?.actions?.some(
    (one) =>
      one.action === action.name && (one.model ?? incident.model) === action.model && (one.requested || one.asked),
  );
  if (wasAsked === true) return null;
  const earlier = before === null ? null : partOf(before, action.model);
  const joins = earlier === null && before !== null;
  const { isWanted, reason } = demandOf(action, part, plans);
  if (joins && part.state === "resolved")
    return { part, reason, refused: "it was over when the part that this model has in it was found" };
  if (earlier !== null && isWanted && demandOf(action, earlier, plans).isWanted) return null;
  if (isWanted) return { part, reason, refused: null };
  return joins || kind === "opened" || kind === "escalated" ? { part, reason, refused: reason } : null;
}

/** The id leaves out the transition: an action is asked for once per incident. */
const requestId = (action: NamedAction, incident: Incident): string =>
  contentUuid("request", incident.incident_id, action.target);

/** What limits speak against asking for the action, or null if none does. */
async function refusal(options: ActOptions, action: NamedAction, part: Incident): Promise<string | null> {
  const { rules } = action;
  const { opened_at } = part;
  const mine = requestId(action, part);
  const all = await readRetrainings(options.lane, { model: action.model, action: action.name });
  const others = all.filter((retraining) => retraining.retraining_id !== mine);
  const last = await lastRequest(options, action, opened_at, mine, others);
  if (last !== null) return `in cooldown until ${new Date(last + rules.cooldown).toISOString()}`;
  const flying =
    options.isRehearsal === true
      ? undefined
      : others.find((one) => isInFlight(one) && one.asked_at + rules.timeout > options.clock.now());
  if (flying !== undefined) return `one is in flight: ${flying.retraining_id}, ${flying.state.replaceAll("_", " ")}`;
  const month = monthOf(opened_at);
  const spent = others.filter((one) => counts(one, action) && monthOf(one.opened_at) === month).length;
  return spent >= rules.max_per_month ? `${spent} in ${month}, as many as a month may have` : null;
}

const monthOf = (ms: number): string => new Date(ms).toISOString().slice(0, 7);

/** A dry run spends what a real one would have. */
const counts = (one: Retraining, { rules }: NamedAction): boolean =>
  isCounted(one) || (rules.dry_run && one.state === "dry_run");

async function lastRequest(
  { lane }: ActOptions,
  { target, rules }: NamedAction,
  openedAt: number,
  except: string,
  others: readonly Retraining[],
): Promise<number | null> {
  const sent = await readLastRequest(lane, { target, openedAt, cooldownMs: rules.cooldown, except });
  const dry = others
    .filter((one) => rules.dry_run && one.state === "dry_run")
    .map((one) => one.opened_at)
    .filter((opened) => Math.abs(opened - openedAt) < rules.cooldown);
  const all = [...(sent === null ? [] : [sent]), ...dry];
  return all.length === 0 ? null : Math.max(...all);
}

/** Writes down that a retraining is asked for, and says what is to be sent. */
async function ask(
  options: ActOptions,
  action: NamedAction,
  { part, reason, change }: Turn & { readonly change: IncidentChange },
  channels: readonly string[],
): Promise<{
  readonly deliveries: readonly PlannedDelivery[];
  readonly decision: Pick<ActionDecision, "requested" | "reason">;
}> {
  const { sequence } = change;
  const { rules } = action;
  const retraining_id = requestId(action, part);
  const now = options.clock.now();
  const notification = notificationOf(options, action, { part, kind: change.kind }, retraining_id);
  const about = { retraining_id, model: action.model, action: action.name, incident_id: part.incident_id };
  const write = (key: string, detail: RetrainingDetail) =>
    insertRetrainingEvents(options.lane, [
      eventOf({ ...about, opened_at: part.opened_at }, { event: "asked", at: now, key, detail }),
    ]);
  const does = rules.does === "roll_back" ? { does: rules.does } : {};
  const kept = { ...does, notification: JSON.stringify(notification), sequence };
  const request: PlannedDelivery = {
    deliveryId: retraining_id,
    kind: "action",
    target: action.target,
    sequence,
    notification,
  };
  if (rules.dry_run) {
    await write("", { dry_run: true, message: "a dry run: nothing is sent", ...kept });
    return { deliveries: [], decision: { requested: false, reason: `dry run: it would have been ${reason}` } };
  }
  if (!rules.approval) {
    await write("", kept);
    return { deliveries: [request], decision: { requested: true, reason } };
  }
  const until = now + rules.approval_within;
  const token = options.createToken();
  await write(hashToken(token), {
    approval_until: until,
    token_hash: hashToken(token),
    ...kept,
  });
  const link = `${options.publicUrl()}/retrainings/${retraining_id}?token=${token}`;
  return {
    deliveries: channels
      .filter(options.canAsk ?? (() => true))
      .map((channel) => approvalMessage({ channel, action, incident: part, sequence, link, until })),
    decision: { requested: false, reason: `waits for approval until ${new Date(until).toISOString()}` },
  };
}

function notificationOf(
  options: ActOptions,
  { rules }: NamedAction,
  { part, kind }: { readonly part: Incident; readonly kind: IncidentChange["kind"] },
  retrainingId: string,
): Notification {
  const base = options.publicUrl();
  return {
    idempotencyKey: retrainingId,
    transition: kind === "escalated" ? "escalated" : "opened",
    incident: part,
    title: `${rules.does === "retrain" ? "Retrain" : "Roll back"} ${part.model}: ${part.title}`,
    lines: [],
    link: options.link(part),
    retraining: {
      retraining_id: retrainingId,
      report_url: base === "" ? "" : `${base}/v1/retrainings/${retrainingId}`,
      ...options.about(part.model),
    },
  };
}
