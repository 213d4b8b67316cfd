/**
 * Telling people: which changes of an incident go to which channels, and in which words. The outbox does the sending.
 *
 * The stages, in order: is it a change that is told at all, does the model want it told, then one delivery per channel.
 */

import type { Planner } from "../alert/alerting.ts";
import { beginningSentence, onsetSentence } from "../alert/beginning-text.ts";
import { causeSentences } from "../alert/cause-text.ts";
import { memberSentence, mutedSentences, plainName, plainTime, transitionWord } from "../alert/incident-text.ts";
import { channelsFor, type Route } from "../config/routes.ts";
import type { Config, ModelConfig } from "../config/schema.ts";
import {
  isOver,
  type Notification,
  type PlannedDelivery,
  type SendMessage,
  type TargetTools,
} from "../core/delivery.ts";
import { DriftlineError } from "../core/errors.ts";
import { contentUuid } from "../core/identity.ts";
import {
  type Incident,
  type IncidentChange,
  type IncidentTransition,
  modelsOf,
  type RetrainedVersion,
  retrainedVersions,
} from "../core/incident.ts";
import type { Link } from "../core/message.ts";
import type { Picture } from "../core/picture/picture.ts";
import { readTargets } from "../deliver/delivery-store.ts";
import type { Lane } from "../store/store.ts";
import { channels } from "./channels/index.ts";
import { contentOf, isRemoved, REMOVED_WORDS } from "./message-content.ts";

/** Members named in a message; the page has them all. */
const LINES_MAX = 20;
/** Causes named in a message. */
const CAUSES_MAX = 3;

/** Key of a channel in the outbox. */
export const channelTarget = (name: string): string => `channel ${name}`;

/** Names of the channels of a configuration that have been told of an incident, by what lies in the outbox. */
export function createToldBefore(lane: Lane, { channels: known }: Pick<Config, "channels">) {
  return async ({ incident_id }: Incident): Promise<readonly string[]> => {
    const targets = new Set(await readTargets(lane, incident_id));
    return Object.keys(known).filter((name) => targets.has(channelTarget(name)));
  };
}

/** Opens every configured channel. @throws DriftlineError `channel_unknown` */
export function openChannels(config: Pick<Config, "channels">, tools: TargetTools = {}): Map<string, SendMessage> {
  return new Map(
    chosenChannels(config).map(({ name, channel, settings }) => [channelTarget(name), channel.open(settings, tools)]),
  );
}

/** How often an open incident is told again to targets whose receivers forget, in milliseconds, by key in the outbox. */
export function channelRefreshes(config: Pick<Config, "channels">): Map<string, number> {
  return new Map(
    chosenChannels(config).flatMap(({ name, channel, settings }): [string, number][] => {
      const refreshMs = channel.refreshMs(settings);
      return refreshMs === null ? [] : [[channelTarget(name), refreshMs]];
    }),
  );
}

/** Names of the channels that show the state of incidents: they are told of every end. */
export function mirroringChannels(config: Pick<Config, "channels">): Set<string> {
  return new Set(chosenChannels(config).flatMap(({ name, channel }) => (channel.mirrors ? [name] : [])));
}

/** Every configured channel, with its kind and its own options. @throws DriftlineError `channel_unknown` */
export function chosenChannels(config: Pick<Config, "channels">) {
  return Object.entries(config.channels).map(([name, { use, ...settings }]) => {
    const channel = channels.find((candidate) => candidate.name === use);
    if (channel === undefined)
      throw new DriftlineError("channel_unknown", `channels.${name}: there is no channel "${use}"`);
    return { name, channel, settings };
  });
}

/** What goes along with messages; each may be left out. */
export interface NotifyOptions {
  /** Names of channels that are told of an end also where `send_resolved` is off. */
  readonly mirroring?: ReadonlySet<string>;
  readonly routes?: readonly Route[];
  /** Names of the channels that have been told of an incident and still are there. */
  readonly toldBefore?: (incident: Incident) => Promise<readonly string[]>;
  /** Further links of an incident; none where the service has no public address. */
  readonly links?: (incident: Incident) => readonly Link[];
  /** Pictures of an incident; asked once per change that is told. Must not throw. */
  readonly illustrate?: (incident: Incident) => Promise<readonly Picture[]>;
}

/** @param link address of an incident's page, '' where the service has no public address */
export function createNotify(
  models: readonly ModelConfig[],
  link: (incident: Incident) => string,
  { mirroring = new Set(), links, illustrate, routes, toldBefore }: NotifyOptions = {},
): Planner {
  const byName = new Map(models.map((model) => [model.name, model]));
  return async (change) => {
    const { told, incident } = change;
    if (told === null) return { deliveries: [] };
    // An incident of several models is told once at each channel, however many of them name it.
    const names = new Set<string>();
    const before = (await toldBefore?.(incident)) ?? [];
    for (const model of modelsOf(incident)) {
      const of = byName.get(model);
      if (of === undefined) continue;
      // Who was told goes on to be told, wherever the routes now lead: an alert that is never ended stays for ever.
      for (const name of [...channelsFor(of, incident.severity, routes), ...before])
        if (told !== "resolved" || of.alerts.send_resolved || mirroring.has(name)) names.add(name);
    }
    // Of models that the configuration has no more: whoever was told of it.
    if (isRemoved(incident, told) && !modelsOf(incident).some((model) => byName.has(model)))
      for (const name of before) names.add(name);
    if (names.size === 0) return { deliveries: [] };
    const address = link(incident);
    const content = contentOf(incident, told, {
      links: [...(address === "" ? [] : [{ label: "Open the incident", url: address }]), ...(links?.(incident) ?? [])],
      pictures: (await illustrate?.(incident)) ?? [],
      model: byName.get(incident.model),
      news: retrainedLines(incident, told),
    });
    return {
      deliveries: [...names].map((name) => plan(change, told, channelTarget(name), { link: address, content })),
    };
  };
}

function plan(
  change: IncidentChange,
  transition: IncidentTransition,
  target: string,
  more: Pick<Notification, "link" | "content">,
): PlannedDelivery {
  const { incident, occurrence, sequence } = change;
  const deliveryId = contentUuid("delivery", incident.incident_id, transition, occurrence, target);
  return {
    deliveryId,
    kind: "channel",
    target,
    sequence,
    notification: { ...notificationOf(change, transition, deliveryId, more.link), ...more },
  };
}

/** A change in words. */
export function notificationOf(
  change: IncidentChange,
  transition: IncidentTransition,
  idempotencyKey: string,
  link: string,
): Notification {
  const { incident } = change;
  const news = incident.members.filter(({ muted }) => muted === undefined);
  const named = news.slice(0, LINES_MAX).map(memberSentence);
  const left = news.length - named.length;
  return {
    idempotencyKey,
    transition,
    incident,
    title: `${transitionWord(transition, incident)}: ${incident.title}`,
    lines: [
      ...explanation(transition, incident),
      ...retrainedLines(incident, transition),
      ...named,
      ...(left > 0 ? [`and ${left} more`] : []),
      ...mutedSentences(incident.members),
      ...why(incident, transition),
      ...beginningOf(incident, transition),
      `Since ${plainTime(incident.onset)}; opened ${plainTime(incident.opened_at)}${incident.resolved_at === null ? "" : `; over since ${plainTime(incident.resolved_at)}`}.`,
    ],
    link,
  };
}

/** The top causes; not of what is over. */
function why(incident: Incident, transition: IncidentTransition): string[] {
  const { causes } = incident;
  if (causes === undefined || isOver({ transition, incident })) return [];
  return causeSentences(causes, CAUSES_MAX).map((sentence) => `Why: ${sentence}.`);
}

function retrainedLines(incident: Incident, transition: IncidentTransition): string[] {
  const newestFirst = [...retrainedVersions(incident)].sort((a, b) => b.count - a.count);
  const inWords = ({ version, model }: RetrainedVersion) =>
    `version ${plainName(version)}${model === undefined ? "" : ` of ${plainName(model)}`}`;
  const told = newestFirst.find(({ outcome }) => transition !== "reopened" || outcome === "not_recovered");
  if (told === undefined) return [];
  if (transition === "retrained")
    return [`A retraining has brought ${inWords(told)}; it is followed until the numbers are good again.`];
  if (transition === "reopened")
    return [`The retraining did not help: ${inWords(told)} is no better, or its numbers have not come in time.`];
  return transition === "resolved"
    ? newestFirst.map((one) => `With ${inWords(one)}, which a retraining has brought, the numbers are good again.`)
    : [];
}

/** Where to look first; not of what is over. */
function beginningOf(incident: Incident, transition: IncidentTransition): string[] {
  if (transition === "resolved" || transition === "withdrawn") return [];
  return [onsetSentence(incident), beginningSentence(incident)].filter((line) => line !== undefined);
}

function explanation(transition: IncidentTransition, incident: Incident): string[] {
  const { reason } = incident;
  if (isRemoved(incident, transition)) return [REMOVED_WORDS];
  if ((transition === "withdrawn" || transition === "confirmed" || transition === "revised") && reason !== undefined)
    return [`${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`];
  if (transition === "data_missing")
    return ["The newest windows hold too few data to tell whether it goes on. The incident stays open."];
  return [];
}
