/** An incident's news, a digest or a model's state as a CloudEvent (1.0), the same over HTTP and on a Kafka topic. A retry has the same id and the same bytes. */
import { isDigest, isState, type Message, type Notification } from "./delivery.ts";
import { messageBody } from "./webhook-body.ts";

export const CLOUD_EVENTS_JSON = "application/cloudevents+json; charset=utf-8";

/** In structured mode: the whole event is one JSON text. */
export function messageEvent(message: Message): Record<string, unknown> {
  return {
    specversion: "1.0",
    id: message.idempotencyKey,
    ...aboutOf(message),
    datacontenttype: "application/json",
    data: messageBody(message),
  };
}

function aboutOf(message: Message) {
  if (isDigest(message)) {
    const { name, date, to } = message.digest;
    return {
      source: `/driftline/digests/${encodeURIComponent(name)}`,
      type: "io.driftline.digest",
      subject: date,
      time: new Date(to).toISOString(),
    };
  }
  if (isState(message)) {
    const { state, changed_at } = message;
    return {
      source: `/driftline/models/${encodeURIComponent(state.model)}`,
      type: "io.driftline.model.state",
      subject: state.state,
      time: new Date(changed_at).toISOString(),
    };
  }
  const { transition, incident } = message;
  return {
    source: `/driftline/models/${encodeURIComponent(incident.model)}`,
    type: `io.driftline.incident.${transition}`,
    subject: incident.incident_id,
    time: new Date(happenedAt(message)).toISOString(),
  };
}

/** In event time: the end of the window that brought it about, as far as the incident tells. */
export function happenedAt({ transition, incident }: Notification): number {
  if (transition === "opened") return incident.opened_at;
  if (incident.resolved_at !== null) return incident.resolved_at;
  return Math.max(incident.opened_at, ...incident.members.map((member) => member.window_end));
}
