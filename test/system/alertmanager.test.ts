/** Against a real Alertmanager: an open incident stays a firing alert, across a restart of ours; it ends when the incident ends; told once each. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { openStore } from "../../src/store/open.ts";
import { createAlertStation, insertMetrics, kpiRow } from "../support/alert-station.ts";
import { findAlertmanager, startAlertmanager } from "../support/alertmanager.ts";
import { startHttpReceiver } from "../support/http-receiver.ts";

const RESEND_SECONDS = 3;
const FIRING_MS = 31_000;
const program = findAlertmanager();
const skip = program === null ? "no Alertmanager is installed on this machine" : false;

const told = z.object({ status: z.string(), alerts: z.array(z.object({ labels: z.record(z.string(), z.string()) })) });

test("an incident fires in Alertmanager until it is over, and is told once", { skip }, async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "driftline-alertmanager-store-"));
  const store = await openStore({ embedded: folder });
  try {
    await using receiver = await startHttpReceiver();
    await using alertmanager = await startAlertmanager(program ?? "", receiver.url);
    const config = {
      models: [
        {
          name: "m",
          task: "regression",
          windows: ["5m"],
          kpis: [{ name: "mean_x", sql: "avg(toFloat64(features.x))", max: 80 }],
          // The end is told although nobody wants to hear of it: the alert would go on.
          alerts: { channels: ["am"], send_resolved: false },
        },
      ],
      channels: {
        am: { use: "alertmanager", urls: [alertmanager.url], resend_seconds: RESEND_SECONDS, labels: { team: "ml" } },
      },
    };
    const lane = store.lane("control");
    const first = Math.floor(Date.now() / 300_000) * 300_000 - 1_500_000;
    const row = (index: number, value: number) => {
      const window_start = first + index * 300_000;
      return kpiRow(index, value, { window_start, window_end: window_start + 300_000, computed_at: Date.now() });
    };

    let station = createAlertStation(store, config, { pollMs: 100 });
    station.outbox.start();
    await insertMetrics(lane, [row(0, 50), row(1, 90)]);
    await station.alerting.process("m");
    await receiver.waitFor(1);
    const [shown] = await alertmanager.alerts();
    assert.deepEqual(
      [shown?.labels["alertname"], shown?.labels["model"], shown?.labels["severity"], shown?.labels["team"]],
      ["DriftlineIncident", "m", "warning", "ml"],
    );
    assert.match(shown?.annotations["description"] ?? "", /mean_x 90 is above 80/);

    await sleep(FIRING_MS / 2);
    await station.outbox.stop();
    station = createAlertStation(store, config, { pollMs: 100 });
    station.outbox.start();
    await sleep(FIRING_MS / 2);
    assert.deepEqual(
      (await alertmanager.alerts()).map(({ status, labels }) => [status.state, labels["incident"]]),
      [["active", shown?.labels["incident"]]],
      "still firing, under the same labels",
    );
    assert.equal(receiver.requests.length, 1, "told once");

    await insertMetrics(lane, [row(2, 50), row(3, 50), row(4, 50)]);
    await station.alerting.process("m");
    await receiver.waitFor(2);
    // Two more rounds in which an end could be taken back.
    await sleep(2 * RESEND_SECONDS * 1000);
    await station.outbox.stop();
    assert.deepEqual(
      receiver.requests.map((request) => told.parse(JSON.parse(request.body)).status),
      ["firing", "resolved"],
    );
    assert.deepEqual(await alertmanager.alerts(), []);
  } finally {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
});
