/** Owner and labels of a model on their way to machines, and who is told of an incident that becomes more urgent. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { openStore } from "../../src/store/open.ts";
import { createAlertStation, createManualClock, insertMetrics, kpiRow, START } from "../support/alert-station.ts";
import { startHttpReceiver } from "../support/http-receiver.ts";

const webhookBody = z
  .object({
    data: z.object({
      title: z.string(),
      incident: z.object({ owner: z.string(), labels: z.record(z.string(), z.string()) }),
    }),
  })
  .transform(({ data }) => data);
const alertBody = z.array(z.object({ labels: z.record(z.string(), z.string()), annotations: z.looseObject({}) }));
const pagerBody = z.object({
  event_action: z.string(),
  payload: z.object({ custom_details: z.looseObject({ labels: z.record(z.string(), z.string()) }) }).optional(),
});

test("routes choose by label and severity; who was told of an incident is told of its end, and labels go along", async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "driftline-routes-"));
  const store = await openStore({ embedded: folder });
  await using hook = await startHttpReceiver();
  await using alerts = await startHttpReceiver();
  await using pager = await startHttpReceiver(() => ({ status: 202 }));
  try {
    const config = {
      models: [
        {
          name: "m",
          task: "regression",
          owner: "risk-team",
          labels: { team: "risk", tier: "1" },
          windows: ["5m"],
          alerts: {
            rules: [
              { metric: "mean_x", above: 80, clear_after: 1, severity: "ticket" },
              { metric: "mean_x", above: 100, clear_after: 1, severity: "page" },
            ],
          },
          kpis: [{ name: "mean_x", sql: "avg(toFloat64(features.x))" }],
        },
      ],
      channels: {
        tickets: { use: "webhook", url: `${hook.url}/tickets` },
        others: { use: "webhook", url: `${hook.url}/others` },
        prometheus: { use: "alertmanager", urls: [new URL(alerts.url).origin], labels: { team: "ml", site: "eu" } },
        oncall: { use: "pagerduty", routing_key: "key", api_url: pager.url },
      },
      routes: [
        { match: { team: "growth" }, channels: ["others"] },
        { match: { team: "r*" }, channels: ["prometheus"], continue: true },
        { match: { team: "risk", severity: "page" }, channels: ["oncall"] },
        { match: { team: "risk" }, channels: ["tickets"] },
        { channels: ["others"] },
      ],
    };
    const clock = createManualClock(START);
    const station = createAlertStation(store, config, { clock });
    for (const [index, value] of [90, 110, 50, 50].entries()) {
      clock.set(START + (index + 1) * 300_000);
      await insertMetrics(store.lane("control"), [kpiRow(index + 1, value)]);
      await station.alerting.process("m");
      await station.outbox.flush();
    }
    const told = hook.requests.map(({ path: at, body }) => ({ at, body: webhookBody.parse(JSON.parse(body)) }));
    assert.deepEqual(
      told.map(({ at, body }) => `${at} ${body.title.split(":")[0] ?? ""}`),
      ["/hook/tickets New ticket", "/hook/tickets Now page", "/hook/tickets Resolved"],
    );
    assert.deepEqual(told[0]?.body.incident, { owner: "risk-team", labels: { team: "risk", tier: "1" } });
    const [alert] = alertBody.parse(JSON.parse(alerts.requests[0]?.body ?? ""));
    const { team, tier, site, owner, model } = alert?.labels ?? {};
    assert.deepEqual([team, tier, site, owner, model], ["risk", "1", "eu", "risk-team", "m"]);
    const pages = pager.requests.map(({ body }) => pagerBody.parse(JSON.parse(body)));
    assert.deepEqual(
      pages.map((page) => page.event_action),
      ["trigger", "resolve"],
    );
    const details = pages[0]?.payload?.custom_details;
    assert.deepEqual([details?.labels, details?.["Owner"]], [{ team: "risk", tier: "1" }, "risk-team"]);
  } finally {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
});
