/** Alert and retrain for real: mail, Slack, an alert webhook and a retrain webhook that fail before they accept, from one incident. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { Webhook } from "standardwebhooks";
import { openStore } from "../../src/store/open.ts";
import { createAlertStation, insertMetrics, kpiRow, readDeliveries } from "../support/alert-station.ts";
import { type HttpReceiver, startHttpReceiver, until } from "../support/http-receiver.ts";
import { startSlackReceiver } from "../support/slack-receiver.ts";
import { startSmtpReceiver } from "../support/smtp-receiver.ts";

const ALERT_SECRET = "whsec_YWxlcnRzLWFyZS1zaWduZWQtd2l0aC10aGlz";
const RETRAIN_SECRET = "whsec_cmV0cmFpbmluZy1pcy1zaWduZWQtd2l0aC10aGlz";
const failsTwice = (_request: unknown, index: number) => ({ status: index < 2 ? 503 : 200 });

test("one incident is one mail, one Slack message, one alert webhook and one retrain request, though receivers fail twice", async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "driftline-retrain-"));
  const store = await openStore({ embedded: folder });
  const lane = store.lane("control");
  try {
    await using post = await startSmtpReceiver();
    await using chat = await startSlackReceiver((index) =>
      index === 0 ? { status: 429, headers: { "retry-after": "0" } } : undefined,
    );
    await using alerts = await startHttpReceiver(failsTwice);
    await using retrain = await startHttpReceiver(failsTwice);
    const config = {
      models: [
        {
          name: "m",
          task: "binary",
          windows: ["5m"],
          kpis: [
            {
              use: "accuracy",
              min: 0.8,
              for: "2 of 3",
              severity: "page",
            },
          ],
          alerts: { channels: ["mail", "chat", "hook"] },
          actions: [
            {
              use: "webhook",
              url: `${retrain.url}?key=hush`,
              secret: RETRAIN_SECRET,
              on: "page",
              cooldown: "24h",
              body: { branch: "main" },
            },
          ],
        },
      ],
      channels: {
        mail: {
          use: "email",
          host: "127.0.0.1",
          port: post.port,
          tls: "never",
          from: "Driftline <driftline@example.com>",
          to: ["oncall@example.com"],
        },
        chat: { use: "slack", token: "xoxb-hush", channel: "#ml-oncall", api_url: chat.apiUrl },
        hook: { use: "webhook", url: alerts.url, secret: ALERT_SECRET },
      },
    };
    const start = () => createAlertStation(store, config, { limits: { firstWaitMs: 20 }, pollMs: 20 });
    const accuracy = (index: number, value: number) => kpiRow(index, value, { metric: "accuracy" });

    let station = start();
    station.outbox.start();
    await insertMetrics(lane, [accuracy(1, 0.9), accuracy(2, 0.7), accuracy(3, 0.6)]);
    await station.alerting.process("m");
    // A restart in the middle of it all, and the same windows judged again.
    await station.outbox.stop();
    station = start();
    station.outbox.start();
    await insertMetrics(lane, [accuracy(4, 0.61)]);
    await station.alerting.process("m");
    await until(
      () => settled(alerts) && settled(retrain) && post.mails.length > 0 && chat.messages.length > 0,
      20_000,
      () => "all four",
    );
    await allSent(lane);
    await station.alerting.process("m");
    assert.equal(await station.outbox.flush(), null);
    await station.outbox.stop();

    assert.equal(post.mails.length, 1);
    assert.equal(chat.messages.length, 1);
    assert.equal(alerts.requests.length, 3);
    assert.equal(retrain.requests.length, 3);
    for (const receiver of [alerts, retrain])
      assert.equal(new Set(receiver.requests.map((request) => request.headers["webhook-id"])).size, 1);

    assert.match(post.mails[0]?.subject ?? "", /^New page: m, window 5m: accuracy 0\.6 is below 0\.8/);
    assert.match(chat.messages[0]?.text ?? "", /accuracy 0\.6 is below 0\.8/);
    const alert = verified(alerts, ALERT_SECRET);
    assert.equal(alert["type"], "incident.opened");
    const request = verified(retrain, RETRAIN_SECRET);
    assert.deepEqual(
      [request["type"], request["model"], request["branch"], request["from"]],
      ["retrain", "m", "main", "2026-03-02T10:05:00.000Z"],
    );
    assert.deepEqual(
      (await readDeliveries(lane)).map(({ target, state, attempt }) => `${target} ${state} ${attempt}`).sort(),
      ["action m webhook sent 3", "channel chat sent 2", "channel hook sent 3", "channel mail sent 1"],
    );

    // The end is told to people and asks nothing of machines; the next incident falls in the cooldown.
    const again = start();
    await insertMetrics(
      lane,
      [5, 6, 7].map((index) => accuracy(index, 0.9)),
    );
    await again.alerting.process("m");
    await insertMetrics(lane, [accuracy(8, 0.5), accuracy(9, 0.5)]);
    await again.alerting.process("m");
    await again.outbox.flush();
    assert.deepEqual(
      post.mails.map((mail) => mail.subject.split(":")[0]),
      ["New page", "Resolved", "New page"],
    );
    assert.equal(retrain.requests.length, 3);
  } finally {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
});

const settled = (receiver: HttpReceiver): boolean => receiver.requests.length >= 3;

/** What the receiver has accepted, its signature checked by the specification's own package. */
function verified(receiver: HttpReceiver, secret: string): Record<string, unknown> {
  const bodies = receiver.requests.map(({ body, headers }) =>
    new Webhook(secret).verify(body, headers as Record<string, string>),
  );
  return bodies.at(-1) as Record<string, unknown>;
}

async function allSent(lane: Parameters<typeof readDeliveries>[0]): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if ((await readDeliveries(lane)).every((delivery) => delivery.state === "sent")) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(JSON.stringify(await readDeliveries(lane)));
}
