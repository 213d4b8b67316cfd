/**
 * The evidence that a retraining system is given: which incident, which windows and features, against which reference, where the data
 * lie, and where to report. Bounded: names come with events, and some receivers take only so much.
 */
import type { Notification } from "./delivery.ts";
import { isEvidence } from "./evidence.ts";
import type { IncidentMember } from "./incident.ts";

/** What the service adds to a notification that asks for a retraining. */
export interface RetrainingRequest {
  readonly retraining_id: string;
  /** Where to report the outcome; '' where the service has no public address. */
  readonly report_url: string;
  readonly reference: { readonly reference_id: string; readonly file: string } | null;
  /** Where the events lie. */
  readonly data: { readonly store: string; readonly predictions_table: string; readonly labels_table: string };
}

/** Members named at most, and characters of a name. */
const MEMBERS_MAX = 50;
const NAME_CHARACTERS_MAX = 200;

const iso = (ms: number): string => new Date(ms).toISOString();
const cut = (text: string): string => text.replace(/[\p{Cc}\p{Cf}]+/gu, " ").slice(0, NAME_CHARACTERS_MAX);

/** The span that the members fired in: from the onset to the end of the last window. */
export function incidentSpan({ incident }: Notification): { readonly from: string; readonly to: string } {
  const ends = incident.members.map((member) => member.window_end);
  return { from: iso(incident.onset), to: iso(Math.max(incident.opened_at, ...ends)) };
}

/** The bundle as JSON; the same for a notification whenever it is made. */
export function retrainingEvidence(notification: Notification) {
  const { incident, link, retraining } = notification;
  const members = incident.members.slice(0, MEMBERS_MAX);
  const { from, to } = incidentSpan(notification);
  return {
    ...(incident.test === undefined ? {} : { test: true }),
    retraining_id: notification.idempotencyKey,
    report_url: retraining?.report_url ?? "",
    model: incident.model,
    versions: [...new Set(members.map((member) => cut(member.version)))],
    incident: {
      id: incident.incident_id,
      title: cut(incident.title),
      severity: incident.severity,
      window: incident.window,
      onset: from,
      opened_at: iso(incident.opened_at),
      link,
    },
    windows: members.map((member) => ({
      metric: cut(member.metric),
      subject: cut(member.subject),
      version: cut(member.version),
      variant: cut(member.variant),
      from: iso(member.window_start),
      to: iso(member.window_end),
      value: member.value,
      limit: member.threshold,
      direction: member.direction,
      events: member.n,
    })),
    features: features(members),
    reference: retraining?.reference ?? null,
    data: retraining === undefined ? null : { ...retraining.data, from, to },
  };
}

/** Features that drifted, each once, in the order of the incident's members. */
function features(members: readonly IncidentMember[]) {
  const named = members.filter((member) => member.subject_kind === "feature");
  return [...new Set(named.map((member) => cut(member.subject)))].map((feature) => {
    const found = named.find((member) => cut(member.subject) === feature && isEvidence(member.metric));
    return { feature, ...(found?.finding === undefined ? {} : { finding: cut(found.finding) }) };
  });
}
