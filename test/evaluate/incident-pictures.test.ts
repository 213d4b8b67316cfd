/** The pictures of an incident, on the embedded engine: the numbers that are drawn are those of the store. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { PAGE_TIER } from "../../src/core/evidence.ts";
import type { Incident, IncidentMember } from "../../src/core/incident.ts";
import { createIllustrate } from "../../src/evaluate/incident-pictures.ts";
import { assertNear, openStage } from "../support/evaluation-stage.ts";
import type { WrittenEvent } from "../support/event-writer.ts";
import { uniform } from "../support/golden.ts";
import { exampleMember } from "../support/notification.ts";

const T0 = Date.parse("2026-03-02T10:00:00Z");
const HOUR = 3_600_000;
const ROWS = 1_000;
const stage = await openStage({ now: () => T0 + 20 * HOUR, sleep: () => Promise.resolve() });
after(() => stage.close());

/** Homes of kind "new one" come up after the third hour, ages rise, and every prediction is right until then. */
function events(hour: number): WrittenEvent[] {
  const draw = uniform(hour + 1);
  const isBad = hour >= 3;
  const start = T0 + hour * HOUR;
  return Array.from({ length: ROWS }, (_, index): WrittenEvent[] => {
    const prediction = index % 2;
    const home = isBad && index % 4 === 0 ? "new one" : String(index % 3);
    const age = 20 + 40 * draw() + (isBad ? 15 : 0);
    const label = isBad && index % 5 === 0 ? 1 - prediction : prediction;
    const id = `${hour}-${index}`;
    const timestamp = start + index * 3_000;
    return [
      { kind: "prediction", id, timestamp, prediction, features: { home, age } },
      { kind: "label", id, timestamp: timestamp + 1_000, label },
    ];
  }).flat();
}

const reference = Array.from({ length: 3_000 }, (_, index) => ({
  home: String(index % 3),
  age: 20 + (40 * index) / 3_000,
  prediction: index % 2,
  label: index % 2,
}));

const file = await stage.referenceFile("reference.ndjson", reference);
const scene = await stage.scene({
  name: "homes",
  task: "binary",
  windows: ["1h", "2000 events"],
  min_rows: 100,
  kpis: ["accuracy"],
  reference: { file },
});
for (let hour = 0; hour < 6; hour++) await scene.write(events(hour), hour * 10_000);
await scene.evaluation.run({ final: true });
const illustrate = createIllustrate(stage.lane, [scene.prepared]);

function incident(window: string, ...members: readonly Partial<IncidentMember>[]): Incident {
  const hour = { window_start: T0 + 4 * HOUR, window_end: T0 + 5 * HOUR };
  return {
    incident_id: "0d2c5d5e-6b5f-8a1c-9f00-000000000001",
    model: "homes",
    window,
    severity: "ticket",
    state: "firing",
    onset: T0 + 3 * HOUR,
    opened_at: T0 + 5 * HOUR,
    resolved_at: null,
    members: members.map((member) => exampleMember({ version: "", ...hour, ...member })),
    title: "",
  };
}
const home = { subject_kind: "feature", subject: "home", metric: "jensen-shannon", direction: "above" } as const;
const age = { ...home, subject: "age" } as const;
const accuracy = { metric: "accuracy", threshold: 0.9 } as const;

test("a feature's window over its reference, and the KPI over time with its fall", async () => {
  const [series, categories, ...rest] = await illustrate(incident("1h", accuracy, home));
  assert.deepEqual(rest, []);
  assert.ok(series?.kind === "series");
  assert.deepEqual(
    series.points.map(({ at, value }) => [(at - T0) / HOUR, value]),
    [
      [1, 1],
      [2, 1],
      [3, 1],
      [4, 0.8],
      [5, 0.8],
    ],
  );
  assert.deepEqual([series.limit, series.estimated, series.onset], [0.9, false, T0 + 3 * HOUR]);
  assert.ok(categories?.kind === "categories");
  const found = new Map(categories.rows.map(({ label, reference: before, window }) => [label, [before, window]]));
  assert.deepEqual(found.get("new values"), [0, 0.25]);
  assertNear(found.get("0")?.[0], 1 / 3, 1e-4);
  assertNear(found.get("0")?.[1], 0.25, 0.01);
});

test("a number's histogram, of a window by time, of one by events, and of what the page tier found since it began", async () => {
  for (const of of [
    incident("1h", age),
    incident("2000 events", { ...age, window_start: T0 + 4 * HOUR, window_end: T0 + 6 * HOUR }),
    incident(PAGE_TIER, { ...age, metric: "evidence", onset: T0 + 3 * HOUR }),
  ]) {
    const drawn = (await illustrate(of)).find(({ kind }) => kind === "histogram");
    assert.ok(drawn?.kind === "histogram", of.window);
    const sum = (shares: readonly number[]) => shares.reduce((total, one) => total + one, 0);
    assertNear(sum(drawn.reference), 1, 1e-3);
    const half = Math.floor(drawn.window.length / 2);
    // Ages rose by 15 of 40 years: fewer of the young, and more than 35 % beyond the reference's greatest.
    assert.ok(sum(drawn.window.slice(0, half)) < 0.2 && sum(drawn.window) < 0.7, of.window);
  }
});

test("nothing is drawn of what is not there: another model, a subject without a reference, a KPI of one window", async () => {
  assert.deepEqual(await illustrate({ ...incident("1h", home), model: "another" }), []);
  const unknown = await illustrate(incident("1h", { ...home, subject: "constructor" }));
  assert.deepEqual(
    unknown.map(({ kind }) => kind),
    ["series"],
  );
  assert.deepEqual(
    await illustrate(incident("1h", { ...home, segment: "country=DE" }, { ...home, model: "another" })),
    [],
  );
  const elsewhere = await illustrate(incident(PAGE_TIER, { ...home, window: "1h" }));
  assert.deepEqual(
    elsewhere.map(({ kind }) => kind),
    ["series", "categories"],
    "by the member's own window",
  );
  const first = { window_start: T0, window_end: T0 + HOUR };
  assert.deepEqual(
    (await illustrate(incident("1h", { ...home, ...first }))).map(({ kind }) => kind),
    ["categories"],
  );
});
