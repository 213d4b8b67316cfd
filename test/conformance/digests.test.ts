/** Digests at the limits of each medium: cut and counted, never refused; and read by the libraries of others. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CloudEvent, HTTP } from "cloudevents";
import { createDrawPng } from "../../src/core/picture/png.ts";
import { channels } from "../../src/notify/channels/index.ts";
import { digestBlocks } from "../../src/notify/channels/slack/digest-blocks.ts";
import { channelReceivers, retryable } from "../support/channel-receivers.ts";
import { digestOf, endlessDigest, exampleDigest } from "../support/digest.ts";
import { startHttpReceiver } from "../support/http-receiver.ts";
import { startSlackReceiver, textsOf } from "../support/slack-receiver.ts";
import { startSmtpReceiver } from "../support/smtp-receiver.ts";

const signal = () => AbortSignal.timeout(10_000);
const open = (name: string, options: unknown) => {
  const send = channels.find((channel) => channel.name === name)?.open(options, { draw: createDrawPng(assert.fail) });
  return send ?? assert.fail(`there is no channel ${name}`);
};

test("each channel that takes digests: delivered, the same key at each attempt, and an answer of 503 is tried again", async () => {
  for (const { name, takes } of channels) {
    const start = channelReceivers[name];
    if (!takes.has("digest") || start === undefined) continue;
    await using accepting = await start("accepts");
    if (accepting !== null) {
      for (const _ of [1, 2])
        assert.equal((await open(name, accepting.options)(exampleDigest(), signal())).status, "delivered", name);
      assert.deepEqual(accepting.keys(), Array(2).fill(exampleDigest().idempotencyKey), name);
      assert.equal((await open(name, accepting.options)(endlessDigest(), signal())).status, "delivered", name);
    }
    for (const outcome of ["is broken", "refuses the request", "cuts the connection"] as const) {
      await using failing = await start(outcome);
      if (failing === null) continue;
      const answer = await open(name, failing.options)(exampleDigest(), signal());
      assert.ok(answer.status === "failed" && answer.retryable === retryable[outcome], `${name} ${outcome}`);
    }
  }
});

test("Slack: 300 models within its limits; those shown and those left out add up, and no name mentions anyone", async () => {
  await using server = await startSlackReceiver();
  const answer = await open("slack", { token: "t", channel: "#ml", api_url: server.apiUrl })(endlessDigest(), signal());
  assert.equal(answer.status, "delivered", JSON.stringify(answer));
  const [message] = server.messages;
  assert.ok(message !== undefined);
  const all = textsOf(message).join("\n").replaceAll("\u200b", "");
  const shown = all.match(/^\*<https:\/\/driftline\.example\/models\//gm) ?? [];
  assert.equal(shown.length + Number(/and (\d+) more models/.exec(all)?.[1]), 300);
  assert.ok(shown.length >= 3, `${shown.length} models are shown`);
  assert.match(all, /and \d+ more/);
  assert.ok(!all.includes("<!"));
  assert.match(JSON.stringify(digestBlocks(endlessDigest()).at(-1)), /driftline audit verify --head/);
});

test("Teams: as many models as its 28 KB hold, the others counted", async () => {
  await using server = await startHttpReceiver();
  await open("teams", { url: server.url })(endlessDigest(), signal());
  const body = server.requests[0]?.body ?? "";
  assert.ok(Buffer.byteLength(body) <= 28_000, `${Buffer.byteLength(body)} bytes`);
  assert.match(body, /and 2\d\d more models/);
});

test("an e-mail of hostile names adds no header and no markup, and names the head of the audit in both parts", async () => {
  await using server = await startSmtpReceiver();
  const options = { host: "127.0.0.1", port: server.port, tls: "never", from: "d@example.com", to: ["a@example.com"] };
  await open("email", options)(endlessDigest(), signal());
  const [mail] = server.mails;
  assert.ok(mail !== undefined);
  assert.deepEqual(mail.to, ["a@example.com"]);
  assert.ok(!mail.html.includes("<script") && !mail.headers.includes("bcc"));
  const [head] = exampleDigest().digest.audit_heads;
  for (const part of [mail.text, mail.html]) assert.ok(part.includes(head?.hash ?? "none"));
});

test("the SDK reads a digest as one valid CloudEvent", async () => {
  await using server = await startHttpReceiver(() => ({ status: 202 }));
  await open("cloudevents", { url: server.url })(exampleDigest(), signal());
  const [request] = server.requests;
  const event = HTTP.toEvent({ headers: request?.headers ?? {}, body: request?.body });
  assert.ok(event instanceof CloudEvent && event.validate());
  assert.deepEqual(
    [event.type, event.source, event.subject, event.time],
    ["io.driftline.digest", "/driftline/digests/daily", "2017-12-08", "2017-12-08T07:00:00.000Z"],
  );
});

test("a quiet period is one line", async () => {
  await using server = await startSlackReceiver();
  const quiet = digestOf([], {
    summary: "Quiet: no incident, nothing beyond a threshold and no notice in 3 models.",
    quiet: { items: [], count: 0 },
    dead_letters: { items: [], count: 0 },
    audit_heads: [],
    links: [],
  });
  await open("slack", { token: "t", channel: "#ml", api_url: server.apiUrl })(quiet, signal());
  // Its title, its time, and the line.
  assert.equal(server.messages[0]?.blocks.length, 3);
});
