/** Retraining from end to end: asked for once, reported, its new version followed until the numbers are good, or told that they are not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { type HttpReceiver, startHttpReceiver } from "../support/http-receiver.ts";
import { at, Scenario } from "../support/scenario.ts";

const CONFIG = (action: string, more = "") => `models:
  - name: m
    task: regression
    windows: [5m]
    features: { x: numeric }
    kpis:
      - { name: mean_x, sql: "avg(toFloat64(features.x))", max: 80, clear_after: 1, severity: page }
    alerts: { channels: [hook] }
    actions: [${action}]
${more}channels: { hook: { use: webhook, url: "\${HOOK}" } }`;
const WEBHOOK = '{ use: webhook, url: "${RETRAIN}", on: page, recover_within: 1h }';

/** 500 predictions of window w1, w2, … (of five minutes after 10:00), with a mean of 49.5 plus what is added. */
const predictions = (window: number, version: string, added: number) =>
  Array.from({ length: 500 }, (_, i) => {
    const timestamp = new Date(Date.parse(at(10, (window - 1) * 5)) + i * 600).toISOString();
    return `{"type":"prediction","id":"w${window}-${i}","model":"m","version":"${version}","timestamp":"${timestamp}","prediction":1,"features":{"x":${(i % 100) + added}}}`;
  });

const retraining = z.looseObject({
  retraining_id: z.string(),
  state: z.string(),
  run_id: z.string(),
  version: z.string(),
  events: z.array(z.looseObject({ event: z.string(), at: z.string() })),
});
const listed = z.object({ retrainings: z.array(retraining) });

async function retrainings(scenario: Scenario) {
  return listed.parse(await scenario.json("/v1/retrainings")).retrainings;
}
const kinds = (scenario: Scenario) => scenario.messages().map(({ type }) => type.replace("incident.", ""));

/** One window of events, evaluated after its end. */
async function window(scenario: Scenario, number: number, version: string, added: number): Promise<void> {
  scenario.clock.set(at(10, number * 5));
  await scenario.push(predictions(number, version, added));
  await scenario.evaluate({ at: at(10, number * 5 + 2) });
}

const report = (scenario: Scenario, id: string, body: unknown) =>
  scenario.post(`/v1/retrainings/${id}`, JSON.stringify(body), { "content-type": "application/json" });

async function opened(action = WEBHOOK, receiver?: HttpReceiver) {
  const retrain = receiver ?? (await startHttpReceiver());
  const scenario = await Scenario.open({
    config: CONFIG(action),
    now: at(10),
    environment: { RETRAIN: retrain.url },
  });
  await window(scenario, 1, "1", 0);
  await window(scenario, 2, "1", 60);
  return {
    scenario,
    retrain,
    async [Symbol.asyncDispose]() {
      await scenario[Symbol.asyncDispose]();
      await retrain[Symbol.asyncDispose]();
    },
  };
}

test("retrain, new version, recovery: one request, and the incident resolves with the new version's numbers", async () => {
  await using world = await opened();
  const { scenario, retrain } = world;
  assert.deepEqual(kinds(scenario), ["opened"]);
  assert.equal(retrain.requests.length, 1);
  const asked = z
    .looseObject({
      retraining_id: z.string(),
      report_url: z.string(),
      data: z.looseObject({ predictions_table: z.string() }),
    })
    .parse(JSON.parse(retrain.requests[0]?.body ?? ""));
  assert.equal(asked.report_url, `${scenario.url}/v1/retrainings/${asked.retraining_id}`);
  assert.equal(asked.data.predictions_table, "predictions_m");
  const [first, ...none] = await retrainings(scenario);
  assert.deepEqual(none, []);
  assert.equal(first?.state, "accepted");
  assert.equal(first?.retraining_id, asked.retraining_id);

  // The old version's events cease. Without a word from the retraining nothing changes.
  await scenario.evaluate({ at: at(10, 20) });
  assert.notEqual((await scenario.incidents())[0]?.state, "resolved");
  const reported = await report(scenario, asked.retraining_id, { status: "succeeded", version: "2" });
  assert.equal(reported.status, 200, reported.text);
  // The same report again is the same report.
  assert.equal((await report(scenario, asked.retraining_id, { status: "succeeded", version: "2" })).status, 200);
  await scenario.evaluate({ at: at(10, 21) });
  assert.deepEqual(kinds(scenario), ["opened", "retrained"]);
  assert.equal((await scenario.incidents())[0]?.state, "recovering");
  assert.equal((await retrainings(scenario))[0]?.state, "succeeded");

  await scenario.restart();
  await window(scenario, 6, "2", 0);
  assert.deepEqual(kinds(scenario), ["opened", "retrained", "resolved"]);
  const [incident, ...others] = await scenario.incidents();
  assert.deepEqual(others, []);
  assert.equal(incident?.state, "resolved");
  assert.equal((await retrainings(scenario))[0]?.state, "recovered");
  const page = await scenario.text(`/incidents/${incident?.incident_id ?? ""}`);
  assert.match(page, /succeeded, and it helped/);
  assert.match(page, /version 2 has come of it/);

  // What comes later, late events of the old version included, opens nothing of what is over.
  await scenario.push(predictions(2, "1", 60).map((line) => line.replace('"id":"w2-', '"id":"late-')));
  await window(scenario, 7, "2", 0);
  await scenario.evaluate({ final: true });
  assert.deepEqual(kinds(scenario), ["opened", "retrained", "resolved"]);
  assert.equal(retrain.requests.length, 1);
});

test("a retraining that does not help: the incident is reopened, told once, and no second one is asked for", async () => {
  await using world = await opened();
  const { scenario, retrain } = world;
  const [asked] = await retrainings(scenario);
  await report(scenario, asked?.retraining_id ?? "", { status: "succeeded", version: "2" });
  await scenario.evaluate({ at: at(10, 13) });
  await window(scenario, 5, "2", 60);
  assert.deepEqual(kinds(scenario), ["opened", "retrained", "reopened"]);
  assert.equal((await scenario.incidents())[0]?.state, "firing");
  assert.equal((await retrainings(scenario))[0]?.state, "not_recovered");
  await window(scenario, 6, "2", 60);
  await scenario.restart();
  await window(scenario, 7, "2", 60);
  assert.deepEqual(kinds(scenario), ["opened", "retrained", "reopened"]);
  assert.equal(retrain.requests.length, 1);
  assert.match(
    await scenario.text(`/incidents/${(await scenario.incidents())[0]?.incident_id ?? ""}`),
    /succeeded, and it did not help/,
  );
  await window(scenario, 8, "2", 0);
  assert.deepEqual(kinds(scenario), ["opened", "retrained", "reopened", "resolved"]);
});

test("a new version whose numbers do not come in time is told as well", async () => {
  await using world = await opened();
  const { scenario } = world;
  const [asked] = await retrainings(scenario);
  await report(scenario, asked?.retraining_id ?? "", { status: "succeeded", version: "2" });
  await scenario.evaluate({ at: at(11) });
  assert.deepEqual(
    kinds(scenario).filter((kind) => kind !== "data_missing"),
    ["opened", "retrained"],
  );
  await scenario.evaluate({ at: at(11, 13) });
  await scenario.evaluate({ at: at(11, 20) });
  assert.deepEqual(
    kinds(scenario).filter((kind) => kind !== "data_missing"),
    ["opened", "retrained", "reopened"],
  );
});

test("while the old version still serves and is bad, a good new one does not resolve the incident", async () => {
  await using world = await opened();
  const { scenario } = world;
  const [asked] = await retrainings(scenario);
  await report(scenario, asked?.retraining_id ?? "", { status: "succeeded", version: "2" });
  scenario.clock.set(at(10, 25));
  await scenario.push([
    ...predictions(5, "1", 60),
    ...predictions(5, "2", 0).map((line) => line.replace('"id":"', '"id":"n')),
  ]);
  await scenario.evaluate({ at: at(10, 27) });
  assert.deepEqual(kinds(scenario), ["opened", "retrained"]);
  await window(scenario, 6, "2", 0);
  assert.deepEqual(kinds(scenario), ["opened", "retrained", "resolved"]);
});

test("a failed retraining is told, and what can't be is refused", async () => {
  await using world = await opened();
  const { scenario } = world;
  const [asked] = await retrainings(scenario);
  const id = asked?.retraining_id ?? "";
  const send = async (body: unknown) => (await report(scenario, id, body)).status;
  assert.equal(await send({ status: "won" }), 400);
  assert.equal(await send({ status: "succeeded", version: "" }), 400);
  assert.equal(await send({ status: "succeeded", version: "2", reference: "../../etc/passwd" }), 400);
  assert.equal((await report(scenario, "7f000000-0000-8000-8000-000000000009", { status: "failed" })).status, 404);
  assert.equal(await send({ status: "running" }), 200);
  assert.equal((await retrainings(scenario))[0]?.state, "running");
  assert.equal(await send({ status: "failed", message: "not enough memory" }), 200);
  assert.equal((await retrainings(scenario))[0]?.state, "failed");
  // Begun again by hand, it has succeeded after all.
  assert.equal(await send({ status: "succeeded", version: "3" }), 200);
  assert.equal(await send({ status: "succeeded", version: "4" }), 409);
  assert.equal(await send({ status: "failed" }), 409);
  assert.equal((await retrainings(scenario))[0]?.version, "3");
});

test("approval: nothing is sent before it; its link can be used once, by whoever holds it", async () => {
  await using world = await opened(
    '{ use: webhook, url: "${RETRAIN}", on: page, approval: true, approval_within: 2h }',
  );
  const { scenario, retrain } = world;
  assert.equal(retrain.requests.length, 0);
  assert.deepEqual(kinds(scenario).sort(), ["opened", "retraining"]);
  const link = z
    .looseObject({ link: z.string() })
    .parse(scenario.messages().find(({ type }) => type === "incident.retraining")?.data.incident).link;
  const { pathname, searchParams } = new URL(link);
  const token = searchParams.get("token") ?? "";
  const form = (fields: Readonly<Record<string, string>>) =>
    scenario.post(pathname, new URLSearchParams(fields).toString(), {
      "content-type": "application/x-www-form-urlencoded",
      origin: scenario.url,
    });

  const page = await scenario.get(`${pathname}?token=${token}`);
  assert.equal(page.status, 200);
  assert.match(page.text, /Approve/);
  // A link that is looked at has decided nothing.
  await scenario.evaluate();
  assert.equal(retrain.requests.length, 0);
  assert.equal((await retrainings(scenario))[0]?.state, "awaiting_approval");
  assert.equal((await scenario.get(`${pathname}?token=guessed`)).status, 403);
  assert.equal((await form({ token: "guessed", decision: "approve" })).status, 403);
  assert.ok(!(await scenario.text("/v1/retrainings")).includes(token));
  assert.ok(!scenario.log.join("").includes(token));

  assert.equal((await form({ token, decision: "approve", by: "Ada" })).status, 200);
  assert.equal((await form({ token, decision: "reject" })).status, 409);
  await scenario.restart();
  await scenario.evaluate();
  await scenario.evaluate();
  assert.equal(retrain.requests.length, 1);
  const [approved] = await retrainings(scenario);
  assert.equal(approved?.state, "accepted");
  assert.deepEqual(
    approved?.events.map(({ event }) => event),
    ["asked", "approved", "requested", "accepted"],
  );
  assert.equal(approved?.events[1]?.["by"], "Ada");
});

test("approval that nobody gives ends by itself, and is told", async () => {
  await using world = await opened(
    '{ use: webhook, url: "${RETRAIN}", on: page, approval: true, approval_within: 30m }',
  );
  const { scenario, retrain } = world;
  await scenario.evaluate({ at: at(10, 50) });
  await scenario.evaluate({ at: at(10, 55) });
  assert.equal((await retrainings(scenario))[0]?.state, "expired");
  assert.equal(kinds(scenario).filter((kind) => kind === "retraining").length, 2);
  const titles = scenario.messages().map(({ data }) => data.title);
  assert.equal(titles.filter((title) => /nobody approved it in time/.test(title)).length, 1);
  assert.equal(retrain.requests.length, 0);
});

test("one that is rejected is never sent", async () => {
  await using world = await opened('{ use: webhook, url: "${RETRAIN}", on: page, approval: true }');
  const { scenario, retrain } = world;
  const asked = scenario.messages().find(({ type }) => type === "incident.retraining");
  const { pathname, searchParams } = new URL(String(asked?.data.incident["link"]));
  const body = JSON.stringify({ decision: "reject", token: searchParams.get("token"), by: "Ada" });
  assert.equal((await scenario.post(`/v1${pathname}/approval`, body)).status, 200);
  assert.equal((await scenario.post(`/v1${pathname}/approval`, body)).status, 409);
  await scenario.evaluate({ at: at(10, 13) });
  assert.equal((await retrainings(scenario))[0]?.state, "rejected");
  assert.equal(retrain.requests.length, 0);
});

test("a dry run decides and shows everything, and sends nothing", async () => {
  await using world = await opened('{ use: webhook, url: "${RETRAIN}", on: page, dry_run: true }');
  const { scenario, retrain } = world;
  assert.equal(retrain.requests.length, 0);
  assert.equal((await retrainings(scenario))[0]?.state, "dry_run");
  assert.match(
    await scenario.text(`/incidents/${(await scenario.incidents())[0]?.incident_id ?? ""}`),
    /dry run, nothing was sent/,
  );
});

/** Rows of a reference whose mean is 49.5 plus what is added. */
const reference = (added: number) =>
  Array.from({ length: 2000 }, (_, i) => JSON.stringify({ x: (i % 100) + added, prediction: 1 })).join("\n");

test("a new version is compared with the reference that it was trained on, also after a restart", async () => {
  await using retrain = await startHttpReceiver();
  await using scenario = await Scenario.open({
    config: CONFIG(WEBHOOK).replace(
      "    features: { x: numeric }\n",
      "    reference: { file: first.ndjson }\n    detectors: [jensen-shannon]\n    false_alarms: off\n",
    ),
    files: { "first.ndjson": reference(0), "second.ndjson": reference(60) },
    now: at(10),
    environment: { RETRAIN: retrain.url },
  });
  const drift = async (number: number) => {
    const rows = await scenario.metrics({ metric: "jensen-shannon" });
    return rows.find((row) => row.subject === "x" && row.window_start === Date.parse(at(10, (number - 1) * 5)));
  };
  await window(scenario, 1, "1", 0);
  await window(scenario, 2, "1", 60);
  const before = await drift(2);
  assert.ok((before?.value ?? 0) > 0.3, String(before?.value));
  const [asked] = await retrainings(scenario);
  const done = { status: "succeeded", version: "2", reference: "second.ndjson" };
  assert.equal((await report(scenario, asked?.retraining_id ?? "", done)).status, 200);
  await window(scenario, 5, "2", 60);
  const after = await drift(5);
  assert.ok((after?.value ?? 1) < 0.05, String(after?.value));
  assert.notEqual(after?.reference_id, before?.reference_id);
  await scenario.restart();
  await window(scenario, 6, "2", 60);
  assert.equal((await drift(6))?.reference_id, after?.reference_id);
  assert.equal((await drift(2))?.reference_id, before?.reference_id);
});
