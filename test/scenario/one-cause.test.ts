/** One cause is one incident and one message, whatever it shows itself in; what something else explains is muted. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { at, type Message, Scenario } from "../support/scenario.ts";
import { type MakeRow, predictions, referenceFile } from "../support/stream.ts";

const kinds = (messages: readonly Message[]) => messages.map((message) => message.type.replace("incident.", ""));
const ms = (hour: number, minute = 0) => Date.parse(at(hour, minute));
const memberSchema = z.looseObject({
  metric: z.string(),
  subject: z.string(),
  subject_kind: z.string(),
  muted: z.string().optional(),
});
const detailSchema = z.looseObject({
  state: z.string(),
  severity: z.string(),
  models: z.array(z.string()).optional(),
  members: z.array(memberSchema),
  explanations: z.array(z.looseObject({ kind: z.string(), subject: z.string() })).default([]),
  changes: z.array(z.looseObject({ transition: z.string(), reason: z.string().optional() })),
});
const detailOf = async (scenario: Scenario, id: string) =>
  detailSchema.parse(await scenario.json(`/v1/incidents/${id}`));

const CREDIT = `models:
  - name: credit
    task: binary
    reference: { file: reference.ndjson }
    pane: 5m
    windows: [5m, 1h]
    min_rows: 100
    alerts:
      channels: [hook]
      rules: [jensen-shannon breached]
channels: { hook: { use: webhook, url: "\${HOOK}" } }`;

/** The score follows the age; without it the model says 0.9 of everybody. */
const person: MakeRow = (draw) => {
  const age = 18 + Math.floor(60 * draw());
  return {
    features: { age, plan: draw() < 0.7 ? "basic" : "gold" },
    score: (age - 18) / 80 + 0.2 * draw(),
    prediction: 1,
  };
};
const ageless: MakeRow = (draw) => {
  const { features } = person(draw);
  return { features: { ...features, age: null }, score: 0.9 + 0.05 * draw(), prediction: 1 };
};

test("an upstream field goes missing for an hour: one incident, the drift that it explains is muted", async () => {
  await using scenario = await Scenario.open({
    // Two windows, and the page tier: each of them sees it.
    config: CREDIT.replace(
      "rules: [jensen-shannon breached]",
      "rules: [{ metric: jensen-shannon, windows: [5m], for: 2 of 2 }, { metric: jensen-shannon, windows: [1h] }]",
    ),
    files: { "reference.ndjson": referenceFile(10_000, person) },
    now: at(9),
  });
  for (let quarter = 0; quarter < 24; quarter++) {
    const hour = 9 + Math.floor(quarter / 4);
    const minute = 15 * (quarter % 4);
    const span = { model: "credit", from: ms(hour, minute), to: ms(hour, minute + 15), rows: 1_200 };
    scenario.clock.set(at(hour, minute + 15));
    await scenario.push(predictions(span, hour === 11 ? ageless : person));
    await scenario.evaluate({ at: at(hour, minute + 17) });
    const expected = hour < 11 ? 0 : 1;
    assert.ok((await scenario.incidents()).length <= expected, `too many incidents at ${hour}:${minute}`);
  }
  assert.deepEqual(kinds(scenario.messages()), ["opened", "resolved"]);
  const [open] = scenario.messages();
  assert.match(open?.data.title ?? "", /missing values of age|share of missing values/);
  const [incident] = await scenario.incidents();
  const detail = await detailOf(scenario, incident?.incident_id ?? "");
  assert.equal(detail.severity, "ticket");
  assert.ok(detail.explanations.some(({ kind, subject }) => kind === "missing" && subject === "age"));
  const drift = detail.members.filter(({ metric, subject }) => metric === "jensen-shannon" && subject !== "plan");
  assert.deepEqual([...new Set(drift.map(({ subject }) => subject))].sort(), ["age", "score"]);
  for (const { muted, subject } of drift)
    assert.match(muted ?? "", /^explained by missing values of age \(100 % of the events\)$/, subject);
  // One cause, though two windows, a rule and the page tier saw it.
  assert.ok(detail.members.some(({ metric }) => metric === "evidence"));
  for (const change of detail.changes) assert.ok((change.reason ?? "") !== "", change.transition);
  assert.match(
    await scenario.text(`/incidents/${incident?.incident_id ?? ""}`),
    /muted: explained by missing values of age/,
  );
});

test("a drop of the volume explains the drift of those who are left", async () => {
  await using scenario = await Scenario.open({
    config: CREDIT.replace("    alerts:", "    false_alarms: off\n    alerts:").replace(
      "windows: [5m, 1h]",
      "windows: [1h]",
    ),
    files: { "reference.ndjson": referenceFile(10_000, person) },
    now: at(8),
  });
  const old: MakeRow = (draw) => {
    const { features } = person(draw);
    return { features: { ...features, age: 70 + Math.floor(8 * draw()) }, score: 0.8, prediction: 1 };
  };
  for (const hour of [8, 9, 10, 11]) {
    const rows = hour === 11 ? 300 : 2_000;
    scenario.clock.set(at(hour + 1));
    await scenario.push(
      predictions({ model: "credit", from: ms(hour), to: ms(hour + 1), rows }, hour === 11 ? old : person),
    );
    await scenario.evaluate({ at: at(hour + 1, 5) });
  }
  assert.deepEqual(kinds(scenario.messages()), ["opened"]);
  assert.match(scenario.messages()[0]?.data.title ?? "", /a fall of the volume to 0\.15 .*which explains the drift of/);
  const [incident] = await scenario.incidents();
  const detail = await detailOf(scenario, incident?.incident_id ?? "");
  assert.ok(detail.members.length >= 2 && detail.members.every(({ muted }) => /volume/.test(muted ?? "")));
});

test("a new version explains that its inputs are not those of the reference, and wakes nobody", async () => {
  await using scenario = await Scenario.open({
    config: CREDIT.replace("windows: [5m, 1h]", "windows: [1h]"),
    files: { "reference.ndjson": referenceFile(10_000, person) },
    now: at(8),
  });
  const other: MakeRow = (draw) => ({ ...person(draw), score: 0.5 + 0.1 * draw() });
  for (const hour of [8, 9, 10, 11]) {
    scenario.clock.set(at(hour + 1));
    const span = { model: "credit", from: ms(hour), to: ms(hour + 1), rows: 1_500 };
    await scenario.push(predictions({ ...span, version: "7" }, person));
    if (hour >= 10) await scenario.push(predictions({ ...span, version: "8" }, other));
    await scenario.evaluate({ at: at(hour + 1, 5) });
  }
  assert.deepEqual(kinds(scenario.messages()), []);
  const [incident, ...more] = await scenario.incidents();
  assert.deepEqual(more, []);
  const detail = await detailOf(scenario, incident?.incident_id ?? "");
  assert.equal(detail.severity, "info");
  assert.ok(detail.members.every(({ muted, subject }) => subject === "score" && /the new version 8/.test(muted ?? "")));
  assert.match(detail.changes[0]?.reason ?? "", /./);
});

test("200 features drift at once: one incident, one message", async () => {
  const features = Array.from({ length: 200 }, (_, index) => `f${String(index).padStart(3, "0")}`);
  const wide =
    (shift: number): MakeRow =>
    (draw) => ({ features: Object.fromEntries(features.map((name) => [name, Number((draw() + shift).toFixed(4))])) });
  await using scenario = await Scenario.open({
    config: `models:
  - name: wide
    task: regression
    reference: { file: reference.ndjson }
    pane: 5m
    windows: [1h]
    detectors: [jensen-shannon, missing-rate]
    alerts: { channels: [hook], rules: [jensen-shannon > 0.3] }
channels: { hook: { use: webhook, url: "\${HOOK}" } }`,
    files: { "reference.ndjson": referenceFile(1_200, wide(0)) },
    now: at(9),
  });
  for (const hour of [10, 11, 12]) {
    scenario.clock.set(at(hour + 1));
    const span = { model: "wide", from: ms(hour), to: ms(hour + 1), rows: 500 };
    await scenario.push(predictions(span, wide(hour >= 11 ? 0.6 : 0)));
    await scenario.evaluate({ at: at(hour + 1, 5) });
  }
  assert.deepEqual(kinds(scenario.messages()), ["opened"]);
  const [message] = scenario.messages();
  assert.match(message?.data.title ?? "", /^New ticket: wide.* and 199 more$/);
  const [incident, ...more] = await scenario.incidents();
  assert.deepEqual(more, []);
  assert.equal(new Set(incident?.members.map(({ subject }) => subject)).size, 200);
});

test("40 models with one broken feature: one incident, one message", async () => {
  const names = Array.from({ length: 40 }, (_, index) => `m${String(index + 1).padStart(2, "0")}`);
  const order: MakeRow = (draw) => ({ features: { amount: Math.round(100 * draw()), items: Math.floor(5 * draw()) } });
  const broken: MakeRow = (draw) => ({ features: { ...order(draw).features, amount: null } });
  await using scenario = await Scenario.open({
    config: `models:
${names
  .map(
    (name) =>
      `  - { name: ${name}, task: regression, reference: { file: reference.ndjson }, pane: 5m, windows: [1h], detectors: [jensen-shannon, missing-rate], alerts: { channels: [hook], rules: [jensen-shannon > 0.3] } }`,
  )
  .join("\n")}
channels: { hook: { use: webhook, url: "\${HOOK}" } }`,
    files: { "reference.ndjson": referenceFile(1_500, order) },
    now: at(9),
  });
  for (const hour of [10, 11]) {
    scenario.clock.set(at(hour + 1));
    await scenario.push(
      names.flatMap((model) =>
        predictions({ model, from: ms(hour), to: ms(hour + 1), rows: 300 }, hour === 11 ? broken : order),
      ),
    );
    await scenario.evaluate({ at: at(hour + 1, 5) });
  }
  assert.deepEqual(kinds(scenario.messages()), ["opened"]);
  assert.match(
    scenario.messages()[0]?.data.title ?? "",
    /40 models \(m01, m02 and 38 more\).*missing values of amount|40 models .*share of missing values/,
  );
  const [incident, ...more] = await scenario.incidents();
  assert.deepEqual(more, []);
  const detail = await detailOf(scenario, incident?.incident_id ?? "");
  assert.deepEqual(detail.models, names);
  // Each of the models shows it.
  assert.match(await scenario.text("/incidents?model=m40"), /40 models/);
});

test("a unit, a type that changed and a stuck value: one incident each, whose title says so, with no rule written", async () => {
  const lognormal = (draw: () => number) =>
    40 * Math.exp(0.6 * Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw()));
  const good: Readonly<Record<string, MakeRow>> = {
    prices: (draw) => ({ features: { amount: lognormal(draw) }, score: draw() }),
    people: (draw) => ({ features: { income: 1_000 + Math.floor(5_000 * draw()) }, score: draw() }),
    plants: (draw) => ({ features: { pressure: 3 + draw() }, score: draw() }),
  };
  const broken: Readonly<Record<string, MakeRow>> = {
    prices: (draw) => ({ features: { amount: 100 * lognormal(draw) }, score: draw() }),
    people: (draw) => ({ features: { income: `${1_000 + Math.floor(5_000 * draw())} EUR` }, score: draw() }),
    plants: (draw) => ({ features: { pressure: 3.5 }, score: draw() }),
  };
  const names = Object.keys(good);
  await using scenario = await Scenario.open({
    config: `models:\n${names.map((name) => `  - { name: ${name}, task: binary, reference: { file: ${name}.ndjson }, pane: 5m, windows: [1h], alerts: { channels: [hook] } }`).join("\n")}\nchannels: { hook: { use: webhook, url: "\${HOOK}" } }`,
    files: Object.fromEntries(names.map((name) => [`${name}.ndjson`, referenceFile(10_000, good[name] ?? person)])),
    now: at(8),
  });
  // It begins in the middle of an hour: the page tier sees it before a window can say what it is.
  for (let half = 0; half < 6; half++) {
    const [hour, minute] = [8 + Math.floor(half / 2), 30 * (half % 2)];
    scenario.clock.set(at(hour, minute + 29));
    for (const name of names) {
      const span = { model: name, from: ms(hour, minute), to: ms(hour, minute + 29), rows: 800 };
      await scenario.push(predictions(span, (half >= 3 ? broken : good)[name] ?? person));
    }
    await scenario.evaluate({ at: at(hour, minute + 35) });
  }
  const detailed = await Promise.all((await scenario.incidents()).map(({ incident_id: id }) => titleOf(scenario, id)));
  assert.deepEqual(detailed.sort(), [
    "people: another type of income (100 % of the values are no longer numbers) since 2026-03-02 09:30 UTC, which explains the drift of income",
    "plants: one value of pressure in every event (3.5) since 2026-03-02 09:30 UTC, which explains the drift of pressure",
    "prices: another unit of amount (100 times the reference's, as cents for euros) since 2026-03-02 09:30 UTC, which explains the drift of amount",
  ]);
  // The page tier told of the drift at once; that its reason is known now is no second message.
  assert.deepEqual(kinds(scenario.messages()), ["opened", "opened", "opened"]);
});

async function titleOf(scenario: Scenario, id: string): Promise<string> {
  return z.looseObject({ title: z.string() }).parse(await scenario.json(`/v1/incidents/${id}`)).title;
}
