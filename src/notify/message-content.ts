/** What a message about an incident says, in parts: see core/message.ts. Plain text; channels escape and cut. */
import { onsetInterval, placeText } from "../alert/beginning-text.ts";
import { causeSentences, conditionText, featureSentence } from "../alert/cause-text.ts";
import {
  memberName,
  memberSentence,
  mutedSentences,
  plainName,
  plainNumber,
  plainTime,
} from "../alert/incident-text.ts";
import { budgetText } from "../config/false-alarms.ts";
import type { ModelConfig } from "../config/schema.ts";
import { isOver } from "../core/delivery.ts";
import { isEvidence, PAGE_TIER } from "../core/evidence.ts";
import {
  type Incident,
  type IncidentMember,
  type IncidentTransition,
  MODEL_REMOVED,
  severityRank,
} from "../core/incident.ts";
import type { ChangedValue, Fact, Link, MessageContent, MovedSubject } from "../core/message.ts";
import { figure, type Picture, share } from "../core/picture/picture.ts";

/** Members that a message holds; channels show as many of them as fit. */
const MOVED_MAX = 200;
const CHANGED_MAX = 8;
const CAUSES_MAX = 3;
const SUMMARY_NAMES = 4;

export interface MessageParts {
  readonly links: readonly Link[];
  readonly pictures: readonly Picture[];
  readonly model: Pick<ModelConfig, "false_alarms"> | undefined;
  /** Sentences that come first: what a retraining has come to. */
  readonly news?: readonly string[];
}

export function contentOf(incident: Incident, transition: IncidentTransition, parts: MessageParts): MessageContent {
  // What something else explains is named in a sentence, and is no news of its own.
  const members = ranked(incident.members.filter(({ muted }) => muted === undefined));
  const over = isOver({ transition, incident });
  const why = over || incident.causes === undefined ? [] : causeSentences(incident.causes, CAUSES_MAX);
  return {
    summary: [...(parts.news ?? []), summary(incident, transition, members)].join(" "),
    facts: [...timeFacts(incident), ...(over ? [] : weightFacts(incident, members, parts)), ...ownerFacts(incident)],
    moved: members.slice(0, MOVED_MAX).map((member) => movedSubject(member, members)),
    movedCount: members.length,
    changed: over ? [] : changedValues(incident),
    why: [...mutedSentences(incident.members), ...why.map((sentence) => `${sentence}.`)],
    links: parts.links,
    pictures: parts.pictures,
  };
}

/**
 * What fires before what has cleared, then the more urgent; among these the incident's own order where its members are weighed, else what
 * is furthest beyond its limit.
 */
function ranked(members: readonly IncidentMember[]): IncidentMember[] {
  const weighed = members.every(({ weight }) => weight !== undefined);
  return [...members].sort(
    (a, b) =>
      Number(b.firing) - Number(a.firing) ||
      severityRank(b.severity) - severityRank(a.severity) ||
      (weighed ? 0 : excess(b) - excess(a)),
  );
}

/** How many times its limit a value is; for a limit from below the other way round. 1 where that can't be told. */
function excess({ value, threshold, direction }: IncidentMember): number {
  if (value === null || threshold === null || value <= 0 || threshold <= 0) return 1;
  return direction === "above" ? value / threshold : threshold / value;
}

export const REMOVED_WORDS = "Its model is not in the configuration any more, so nobody can tell whether it goes on.";
/** Whether an incident ends for no other reason than that nobody watches its model any more. */
export const isRemoved = ({ reason }: Incident, transition: IncidentTransition): boolean =>
  transition === "resolved" && reason?.includes(` resolved: ${MODEL_REMOVED}`) === true;

function summary(incident: Incident, transition: IncidentTransition, members: readonly IncidentMember[]): string {
  const [first, ...others] = members;
  const { reason } = incident;
  if (isRemoved(incident, transition)) return REMOVED_WORDS;
  if ((transition === "withdrawn" || transition === "confirmed" || transition === "revised") && reason !== undefined)
    return `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`;
  if (transition === "withdrawn") return "Late data, or a changed rule, show that this should not have opened.";
  if (transition === "data_missing")
    return "The newest windows hold too few data to tell whether it goes on. The incident stays open.";
  if (first === undefined) return plainName(incident.title);
  if (incident.resolved_at !== null)
    return `It began ${plainTime(incident.onset)} and has been over since ${plainTime(incident.resolved_at)}.`;
  const events = `It rests on ${count(first.n)} events`;
  const began = `${events}${isEvidence(first.metric) ? "" : " of a window"} and began ${plainTime(first.onset ?? incident.onset)}.`;
  if (others.length === 0) return began;
  const names = [...new Set(others.map(shortName))];
  const named = names.slice(0, SUMMARY_NAMES);
  const rest = others.length - named.length;
  return `${began} ${others.length} more ${others.length === 1 ? "takes" : "take"} part: ${named.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}.`;
}

/** The subject where it has a name of its own. */
const shortName = (member: IncidentMember): string =>
  member.subject === member.subject_kind ? memberName(member) : plainName(member.subject);

/** Whose the model is. */
function ownerFacts({ owner, labels = {} }: Incident): Fact[] {
  const named = Object.entries(labels).map(([name, value]) => `${name}=${plainName(value)}`);
  return [
    ...(owner === undefined ? [] : [{ label: "Owner", value: plainName(owner) }]),
    ...(named.length === 0 ? [] : [{ label: "Labels", value: named.join(", ") }]),
  ];
}

/** Since when, the window and the event with which it began, and when it was found. */
function timeFacts(incident: Incident): Fact[] {
  const { onset, opened_at, resolved_at, window, members } = incident;
  const isPageTier = window === PAGE_TIER;
  const since = isPageTier ? Math.min(onset, ...members.flatMap((member) => member.onset ?? [])) : onset;
  const { window: first = null, event = null } = incident.beginning ?? {};
  const firstWindow =
    first !== null
      ? `${plainTime(first.window_start)} to ${plainTime(first.window_end)} (windows of ${plainName(first.name)})`
      : isPageTier
        ? null
        : `${plainTime(onset)} (windows of ${plainName(window)})`;
  return [
    { label: "Since", value: `${plainTime(since)}${interval({ onset: since, members })}` },
    ...(firstWindow === null ? [] : [{ label: "First bad window", value: firstWindow }]),
    ...(event === null
      ? []
      : [
          {
            label: "First event",
            value: `${placeText(event)}, of ${plainTime(event.timestamp)}`,
          },
        ]),
    { label: "Found", value: plainTime(opened_at) },
    ...(resolved_at === null ? [] : [{ label: "Over since", value: plainTime(resolved_at) }]),
  ];
}

/** " (between … and …, 95 times in 100)" where it is known. */
function interval(begun: Pick<Incident, "onset" | "members">): string {
  const found = onsetInterval(begun);
  return found === "" ? "" : ` (${found}, 95 times in 100)`;
}

/** How sure it is, how much it matters, and how many events that rests on. */
function weightFacts(incident: Incident, members: readonly IncidentMember[], { model }: MessageParts): Fact[] {
  const [first] = members;
  if (first === undefined) return [];
  return [
    { label: "How sure", value: certainty(first, model) },
    ...impact(incident),
    { label: "Events", value: count(first.n) },
    ...series(first),
  ];
}

function certainty(member: IncidentMember, model: MessageParts["model"]): string {
  if (isEvidence(member.metric)) {
    const budget = model === undefined || model.false_alarms === null ? "" : budgetText(model.false_alarms);
    const promise = budget === "" ? "" : `; at most ${budget.replace(" per ", " false alarm per ")} by design`;
    return `evidence ${figure(member.value ?? 0)} of the ${figure(member.threshold ?? 0)} needed${promise}`;
  }
  if (member.subject_kind === "kpi") return `rule "${plainName(member.rule)}", on ${count(member.n)} events`;
  const times = excess(member);
  return times > 1 ? `${times.toFixed(1)} times the limit, which chance alone does not reach` : "beyond its limit";
}

function impact({ causes, members, severity }: Incident): Fact[] {
  const kpi = causes?.kpi;
  if (kpi !== undefined && kpi !== null) {
    const name = plainName(kpi.metric).replaceAll("_", " ");
    return [{ label: "How much it matters", value: `${name} went from ${figure(kpi.before)} to ${figure(kpi.after)}` }];
  }
  const member = members.find(({ subject_kind, metric }) => subject_kind === "kpi" && !isEvidence(metric));
  if (member !== undefined && member.value !== null && member.threshold !== null) {
    const gap = Math.abs(member.value - member.threshold);
    return [{ label: "How much it matters", value: `${memberName(member)} misses its limit by ${figure(gap)}` }];
  }
  const [costly] = causes?.features ?? [];
  if (causes !== undefined && costly !== undefined)
    return [{ label: "How much it matters", value: featureSentence(costly, causes) }];
  const word = severity === "page" ? "someone should look now" : "no loss of a KPI is known";
  return [{ label: "How much it matters", value: `${severity}: ${word}` }];
}

function series({ version, variant }: IncidentMember): Fact[] {
  const words = [
    ...(version === "" ? [] : [plainName(version)]),
    ...(variant === "" ? [] : [`variant ${plainName(variant)}`]),
  ];
  return words.length === 0 ? [] : [{ label: "Version", value: words.join(", ") }];
}

function movedSubject(member: IncidentMember, members: readonly IncidentMember[]): MovedSubject {
  const evidence = isEvidence(member.metric);
  const peers = members.filter(({ metric }) => metric === member.metric);
  const greatest = Math.max(...peers.map(({ value }) => value ?? 0));
  const comparable = member.subject_kind !== "kpi" && member.direction === "above" && (member.value ?? -1) >= 0;
  return {
    name: memberName(member),
    value: plainNumber(member.value),
    limit: member.threshold === null ? "–" : `${evidence ? "of" : member.direction} ${plainNumber(member.threshold)}`,
    part: comparable && greatest > 0 ? (member.value ?? 0) / greatest : null,
    sentence: memberSentence(member),
    firing: member.firing,
  };
}

function changedValues({ causes }: Incident): ChangedValue[] {
  const moved = (causes?.causes ?? []).filter(
    ({ share_before, share_after }) => share(share_before) !== share(share_after),
  );
  return moved.slice(0, CHANGED_MAX).map(({ conditions, share_before, share_after }) => ({
    what: conditions.map(conditionText).join(" and "),
    before: share_before,
    after: share_after,
  }));
}

const count = (events: number): string => events.toLocaleString("en-US");
