/** `driftline test`: what arrives says that it is a test, at every channel that speaks HTTP or SMTP and at the action `webhook`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { configSchema } from "../../src/config/schema.ts";
import { systemClock } from "../../src/core/clock.ts";
import { testAction, testChannel } from "../../src/requests/test-message.ts";
import { startHttpReceiver } from "../support/http-receiver.ts";
import { startSlackReceiver } from "../support/slack-receiver.ts";
import { startSmtpReceiver } from "../support/smtp-receiver.ts";

const SECRET = "token-that-nobody-sees";

const configOf = (channel: object | null, action: object | null = null) =>
  configSchema.parse({
    models: [{ name: "fraud", task: "binary", ...(action === null ? {} : { actions: [action] }) }],
    channels: channel === null ? {} : { oncall: channel },
  });

const overHttp: Readonly<Record<string, (url: string) => object>> = {
  alertmanager: (url) => ({ urls: [url.replace(/\/hook$/, "/am/")] }),
  cloudevents: (url) => ({ url }),
  pagerduty: (url) => ({ api_url: url, routing_key: SECRET }),
  teams: (url) => ({ url: `${url}/${SECRET}` }),
  webhook: (url) => ({ url: `${url}/${SECRET}` }),
};

for (const [use, options] of Object.entries(overHttp)) {
  test(`a test at ${use} says so, and none stays open where incidents are shown`, async () => {
    await using receiver = await startHttpReceiver(() => ({ status: 200 }));
    const { delivered, lines } = await testChannel(configOf({ use, ...options(receiver.url) }), "oncall", systemClock);
    assert.ok(delivered, lines.join("\n"));
    assert.match(receiver.requests[0]?.body ?? "", /TEST: a test of the channel oncall; nothing is wrong/);
    if (use === "webhook" || use === "cloudevents") assert.match(receiver.requests[0]?.body ?? "", /"test":true/);
    if (use === "alertmanager") assert.match(receiver.requests[0]?.body ?? "", /"test":"true"/);
    assert.equal(receiver.requests.length, use === "alertmanager" || use === "pagerduty" ? 2 : 1);
    if (use === "pagerduty") assert.match(receiver.requests[1]?.body ?? "", /"event_action":"resolve"/);
    assert.ok(!lines.join("\n").includes(SECRET));
  });
}

test("Slack and e-mail say so in the line that people see first", async () => {
  await using slack = await startSlackReceiver();
  const channel = { use: "slack", token: SECRET, channel: "#ml", api_url: slack.apiUrl };
  assert.ok((await testChannel(configOf(channel), "oncall", systemClock)).delivered);
  assert.match(slack.messages[0]?.text ?? "", /^TEST/);
  await using mails = await startSmtpReceiver(() => "accept");
  const address = { host: "127.0.0.1", port: mails.port, tls: "never", from: "d@example.com", to: ["o@example.com"] };
  assert.ok((await testChannel(configOf({ use: "email", ...address }), "oncall", systemClock)).delivered);
  assert.match(JSON.stringify(mails.mails[0]), /TEST: a test of the channel oncall/);
});

test("a channel that refuses is told of as it answers, and an unknown one with those that there are", async () => {
  await using receiver = await startHttpReceiver(() => ({ status: 403, body: `no ${SECRET}` }));
  const config = configOf({ use: "webhook", url: `${receiver.url}/${SECRET}` });
  const { delivered, lines } = await testChannel(config, "oncall", systemClock);
  assert.equal(delivered, false);
  assert.match(lines.join("\n"), /FAILED: HTTP 403/);
  await assert.rejects(testChannel(config, "nobody", systemClock), /there is oncall/);
});

test("an action's request is shown and goes nowhere, until it is really to be sent", async () => {
  await using receiver = await startHttpReceiver(() => ({ status: 202 }));
  const config = configOf(null, { use: "webhook", url: `${receiver.url}/${SECRET}` });
  const asked = { name: "webhook", model: "fraud" };
  const dry = await testAction(config, { ...asked, really: false }, systemClock);
  assert.equal(receiver.requests.length, 0);
  assert.match(dry.lines.join("\n"), /POST http:\/\/127\.0\.0\.1:\d+\/…[^]*"test": true/);
  assert.ok(!dry.lines.join("\n").includes(SECRET));
  const real = await testAction(config, { ...asked, really: true }, systemClock);
  assert.ok(real.delivered, real.lines.join("\n"));
  assert.match(receiver.requests[0]?.body ?? "", /"test":true/);
  await assert.rejects(testAction(config, { ...asked, model: "churn", really: false }, systemClock), /there is fraud/);
});
