/** What machines receive, read by the libraries of others: CloudEvents by its SDK, webhooks by the Standard Webhooks library. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CloudEvent, HTTP } from "cloudevents";
import { Webhook } from "standardwebhooks";
import { z } from "zod";
import { incidentTransitions } from "../../src/core/incident.ts";
import { messageEvent } from "../../src/core/message-event.ts";
import { cloudevents } from "../../src/notify/channels/cloudevents.ts";
import { webhook } from "../../src/notify/channels/webhook.ts";
import { SECRET } from "../support/channel-receivers.ts";
import { startHttpReceiver } from "../support/http-receiver.ts";
import { exampleFall, exampleNotification } from "../support/notification.ts";

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
