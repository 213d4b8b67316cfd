/**
 * What is to happen when a KPI fails, the state that machines are told of, and the actions of a model that shares another's incident: the whole
 * application, with real receivers of incidents, of actions and of states.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Webhook } from "standardwebhooks";
import { z } from "zod";
import { sql } from "../../src/store/sql.ts";
import { type HttpReceiver, startHttpReceiver } from "../support/http-receiver.ts";
import { at, Scenario } from "../support/scenario.ts";
import { type MakeRow, predictions, referenceFile } from "../support/stream.ts";

const SECRET = "whsec_c2VjcmV0LXRoYXQtbm9ib2R5LXNlZXM=";

const CONFIG = `models:
  - name: a
    task: regression
    reference: { file: reference.ndjson }
    windows: [1h]
    pane: 5m
    false_alarms: off
    detectors: [missing-rate]
    kpis:
      - name: mean_x
        sql: "avg(toFloat64(features.x))"
        max: 80
        clear_after: 1
        severity: page
        on_failure: [tell, retrain, roll_back, fall_back]
    alerts:
      channels: [hook]
      rules: [{ metric: missing-rate, subjects: [amount], above: 0.1, clear_after: 1 }]
    on_state_change: [switch]
    actions:
      - { use: webhook, url: "\${RETRAIN}/a" }
      - { use: http, name: old model, does: roll_back, url: "\${RETRAIN}/back", body: { model: "{{model}}" } }
  - name: b
    task: regression
    reference: { file: reference.ndjson }
    windows: [1h]
    pane: 5m
    false_alarms: off
    detectors: [missing-rate]
    alerts:
      channels: [hook]
      rules: [{ metric: missing-rate, subjects: [amount], above: 0.1, clear_after: 1 }]
    on_state_change: [switch]
    actions:
      - { use: webhook, url: "\${RETRAIN}/b" }
      - { use: webhook, url: "\${RETRAIN}/b-page", name: at a page, on: page }
channels:
  hook: { use: webhook, url: "\${HOOK}" }
  switch: { use: webhook, url: "\${SWITCH}", secret: "${SECRET}" }`;

const good: MakeRow = (draw) => ({ features: { amount: Math.round(100 * draw()), x: Math.round(100 * draw()) } });
const broken: MakeRow = (draw) => ({ features: { ...good(draw).features, amount: null } });
const worse: MakeRow = (draw) => ({ features: { amount: null, x: 60 + Math.round(100 * draw()) } });

const push = z.object({
  type: z.literal("model.state"),
  timestamp: z.string(),
  data: z.object({
    model: z.string(),
    state: z.string(),
    reason: z.string(),
    since: z.string().nullable(),
    incidents: z.array(z.string()),
    etag: z.string(),
    sequence: z.number(),
    previous: z.string(),
    changed_at: z.string(),
  }),
});

/** What the switch has taken, each verified by the library; the clock of an attempt is the machine's. */
function pushes({ requests }: HttpReceiver) {
  return requests.map(({ headers, body }) => {
    const signed = Object.fromEntries(
      ["id", "timestamp", "signature"].map((name) => [`webhook-${name}`, String(headers[`webhook-${name}`])]),
    );
    return { id: headers["webhook-id"], ...push.parse(new Webhook(SECRET).verify(body, signed)).data };
  });
}
const brief = (receiver: HttpReceiver) =>
  pushes(receiver).map(({ model, sequence, previous, state }) => `${model}${sequence}: ${previous} → ${state}`);

async function hour(scenario: Scenario, of: number, a: MakeRow, b: MakeRow = a): Promise<void> {
  scenario.clock.set(at(of + 1));
  for (const [model, make] of [
    ["a", a],
    ["b", b],
  ] as const)
    await scenario.push(predictions({ model, from: Date.parse(at(of)), to: Date.parse(at(of + 1)), rows: 400 }, make));
  await scenario.evaluate({ at: at(of + 1, 5) });
}

const asked = z.looseObject({
  model: z.string(),
  retraining_id: z.string(),
  incident: z.looseObject({ id: z.string(), members: z.array(z.looseObject({ metric: z.string() })) }),
});

async function stateOf(scenario: Scenario, model: string) {
  const response = await fetch(`${scenario.url}/v1/models/${model}/state`);
  return {
    etag: response.headers.get("etag"),
    body: z.looseObject({ state: z.string() }).parse(await response.json()),
  };
}

test("a KPI's plan, the states that are pushed, and a model that joins another's incident", async () => {
  await using retrain = await startHttpReceiver();
  let isDown = false;
  await using switchboard = await startHttpReceiver((_request, index) => ({
    status: isDown || index === 2 ? 503 : 200,
  }));
  await using scenario = await Scenario.open({
    config: CONFIG,
    files: { "reference.ndjson": referenceFile(1_500, good) },
    now: at(9),
    environment: { RETRAIN: retrain.url, SWITCH: switchboard.url },
  });
  const kinds = () => scenario.messages().map(({ type }) => type.replace("incident.", ""));
  const paths = () => retrain.requests.map(({ path }) => path.replace("/hook", ""));
  await hour(scenario, 10, good);
  assert.deepEqual([kinds(), paths(), brief(switchboard)], [[], [], []]);

  // One broken field upstream of both: one incident and one message; b's action is asked for by b's own rule, with b's evidence.
  await hour(scenario, 11, broken);
  const [incident, ...more] = await scenario.incidents();
  assert.deepEqual([kinds(), more], [["opened"], []]);
  assert.deepEqual(incident?.["models"], ["a", "b"]);
  assert.deepEqual(paths(), ["/b"]);
  const request = asked.parse(JSON.parse(retrain.requests[0]?.body ?? ""));
  assert.deepEqual([request.model, request.incident.id], ["b", incident?.incident_id]);
  assert.deepEqual(
    request.incident.members.map(({ metric, model }) => [metric, model]),
    [["missing-rate", undefined]],
  );
  const decided = z
    .looseObject({
      actions: z.array(z.looseObject({ action: z.string(), model: z.string().optional(), reason: z.string() })),
    })
    .parse(await scenario.json(`/v1/incidents/${incident?.incident_id ?? ""}`)).actions;
  assert.deepEqual(
    decided.map(({ model = "a", action, reason }) => `${model}, ${action}: ${reason}`),
    [
      "a, webhook: no KPI that fires has a plan that asks for it",
      "a, old model: no KPI that fires has a plan that asks for it",
      "b, webhook: asked at severity ticket",
      "b, at a page: severity ticket is below page",
    ],
  );
  assert.deepEqual(brief(switchboard).sort(), ["a1: healthy → degraded", "b1: healthy → degraded"]);

  // The KPI of a fails beside it: its plan is done, once; b, which has no part in that, stays as it is.
  await hour(scenario, 12, worse, broken);
  await scenario.evaluate({ at: at(13, 10) });
  assert.deepEqual(kinds(), ["opened", "escalated"]);
  assert.deepEqual(paths().sort(), ["/a", "/b", "/back"]);
  assert.deepEqual(brief(switchboard).slice(2), ["a2: degraded → failing", "a2: degraded → failing"]);
  const [first, again] = pushes(switchboard).slice(2);
  assert.deepEqual(first, again, "a retry is the same push");
  const failing = await stateOf(scenario, "a");
  assert.equal(failing.etag, again?.etag);
  const { id: _, etag: __, sequence: ___, previous: ____, changed_at: _____, ...told } = again ?? {};
  assert.deepEqual(told, failing.body);
  assert.equal(failing.body["since"], at(13));
  assert.equal((await stateOf(scenario, "b")).body.state, "degraded");

  // It recovers while the receiver is down, across a restart, and then all is well: the newest state alone is sent, and nothing is asked for anew.
  isDown = true;
  const before = switchboard.requests.length;
  await hour(scenario, 13, broken);
  await scenario.restart();
  await scenario.evaluate({ at: at(14, 10) });
  assert.equal((await stateOf(scenario, "a")).body.state, "degraded");
  await hour(scenario, 14, good);
  isDown = false;
  await scenario.evaluate({ at: at(18) });
  assert.deepEqual(kinds(), ["opened", "escalated", "resolved"]);
  const delivered = pushes(switchboard).slice(before);
  assert.equal(new Set(delivered.map(({ id }) => id)).size, 3);
  assert.deepEqual(
    delivered
      .slice(-2)
      .map(({ model, sequence, state, since }) => `${model}${sequence}: ${state}, since ${since}`)
      .sort(),
    ["a4: healthy, since null", "b2: healthy, since null"],
  );
  assert.equal(
    (await stateOf(scenario, "a")).etag,
    delivered.find(({ model, sequence }) => model === "a" && sequence === 4)?.etag,
  );
  const states = await scenario.rows(
    "SELECT toString(state) AS state, count() AS n FROM deliveries FINAL WHERE kind = 'state' GROUP BY state ORDER BY state",
    z.object({ state: z.string(), n: z.number() }),
  );
  assert.deepEqual(states, [
    { state: "sent", n: 5 },
    { state: "superseded", n: 1 },
  ]);
  assert.deepEqual(paths().sort(), ["/a", "/b", "/back"]);

  // A crash between writing a change down and queueing it: the next start makes up for it, under the same id.
  const last = delivered.find(({ model, sequence }) => model === "a" && sequence === 4);
  await scenario.app.store
    .lane("control")
    .command(
      sql`ALTER TABLE deliveries DELETE WHERE kind = 'state' AND model = 'a' AND sequence = 4 SETTINGS mutations_sync = 2`,
    );
  await scenario.restart();
  await scenario.evaluate({ at: at(18, 1) });
  assert.deepEqual(pushes(switchboard).at(-1), last);
  const count = switchboard.requests.length;
  await scenario.evaluate({ at: at(18, 2) });
  assert.equal(switchboard.requests.length, count);
});
