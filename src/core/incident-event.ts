/** An incident's news as a CloudEvent (1.0), the same over HTTP and on a Kafka topic. A retry has the same id and the same bytes. */
import type { Notification } from "./delivery.ts";
import { messageBody } from "./webhook-body.ts";

export const CLOUD_EVENTS_JSON = "application/cloudevents+json; charset=utf-8";

/** In structured mode: the whole event is one JSON text. */
export function incidentEvent(notification: Notification): Record<string, unknown> {
  const { idempotencyKey, transition, incident } = notification;
  return {
    specversion: "1.0",
    id: idempotencyKey,
    source: `/driftline/models/${encodeURIComponent(incident.model)}`,
    type: `io.driftline.incident.${transition}`,
    subject: incident.incident_id,
    time: new Date(happenedAt(notification)).toISOString(),
    datacontenttype: "application/json",
    data: messageBody(notification),
  };
}

/** In event time: the end of the window that brought it about, as far as the incident tells. */
export function happenedAt({ transition, incident }: Notification): number {
  if (transition === "opened") return incident.opened_at;
  if (incident.resolved_at !== null) return incident.resolved_at;
  return Math.max(incident.opened_at, ...incident.members.map((member) => member.window_end));
}
