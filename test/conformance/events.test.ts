/** What machines receive, read by the libraries of others: CloudEvents by its SDK, webhooks by the Standard Webhooks library. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CloudEvent, HTTP } from "cloudevents";
import { Webhook } from "standardwebhooks";
import { z } from "zod";
import { incidentTransitions } from "../../src/core/incident.ts";
import { messageEvent } from "../../src/core/message-event.ts";
import type { StateNotification } from "../../src/core/model-state.ts";
import { cloudevents } from "../../src/notify/channels/cloudevents.ts";
import { webhook } from "../../src/notify/channels/webhook.ts";
import { httpAnswers, retryable, SECRET, TOKEN } from "../support/channel-receivers.ts";
import { startHttpReceiver } from "../support/http-receiver.ts";
import { exampleFall, exampleNotification } from "../support/notification.ts";
import { projectFile } from "../support/project-file.ts";

const signal = () => AbortSignal.timeout(10_000);

test("the SDK reads what is posted as one valid CloudEvent, with the names that were given to it", async () => {
  await using server = await startHttpReceiver(() => ({ status: 202 }));
  const send = cloudevents.open({ url: server.url });
  const notification = exampleFall();
  assert.equal((await send(notification, signal())).status, "delivered");
  const [request] = server.requests;
  assert.ok(request !== undefined);
  const event = HTTP.toEvent({ headers: request.headers, body: request.body });
  assert.ok(event instanceof CloudEvent && event.validate());
  assert.deepEqual(
    [event.id, event.type, event.source, event.subject, event.time, event.datacontenttype],
    [
      notification.idempotencyKey,
      "io.driftline.incident.opened",
      "/driftline/models/census",
      notification.incident.incident_id,
      "2017-12-08T00:00:00.000Z",
      "application/json",
    ],
  );
  const data = z.object({
    title: z.string(),
    facts: z.array(z.unknown()),
    incident: z.looseObject({ id: z.string() }),
  });
  assert.equal(data.parse(event.data).incident.id, notification.incident.incident_id);
});

test("every transition, also of a model with a hostile name, is a valid event; a retry is the same event to the last byte", () => {
  for (const transition of incidentTransitions) {
    const base = exampleNotification();
    const incident = {
      ...base.incident,
      model: 'fraud /?#%\r\n"é',
      resolved_at: transition === "resolved" ? 1.6e12 : null,
    };
    const notification = { ...base, transition, incident };
    const event = new CloudEvent(messageEvent(notification));
    assert.ok(event.validate());
    assert.equal(event.type, `io.driftline.incident.${transition}`);
    assert.equal(JSON.stringify(messageEvent(notification)), JSON.stringify(messageEvent(notification)));
  }
});

test("a webhook is verified by the library; with one byte changed it is not", async () => {
  await using server = await startHttpReceiver();
  await webhook.open({ url: server.url, secret: SECRET })(exampleFall(), signal());
  const [request] = server.requests;
  assert.ok(request !== undefined);
  const headers = {
    "webhook-id": String(request.headers["webhook-id"]),
    "webhook-timestamp": String(request.headers["webhook-timestamp"]),
    "webhook-signature": String(request.headers["webhook-signature"]),
  };
  const body = z
    .object({ type: z.string(), data: z.looseObject({}) })
    .parse(new Webhook(SECRET).verify(request.body, headers));
  assert.equal(body.type, "incident.opened");
  assert.throws(() => new Webhook(SECRET).verify(request.body.replace("census", "cenzus"), headers));
});

const state: StateNotification = {
  idempotencyKey: "7f000000-0000-8000-8000-000000000003",
  state: {
    model: "fraud",
    state: "failing",
    reason: "fraud, window 1h: accuracy 0.71 is below 0.8",
    since: "2026-03-02T11:00:00.000Z",
    incidents: ["0d2c5d5e-6b5f-8a1c-9f00-000000000001"],
  },
  sequence: 3,
  previous: "degraded",
  changed_at: Date.UTC(2026, 2, 2, 11, 0, 5),
};

test("a model's state as a webhook: verified by the library, its body as it is kept, and a retry is the same body", async () => {
  await using server = await startHttpReceiver();
  const send = webhook.open({ url: server.url, secret: SECRET });
  for (const _ of [1, 2]) assert.equal((await send(state, signal())).status, "delivered");
  const [request, again] = server.requests;
  assert.ok(request !== undefined);
  assert.equal(request.body, again?.body);
  const headers = Object.fromEntries(
    ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => [name, String(request.headers[name])]),
  );
  assert.equal(headers["webhook-id"], state.idempotencyKey);
  const golden: unknown = JSON.parse(readFileSync(projectFile("test/fixtures/messages/webhook-state.json"), "utf8"));
  assert.deepEqual(new Webhook(SECRET).verify(request.body, headers), golden);
});

test("a model's state as a CloudEvent: read by the SDK, also of a model with a hostile name", async () => {
  await using server = await startHttpReceiver(() => ({ status: 202 }));
  await cloudevents.open({ url: server.url })(state, signal());
  const [request] = server.requests;
  const event = HTTP.toEvent({ headers: request?.headers ?? {}, body: request?.body ?? "" });
  assert.ok(event instanceof CloudEvent && event.validate());
  assert.deepEqual(
    [event.id, event.type, event.source, event.subject, event.time],
    [
      state.idempotencyKey,
      "io.driftline.model.state",
      "/driftline/models/fraud",
      "failing",
      "2026-03-02T11:00:05.000Z",
    ],
  );
  const hostile = { ...state, state: { ...state.state, model: 'fraud /?#%\r\n"é' } };
  assert.ok(new CloudEvent(messageEvent(hostile)).validate());
});

test("states are tried again, or not, as incidents are, and no secret is told", async () => {
  for (const channel of [webhook, cloudevents])
    for (const outcome of [
      "is broken",
      "is busy",
      "cuts the connection",
      "refuses the request",
      "sends elsewhere",
    ] as const) {
      await using server = await startHttpReceiver(({ path }) =>
        path === "/elsewhere" ? { status: 200 } : httpAnswers[outcome],
      );
      const send = channel.open({ url: `${server.url}/${TOKEN}` });
      const answer = await send(state, signal());
      assert.equal(answer.status === "failed" && answer.retryable, retryable[outcome], `${channel.name}, ${outcome}`);
      assert.ok(!JSON.stringify(answer).includes(TOKEN));
    }
});
