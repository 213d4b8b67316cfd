/** SIGKILL between an attempt and its record: what was sent is sent again only under the same idempotency key. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { Webhook } from "standardwebhooks";
import { type Answer, startHttpReceiver } from "../support/http-receiver.ts";
import { startSmtpReceiver } from "../support/smtp-receiver.ts";

const SECRET = "whsec_c2lnbmVkLWFnYWluLWFmdGVyLWEta2lsbA==";
const script = path.join(import.meta.dirname, "..", "support", `outbox-process${path.extname(import.meta.filename)}`);

test("a process killed after the receiver accepted, and before it was recorded, repeats itself under the same key", async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "driftline-killed-"));
  let running: ChildProcess | null = null;
  const killBeforeAnswer = (_request: unknown, index: number): Answer => {
    // The request has arrived whole: to the receiver this is a delivery, to the sender nothing has come back yet.
    if (index < 2) running?.kill("SIGKILL");
    return index < 2 ? "hang" : { status: 200 };
  };
  try {
    await using alerts = await startHttpReceiver(killBeforeAnswer);
    await using retrain = await startHttpReceiver();
    await using post = await startSmtpReceiver();
    const config = JSON.stringify({
      models: [
        {
          name: "m",
          task: "regression",
          windows: ["5m"],
          kpis: [
            {
              name: "mean_x",
              sql: "avg(toFloat64(features.x))",
              max: 80,
            },
          ],
          alerts: { channels: ["hook", "mail"] },
          actions: [
            {
              use: "webhook",
              url: retrain.url,
              secret: SECRET,
            },
          ],
        },
      ],
      channels: {
        hook: { use: "webhook", url: alerts.url, secret: SECRET },
        mail: {
          use: "email",
          host: "127.0.0.1",
          port: post.port,
          tls: "never",
          from: "d@example.com",
          to: ["a@example.com"],
        },
      },
    });
    const ends: (string | number | null)[] = [];
    for (let run = 0; run < 4; run++) {
      const child = spawn(process.execPath, [...process.execArgv, script, folder, config], {
        stdio: ["ignore", "ignore", "inherit"],
      });
      running = child;
      const [code, signal] = await once(child, "exit");
      ends.push(signal ?? code);
    }
    assert.deepEqual(ends, ["SIGKILL", "SIGKILL", 0, 0]);
    assert.equal(alerts.requests.length, 3);
    for (const { requests } of [alerts, retrain]) {
      assert.equal(new Set(requests.map((request) => request.headers["webhook-id"])).size, 1);
      for (const { body, headers } of requests) new Webhook(SECRET).verify(body, headers as Record<string, string>);
    }
    // Killed with the first target, the others may have been at it too: however often, it was one message each.
    assert.ok(retrain.requests.length >= 1);
    assert.equal(new Set(post.mails.map((mail) => mail.messageId)).size, 1);
  } finally {
    running?.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
});
