/**
 * What each channel sends, to the last character: test/fixtures/messages holds the bodies for an incident that opens and for its end. After
 * a change that is meant, `UPDATE_MESSAGES=1` writes them anew, and the difference is read like any other.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { z } from "zod";
import type { Notification } from "../../src/core/delivery.ts";
import { messageEvent } from "../../src/core/message-event.ts";
import { channels } from "../../src/notify/channels/index.ts";
import { channelReceivers } from "../support/channel-receivers.ts";
import { startHttpReceiver } from "../support/http-receiver.ts";
import { exampleFall } from "../support/notification.ts";
import { projectFile } from "../support/project-file.ts";
import { startSlackReceiver } from "../support/slack-receiver.ts";
import { startSmtpReceiver } from "../support/smtp-receiver.ts";

const folder = projectFile("test/fixtures/messages");
const OVER = Date.UTC(2017, 11, 22);
const opened = exampleFall();
const resolved = exampleFall(
  {
    transition: "resolved",
    title: "Resolved: census, window 7d: estimated_f1 (version 1) 0.766 is below 0.8 and 10 more",
    idempotencyKey: "7f000000-0000-8000-8000-000000000002",
  },
  {
    state: "resolved",
    resolved_at: OVER,
    members: opened.incident.members.map((member) => ({ ...member, firing: false, cleared_at: OVER })),
  },
);

/** What a channel sent over HTTP, the times of the attempt left out. */
async function posted(
  channel: string,
  options: (url: string) => unknown,
  notification: Notification,
): Promise<unknown> {
  await using server = await startHttpReceiver();
  const target = channels.find(({ name }) => name === channel);
  const answer = await target?.open(options(server.url))(notification, AbortSignal.timeout(10_000));
  assert.equal(answer?.status, "delivered");
  const body: unknown = JSON.parse(server.requests[0]?.body ?? "");
  return JSON.parse(
    JSON.stringify(body, (key, value: unknown) =>
      (key === "endsAt" || key === "timestamp") && channel !== "pagerduty" ? "at the attempt" : value,
    ),
  );
}

const sent: Readonly<Record<string, (notification: Notification) => Promise<unknown>>> = {
  alertmanager: (notification) => posted("alertmanager", (url) => ({ urls: [new URL(url).origin] }), notification),
  cloudevents: (notification) => posted("cloudevents", (url) => ({ url }), notification),
  kafka: async (notification) => messageEvent(notification),
  pagerduty: (notification) => posted("pagerduty", (url) => ({ api_url: url, routing_key: "key" }), notification),
  teams: (notification) => posted("teams", (url) => ({ url }), notification),
  webhook: (notification) => posted("webhook", (url) => ({ url }), notification),
  async slack(notification) {
    await using server = await startSlackReceiver();
    const target = channels.find(({ name }) => name === "slack");
    await target?.open({ token: "t", channel: "#ml", api_url: server.apiUrl })(
      notification,
      AbortSignal.timeout(10_000),
    );
    const [message] = server.messages;
    return { text: message?.text, blocks: message?.blocks };
  },
  async email(notification) {
    await using server = await startSmtpReceiver();
    const target = channels.find(({ name }) => name === "email");
    const options = {
      host: "127.0.0.1",
      port: server.port,
      tls: "never",
      from: "d@example.com",
      to: ["a@example.com"],
    };
    await target?.open(options)(notification, AbortSignal.timeout(10_000));
    const [mail] = server.mails;
    return {
      subject: mail?.subject,
      text: mail?.text.split("\n"),
      html: mail?.html.split(/(?=<(?:h1|p|table|tr|ul|li)\b)/),
    };
  },
};

test("every channel to somewhere stands here", () => {
  assert.deepEqual(Object.keys(sent).sort(), Object.keys(channelReceivers).sort());
});

for (const [channel, send] of Object.entries(sent))
  for (const notification of [opened, resolved])
    test(`${channel}, ${notification.transition}`, async () => {
      const file = `${folder}/${channel}-${notification.transition}.json`;
      const body = await send(notification);
      if (process.env["UPDATE_MESSAGES"] === "1") {
        mkdirSync(folder, { recursive: true });
        writeFileSync(file, `${JSON.stringify(body, null, 2)}\n`);
      }
      assert.ok(existsSync(file), `${file} is missing: run with UPDATE_MESSAGES=1`);
      assert.deepEqual(JSON.parse(JSON.stringify(body)), JSON.parse(readFileSync(file, "utf8")));
    });

test("what late data change of an incident that is over fires no alert anew", async () => {
  const { incident } = resolved;
  for (const transition of ["revised", "withdrawn"] as const) {
    const notification = exampleFall({ transition }, incident);
    const pager = await posted("pagerduty", (url) => ({ api_url: url, routing_key: "key" }), notification);
    assert.equal(z.object({ event_action: z.string() }).parse(pager).event_action, "resolve");
    const before = Date.now();
    await using server = await startHttpReceiver();
    const target = channels.find(({ name }) => name === "alertmanager");
    await target?.open({ urls: [new URL(server.url).origin] })(notification, AbortSignal.timeout(10_000));
    const alerts = z.array(z.object({ endsAt: z.string() })).parse(JSON.parse(server.requests[0]?.body ?? ""));
    assert.ok(
      alerts.length > 0 &&
        alerts.every(({ endsAt }) => Date.parse(endsAt) <= Date.now() && Date.parse(endsAt) >= before),
    );
  }
});
