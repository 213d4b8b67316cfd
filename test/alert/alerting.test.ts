/** Alerting through the store: metric rows in, incidents and deliveries out, across restarts and failures. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { incidentRecordSchema } from "../../src/alert/incident-record.ts";
import type { Notification, Send, SendMessage } from "../../src/core/delivery.ts";
import type { Incident } from "../../src/core/incident.ts";
import type { CauseReport } from "../../src/core/incident-cause.ts";
import { openStore } from "../../src/store/open.ts";
import { name, sql } from "../../src/store/sql.ts";
import type { Lane, Store } from "../../src/store/store.ts";
import {
  createAlertStation,
  createManualClock,
  insertMetrics,
  kpiRow,
  readDeliveries,
  readIncidentRows,
  START,
} from "../support/alert-station.ts";
import { exampleCauses } from "../support/incident-rows.ts";
import { incidentTarget } from "../support/notification.ts";

const end = (index: number) => START + index * 300_000;
let folder = "";
let store: Store;
let lane: Lane;

before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "driftline-alerting-"));
  store = await openStore({ embedded: folder });
  lane = store.lane("control");
});
after(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

async function empty(): Promise<void> {
  for (const table of ["metrics", "incidents", "deliveries", "judged"])
    await lane.command(sql`TRUNCATE TABLE ${name(table)}`);
}

const model = {
  name: "m",
  task: "regression",
  windows: ["5m"],
  kpis: [
    {
      name: "mean_x",
      sql: "avg(toFloat64(features.x))",
      max: 80,
      clear: 80,
      clear_after: 2,
    },
  ],
  alerts: {
    channels: ["hook"],
    renotify_every: "4h",
  },
};
const config = { models: [model], channels: { hook: { use: "webhook", url: "http://127.0.0.1:9/" } } };

/** A target that keeps what it was sent. */
function collect(): { readonly sent: Notification[]; readonly targets: Map<string, SendMessage> } {
  const sent: Notification[] = [];
  const send: Send = async (notification) => {
    sent.push(notification);
    return { status: "delivered" };
  };
  return { sent, targets: new Map([["channel hook", incidentTarget(send)]]) };
}

describe("traffic-stops-while-an-incident-fires, through the store", () => {
  for (const [variant, values, resolvedAfter] of [
    ["G", [49.5, 49.5, 109.5, 109.5, null, null, null, null, null, null, 49.5, 49.5, 49.5], 12],
    ["H", [49.5, 49.5, 109.5, 109.5, null, null, null, null, null, null, 109.5, 49.5, 49.5, 49.5], 13],
  ] as const) {
    test(`variant ${variant}, with a restart during w7`, async () => {
      await empty();
      const { sent, targets } = collect();
      const clock = createManualClock(START);
      let station = createAlertStation(store, config, { clock, targets });
      for (const [index, value] of values.entries()) {
        clock.set(end(index + 1));
        await insertMetrics(lane, [kpiRow(index + 1, value)]);
        if (index + 1 === 7) station = createAlertStation(store, config, { clock, targets });
        await station.alerting.process("m");
        await station.outbox.flush();
        const resolved = sent.filter((message) => message.transition === "resolved").length;
        assert.equal(resolved, index + 1 >= resolvedAfter ? 1 : 0, `after w${index + 1}`);
      }
      assert.deepEqual(
        sent.map((message) => message.transition),
        ["opened", "data_missing", "resolved"],
      );
      assert.equal(sent[0]?.incident.members[0]?.value, 109.5);
      assert.equal(sent[2]?.incident.members[0]?.value, 49.5);
      assert.match(sent[2]?.title ?? "", /^Resolved: m, window 5m: mean_x is back at 49\.5/);
    });
  }
});

test("an incident is explained when it opens; the causes are told, kept and not asked for again while nothing new fires", async () => {
  await empty();
  const { sent, targets } = collect();
  const clock = createManualClock(START);
  const asked: number[] = [];
  const explain = async (incident: Incident): Promise<CauseReport> => {
    const newest = Math.max(...incident.members.map(({ window_start }) => window_start));
    asked.push(newest);
    return { ...exampleCauses(), window_start: newest };
  };
  let station = createAlertStation(store, config, { clock, targets, explain });
  for (const [index, value] of [49, 90, 91, 92, 50, 50].entries()) {
    clock.set(end(index + 1));
    await insertMetrics(lane, [kpiRow(index + 1, value)]);
    if (index === 3) station = createAlertStation(store, config, { clock, targets, explain });
    await station.alerting.process("m");
    await station.outbox.flush();
  }
  assert.deepEqual(asked, [end(1)]);
  const rows = await readIncidentRows(lane);
  assert.ok(rows.length >= 2);
  for (const row of rows)
    assert.equal(incidentRecordSchema.parse(JSON.parse(row.body)).incident.causes?.causes.length, 3, row.transition);
  assert.deepEqual(
    sent.map(({ transition, lines }) => [transition, lines.filter((line) => line.startsWith("Why: ")).length]),
    [
      ["opened", 3],
      ["resolved", 0],
    ],
  );
  assert.equal(sent[0]?.incident.causes?.window_start, end(1));
});

test("a history judged at once gives the incidents that judging it window by window gave", async () => {
  const values = [49, 90, 91, 50, 50, null, 85, 50, null, 50, 90, 50, 90, 50, 50];
  const told = async (judge: (station: ReturnType<typeof createAlertStation>) => Promise<void>) => {
    await empty();
    const station = createAlertStation(store, config, { clock: createManualClock(START), targets: new Map() });
    await judge(station);
    return (await readIncidentRows(lane))
      .filter((row) => row.transition === "opened" || row.transition === "resolved")
      .map(({ id, transition }) => ({ id, transition }));
  };
  const stepwise = await told(async (station) => {
    for (const [index, value] of values.entries()) {
      await insertMetrics(lane, [kpiRow(index + 1, value)]);
      await station.alerting.process("m");
      await createAlertStation(store, config, { targets: new Map() }).alerting.process("m");
    }
  });
  const atOnce = await told(async (station) => {
    await insertMetrics(
      lane,
      values.map((value, index) => kpiRow(index + 1, value)),
    );
    await station.alerting.process("m");
  });
  assert.equal(atOnce.length, 6);
  assert.deepEqual(stepwise, atOnce);
});

test("windows by number of events are judged in their order, for 2 of 3, one by one as at once", async () => {
  const values = [90, 50, 50, 90, 91, 50, 50];
  const counted = {
    ...config,
    models: [{ ...model, windows: ["20000 events"], kpis: [{ ...model.kpis[0], for: "2 of 3" }] }],
  };
  // Windows by number have no fixed length.
  const rows = values.map((value, index) => {
    const window_start = START + index * index * 3_600_000;
    const window_end = START + (index + 1) ** 2 * 3_600_000 - 1;
    return kpiRow(index + 1, value, { window: "20000 events", window_start, window_end });
  });
  const opened: unknown[] = [];
  for (const groups of [rows.map((row) => [row]), [rows]]) {
    await empty();
    for (const group of groups) {
      await insertMetrics(lane, group);
      await createAlertStation(store, counted, { targets: new Map() }).alerting.process("m");
    }
    const told = (await readIncidentRows(lane)).filter((row) => row.transition !== "amended");
    assert.deepEqual(
      told.map((row) => row.transition),
      ["opened", "resolved"],
    );
    const first = incidentRecordSchema.parse(JSON.parse(told[0]?.body ?? "{}")).incident;
    assert.deepEqual([first.onset, first.opened_at], [rows[3]?.window_start, rows[4]?.window_end]);
    opened.push(told[0]?.id);
  }
  assert.equal(opened[0], opened[1]);
});

test("a late revision withdraws what it shows never was", async () => {
  await empty();
  const { sent, targets } = collect();
  const station = createAlertStation(store, config, { clock: createManualClock(end(3)), targets });
  await insertMetrics(lane, [kpiRow(1, 49), kpiRow(2, 90)]);
  await station.alerting.process("m");
  await insertMetrics(lane, [kpiRow(2, 70, { revision: 2, computed_at: end(3) })]);
  await station.alerting.process("m");
  await station.outbox.flush();
  assert.deepEqual(
    sent.map((message) => message.transition),
    ["opened", "withdrawn"],
  );
});

test("a rule on a detector groups the features of one window into one incident, whatever their names", async () => {
  await empty();
  const { sent, targets } = collect();
  const rules = [{ metric: "psi", for: "2 of 3", severity: "page" }];
  const drift = { models: [{ ...model, kpis: [], alerts: { channels: ["hook"], rules } }], channels: config.channels };
  const station = createAlertStation(store, drift, { clock: createManualClock(START), targets });
  const names = ["__proto__", "a'b\\c`", "age"];
  const row = (index: number, subject: string, value: number) =>
    kpiRow(index, value, { metric: "psi", subject_kind: "feature", subject, threshold: 0.2, breached: value > 0.2 });
  await insertMetrics(
    lane,
    [1, 2].flatMap((index) => names.map((subject) => row(index, subject, subject === "age" ? 0.1 : 0.4))),
  );
  await station.alerting.process("m");
  await station.outbox.flush();
  assert.equal(sent.length, 1);
  assert.deepEqual(sent[0]?.incident.members.map((member) => member.subject).sort(), ["__proto__", "a'b\\c`"]);
  assert.equal(sent[0]?.incident.onset, START);
});

test("an action is asked for once in its cooldown, counted in event time, and not while one is in flight; the incident says why not", async () => {
  await empty();
  const acting = {
    models: [
      {
        ...model,
        kpis: [
          {
            ...model.kpis[0],
            clear_after: 1,
            severity: "page",
          },
        ],
        alerts: {},
        actions: [
          {
            use: "webhook",
            url: "http://127.0.0.1:9/",
            on: "page",
            cooldown: "15m",
          },
        ],
      },
    ],
  };
  const station = () => createAlertStation(store, acting, { clock: createManualClock(START), targets: new Map() });
  for (const [index, value] of [90, 50, 90, 50, 90, 50].entries()) {
    await insertMetrics(lane, [kpiRow(index + 1, value)]);
    await station().alerting.process("m");
  }
  assert.equal((await readDeliveries(lane)).length, 1);
  const decisions = (await readIncidentRows(lane))
    .filter((row) => row.transition === "opened")
    .map((row) => incidentRecordSchema.parse(JSON.parse(row.body)).incident.actions?.[0]);
  assert.deepEqual(
    decisions.map((decision) => decision?.requested),
    [true, false, false],
  );
  assert.equal(decisions[1]?.reason, `in cooldown until ${new Date(end(1) + 900_000).toISOString()}`);
  // Nobody has taken the first request yet, so the cooldown is over and the retraining is not.
  assert.match(decisions[2]?.reason ?? "", /^one is in flight: [0-9a-f-]{36}, requested$/);
});

test("whatever call to the store fails, the next run tells of each change once", async () => {
  let failed = true;
  for (let n = 1; failed && n < 60; n++) {
    await empty();
    failed = false;
    let calls = 0;
    const breaking = <Result>(call: () => Promise<Result>): Promise<Result> => {
      calls++;
      if (calls !== n) return call();
      failed = true;
      return Promise.reject(new Error("the store is away"));
    };
    const flaky: Lane = {
      ...lane,
      query: (...args) => breaking(() => lane.query(...args)),
      insertRows: (...args) => breaking(() => lane.insertRows(...args)),
    };
    const settings = { clock: createManualClock(START), targets: new Map() };
    const faulty = createAlertStation({ ...store, lane: () => flaky }, config, settings);
    await insertMetrics(lane, [kpiRow(1, 49), kpiRow(2, 90)]);
    await faulty.alerting.process("m").catch(() => undefined);
    await insertMetrics(lane, [kpiRow(3, 50), kpiRow(4, 50)]);
    await faulty.alerting.process("m").catch(() => undefined);
    await createAlertStation(store, config, settings).alerting.process("m");
    assert.deepEqual(
      (await readDeliveries(lane)).map((delivery) => delivery.transition),
      ["opened", "resolved"],
      `call ${n}`,
    );
    assert.deepEqual(
      (await readIncidentRows(lane)).map((row) => [row.sequence, row.state]).at(-1),
      [2, "resolved"],
      `call ${n}`,
    );
  }
  assert.equal(failed, false);
});
