/** Triggers and resolves PagerDuty alerts through the Events API v2. The incident's id is the key, so an alert is one and ends by itself. */
import { z } from "zod";
import { defineTarget, isOver, type Notification } from "../../core/delivery.ts";
import { postOnce } from "../../core/http-delivery.ts";
import type { Severity } from "../../core/incident.ts";
import { happenedAt } from "../../core/message-event.ts";
import { share } from "../../core/picture/picture.ts";
import { cutText, oneLine } from "../../core/plain-text.ts";

/** PagerDuty's limit of a summary, in characters. */
const SUMMARY_MAX = 1024;
/** What takes part and is named; an event may have 512 KB. */
const NAMED_MAX = 100;

const severities: Readonly<Record<Severity, string>> = { page: "critical", ticket: "warning", info: "info" };

export const pagerduty = defineTarget({
  name: "pagerduty",
  title: "PagerDuty",
  description:
    "Sends events to a service's Events API v2 integration. `page` becomes critical, `ticket` warning, `info` info. The incident's id is the `dedup_key`: reminders and escalations go to the same alert, its end resolves it.",
  options: z.strictObject({
    routing_key: z.string().min(1).meta({ secret: true }).describe("Integration key of the service."),
    api_url: z
      .url({ protocol: /^https?$/ })
      .default("https://events.pagerduty.com/v2/enqueue")
      .describe("Events API; `https://events.eu.pagerduty.com/v2/enqueue` in the EU."),
  }),
  mirrors: true,
  open: ({ routing_key, api_url }) => {
    return async (notification, signal) =>
      await postOnce(
        fetch,
        {
          url: api_url,
          headers: { "content-type": "application/json", "idempotency-key": notification.idempotencyKey },
          body: JSON.stringify({ routing_key, ...event(notification) }),
        },
        signal,
      );
  },
});

function event(notification: Notification): Record<string, unknown> {
  const { incident, link, content } = notification;
  const key = { dedup_key: incident.incident_id, client: "Driftline", ...(link === "" ? {} : { client_url: link }) };
  if (isOver(notification)) return { event_action: "resolve", ...key };
  return {
    event_action: "trigger",
    ...key,
    payload: {
      summary: cutText(oneLine(notification.title), SUMMARY_MAX),
      source: incident.model,
      severity: severities[incident.severity],
      timestamp: new Date(happenedAt(notification)).toISOString(),
      component: incident.model,
      group: incident.window,
      class: incident.members[0]?.metric ?? "drift",
      custom_details: details(notification),
    },
    links: (content?.links ?? []).map(({ label, url }) => ({ href: url, text: label })),
  };
}

function details({ lines, content, incident }: Notification): Record<string, unknown> {
  const labels = incident.labels === undefined ? {} : { labels: incident.labels };
  if (content === undefined) return { lines, ...labels };
  const left = content.movedCount - Math.min(content.moved.length, NAMED_MAX);
  return {
    summary: content.summary,
    ...Object.fromEntries(content.facts.map(({ label, value }) => [label, value])),
    ...labels,
    "what takes part": content.moved.slice(0, NAMED_MAX).map(({ sentence }) => sentence),
    ...(left > 0 ? { "and more": left } : {}),
    ...(content.changed.length === 0
      ? {}
      : {
          "what changed": content.changed.map(
            ({ what, before, after }) => `${what}: ${share(before)} to ${share(after)}`,
          ),
        }),
    ...(content.why.length === 0 ? {} : { why: content.why }),
  };
}
