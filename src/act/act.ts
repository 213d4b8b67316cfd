/**
 * Asking machines: whether an incident triggers an action of its model (retraining), and why not where it doesn't. The outbox does
 * the sending, `retrainings.ts` follows what comes of it.
 *
 * An action is asked for when an incident opens with, or rises to, the severity that the action waits for; once an incident, at most once
 * in its cooldown, never while one is in flight, and within its budget. Cooldown and budget are counted in event time, from the opening
 * of the incident that was acted upon: so a replay decides as the first run did, and a restart forgets nothing, since requests lie in
 * the store. That a retraining is asked for is written before anything is sent: a crash repeats it under the same id.
 */
import { createHash } from "node:crypto";
import type { Planner } from "../alert/alerting.ts";
import { channelsFor, type Route } from "../config/routes.ts";
import type { ModelConfig } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import type { Notification, PlannedDelivery } from "../core/delivery.ts";
import { contentUuid } from "../core/identity.ts";
import { type ActionDecision, type Incident, type IncidentChange, severityRank } from "../core/incident.ts";
import { isCounted, isInFlight, type Retraining, type RetrainingDetail } from "../core/retraining.ts";
import type { RetrainingRequest } from "../core/retraining-evidence.ts";
import { readLastRequest } from "../deliver/delivery-store.ts";
import { eventOf, insertRetrainingEvents, readRetraining, readRetrainings } from "../deliver/retraining-store.ts";
import type { Lane } from "../store/store.ts";
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
  return async (change) => {
    const deliveries: PlannedDelivery[] = [];
    const decisions: ActionDecision[] = [];
    await noteOutcome(options, change);
    if (change.kind !== "opened" && change.kind !== "escalated") return { deliveries };
    const found = named.get(change.incident.model);
    for (const action of found?.actions ?? []) {
      const reason = await refusal(options, action, change);
      if (reason !== null) {
        decisions.push({ action: action.name, requested: false, reason });
        continue;
      }
      const plan = await ask(
        options,
        action,
        change,
        found === undefined ? [] : channelsFor(found.model, change.incident.severity, options.routes),
      );
      deliveries.push(...plan.deliveries);
      decisions.push(plan.decision);
    }
    return { deliveries, actions: decisions };
  };
}

/** Whether a retraining has helped, as the incident shows. */
async function noteOutcome({ lane, clock }: ActOptions, { kind, incident }: IncidentChange): Promise<void> {
  const { retrained } = incident;
  if (retrained === undefined || (kind !== "resolved" && kind !== "reopened")) return;
  const retraining = await readRetraining(lane, retrained.retraining_id);
  if (retraining === null) return;
  const event = kind === "resolved" ? "recovered" : "not_recovered";
  const message = `version ${retrained.version}: the incident ${kind === "resolved" ? "has resolved" : "goes on"}`;
  await insertRetrainingEvents(lane, [eventOf(retraining, { event, at: clock.now(), detail: { message } })]);
}

/** The id leaves out the transition: an action is asked for once per incident. */
const requestId = (action: NamedAction, incident: Incident): string =>
  contentUuid("request", incident.incident_id, action.target);

/** Why the action is not asked for, or null if it is. */
async function refusal(options: ActOptions, action: NamedAction, change: IncidentChange): Promise<string | null> {
  const { rules } = action;
  const { severity, opened_at } = change.incident;
  if (severityRank(severity) < severityRank(rules.on)) return `severity ${severity} is below ${rules.on}`;
  if (change.severityBefore !== null && severityRank(change.severityBefore) >= severityRank(rules.on))
    return `decided when severity reached ${rules.on}`;
  if (!fits(action, change.incident)) return "no member that fires is one that it is for (only_for)";
  const mine = requestId(action, change.incident);
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

function fits({ rules }: NamedAction, incident: Incident): boolean {
  const { metrics, subjects, rules: names, windows } = rules.only_for;
  const has = (list: readonly string[] | undefined, value: string) => list === undefined || list.includes(value);
  return incident.members.some(
    (member) =>
      member.firing &&
      has(metrics, member.metric) &&
      has(subjects, member.subject) &&
      has(names, member.rule) &&
      has(windows, incident.window),
  );
}

/** Writes down that a retraining is asked for, and says what is to be sent. */
async function ask(
  options: ActOptions,
  action: NamedAction,
  change: IncidentChange,
  channels: readonly string[],
): Promise<{ readonly deliveries: readonly PlannedDelivery[]; readonly decision: ActionDecision }> {
  const { incident, sequence } = change;
  const { rules } = action;
  const retraining_id = requestId(action, incident);
  const now = options.clock.now();
  const notification = notificationOf(options, change, retraining_id);
  const about = { retraining_id, model: action.model, action: action.name, incident_id: incident.incident_id };
  const write = (key: string, detail: RetrainingDetail) =>
    insertRetrainingEvents(options.lane, [
      eventOf({ ...about, opened_at: incident.opened_at }, { event: "asked", at: now, key, detail }),
    ]);
  const kept = { notification: JSON.stringify(notification), sequence };
  const decided = (requested: boolean, reason: string): ActionDecision => ({ action: action.name, requested, reason });
  const request: PlannedDelivery = {
    deliveryId: retraining_id,
    kind: "action",
    target: action.target,
    sequence,
    notification,
  };
  if (rules.dry_run) {
    await write("", { dry_run: true, message: "a dry run: nothing is sent", ...kept });
    return { deliveries: [], decision: decided(false, "dry run: it would have been asked for") };
  }
  if (!rules.approval) {
    await write("", kept);
    return { deliveries: [request], decision: decided(true, `asked at severity ${incident.severity}`) };
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
      .map((channel) => approvalMessage({ channel, action: action.name, change, link, until })),
    decision: decided(false, `waits for approval until ${new Date(until).toISOString()}`),
  };
}

function notificationOf(options: ActOptions, { kind, incident }: IncidentChange, retrainingId: string): Notification {
  const base = options.publicUrl();
  return {
    idempotencyKey: retrainingId,
    transition: kind === "escalated" ? "escalated" : "opened",
    incident,
    title: `Retrain ${incident.model}: ${incident.title}`,
    lines: [],
    link: options.link(incident),
    retraining: {
      retraining_id: retrainingId,
      report_url: base === "" ? "" : `${base}/v1/retrainings/${retrainingId}`,
      ...options.about(incident.model),
    },
  };
}
