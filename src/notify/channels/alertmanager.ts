/**
 * Shows open incidents as alerts of Alertmanager (API v2), so that a team's own routes, groups, mute times and silences serve. An alert
 * lasts for four rounds of being told again; an incident that is over ends it at once.
 */
import { z } from "zod";
import { type Delivery, defineTarget, isOver, type Notification } from "../../core/delivery.ts";
import { postOnce } from "../../core/http-delivery.ts";
import { headersOption } from "../../core/http-options.ts";
import { type Severity, severities, severityRank } from "../../core/incident.ts";
import { share } from "../../core/picture/picture.ts";

/** Rounds that may fail before an alert ends of itself. */
const ROUNDS = 4;
/** Sentences of an annotation; templates put annotations into mails and chats, which cut them. */
const SENTENCES_MAX = 20;

const options = z.strictObject({
  urls: z
    .array(
      z
        .url({ protocol: /^https?$/ })
        .regex(/^https?:\/\/[^/@]*(?:\/|$)/, "an address without user and password; put these into headers"),
    )
    .min(1)
    .max(16)
    .describe(
      "Address of every Alertmanager of the cluster, with its path prefix if it has one. All are told: behind a load balancer the others would not know.",
    ),
  headers: headersOption(),
  labels: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "a label name"), z.string().min(1))
    .default({})
    .describe("Further labels for your routes, for example `team: ml`."),
  severities: z
    .strictObject({
      page: z.string().min(1).default("critical").describe("For incidents that page."),
      ticket: z.string().min(1).default("warning").describe("For tickets."),
      info: z.string().min(1).default("info").describe("For what only informs."),
    })
    .prefault({})
    .describe("Value of the label `severity`."),
  resend_seconds: z
    .int()
    .min(1)
    .max(3600)
    .default(60)
    .describe("Seconds after which an open incident is sent again; an alert ends of itself after four times that."),
});
type Options = z.output<typeof options>;

export const alertmanager = defineTarget({
  name: "alertmanager",
  title: "Alertmanager",
  description:
    "Posts alerts to `/api/v2/alerts`, with the labels `alertname: DriftlineIncident`, `model`, `window`, `severity` and `incident`, those of the model and its `owner`. Values stand in annotations and never in labels. Delivered once one Alertmanager has taken it.",
  options,
  mirrors: true,
  refreshMs: ({ resend_seconds }) => resend_seconds * 1000,
  open: (settings) => {
    const addresses = settings.urls.map((url) => `${url.replace(/\/+$/, "")}/api/v2/alerts`);
    return async (notification, signal) => {
      const body = JSON.stringify(alerts(notification, settings, Date.now()));
      const headers = { ...settings.headers, "content-type": "application/json" };
      const answers = await Promise.all(addresses.map((url) => postOnce(fetch, { url, headers, body }, signal)));
      return together(answers);
    };
  },
});

/** One that took it is enough: the others are told again in the next round, and end the alert by its own end. */
function together(answers: readonly Delivery[]): Delivery {
  const taken = answers.filter(({ status }) => status === "delivered").length;
  if (taken > 0) return { status: "delivered", receipt: `${taken} of ${answers.length} Alertmanagers` };
  const failed = answers.filter((answer) => answer.status === "failed");
  const waits = failed.flatMap(({ retryAfterMs }) => retryAfterMs ?? []);
  return {
    status: "failed",
    retryable: failed.some(({ retryable }) => retryable),
    reason: failed[0]?.reason ?? "no Alertmanager",
    ...(waits.length === 0 ? {} : { retryAfterMs: Math.max(...waits) }),
  };
}

function alerts(notification: Notification, settings: Options, now: number): Record<string, unknown>[] {
  const { incident, link, transition } = notification;
  const over = isOver(notification);
  const alert = (severity: Severity, endsAt: number) => ({
    labels: {
      ...settings.labels,
      ...incident.labels,
      ...(incident.owner === undefined ? {} : { owner: incident.owner }),
      alertname: "DriftlineIncident",
      model: incident.model,
      window: incident.window,
      severity: settings.severities[severity],
      incident: incident.incident_id,
      ...(incident.test === undefined ? {} : { test: "true" }),
    },
    annotations: annotations(notification),
    // Event time may run ahead of the clock, and an alert must not end before it starts.
    startsAt: new Date(Math.min(incident.opened_at, now)).toISOString(),
    endsAt: new Date(endsAt).toISOString(),
    ...(link === "" ? {} : { generatorURL: link }),
  });
  const present = alert(incident.severity, over ? now : now + ROUNDS * settings.resend_seconds * 1000);
  // The severity is a label, and labels are an alert's identity: where it rose, the alert under the lesser one ends.
  const lesser = severities.filter(
    (severity) =>
      severityRank(severity) < severityRank(incident.severity) &&
      settings.severities[severity] !== settings.severities[incident.severity] &&
      incident.members.some((member) => member.severity === severity),
  );
  const ended = transition === "escalated" || over ? lesser : [];
  return [present, ...ended.map((severity) => alert(severity, now))];
}

function annotations({ title, lines, content, link }: Notification): Record<string, string> {
  const sentences = content?.moved.slice(0, SENTENCES_MAX).map(({ sentence }) => sentence) ?? lines;
  const left = (content?.movedCount ?? 0) - sentences.length;
  const changed = (content?.changed ?? []).map(
    ({ what, before, after }) => `${what}: ${share(before)} to ${share(after)}`,
  );
  const named = (content?.facts ?? []).map(({ label, value }) => [label.toLowerCase().replaceAll(" ", "_"), value]);
  return {
    summary: title,
    description: [...sentences, ...(content !== undefined && left > 0 ? [`and ${left} more`] : [])].join("\n"),
    ...Object.fromEntries(named),
    ...(changed.length === 0 ? {} : { changed: changed.join("\n") }),
    ...(content === undefined || content.why.length === 0 ? {} : { why: content.why.join("\n") }),
    ...(link === "" ? {} : { link }),
  };
}
