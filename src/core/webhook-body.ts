/** The JSON that webhooks send: the same shape to people and to machines, with times as ISO 8601 text. */
import { isDigest, isState, type Message, type Notification } from "./delivery.ts";
import { digestBody } from "./digest.ts";
import type { IncidentMember } from "./incident.ts";
import type { IncidentBeginning } from "./incident-beginning.ts";
import type { CauseReport } from "./incident-cause.ts";
import { stateBody } from "./model-state.ts";

const iso = (ms: number): string => new Date(ms).toISOString();

/** The same as ISO 8601 text: for the API and for webhooks. */
export function causesBody(report: CauseReport): Record<string, unknown> {
  const text = (ms: number | null) => (ms === null ? null : iso(ms));
  return {
    ...report,
    window_start: iso(report.window_start),
    window_end: iso(report.window_end),
    baseline: {
      ...report.baseline,
      window_start: text(report.baseline.window_start),
      window_end: text(report.baseline.window_end),
    },
    causes: report.causes.map((cause) => ({
      ...cause,
      first_window_start: text(cause.first_window_start),
      first_window_end: text(cause.first_window_end),
    })),
  };
}

/** The same of an incident's first window and event. */
export function beginningBody({ window, event }: IncidentBeginning): Record<string, unknown> {
  return {
    window:
      window === null
        ? null
        : { ...window, window_start: iso(window.window_start), window_end: iso(window.window_end) },
    event: event === null ? null : { ...event, timestamp: iso(event.timestamp) },
  };
}

/** The times of a member's onset as text, where it has them. */
export function onsetBody(member: Pick<IncidentMember, "onset" | "onset_from" | "onset_to">): Record<string, string> {
  return Object.fromEntries(
    (["onset", "onset_from", "onset_to"] as const).flatMap((key) => {
      const ms = member[key];
      return ms === undefined ? [] : [[key, iso(ms)]];
    }),
  );
}

/**
 * What a webhook receives as `incident`: the names of the incident's own fields, times as text. `members` lists every rule and subject
 * that takes part, the firing ones first.
 */
export function incidentBody({ incident, link }: Notification): Record<string, unknown> {
  return {
    id: incident.incident_id,
    ...(incident.test === undefined ? {} : { test: true }),
    model: incident.model,
    ...(incident.models === undefined ? {} : { models: incident.models }),
    window: incident.window,
    ...(incident.owner === undefined ? {} : { owner: incident.owner }),
    ...(incident.labels === undefined ? {} : { labels: incident.labels }),
    severity: incident.severity,
    state: incident.state,
    title: incident.title,
    onset: iso(incident.onset),
    opened_at: iso(incident.opened_at),
    resolved_at: incident.resolved_at === null ? null : iso(incident.resolved_at),
    ...(link === "" ? {} : { link }),
    ...(incident.reason === undefined ? {} : { reason: incident.reason }),
    ...(incident.causes === undefined ? {} : { causes: causesBody(incident.causes) }),
    ...(incident.beginning === undefined ? {} : { beginning: beginningBody(incident.beginning) }),
    ...(incident.explanations === undefined
      ? {}
      : {
          explanations: incident.explanations.map((one) => ({ ...one, since: iso(one.since), until: iso(one.until) })),
        }),
    members: incident.members.map((member) => ({
      ...member,
      ...onsetBody(member),
      window_start: iso(member.window_start),
      window_end: iso(member.window_end),
      fired_at: iso(member.fired_at),
      cleared_at: member.cleared_at === null ? null : iso(member.cleared_at),
    })),
  };
}

/**
 * All that a machine is told: of an incident's change the words, the same in parts, and the incident itself, without pictures; or a digest,
 * or a model's state.
 */
export function messageBody(message: Message): Record<string, unknown> {
  if (isDigest(message)) return digestBody(message);
  if (isState(message)) return stateBody(message);
  const { title, lines, content } = message;
  const parts = content === undefined ? {} : { summary: content.summary, facts: content.facts };
  const more = content === undefined ? {} : { changed: content.changed, why: content.why, links: content.links };
  return { title, ...parts, lines, ...more, incident: incidentBody(message) };
}
