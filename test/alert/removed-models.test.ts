/** Incidents of a model that the configuration has no more, through the store: they end with that reason, and the model may come back. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { incidentRecordSchema } from "../../src/alert/incident-record.ts";
import type { Notification, Send } from "../../src/core/delivery.ts";
import { openStore } from "../../src/store/open.ts";
import { name, sql } from "../../src/store/sql.ts";
import type { Lane, Store } from "../../src/store/store.ts";
import {
  createAlertStation,
  createManualClock,
  insertMetrics,
  kpiRow,
  readIncidentRows,
  START,
} from "../support/alert-station.ts";
import { incidentTarget } from "../support/notification.ts";

let folder = "";
let store: Store;
let lane: Lane;

before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "driftline-removed-"));
  store = await openStore({ embedded: folder });
  lane = store.lane("control");
});
beforeEach(async () => {
  for (const table of ["metrics", "incidents", "deliveries", "judged"])
    await lane.command(sql`TRUNCATE TABLE ${name(table)}`);
});
after(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const clock = createManualClock(START);
const sent: Notification[] = [];
const send: Send = async (notification) => {
  sent.push(notification);
  return { status: "delivered" };
};

const model = (named: string, more: object = {}) => ({
  name: named,
  task: "regression",
  windows: ["5m"],
  kpis: [{ name: "mean_x", sql: "avg(toFloat64(features.x))", max: 80, ...more }],
  alerts: { channels: ["hook"] },
});
const stationOf = (...models: readonly object[]) =>
  createAlertStation(
    store,
    { models, channels: { hook: { use: "webhook", url: "http://127.0.0.1:9/" } } },
    { clock, targets: new Map([["channel hook", incidentTarget(send)]]) },
  );

/** Windows of the model, from the first on. */
async function fill(of: string, values: readonly (number | null)[], from = 1): Promise<void> {
  clock.set(START + (from + values.length) * 300_000);
  await insertMetrics(
    lane,
    values.map((value, index) => kpiRow(from + index, value, { model: of, computed_at: clock.now() })),
  );
}

const told = () => sent.splice(0).map(({ transition, incident }) => [transition, incident.state]);
const newest = async () => {
  const rows = await readIncidentRows(lane);
  return new Map(rows.map((row) => [row.id, incidentRecordSchema.parse(JSON.parse(row.body)).incident]));
};

test("an incident of a removed model ends with that as its reason, told once to whom it was told; pending ones vanish", async () => {
  const before = stationOf(model("m"), model("slow", { for: "3 of 3" }), model("kept"));
  await fill("m", [50, 110, 110]);
  await fill("slow", [50, 110, 110]);
  await fill("kept", [50, 110, 110]);
  for (const one of ["m", "slow", "kept"]) await before.alerting.process(one);
  await before.outbox.flush();
  sent.splice(0);

  const later = stationOf(model("kept"));
  assert.deepEqual(
    (await later.alerting.endRemoved()).map(({ kind, incident }) => `${incident.model} ${kind}`).sort(),
    ["m resolved", "slow amended"],
  );
  await later.outbox.flush();
  assert.equal(sent.length, 1);
  assert.match(sent[0]?.title ?? "", /m, window 5m: mean_x 110 was above 80/);
  assert.ok(
    sent[0]?.lines.includes("Its model is not in the configuration any more, so nobody can tell whether it goes on."),
    JSON.stringify(sent[0]?.lines),
  );
  assert.deepEqual(told(), [["resolved", "resolved"]]);
  const states = [...(await newest()).values()]
    .filter(({ model: of }) => of !== "kept")
    .map(({ state, reason = "" }) => `${state}; ${reason}`);
  assert.deepEqual(states.sort(), [
    "resolved; firing → resolved: model removed: m is not in the configuration any more",
    "resolved; pending → resolved: model removed: slow is not in the configuration any more",
  ]);
  assert.ok([...(await newest()).values()].some(({ model: of, state }) => of === "kept" && state === "firing"));
  assert.deepEqual(await later.alerting.endRemoved(), [], "once");
  assert.deepEqual(await stationOf(model("kept")).alerting.endRemoved(), [], "after a restart too");
});

test("a model that comes back opens a new incident where it still fires, and none where it has recovered", async () => {
  for (const [name, values, expected] of [
    ["worse", [110, 110], [["opened", "firing"]]],
    ["well", [50, 50, 50], []],
  ] as const) {
    const config = model(name);
    await fill(name, [50, 110, 110]);
    const before = stationOf(config);
    await before.alerting.process(name);
    await stationOf(model("other")).alerting.endRemoved();
    await before.outbox.flush();
    sent.splice(0);

    const again = stationOf(config);
    assert.deepEqual(await again.alerting.endRemoved(), []);
    await fill(name, values, 10);
    await again.alerting.process(name);
    await again.outbox.flush();
    assert.deepEqual(told(), expected, name);
    const mine = [...(await newest()).values()].filter((incident) => incident.model === name);
    assert.deepEqual(mine.map(({ state }) => state).sort(), name === "worse" ? ["firing", "resolved"] : ["resolved"]);
  }
});
