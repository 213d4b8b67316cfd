/** Laws that every channel and action keeps, against a server on this machine. A new one joins by a line in `subjects`. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import { actions } from "../../src/act/actions/index.ts";
import type { Delivery, Target } from "../../src/core/delivery.ts";
import { channels } from "../../src/notify/channels/index.ts";
import { startSystem, systems } from "../support/action-receivers.ts";
import { type Answer, startHttpReceiver } from "../support/http-receiver.ts";
import { exampleMember, exampleNotification } from "../support/notification.ts";
import { startSlackReceiver } from "../support/slack-receiver.ts";
import { type SmtpAnswer, startSmtpReceiver } from "../support/smtp-receiver.ts";

const SECRET = "whsec_c2VjcmV0LXRoYXQtbm9ib2R5LXNlZXM=";
const TOKEN = "token-that-nobody-sees";

/** What a receiver can do, in words that suit every medium. */
const outcomes = [
  "accepts",
  "is broken",
  "is busy",
  "cuts the connection",
  "hangs",
  "refuses the request",
  "refuses the credentials",
  "is not there",
] as const;
type Outcome = (typeof outcomes)[number];
const retryable: Readonly<Record<Exclude<Outcome, "accepts">, boolean>> = {
  "is broken": true,
  "is busy": true,
  "cuts the connection": true,
  hangs: true,
  "refuses the request": false,
  "refuses the credentials": false,
  "is not there": false,
};

const http: Readonly<Record<Outcome, Answer>> = {
  accepts: { status: 200 },
  "is broken": { status: 500, body: `oops ${TOKEN.slice(0, 3)}` },
  "is busy": { status: 429, headers: { "retry-after": "7" } },
  "cuts the connection": "reset",
  hangs: "hang",
  "refuses the request": { status: 400 },
  "refuses the credentials": { status: 401 },
  "is not there": { status: 404 },
};
const smtp: Readonly<Partial<Record<Outcome, SmtpAnswer>>> = {
  accepts: "accept",
  "is broken": 451,
  "is busy": 421,
  "cuts the connection": "reset",
  hangs: "hang",
  "refuses the request": 554,
};

interface Receiver extends AsyncDisposable {
  readonly options: Readonly<Record<string, unknown>>;
  /** Idempotency keys of what arrived. */
  keys(): readonly string[];
}
interface Subject {
  readonly target: Target;
  /** null where the medium has no such outcome. */
  receiver(outcome: Outcome): Promise<Receiver | null>;
}

const webhookReceiver = async (outcome: Outcome): Promise<Receiver> => {
  const server = await startHttpReceiver(() => http[outcome]);
  return {
    options: { url: `${server.url}/${TOKEN}`, secret: SECRET, headers: { authorization: `Bearer ${TOKEN}` } },
    keys: () => server.requests.map((request) => String(request.headers["webhook-id"])),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
};
const slackReceiver = async (outcome: Outcome): Promise<Receiver> => {
  const server = await startSlackReceiver(outcome === "accepts" ? undefined : () => http[outcome]);
  return {
    options: { token: TOKEN, channel: "#ml", api_url: server.apiUrl },
    keys: () => server.messages.map((message) => message.idempotencyKey),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
};
const mailReceiver = async (outcome: Outcome): Promise<Receiver | null> => {
  const answer = smtp[outcome];
  const asksForUser = outcome === "refuses the credentials";
  if (answer === undefined && !asksForUser) return null;
  const server = await startSmtpReceiver(() => answer ?? "accept");
  return {
    options: {
      host: "127.0.0.1",
      port: server.port,
      tls: "never",
      from: "driftline@example.com",
      to: ["oncall@example.com"],
      ...(asksForUser
        ? {
            user: "driftline",
            password: TOKEN,
          }
        : {}),
    },
    keys: () => server.mails.map((mail) => /^<(.+)@example\.com>$/.exec(mail.messageId)?.[1] ?? ""),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
};

const systemReceiver = (name: string) => (outcome: Outcome) =>
  startSystem(name, () => (outcome === "accepts" ? undefined : http[outcome]));

const receivers: Readonly<Record<string, Subject["receiver"]>> = {
  ...Object.fromEntries(Object.keys(systems).map((name) => [`action ${name}`, systemReceiver(name)])),
  "channel webhook": webhookReceiver,
  "channel slack": slackReceiver,
  "channel email": mailReceiver,
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
      if (["token", "password", "secret"].includes(key))
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

    test("a second attempt carries the same idempotency key", async () => {
      await using server = await receiver("accepts");
      assert.ok(server !== null);
      await attempt(target, server.options, 10_000);
      await attempt(target, server.options, 10_000);
      assert.deepEqual(server.keys(), Array(2).fill(exampleNotification().idempotencyKey));
    });

    test("a port where nobody listens is worth another try", async () => {
      const server = await receiver("accepts");
      assert.ok(server !== null);
      await server[Symbol.asyncDispose]();
      const answer = await attempt(target, server.options, 10_000);
      assert.equal(answer.status === "failed" && answer.retryable, true, JSON.stringify(answer));
    });

    test("hostile names and hundreds of lines are delivered", async () => {
      await using server = await receiver("accepts");
      assert.ok(server !== null);
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
  assert.ok(
    message.blocks.filter((block) => block.text.type === "mrkdwn").every((block) => !/<!|<b>/.test(block.text.text)),
  );
  const [mail] = post.mails;
  assert.ok(mail !== undefined && !mail.headers.includes("bcc"));
  assert.deepEqual(mail.to, ["a@example.com"]);
  assert.ok(!mail.html.includes("<b>x"));
});

async function attempt(target: Target, options: Readonly<Record<string, unknown>>, ms: number): Promise<Delivery> {
  return await target.open(options)(exampleNotification(), AbortSignal.timeout(ms));
}
