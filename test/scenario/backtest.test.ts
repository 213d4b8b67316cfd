/** A changed configuration over what is stored, beside the service that watches it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { type BacktestReport, backtestReportSchema, tableOf } from "../../src/requests/backtest-report.ts";
import { backtestCall } from "../../src/requests/backtest-request.ts";
import { at, Scenario } from "../support/scenario.ts";

const CONFIG = `models:
  - name: m
    task: regression
    windows: [5m]
    features: { x: numeric }
    kpis:
      - { name: mean_x, sql: "avg(toFloat64(features.x))", max: 80, clear: 80, clear_after: 1 }
    alerts: { channels: [hook] }
channels: { hook: { use: webhook, url: "\${HOOK}" } }`;

/** Added to 0..99 in each window of five minutes: the means are 49.5, 74.5, 49.5, 109.5, 109.5, 49.5, 49.5. */
const ADDED = [0, 25, 0, 60, 60, 0, 0];

const minuteOf = (window: number) => window * 5;
const predictions = (window: number, added: number) =>
  Array.from(
    { length: 200 },
    (_, i) =>
      `{"type":"prediction","id":"w${window}-${i}","model":"m","timestamp":"${new Date(Date.parse(at(10, minuteOf(window))) + i * 1400).toISOString()}","prediction":1,"features":{"x":${(i % 100) + added}}}`,
  );

async function watched(): Promise<Scenario> {
  const scenario = await Scenario.open({ config: CONFIG, now: at(10) });
  for (const [window, added] of ADDED.entries()) {
    scenario.clock.set(at(10, minuteOf(window) + 5));
    await scenario.push(predictions(window, added));
    await scenario.evaluate({ at: at(10, minuteOf(window) + 7) });
  }
  await scenario.evaluate({ at: at(11) });
  return scenario;
}

async function ask(
  scenario: Scenario,
  config: string,
  span: { readonly from?: number; readonly to?: number } = {},
): Promise<BacktestReport> {
  const { route, body } = backtestCall(
    { file: "/nowhere/changed.yaml", text: `${config}\nstore: { embedded: ./data }`, ...span },
    { HOOK: "http://127.0.0.1:9/", UNUSED: "secret" },
  );
  const { status, text } = await scenario.post(route, JSON.stringify(body), { "content-type": "application/json" });
  if (status !== 200) throw new Error(text);
  return backtestReportSchema.parse(JSON.parse(text));
}

/** Rows and content of every live table as readers see them, whatever is merged meanwhile; and the databases that are there. */
async function contents(scenario: Scenario): Promise<unknown> {
  const names = z.object({ name: z.string() });
  const tables = await scenario.rows(
    "SELECT name, if(engine = 'MergeTree', '', 'FINAL') AS final FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' ORDER BY name",
    names.extend({ final: z.string() }),
  );
  const found: unknown[] = await scenario.rows("SELECT name FROM system.databases ORDER BY name", names);
  for (const { name, final } of tables)
    found.push(
      await scenario.rows(
        `SELECT '${name}' AS name, count() AS rows, toString(sum(cityHash64(toString(tuple(*))))) AS digest FROM \`${name}\` ${final}`,
        z.object({ name: z.string(), rows: z.number(), digest: z.string() }),
      ),
    );
  return found;
}

test("a changed limit is judged on the stored numbers, a changed window on the events; the live tables stay as they are", async () => {
  await using scenario = await watched();
  const [live, ...more] = await scenario.incidents();
  assert.deepEqual([live?.state, more.length], ["resolved", 0]);
  const before = await contents(scenario);

  const same = await ask(scenario, CONFIG);
  assert.deepEqual(same.computed, { m: "incidents" });
  assert.deepEqual(same.pairs, [{ today: live?.incident_id, changed: live?.incident_id }]);
  assert.deepEqual(same.changed, same.today);
  assert.deepEqual(same.changed.deliveries, { "channel hook": 2 });

  const stricter = await ask(scenario, CONFIG.replace("max: 80, clear: 80", "max: 70, clear: 70"));
  assert.deepEqual(stricter.computed, { m: "incidents" });
  assert.deepEqual(
    stricter.changed.incidents.map((incident) => incident.opened_at),
    [at(10, 10), at(10, 20)],
  );
  assert.deepEqual(
    stricter.pairs.map(({ today }) => today),
    [null, live?.incident_id],
    "the second is today's, found by its time and subject",
  );
  assert.match(tableOf(stricter), /^–\s+2026-03-02 10:10/m);
  assert.match(tableOf(stricter), /1 \(0 pages\) today; 2 \(0 pages\) with the change/);

  const late = await ask(scenario, CONFIG.replace("max: 80, clear: 80", "max: 70, clear: 70"), {
    from: Date.parse(at(10, 15)),
    to: Date.parse(at(10, 30)),
  });
  assert.deepEqual(late.changed.incidents.length, 1);

  const longer = await ask(scenario, CONFIG.replace("windows: [5m]", "windows: [10m]"));
  assert.deepEqual(longer.computed, { m: "windows" });
  // Means of ten minutes: 62, 79.5, 79.5, and a last one that is open.
  assert.deepEqual(longer.changed.incidents, []);
  const lower = await ask(
    scenario,
    CONFIG.replace("windows: [5m]", "windows: [10m]").replace("max: 80, clear: 80", "max: 79, clear: 79"),
  );
  assert.deepEqual(
    lower.changed.incidents.map((incident) => incident.opened_at),
    [at(10, 20)],
  );

  assert.deepEqual(await contents(scenario), before);
});

test("a configuration with an error is refused with its place, and nothing is left behind", async () => {
  await using scenario = await watched();
  const before = await contents(scenario);
  await assert.rejects(ask(scenario, CONFIG.replace("max: 80", "max: eighty")), /changed\.yaml:\d+:\d+ .*max/);
  const unknown = await scenario.post("/v1/backtest", JSON.stringify({ file: "a", text: "b", more: 1 }), {
    "content-type": "application/json",
  });
  assert.equal(unknown.status, 400);
  assert.deepEqual(await contents(scenario), before);
  assert.ok(backtestReportSchema.safeParse(await ask(scenario, CONFIG)).success);
});
