/** Slack: one message per incident that is kept up to date, its changes in the thread, and nothing that Slack would refuse. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Notification } from "../../src/core/delivery.ts";
import type { IncidentMember } from "../../src/core/incident.ts";
import { createDrawPng } from "../../src/core/picture/png.ts";
import { slack } from "../../src/notify/channels/slack.ts";
import { contentOf } from "../../src/notify/message-content.ts";
import { exampleFall, exampleMember, exampleNotification } from "../support/notification.ts";
import { startSlackReceiver, textsOf } from "../support/slack-receiver.ts";

const signal = () => AbortSignal.timeout(10_000);
const open = (apiUrl: string, draw = createDrawPng(assert.fail)) =>
  slack.open({ token: "xoxb-hush", channel: "#ml", api_url: apiUrl }, { draw });

/** Field case `slack-message-for-400-features`: the names as it makes them, the strongest evidence last in the list. */
function fourHundred(): Notification {
  const members = Array.from({ length: 400 }, (_, index): IncidentMember => {
    const name = `feature_${String(index + 1).padStart(3, "0")}_`.padEnd(120, "x");
    const subject = index % 133 === 0 ? `${name.slice(0, -5)}&<>\u{1f600}` : name;
    return exampleMember({
      subject_kind: "feature",
      subject,
      metric: "psi",
      direction: "above",
      threshold: 0.2,
      value: 0.21 + index / 100,
    });
  });
  const { incident } = exampleNotification({}, members);
  const content = contentOf(incident, "opened", {
    links: [{ label: "Open the incident", url: "https://driftline.example/incidents/1" }],
    pictures: [],
    model: undefined,
  });
  return exampleNotification({ title: `New ticket: fraud: 400 features moved`, incident, content });
}

test("slack-message-for-400-features: accepted at the first attempt, the strongest first, shown and left out add up", async () => {
  await using server = await startSlackReceiver();
  const answer = await open(server.apiUrl)(fourHundred(), signal());
  assert.equal(answer.status, "delivered", JSON.stringify(answer));
  const [message] = server.messages;
  assert.ok(message !== undefined && server.messages.length === 1);
  assert.ok(message.text.length > 0);
  const all = textsOf(message).join("\n").replaceAll("\u200b", "");
  const shown = all.match(/^• psi of feature_\d{3}/gm) ?? [];
  const left = Number(/and (\d+) more of 400/.exec(all)?.[1]);
  assert.equal(shown.length + left, 400);
  assert.ok(shown.length >= 10, `${shown.length} are shown`);
  assert.equal(shown[0], "• psi of feature_400");
  assert.ok(all.includes("https://driftline.example/incidents/1"));
  assert.doesNotMatch(all, /&(?!(?:amp|lt|gt);)/, "cut inside an escape");
  assert.doesNotMatch(all, /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/, "half of a pair");
});

test("later changes update the message in place and go into its thread; only what becomes a page is shown in the channel", async () => {
  await using server = await startSlackReceiver();
  const send = open(server.apiUrl);
  const opened = await send(exampleFall(), signal());
  assert.ok(opened.status === "delivered" && opened.thread === "C0001/1700000000.000001");
  const changes = [
    exampleFall({ transition: "escalated", title: "Now page: census", idempotencyKey: "second" }),
    exampleFall({ transition: "resolved", title: "Resolved: census", idempotencyKey: "third" }),
  ];
  for (const change of changes) assert.equal((await send(change, signal(), opened.thread)).status, "delivered");
  assert.deepEqual(
    server.messages.map(({ thread, broadcast, idempotencyKey }) => [thread, broadcast, idempotencyKey]),
    [
      [null, false, exampleFall().idempotencyKey],
      ["1700000000.000001", true, "second"],
      ["1700000000.000001", false, "third"],
    ],
  );
  assert.deepEqual(
    server.updates.map(({ ts, text, channel }) => [ts, text, channel]),
    [
      ["1700000000.000001", "Now page: census", "C0001"],
      ["1700000000.000001", "Resolved: census", "C0001"],
    ],
  );
});

test("where the update went through and the reply did not, the next attempt does both and the thread has it once", async () => {
  let refuse = 1;
  await using server = await startSlackReceiver((index, path) =>
    index > 0 && path.endsWith("chat.postMessage") && refuse-- > 0 ? { status: 503 } : undefined,
  );
  const send = open(server.apiUrl, async () => null);
  const opened = await send(exampleFall(), signal());
  assert.ok(opened.status === "delivered");
  const resolved = exampleFall({ transition: "resolved", title: "Resolved: census" });
  const failed = await send(resolved, signal(), opened.thread);
  assert.equal(failed.status === "failed" && failed.retryable, true);
  assert.equal((await send(resolved, signal(), opened.thread)).status, "delivered");
  assert.deepEqual([server.messages.length, server.updates.length], [2, 2]);
});

test("a message that someone deleted is told anew, as one of its own", async () => {
  await using server = await startSlackReceiver();
  const answer = await open(server.apiUrl)(
    exampleFall({ transition: "resolved" }),
    signal(),
    "C0001/1600000000.000001",
  );
  assert.ok(answer.status === "delivered" && answer.thread === "C0001/1700000000.000001");
  assert.deepEqual(
    server.messages.map(({ thread }) => thread),
    [null],
  );
});

test("pictures go into the thread of a new message; a token that may not upload is asked once, and the message is told all the same", async () => {
  await using server = await startSlackReceiver(undefined, { mayUpload: true });
  await open(server.apiUrl)(exampleFall(), signal());
  assert.deepEqual(
    server.files.map(({ bytes, thread, title }) => [bytes > 5_000, thread, title.length > 0]),
    [
      [true, "1700000000.000001", true],
      [true, "1700000000.000001", true],
    ],
  );
  await using strict = await startSlackReceiver();
  const send = open(strict.apiUrl);
  const asked = () => strict.http.requests.filter(({ path }) => path.endsWith("getUploadURLExternal")).length;
  for (const _ of [1, 2]) {
    const answer = await send(exampleFall(), signal());
    assert.ok(answer.status === "delivered" && answer.receipt?.includes("without pictures"), JSON.stringify(answer));
  }
  assert.deepEqual([strict.messages.length, asked()], [2, 1]);
});

test("an upload that hangs does not make a sent message one that is sent again", async () => {
  await using server = await startSlackReceiver((_index, path) =>
    path.endsWith("getUploadURLExternal") ? "hang" : undefined,
  );
  const began = performance.now();
  const answer = await open(server.apiUrl)(exampleFall(), AbortSignal.timeout(15_000));
  assert.equal(answer.status, "delivered");
  assert.ok(performance.now() - began < 10_000);
});

for (const [variant, answer, wait] of [
  ["R", { status: 429, headers: { "retry-after": "30" } }, 30_000],
  ["S", { status: 429 }, undefined],
] as const)
  test(`slack-message-for-400-features, variant ${variant}: refused for the rate, tried again with the same content`, async () => {
    await using server = await startSlackReceiver((index) => (index === 0 ? answer : undefined));
    const send = open(server.apiUrl);
    const refused = await send(fourHundred(), signal());
    assert.ok(refused.status === "failed" && refused.retryable, JSON.stringify(refused));
    assert.equal(refused.retryAfterMs, wait);
    assert.equal((await send(fourHundred(), signal())).status, "delivered");
    const [first, second] = server.http.requests;
    assert.equal(first?.body, second?.body);
  });
