/** Sends a marked test through a configured channel or action, once, and says what was answered. Nothing of it is stored. */
import { randomUUID } from "node:crypto";
import { namedActions } from "../act/named-actions.ts";
import { secretsOf } from "../config/redact.ts";
import type { Config } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import type { Delivery, Notification, Send } from "../core/delivery.ts";
import { DriftlineError } from "../core/errors.ts";
import type { Incident, IncidentTransition } from "../core/incident.ts";
import { createDrawPng } from "../core/picture/png.ts";
import { redact } from "../deliver/redact.ts";
import { channelTarget, mirroringChannels, openChannels } from "../notify/notify.ts";
import { predictionsTable } from "../store/model-tables.ts";

const TIMEOUT_MS = 15_000;
/** Characters of a request that are shown. */
const SHOWN = 20_000;

export interface TestAnswer {
  readonly delivered: boolean;
  /** What happened, for people; without secrets. */
  readonly lines: readonly string[];
}

/** A channel that shows the state of incidents is told of the end of the test too, so that none stays open there. */
export async function testChannel(config: Config, name: string, clock: Clock): Promise<TestAnswer> {
  const send = openChannels(config, { draw: createDrawPng(() => undefined) }).get(channelTarget(name));
  if (send === undefined)
    throw new DriftlineError("channel_unknown", unknown("channel", name, Object.keys(config.channels)));
  const incident = testIncident(config.models[0]?.name ?? "test", `a test of the channel ${name}`, clock);
  const first = await attempt(send, notificationOf(incident, "opened"));
  const answers = [{ what: `test sent to ${name}`, answer: first }];
  if (first.status === "delivered" && mirroringChannels(config).has(name)) {
    const ended = { ...incident, state: "resolved" as const, resolved_at: clock.now() };
    answers.push({
      what: `end of the test sent to ${name}`,
      answer: await attempt(send, notificationOf(ended, "resolved"), first.thread),
    });
  }
  return {
    delivered: answers.every(({ answer }) => answer.status === "delivered"),
    lines: answers.map(({ what, answer }) => `${what}: ${answerText(answer, config)}`),
  };
}

/** @param really false: the request is made and shown, and goes nowhere */
export async function testAction(
  config: Config,
  { name, model, really }: { readonly name: string; readonly model: string; readonly really: boolean },
  clock: Clock,
): Promise<TestAnswer> {
  const chosen = config.models.find((one) => one.name === model);
  if (chosen === undefined)
    throw new DriftlineError(
      "not_found",
      unknown(
        "model",
        model,
        config.models.map((one) => one.name),
      ),
    );
  const actions = namedActions(chosen);
  const action = actions.find((one) => one.name === name);
  if (action === undefined)
    throw new DriftlineError(
      "channel_unknown",
      unknown(
        `action of ${model}`,
        name,
        actions.map((one) => one.name),
      ),
    );
  const incident = testIncident(model, `a test of the action ${name}`, clock);
  const notification = withRequest(notificationOf(incident, "opened"), model);
  if (really) {
    const answer = await attempt(action.action.open(action.options), notification);
    return { delivered: answer.status === "delivered", lines: [`test sent to ${name}: ${answerText(answer, config)}`] };
  }
  const requests = await requestsOf(() => attempt(action.action.open(action.options), notification));
  const shown = requests.map((text) => hidden(text, config).slice(0, SHOWN));
  return {
    delivered: true,
    lines: [`a dry run: nothing was sent (--really sends it). ${name} would ask:`, ...shown],
  };
}

const unknown = (what: string, name: string, known: readonly string[]): string =>
  `there is no ${what} called ${name.slice(0, 100)}; ${known.length === 0 ? "none is configured" : `there is ${known.join(", ")}`}`;

function testIncident(model: string, what: string, clock: Clock): Incident {
  const now = clock.now();
  return {
    incident_id: randomUUID(),
    test: true,
    model,
    window: "test",
    severity: "info",
    state: "firing",
    onset: now,
    opened_at: now,
    resolved_at: null,
    members: [],
    title: `TEST: ${what}; nothing is wrong`,
  };
}

const notificationOf = (incident: Incident, transition: IncidentTransition): Notification => ({
  idempotencyKey: randomUUID(),
  transition,
  incident,
  title: `${incident.title}${transition === "resolved" ? " (end of the test)" : ""}`,
  lines: [
    "TEST: this message was sent by hand, with `driftline test`, to see whether messages arrive.",
    "It belongs to no incident, and nobody need do anything.",
  ],
  link: "",
});

function withRequest(notification: Notification, model: string): Notification {
  const data = { store: "test", predictions_table: predictionsTable(model), labels_table: "labels" };
  const retraining_id = notification.idempotencyKey;
  return {
    ...notification,
    title: `TEST: retrain ${model}; nothing is wrong`,
    retraining: { retraining_id, report_url: "", reference: null, data },
  };
}

function attempt(send: Send, notification: Notification, thread?: string): Promise<Delivery> {
  return send(notification, AbortSignal.timeout(TIMEOUT_MS), thread);
}

function answerText(answer: Delivery, config: Config): string {
  if (answer.status === "delivered") return hidden(`delivered${answer.receipt ? `: ${answer.receipt}` : ""}`, config);
  return hidden(`FAILED: ${answer.reason}${answer.retryable ? " (it would be tried again)" : ""}`, config);
}

const hidden = (text: string, config: Config): string =>
  secretsOf(config)
    .filter((secret) => secret.length >= 4)
    .reduce((safe, secret) => safe.replaceAll(secret, "[secret]"), text);

/** The requests that something makes over HTTP, none of which leaves: each is answered with an empty 200. */
async function requestsOf(make: () => Promise<unknown>): Promise<string[]> {
  const requests: string[] = [];
  const reachOut = globalThis.fetch;
  globalThis.fetch = (input, options) => {
    const address = input instanceof Request ? input.url : String(input);
    const body = typeof options?.body === "string" ? pretty(options.body) : "";
    requests.push(`${options?.method ?? "GET"} ${redact(address)}\n${body}`);
    return Promise.resolve(new Response("{}", { status: 200, headers: { "content-type": "application/json" } }));
  };
  try {
    await make();
  } finally {
    globalThis.fetch = reachOut;
  }
  return requests;
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
