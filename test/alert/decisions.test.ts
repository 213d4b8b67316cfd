/** Accepted drift, through the store: it ends what it covers, opens nothing, and asks again when it expires. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { decide } from "../../src/alert/decide.ts";
import { configSchema } from "../../src/config/schema.ts";
import type { Notification, Send } from "../../src/core/delivery.ts";
import { DriftlineError } from "../../src/core/errors.ts";
import { openStore } from "../../src/store/open.ts";
import type { Lane, Store } from "../../src/store/store.ts";
import { createAlertStation, createManualClock, insertMetrics, kpiRow, START } from "../support/alert-station.ts";
import { incidentTarget } from "../support/notification.ts";

let folder = "";
let store: Store;
let lane: Lane;
before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "driftline-decisions-"));
  store = await openStore({ embedded: folder });
  lane = store.lane("control");
});
after(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const config = {
  models: [
    {
      name: "m",
      task: "regression",
      windows: ["5m"],
      alerts: { channels: ["hook"], rules: [{ metric: "psi", clear_after: 1 }] },
    },
  ],
  channels: { hook: { use: "webhook", url: "http://127.0.0.1:9/" } },
};
const end = (index: number) => START + index * 300_000;

test("accepted drift ends its incident, opens none while it holds, and opens one anew when it has expired", async () => {
  const sent: Notification[] = [];
  const send: Send = async (notification) => {
    sent.push(notification);
    return { status: "delivered" };
  };
  const clock = createManualClock(START);
  const station = createAlertStation(store, config, {
    clock,
    targets: new Map([["channel hook", incidentTarget(send)]]),
  });
  await lane.insertRows("references", [
    { model: "m", reference_id: "r1", subject_kind: "feature", subject: "age", kind: "numeric", created_at: START },
  ]);
  const judge = async (index: number, subjects: Readonly<Record<string, number>>) => {
    clock.set(end(index));
    await insertMetrics(
      lane,
      Object.entries(subjects).map(([subject, value]) =>
        kpiRow(index, value, {
          metric: "psi",
          subject_kind: "feature",
          subject,
          threshold: 0.2,
          breached: value > 0.2,
        }),
      ),
    );
    await station.alerting.process("m");
    await station.outbox.flush();
    return sent.map(({ transition }) => transition);
  };
  await judge(1, { age: 0.5, plan: 0.1 });
  assert.deepEqual(await judge(2, { age: 0.5, plan: 0.1 }), ["opened"]);
  const place = { lane, models: configSchema.parse(config).models, now: clock.now() };
  const accepted = { model: "m", subject: "age", for: 1_500_000, owner: "ana", reason: "a new campaign" };
  await assert.rejects(
    decide(place, "acceptance", { ...accepted, subject: "aeg" }),
    (thrown) =>
      thrown instanceof DriftlineError && /has no feature aeg in its reference; it has age/.test(thrown.message),
  );
  await decide(place, "acceptance", accepted);
  assert.deepEqual(await judge(3, { age: 0.5, plan: 0.1 }), ["opened", "resolved"]);
  assert.match(sent[1]?.incident.reason ?? "", /resolved: what ana has accepted until 2026-03-02 \(a new campaign\)/);
  assert.deepEqual(await judge(4, { age: 0.6, plan: 0.1 }), ["opened", "resolved"]);
  // Only that feature.
  assert.deepEqual(await judge(5, { age: 0.6, plan: 0.4 }), ["opened", "resolved", "opened"]);
  assert.deepEqual(
    sent[2]?.incident.members.map(({ subject }) => subject),
    ["plan"],
  );
  assert.deepEqual(await judge(6, { age: 0.6, plan: 0.1 }), ["opened", "resolved", "opened", "resolved"]);
  const again = await judge(8, { age: 0.6, plan: 0.1 });
  assert.deepEqual(again.slice(4), ["opened"]);
  assert.notEqual(sent[4]?.incident.incident_id, sent[0]?.incident.incident_id);
});
