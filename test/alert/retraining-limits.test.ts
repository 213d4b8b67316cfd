/** When an action is asked for and when not; and field case `airflow-says-it-already-exists`. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { readRetrainings } from "../../src/deliver/retraining-store.ts";
import { openStore } from "../../src/store/open.ts";
import { name, sql } from "../../src/store/sql.ts";
import type { Store } from "../../src/store/store.ts";
import {
  createAlertStation,
  createManualClock,
  insertMetrics,
  kpiRow,
  readDeliveries,
  readIncidentRows,
} from "../support/alert-station.ts";
import { type Answer, startHttpReceiver } from "../support/http-receiver.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const WINDOWS_A_DAY = 288;

let store: Store;
let folder: string;
before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "driftline-limits-"));
  store = await openStore({ embedded: folder });
});
after(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

/** An empty store, a clock, and what is configured. */
async function fresh(action: Readonly<Record<string, unknown>>, hook: string) {
  const lane = store.lane("control");
  for (const table of ["metrics", "incidents", "deliveries", "judged", "retrainings"])
    await lane.command(sql`TRUNCATE TABLE ${name(table)}`);
  const clock = createManualClock(kpiRow(1, 1).window_end);
  const config = {
    models: [
      {
        name: "m",
        task: "binary",
        windows: ["5m"],
        kpis: [{ use: "accuracy", min: 0.8, clear_after: 1, severity: "page" }],
        alerts: { channels: ["hook"] },
        actions: [{ on: "page", ...action }],
      },
    ],
    channels: { hook: { use: "webhook", url: hook } },
  };
  const start = () => createAlertStation(store, config, { clock, limits: { firstWaitMs: 1000 } });
  let station = start();
  const look = async () => {
    await station.outbox.flush();
    await station.retrainings.look();
    await station.outbox.flush();
  };
  return {
    lane,
    clock,
    look,
    restart: () => {
      station = start();
    },
    /** A bad window and a good one after it: an incident of its own. */
    async incident(window: number) {
      const rows = [kpiRow(window, 0.5, { metric: "accuracy" }), kpiRow(window + 1, 0.9, { metric: "accuracy" })];
      clock.set(Math.max(clock.now(), rows[1]?.window_end ?? 0));
      await insertMetrics(lane, rows);
      await station.alerting.process("m");
      await look();
    },
    async reasons() {
      const newest = new Map((await readIncidentRows(lane)).map(({ id, body }) => [id, body]));
      return [...newest.values()].map(
        (body) =>
          (JSON.parse(body) as { incident: { actions?: { reason: string }[] } }).incident.actions?.[0]?.reason ?? "",
      );
    },
  };
}

test("never while one is in flight, within the cooldown, or beyond the budget of a month", async () => {
  await using retrain = await startHttpReceiver();
  await using hook = await startHttpReceiver();
  const world = await fresh(
    { use: "webhook", url: retrain.url, cooldown: "1h", max_per_month: 2, timeout: "3h" },
    hook.url,
  );
  await world.incident(1);
  await world.incident(7);
  await world.incident(25);
  const reasons = await world.reasons();
  assert.equal(reasons[0], "asked at severity page");
  assert.match(reasons[1] ?? "", /^in cooldown until/);
  assert.match(reasons[2] ?? "", /^one is in flight: .*, accepted$/);
  // Nothing is heard of it: it is given up, told once, and the next may begin.
  world.clock.set(world.clock.now() + 4 * HOUR);
  await world.look();
  await world.look();
  assert.equal((await readRetrainings(world.lane))[0]?.state, "timed_out");
  assert.equal(hook.requests.filter(({ body }) => body.includes("nothing was heard")).length, 1);
  await world.incident(WINDOWS_A_DAY);
  world.clock.set(world.clock.now() + DAY);
  await world.look();
  await world.incident(3 * WINDOWS_A_DAY);
  assert.deepEqual((await world.reasons()).slice(3), [
    "asked at severity page",
    "2 in 2026-03, as many as a month may have",
  ]);
  // Another month.
  await world.incident(35 * WINDOWS_A_DAY);
  assert.equal((await world.reasons()).at(-1), "asked at severity page");
  assert.equal(new Set(retrain.requests.map(({ headers }) => headers["webhook-id"])).size, 3);
});

test("only for what it is for", async () => {
  await using retrain = await startHttpReceiver();
  await using hook = await startHttpReceiver();
  const other = await fresh({ use: "webhook", url: retrain.url, only_for: { metrics: ["f1"] } }, hook.url);
  await other.incident(1);
  assert.deepEqual(await other.reasons(), ["no member that fires is one that it is for (only_for)"]);
  const mine = { metrics: ["accuracy"], windows: ["5m"] };
  const same = await fresh({ use: "webhook", url: retrain.url, only_for: mine }, hook.url);
  await same.incident(1);
  assert.deepEqual(await same.reasons(), ["asked at severity page"]);
});

test("a request that is refused is given up, people are told, and the next incident asks anew", async () => {
  let status = 404;
  await using retrain = await startHttpReceiver(() => ({ status, body: "no such job" }));
  await using hook = await startHttpReceiver();
  const world = await fresh({ use: "webhook", url: retrain.url }, hook.url);
  await world.incident(1);
  await world.look();
  assert.equal((await readRetrainings(world.lane))[0]?.state, "given_up");
  assert.equal(hook.requests.filter(({ body }) => /given up: HTTP 404: no such job/.test(body)).length, 1);
  status = 200;
  await world.incident(4);
  assert.deepEqual(await world.reasons(), ["asked at severity page", "asked at severity page"]);
});

/** Airflow, as far as a request needs it. */
function airflow(post: (attempt: number, id: string, runs: Set<string>) => Answer, state = "running") {
  const runs = new Set<string>();
  const posted: string[] = [];
  const answer = (request: { readonly method: string; readonly path: string; readonly body: string }): Answer => {
    if (request.method === "GET") {
      const id = decodeURIComponent(request.path.split("/").at(-1) ?? "");
      return runs.has(id) ? { status: 200, body: JSON.stringify({ dag_run_id: id, state }) } : { status: 404 };
    }
    const { dag_run_id: id } = JSON.parse(request.body) as { dag_run_id: string };
    posted.push(id);
    return post(posted.length, id, runs);
  };
  return { runs, posted, answer };
}
const conflict: Answer = { status: 409, body: '{"detail":{"reason":"Unique constraint violation"}}' };
const AIRFLOW = { use: "airflow", dag: "retrain", token: "t0k3n-of-tests", cooldown: "24h" };

for (const killed of [false, true]) {
  test(`airflow-says-it-already-exists ${killed ? "D" : "A"}: the answer was lost${killed ? ", and the service killed" : ""}; one run`, async () => {
    const system = airflow((attempt, id, runs) => {
      runs.add(id);
      return attempt === 1 ? "reset" : conflict;
    });
    await using receiver = await startHttpReceiver(system.answer);
    await using hook = await startHttpReceiver();
    const world = await fresh({ ...AIRFLOW, url: new URL(receiver.url).origin }, hook.url);
    await world.incident(1);
    if (killed) world.restart();
    world.clock.set(world.clock.now() + 5_000);
    await world.look();
    assert.equal(system.posted.length, 2);
    assert.equal(new Set(system.posted).size, 1);
    assert.equal(system.runs.size, 1);
    const [retraining, ...more] = await readRetrainings(world.lane);
    assert.deepEqual(more, []);
    assert.equal(retraining?.run_id, system.posted[0]);
    const accepted = retraining?.events.find(({ event }) => event === "accepted");
    assert.match(accepted?.detail.message ?? "", /HTTP 409: an earlier request had come through/);
    const delivery = (await readDeliveries(world.lane)).find(({ target }) => target === "action m airflow");
    assert.deepEqual([delivery?.state, delivery?.attempt], ["sent", 2]);
    await world.incident(10);
    assert.match((await world.reasons())[1] ?? "", /^in cooldown until 2026-03-03T10:05/);
    assert.equal(system.posted.length, 2);
  });
}

test("airflow-says-it-already-exists B: a conflict without our run is tried again, and no cooldown begins", async () => {
  const system = airflow((attempt, id, runs) => {
    if (attempt === 1) return conflict;
    runs.add(id);
    return { status: 200, body: JSON.stringify({ dag_run_id: id, state: "queued" }) };
  });
  await using receiver = await startHttpReceiver(system.answer);
  await using hook = await startHttpReceiver();
  const world = await fresh({ ...AIRFLOW, url: new URL(receiver.url).origin }, hook.url);
  await world.incident(1);
  const failed = (await readDeliveries(world.lane)).find(({ target }) => target === "action m airflow");
  assert.equal(failed?.state, "failed");
  assert.match(failed?.answer ?? "", /Unique constraint violation/);
  await world.incident(4);
  // Not in cooldown, but one is on its way.
  assert.match((await world.reasons())[1] ?? "", /^one is in flight/);
  world.clock.set(world.clock.now() + 5_000);
  await world.look();
  assert.equal(system.runs.size, 1);
  assert.equal((await readRetrainings(world.lane))[0]?.state, "running");
});

test("airflow-says-it-already-exists C: a run that stays queued is told once, and no second one is asked for", async () => {
  const system = airflow((_, id, runs) => {
    runs.add(id);
    return { status: 200, body: JSON.stringify({ dag_run_id: id, state: "queued" }) };
  }, "queued");
  await using receiver = await startHttpReceiver(system.answer);
  await using hook = await startHttpReceiver();
  const world = await fresh({ ...AIRFLOW, cooldown: "10m", url: new URL(receiver.url).origin }, hook.url);
  await world.incident(1);
  for (let minute = 0; minute < 120; minute += 10) {
    world.clock.set(world.clock.now() + 600_000);
    if (minute === 70) world.restart();
    await world.look();
  }
  await world.incident(30);
  assert.match((await world.reasons())[1] ?? "", /^one is in flight: .*, waiting$/);
  const [retraining, ...more] = await readRetrainings(world.lane);
  assert.deepEqual(more, []);
  assert.equal(retraining?.state, "waiting");
  assert.equal(system.posted.length, 1);
  assert.equal(
    hook.requests.filter(({ body }) => /accepted, but not begun: the run is still queued/.test(body)).length,
    1,
  );
});
