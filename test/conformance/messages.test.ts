/**
 * What each channel sends, to the last character: test/fixtures/messages holds the bodies for an incident that opens, for its end, and for a
 * digest. After
 * a change that is meant, `UPDATE_MESSAGES=1` writes them anew, and the difference is read like any other.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { z } from "zod";
import { isDigest, type Message, type Target } from "../../src/core/delivery.ts";
import { messageEvent } from "../../src/core/message-event.ts";
import { channels } from "../../src/notify/channels/index.ts";
import { channelReceivers } from "../support/channel-receivers.ts";
import { exampleDigest } from "../support/digest.ts";
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

const digest = exampleDigest();

/** One attempt of a channel. */
async function attempt(channel: string, options: unknown, message: Message) {
  const target: Target | undefined = channels.find(({ name }) => name === channel);
  const answer = await target?.open(options)(message, AbortSignal.timeout(10_000));
  assert.equal(answer?.status, "delivered", JSON.stringify(answer));
}

/** What a channel sent over HTTP, the times of the attempt left out. */
async function posted(channel: string, options: (url: string) => unknown, message: Message): Promise<unknown> {
  await using server = await startHttpReceiver();
  await attempt(channel, options(server.url), message);
  const body: unknown = JSON.parse(server.requests[0]?.body ?? "");
  return JSON.parse(
    JSON.stringify(body, (key, value: unknown) =>
      (key === "endsAt" || key === "timestamp") && channel !== "pagerduty" ? "at the attempt" : value,
    ),
  );
}

const sent: Readonly<Record<string, (message: Message) => Promise<unknown>>> = {
  alertmanager: (message) => posted("alertmanager", (url) => ({ urls: [new URL(url).origin] }), message),
  cloudevents: (message) => posted("cloudevents", (url) => ({ url }), message),
  kafka: async (message) => messageEvent(message),
  pagerduty: (message) => posted("pagerduty", (url) => ({ api_url: url, routing_key: "key" }), message),
  teams: (message) => posted("teams", (url) => ({ url }), message),
  webhook: (message) => posted("webhook", (url) => ({ url }), message),
  async slack(message) {
    await using server = await startSlackReceiver();
    await attempt("slack", { token: "t", channel: "#ml", api_url: server.apiUrl }, message);
    const [posted] = server.messages;
    return { text: posted?.text, blocks: posted?.blocks };
  },
  async email(message) {
    await using server = await startSmtpReceiver();
    const options = {
      host: "127.0.0.1",
      port: server.port,
      tls: "never",
      from: "d@example.com",
      to: ["a@example.com"],
    };
    await attempt("email", options, message);
    const [mail] = server.mails;
    return {
      subject: mail?.subject,
      text: mail?.text.split("\n"),
      html: mail?.html.split(/(?=<(?:h1|h2|p|table|tr|ul|li)\b)/),
    };
  },
};

const takesDigests = (channel: string): boolean =>
  channels.some(({ name, takes }) => name === channel && takes.has("digest"));

test("every channel to somewhere stands here", () => {
  assert.deepEqual(Object.keys(sent).sort(), Object.keys(channelReceivers).sort());
});

for (const [channel, send] of Object.entries(sent))
  for (const message of [opened, resolved, ...(takesDigests(channel) ? [digest] : [])]) {
    const what = isDigest(message) ? "digest" : message.transition;
    test(`${channel}, ${what}`, async () => {
      const file = `${folder}/${channel}-${what}.json`;
      const body = await send(message);
      if (process.env["UPDATE_MESSAGES"] === "1") {
        mkdirSync(folder, { recursive: true });
        writeFileSync(file, `${JSON.stringify(body, null, 2)}\n`);
      }
      assert.ok(existsSync(file), `${file} is missing: run with UPDATE_MESSAGES=1`);
      assert.deepEqual(JSON.parse(JSON.stringify(body)), JSON.parse(readFileSync(file, "utf8")));
    });
  }

test("what wakes people takes no digest, and everything else does; one that comes all the same has failed for good", async () => {
  assert.deepEqual(
    channels.filter(({ takes }) => !takes.has("digest")).map(({ name }) => name),
    ["alertmanager", "pagerduty"],
  );
  const pagerduty = channels.find(({ name }) => name === "pagerduty")?.open({ routing_key: "key" });
  const answer = await pagerduty?.(digest, AbortSignal.timeout(10_000));
  assert.ok(answer?.status === "failed" && !answer.retryable);
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
