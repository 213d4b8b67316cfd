/** Laws that every channel and action keeps, against a server on this machine. A new one joins by a line in `subjects`. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import { actions } from "../../src/act/actions/index.ts";
import type { Delivery, Target } from "../../src/core/delivery.ts";
import { channels } from "../../src/notify/channels/index.ts";
import { startSystem, systems } from "../support/action-receivers.ts";
import {
  channelReceivers,
  httpAnswers,
  keyOf,
  outcomes,
  retryable,
  SECRET,
  type StartReceiver,
  TOKEN,
  webhookReceiver,
} from "../support/channel-receivers.ts";
import { exampleMember, exampleNotification } from "../support/notification.ts";
import { startSlackReceiver } from "../support/slack-receiver.ts";
import { startSmtpReceiver } from "../support/smtp-receiver.ts";

/** A system that answers as such a system does, until it is told otherwise. */
const systemReceiver =
  (name: string): StartReceiver =>
  (outcome) =>
    startSystem(name, () => (outcome === "accepts" ? undefined : httpAnswers[outcome]));

const receivers: Readonly<Record<string, StartReceiver>> = {
  ...Object.fromEntries(Object.entries(channelReceivers).map(([name, start]) => [`channel ${name}`, start])),
  ...Object.fromEntries(Object.keys(systems).map((name) => [`action ${name}`, systemReceiver(name)])),
  "action webhook": webhookReceiver,
};
/** Targets that reach no server. */
const LOCAL = new Set(["channel log"]);

const all = [
  ...channels.map((target) => ({ name: `channel ${target.name}`, target })),
  ...actions.map((target) => ({ name: `action ${target.name}`, target })),
];

test("every channel and action stands in this suite", () => {
  assert.deepEqual(
    all.map(({ name }) => name).filter((name) => !LOCAL.has(name) && receivers[name] === undefined),
    [],
  );
});

test("every option has a description, and secrets are marked as such", () => {
  for (const { name, target } of all) {
    for (const [key, schema] of Object.entries(target.options.shape)) {
      const described = z.toJSONSchema(schema as z.ZodType, { io: "input" });
      assert.ok(described.description !== undefined, `${name}.${key}`);
      if (["token", "password", "secret", "routing_key"].includes(key))
        assert.equal(JSON.stringify(described).includes('"secret":true'), true, `${name}.${key}`);
    }
  }
});

for (const { name, target } of all) {
  const receiver = receivers[name];
  if (receiver === undefined) continue;
  describe(name, () => {
    for (const outcome of outcomes) {
      const again =
        outcome === "accepts" ? "delivered" : retryable[outcome] ? "worth another try" : "not worth another try";
      test(`where the receiver ${outcome}, it is ${again}, and no secret is told`, async (context) => {
        await using server = await receiver(outcome);
        if (server === null) return context.skip("this medium has no such answer");
        const answer = await attempt(target, server.options, outcome === "hangs" ? 300 : 10_000);
        assert.equal(answer.status, outcome === "accepts" ? "delivered" : "failed", JSON.stringify(answer));
        if (answer.status === "failed" && outcome !== "accepts")
          assert.equal(answer.retryable, retryable[outcome], answer.reason);
        if (answer.status === "failed" && outcome === "is busy" && name !== "channel email")
          assert.equal(answer.retryAfterMs, 7_000);
        for (const secret of [TOKEN, SECRET, SECRET.slice(6)])
          assert.ok(!JSON.stringify(answer).includes(secret), JSON.stringify(answer));
      });
    }

    test("a second attempt carries the same key", async (context) => {
      await using server = await receiver("accepts");
      if (server === null) return context.skip("shown on the real thing");
      await attempt(target, server.options, 10_000);
      await attempt(target, server.options, 10_000);
      assert.deepEqual(server.keys(), Array(2).fill(keyOf(target.name, exampleNotification())));
    });

    test("a port where nobody listens is worth another try", async () => {
      const server = await receiver("cuts the connection");
      assert.ok(server !== null);
      await server[Symbol.asyncDispose]();
      const answer = await attempt(target, server.options, 10_000);
      assert.equal(answer.status === "failed" && answer.retryable, true, JSON.stringify(answer));
    });

    test("hostile names and hundreds of lines are delivered", async (context) => {
      await using server = await receiver("accepts");
      if (server === null) return context.skip("shown on the real thing");
      const hostile = '<!channel> <script>alert(1)</script> & "q" \r\nBcc: eve@example.com\r\n\r\n\u202e*x* '.repeat(
        20,
      );
      const members = Array.from({ length: 400 }, (_, index) => exampleMember({ subject: `${hostile}${index}` }));
      const notification = exampleNotification(
        { title: hostile, lines: members.map((member) => member.subject) },
        members,
      );
      const answer = await target.open(server.options)(notification, new AbortController().signal);
      assert.equal(answer.status, "delivered", JSON.stringify(answer));
    });
  });
}

test("a message's names can't mention anyone in Slack, add a header to a mail, or be markup in it", async () => {
  const hostile = "<!channel> & <b>x</b>\r\nBcc: eve@example.com";
  const notification = exampleNotification({ title: hostile, lines: [hostile] });
  const signal = new AbortController().signal;
  await using chat = await startSlackReceiver();
  await using post = await startSmtpReceiver();
  const find = (name: string) => channels.find((channel) => channel.name === name);
  await find("slack")?.open({ token: TOKEN, channel: "C1", api_url: chat.apiUrl })(notification, signal);
  await find("email")?.open({
    host: "127.0.0.1",
    port: post.port,
    tls: "never",
    from: "d@example.com",
    to: ["a@example.com"],
  })(notification, signal);
  const [message] = chat.messages;
  assert.ok(message !== undefined && !message.text.includes("<"));
  assert.ok(message.blocks.every((block) => block.text?.type !== "mrkdwn" || !/<!|<b>/.test(block.text.text)));
  const [mail] = post.mails;
  assert.ok(mail !== undefined && !mail.headers.includes("bcc"));
  assert.deepEqual(mail.to, ["a@example.com"]);
  assert.ok(!mail.html.includes("<b>x"));
});

async function attempt(target: Target, options: Readonly<Record<string, unknown>>, ms: number): Promise<Delivery> {
  return await target.open(options)(exampleNotification(), AbortSignal.timeout(ms));
}
