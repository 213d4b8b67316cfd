/**
 * From drifted events over HTTP to everybody who is told, on the built service: one mail, one Slack message, one alert webhook and
 * one retrain request for an incident, though receivers fail first and the service is killed in the middle of a delivery.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import { z } from "zod";
import { type Answer, type HttpReceiver, startHttpReceiver } from "../support/http-receiver.ts";
import { ServiceProcess } from "../support/kafka/service.ts";
import { startSlackReceiver } from "../support/slack-receiver.ts";
import { startSmtpReceiver } from "../support/smtp-receiver.ts";

const ALERT_SECRET = "whsec_YWxlcnRzLWFyZS1zaWduZWQtd2l0aC10aGlz";
const RETRAIN_SECRET = "whsec_cmV0cmFpbmluZy1pcy1zaWduZWQtd2l0aC10aGlz";
const failsTwice = (_request: unknown, index: number): Answer => ({ status: index < 2 ? 503 : 200 });
const deliveryRow = z.object({ target: z.string(), state: z.string() });

/**
 * Ten minutes of one model, 300 predictions each five: like the reference, then far from it; and one later event that closes them. Each model
 * has a day of its own: what moves in two models at the same time is one incident.
 */
function events(model: "m" | "n"): string {
  const start = Date.UTC(2026, 0, model === "m" ? 5 : 6, 10);
  const rows = Array.from({ length: 600 }, (_, index) => ({
    id: `${model}-${index}`,
    model,
    type: "prediction",
    timestamp: new Date(start + index * 1000).toISOString(),
    prediction: index % 2,
    features: { amount: index < 300 ? (index * 37) % 100 : 1000 + index },
  }));
  const closing = { ...rows[0], id: `${model}-closing`, timestamp: new Date(start + 1_200_000).toISOString() };
  return [...rows, closing].map((row) => JSON.stringify(row)).join("\n");
}

test("drifted events are one mail, one Slack message, one alert and one retrain request; a kill repeats only under the same key", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "driftline-told-"));
  let running: ServiceProcess | null = null;
  // The request has arrived whole: to the receiver this is a delivery, to the service nothing has come back yet.
  const killsOnce = (_request: unknown, index: number): Answer => {
    if (index === 0) void running?.kill();
    return index === 0 ? "hang" : { status: 200 };
  };
  try {
    await using post = await startSmtpReceiver();
    await using chat = await startSlackReceiver((index) =>
      index === 0 ? { status: 429, headers: { "retry-after": "1" } } : undefined,
    );
    await using alerts = await startHttpReceiver(failsTwice);
    await using retrain = await startHttpReceiver(failsTwice);
    await using killer = await startHttpReceiver(killsOnce);
    const reference = Array.from({ length: 300 }, (_, index) =>
      JSON.stringify({ amount: (index * 37) % 100, prediction: index % 2 }),
    );
    await writeFile(path.join(folder, "reference.ndjson"), reference.join("\n"));
    const model = (name: string, channels: readonly string[], actions: readonly object[]) => ({
      name,
      task: "binary",
      // One rule is one incident here; the page tier would tell of the same drift by itself.
      false_alarms: "off",
      reference: { file: "reference.ndjson" },
      windows: ["5m"],
      allowed_lateness: "0s",
      alerts: { channels, rules: [{ metric: "jensen-shannon", severity: "page" }] },
      actions,
    });
    await using service = await ServiceProcess.prepare(folder, {
      store: { embedded: path.join(folder, "data") },
      models: [
        model(
          "m",
          ["mail", "chat", "hook"],
          [
            {
              use: "webhook",
              url: retrain.url,
              secret: RETRAIN_SECRET,
              on: "page",
              cooldown: "24h",
              body: { branch: "main" },
            },
          ],
        ),
        model("n", ["killer"], []),
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
        killer: { use: "webhook", url: killer.url, secret: ALERT_SECRET },
      },
      evaluation: { every: "300ms" },
      ingest: { batch_wait: "50ms" },
    });
    running = service;
    const send = async (model: "m" | "n") => {
      const response = await fetch(`${service.url}/v1/events`, { method: "POST", body: events(model) });
      assert.equal(response.status, 200, await response.text());
    };
    const sent = async (model: string): Promise<string[]> => {
      const rows = await service.sql(
        `SELECT target, state FROM deliveries FINAL WHERE model = '${model}' ORDER BY target`,
        deliveryRow,
      );
      return rows.map(({ target, state }) => `${target} ${state}`);
    };
    await service.start();
    await service.untilReady();
    await send("m");
    const all = "action m webhook sent, channel chat sent, channel hook sent, channel mail sent";
    await service.until("all four delivered", async () => (await sent("m")).join(", ") === all, 60_000);
    // The same events again, and more rounds of evaluation: nothing new happened.
    await send("m");
    await sleep(1500);
    assert.equal(post.mails.length, 1);
    assert.equal(chat.messages.length, 1);
    assert.match(post.mails[0]?.subject ?? "", /^New page: m, window 5m/);
    assert.match(chat.messages[0]?.text ?? "", /amount/);
    const [alert, ...furtherAlerts] = verified(alerts, ALERT_SECRET);
    assert.equal(alert?.["type"], "incident.opened");
    const [request, ...furtherRequests] = verified(retrain, RETRAIN_SECRET);
    assert.deepEqual([request?.["type"], request?.["model"], request?.["branch"]], ["retrain", "m", "main"]);
    // Two that failed and one that was accepted, all the same delivery.
    assert.deepEqual([furtherAlerts.length, furtherRequests.length], [2, 2]);
    for (const receiver of [alerts, retrain]) assert.equal(keys(receiver).size, 1);

    await send("n");
    await killer.waitFor(1);
    while (service.running) await sleep(20);
    await service.start();
    await service.untilReady();
    await service.until(
      "delivered after the kill",
      async () => (await sent("n")).join() === "channel killer sent",
      60_000,
    );
    await sleep(500);
    assert.equal(killer.requests.length, 2);
    assert.equal(keys(killer).size, 1);
    assert.equal(verified(killer, ALERT_SECRET).length, 2);
    assert.deepEqual(
      [post.mails.length, chat.messages.length, alerts.requests.length, retrain.requests.length],
      [1, 1, 3, 3],
    );
    assert.doesNotMatch(await service.log(), /xoxb-hush|YWxlcnRz|cmV0cmFp/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

const keys = ({ requests }: HttpReceiver) => new Set(requests.map(({ headers }) => headers["webhook-id"]));

/** Bodies in the order they came in, each signature checked by the specification's own package. */
function verified({ requests }: HttpReceiver, secret: string): Record<string, unknown>[] {
  return requests.map(({ body, headers }) => {
    const signed = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
    return z.record(z.string(), z.unknown()).parse(new Webhook(secret).verify(body, signed));
  });
}
