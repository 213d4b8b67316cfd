/** How urgent an incident is, how late labels change it, how flapping is told, and what people decide about it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { at, type Message, Scenario } from "../support/scenario.ts";
import { labels, type MakeRow, predictions, referenceFile } from "../support/stream.ts";

const kinds = (messages: readonly Message[]) => messages.map((message) => message.type.replace("incident.", ""));
const severities = (messages: readonly Message[]) =>
  messages.map(({ data }) => z.string().parse(data.incident["severity"]));
const ms = (hour: number, minute = 0) => Date.parse(at(hour, minute));
const HOOK = `channels: { hook: { use: webhook, url: "\${HOOK}" } }`;

const LOAN = `models:
  - name: loan
    task: binary
    reference: { file: reference.ndjson }
    pane: 5m
    windows: [1h]
    min_rows: 100
    kpis:
      - { use: accuracy, min: 0.8, severity: page }
      - { use: estimated_accuracy, min: 0.8, severity: page }
    alerts: { channels: [hook] }
${HOOK}`;

/** Calibrated: of those with a score of 0.9 nine of ten are good. \`sure\`: share of scores far from a half. */
const loan =
  (sure: number, isTrue = true): MakeRow =>
  (draw) => {
    const isSure = draw() < sure;
    const side = draw() < 0.5;
    const score = isSure ? (side ? 0.95 : 0.05) : side ? 0.55 : 0.45;
    const income = Math.floor(100 * draw());
    const label = Number(draw() < (isTrue ? score : Number(side)));
    return { features: { income }, score, prediction: Number(score > 0.5), label };
  };

async function run(scenario: Scenario, hours: readonly (readonly [number, MakeRow])[]): Promise<void> {
  for (const [hour, make] of hours) {
    scenario.clock.set(at(hour + 1));
    await scenario.push(predictions({ model: "loan", from: ms(hour), to: ms(hour + 1), rows: 1_500 }, make));
    await scenario.evaluate({ at: at(hour + 1, 5) });
  }
}

test("a KPI collapse that the estimate sees first and labels confirm: one page, amended", async () => {
  await using scenario = await Scenario.open({
    config: LOAN,
    files: { "reference.ndjson": referenceFile(10_000, loan(0.95)) },
    now: at(9),
  });
  await run(scenario, [
    [9, loan(0.95)],
    [10, loan(0.95)],
    [11, loan(0)],
    [12, loan(0)],
  ]);
  assert.deepEqual(kinds(scenario.messages()).slice(0, 1), ["opened"]);
  const pages = () =>
    scenario.messages().filter(({ type, data }) => type === "incident.opened" && data.incident["severity"] === "page");
  const escalated = () => kinds(scenario.messages()).filter((kind) => kind === "escalated");
  assert.equal(pages().length + escalated().length, 1, kinds(scenario.messages()).join(" "));
  assert.deepEqual(
    (await scenario.incidents()).map(({ state }) => state),
    ["firing"],
  );
  for (const [hour, make] of [
    [9, loan(0.95)],
    [10, loan(0.95)],
    [11, loan(0)],
    [12, loan(0)],
  ] as const) {
    scenario.clock.set(at(14));
    await scenario.push(labels({ model: "loan", from: ms(hour), to: ms(hour + 1), rows: 1_500 }, make, ms(14)));
  }
  await scenario.evaluate({ at: at(14, 5) });
  assert.equal(pages().length + escalated().length, 1, kinds(scenario.messages()).join(" "));
  assert.equal(kinds(scenario.messages()).filter((kind) => kind === "confirmed").length, 1);
  const last = scenario.messages().at(-1);
  assert.match(JSON.stringify(last?.data), /[Ll]abels confirm the estimate: accuracy .* is below 0\.8/);
  const [incident, ...more] = await scenario.incidents();
  assert.deepEqual(more, []);
  assert.ok(incident?.members.some(({ metric, firing }) => metric === "accuracy" && firing));
});

test("labels that refute the estimate withdraw its incident, with a note", async () => {
  await using scenario = await Scenario.open({
    config: LOAN.replace("    alerts:", "    false_alarms: off\n    alerts:"),
    files: { "reference.ndjson": referenceFile(10_000, loan(0.95)) },
    now: at(9),
  });
  const hours = [
    [9, loan(0.95)],
    [10, loan(0.95)],
    [11, loan(0, false)],
  ] as const;
  await run(scenario, hours);
  assert.deepEqual(kinds(scenario.messages()), ["opened"]);
  scenario.clock.set(at(14));
  for (const [hour, make] of hours)
    await scenario.push(labels({ model: "loan", from: ms(hour), to: ms(hour + 1), rows: 1_500 }, make, ms(14)));
  await scenario.evaluate({ at: at(14, 5) });
  assert.deepEqual(kinds(scenario.messages()), ["opened", "withdrawn"]);
  assert.match(JSON.stringify(scenario.messages().at(-1)?.data), /Labels are complete: accuracy was 1 in the windows/);
});

test("a slow drift that costs no KPI is a ticket, and no page", async () => {
  await using scenario = await Scenario.open({
    config: LOAN,
    files: { "reference.ndjson": referenceFile(10_000, loan(0.95)) },
    now: at(0),
  });
  const drifting =
    (share: number): MakeRow =>
    (draw) => {
      const row = loan(0.95)(draw);
      return draw() < share ? { ...row, features: { income: 90 + Math.floor(10 * draw()) } } : row;
    };
  for (let hour = 0; hour < 20; hour++) {
    const span = { model: "loan", from: ms(hour), to: ms(hour + 1), rows: 1_500 };
    const make = drifting(Math.max(0, hour - 4) * 0.02);
    scenario.clock.set(at(hour + 1));
    await scenario.push([...predictions(span, make), ...labels(span, make, ms(hour + 1) - 1)]);
    await scenario.evaluate({ at: at(hour + 1, 5) });
  }
  assert.deepEqual(kinds(scenario.messages()), ["opened"]);
  assert.deepEqual(severities(scenario.messages()), ["ticket"]);
  assert.match(scenario.messages()[0]?.data.title ?? "", /income/);
});

const FLAP = `models:
  - name: m
    task: regression
    windows: [5m]
    features: { x: numeric }
    min_rows: 10
    false_alarms: off
    kpis:
      - { name: mean_x, sql: "avg(toFloat64(features.x))", max: 80 }
    alerts: { channels: [hook], renotify_every: 12h }
${HOOK}`;
const level =
  (value: number): MakeRow =>
  () => ({ features: { x: value } });

test("flapping around the threshold for a day is told once at most", async () => {
  await using scenario = await Scenario.open({ config: FLAP.replace(", renotify_every: 12h", ""), now: at(0) });
  for (let half = 0; half < 48; half++) {
    const lines = [0, 1, 2, 3, 4, 5].flatMap((part) => {
      const from = ms(0, 30 * half + 5 * part);
      return predictions({ model: "m", from, to: from + 300_000, rows: 20 }, level(part % 2 === 1 ? 81 : 79));
    });
    scenario.clock.set(at(0, 30 * half + 30));
    await scenario.push(lines);
    await scenario.evaluate({ at: at(0, 30 * half + 32) });
  }
  assert.deepEqual(kinds(scenario.messages()), ["opened"]);
  assert.equal((await scenario.incidents()).length, 1);
});

const decisionsSchema = z.object({
  decisions: z.array(
    z.looseObject({ decision_id: z.string(), kind: z.string(), owner: z.string(), in_force: z.boolean() }),
  ),
});

test("silence, acknowledgement and feedback: held back, told when it ends, and kept", async () => {
  await using scenario = await Scenario.open({ config: FLAP, now: at(9) });
  const hour = async (from: number, value: number) => {
    for (const minute of [0, 15, 30, 45]) {
      const span = { model: "m", from: ms(from, minute), to: ms(from, minute + 15), rows: 60 };
      scenario.clock.set(at(from, minute + 15));
      await scenario.push(predictions(span, level(value)));
      await scenario.evaluate({ at: at(from, minute + 17) });
    }
  };
  const post = async (route: string, body: unknown) => {
    const { status, text } = await scenario.post(route, JSON.stringify(body));
    return {
      status,
      text,
      id: status === 201 ? z.object({ decision_id: z.string() }).parse(JSON.parse(text)).decision_id : "",
    };
  };
  const silence = { matchers: { model: "m", subject: "mean_*" }, for: "2h", owner: "ana", reason: "load test" };
  assert.equal((await post("/v1/silences", { ...silence, for: undefined })).status, 400);
  assert.equal((await post("/v1/silences", { ...silence, matchers: {} })).status, 400);
  assert.equal((await post("/v1/silences", silence)).status, 201);
  await hour(9, 90);
  assert.deepEqual(kinds(scenario.messages()), [], "told during a silence");
  const [open] = await scenario.incidents();
  assert.match(await scenario.text(`/incidents/${open?.incident_id ?? ""}`), /Silenced.*ana.*load test/s);
  await hour(10, 90);
  await hour(11, 90);
  assert.deepEqual(kinds(scenario.messages()), ["opened"], "told once the silence has expired");
  const id = open?.incident_id ?? "";
  assert.equal((await post(`/v1/incidents/${id}/acknowledge`, { owner: "ben" })).status, 201);
  assert.equal(
    (await post("/v1/incidents/00000000-0000-4000-8000-000000000000/acknowledge", { owner: "ben" })).status,
    404,
  );
  await scenario.evaluate({ at: at(36) });
  assert.deepEqual(kinds(scenario.messages()), ["opened"], "reminded of what somebody has taken on");
  const feedback = await post(`/v1/incidents/${id}/feedback`, { verdict: "noise", owner: "ben", reason: "as planned" });
  assert.equal((await post(`/v1/decisions/${feedback.id}/end`, { owner: "ben" })).status, 201);
  await scenario.restart();
  const { decisions } = decisionsSchema.parse(await scenario.json("/v1/decisions"));
  assert.deepEqual(
    decisions.map(({ kind, owner, in_force }) => [kind, owner, in_force]),
    [
      ["feedback", "ben", false],
      ["acknowledgement", "ben", true],
      ["silence", "ana", false],
    ],
  );
  assert.match(await scenario.text(`/incidents/${id}`), /Acknowledged.*by ben/s);
});
