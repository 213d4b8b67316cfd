/** Which segments are watched: the frequent and well-known ones, never too many, and what is left out is said. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { newUnit, takeStep } from "../../../src/evaluate/page-tier/drift-tracker.ts";
import { noSeasons } from "../../../src/evaluate/page-tier/reference-seasons.ts";
import type { SegmentPlan } from "../../../src/evaluate/page-tier/segment-streams.ts";
import { planPageTier } from "../../../src/evaluate/page-tier/watched-streams.ts";
import { type CountedDimension, chooseSegments } from "../../../src/evaluate/segments/choose-segments.ts";
import { segmentPaneMs } from "../../../src/evaluate/segments/segment.ts";
import { modelConfig } from "../../support/event-writer.ts";
import { drawn, HOUR, loadedReference, planOf, SHARES } from "../../support/page-tier.ts";

function counted(name: string, counts: readonly (readonly [string, number])[], missing = 0): CountedDimension {
  return { name, of: "feature", counts, missing, rows: missing + counts.reduce((sum, [, rows]) => sum + rows, 0) };
}
const many = (name: string, values: number, rows = 1000) =>
  counted(
    name,
    Array.from({ length: values }, (_, index) => [`v${index}`, rows] as const),
  );

test("the ten most frequent values are segments; small ones are named as insufficient", () => {
  const dimension = counted("region", [
    ["eu", 5000],
    ["us", 900],
    ["mars", 199],
    ["io", 12],
  ]);
  const { dimensions, notes } = chooseSegments([dimension, many("shop", 40)], 5);
  assert.deepEqual(dimensions[0]?.values, ["eu", "us"]);
  assert.equal(dimensions[1]?.values.length, 10);
  assert.deepEqual(notes, [
    "insufficient: region=mars, region=io have fewer than 200 rows in the reference; they are watched together",
  ]);
  const alone = chooseSegments(
    [
      counted("region", [
        ["eu", 5000],
        ["mars", 150],
      ]),
    ],
    5,
  );
  assert.match(alone.notes[0] ?? "", /region=mars have .* as part of the whole alone$/);
});

test("streams are capped: fewer values of each, then fewer dimensions, and both are said", () => {
  // 3,000 streams are 20 segments of 50 subjects.
  const fewer = chooseSegments([many("a", 30), many("b", 30)], 50);
  assert.deepEqual(
    fewer.dimensions.map(({ values }) => values.length),
    [9, 9],
  );
  assert.match(fewer.notes[0] ?? "", /^only the 9 most frequent values .*: 20 segments of 50 subjects can be watched$/);
  const none = chooseSegments([many("a", 30), many("b", 30)], 600);
  assert.deepEqual(none.dimensions, []);
  assert.match(none.notes[0] ?? "", /^not watched by a, b: more than 1 segments of 600 subjects are too many$/);
});

test("a value that is spelt as the rest is part of it", () => {
  const { dimensions } = chooseSegments(
    [
      counted("region", [
        ["(other)", 5000],
        ["eu", 900],
      ]),
    ],
    1,
  );
  assert.deepEqual(dimensions[0]?.values, ["eu"]);
});

test("panes of segments are the shortest window by time, or a day in whole panes", () => {
  const of = (written: Readonly<Record<string, unknown>>) =>
    segmentPaneMs(modelConfig({ name: "m", task: "binary", ...written }));
  assert.equal(of({ windows: ["1d", "15m", "1000 events"] }), 900_000);
  assert.equal(of({ windows: ["1000 events"] }), 86_400_000);
  assert.equal(of({ windows: ["1000 events"], pane: "7h" }), 4 * 7 * 3_600_000);
});

test("segments take an eighth of the budget from the features, evenly; without them the plan is as it was", () => {
  const reference = loadedReference();
  const config = modelConfig({ name: "m", task: "binary", pane: "1h", windows: ["1h"] });
  const segments = ["region=eu", "region=us"].map((segment) => ({
    dimension: "region",
    segment,
    subjects: reference.subjects,
  }));
  const dimensions = [{ name: "region", of: "segments" as const, values: ["eu", "us"] }];
  const plan = planPageTier(config, reference, [], new Map(), noSeasons, { dimensions, segments, notes: [] });
  const shareOf = (list: readonly { readonly share: number }[] = []) => list.reduce((sum, { share }) => sum + share, 0);
  assert.ok(Math.abs(shareOf(plan?.segments?.streams) - 1 / 8) < 1e-12);
  assert.ok(Math.abs(shareOf(plan?.streams) - 7 / 8) < 1e-12);
  const ofFirst = plan?.segments?.streams.filter(({ subject }) => subject === "region=eu feature/colour");
  assert.ok(Math.abs(shareOf(ofFirst) - 1 / 32) < 1e-12);
  const plain = planOf({}, reference);
  assert.equal(plain.segments, null);
  assert.notEqual(plan?.planId, plain.planId);
  assert.equal(
    planPageTier(config, reference, [], new Map(), noSeasons, { dimensions, segments: [], notes: [] })?.planId,
    plain.planId,
  );
});

test("a segment's tolerance comes from its own rows, and the start says what can be told", () => {
  const reference = loadedReference();
  const small = loadedReference(1000);
  const config = modelConfig({ name: "m", task: "binary", pane: "1h", windows: ["1h"] });
  const segments = [{ dimension: "region", segment: "region=eu", subjects: small.subjects }];
  const bySegment = { dimensions: [{ name: "region", of: "segments" as const, values: ["eu"] }], segments, notes: [] };
  const plan = planPageTier(config, reference, [], new Map(), noSeasons, bySegment);
  const greatest = (list: readonly { readonly tolerances: readonly { readonly value: number }[] }[] = []) =>
    Math.max(...list.flatMap(({ tolerances }) => tolerances.map(({ value }) => value)));
  assert.ok(greatest(plan?.segments?.streams) > 0.04 && greatest(plan?.streams) < 0.04);
  assert.ok(
    plan?.limits.some((limit) => / where region=eu below \d/.test(limit)),
    plan?.limits.join("\n"),
  );
});

/** Ten segments of a thousand rows each, over two subjects. */
function tenSegments(): SegmentPlan {
  const reference = loadedReference();
  const small = loadedReference(1000);
  const config = modelConfig({ name: "m", task: "binary", pane: "1h", windows: ["1h"], false_alarms: "1 per 7d" });
  const names = Array.from({ length: 10 }, (_, index) => `v${index}`);
  const segments = names.map((name) => ({ dimension: "d", segment: `d=${name}`, subjects: small.subjects }));
  const dimensions = [{ name: "d", of: "segments" as const, values: names }];
  const plan = planPageTier(config, reference, [], new Map(), noSeasons, { dimensions, segments, notes: [] })?.segments;
  assert.ok(plan !== null && plan !== undefined);
  return plan;
}

test("over a month of hours no segment alarms without a change, and one that changes is named alone", async () => {
  const plan = tenSegments();
  const unit = newUnit(plan);
  const changed = [0.1, 0.3, 0.2, 0.4];
  const describe = () => Promise.resolve({ finding: "moved", began: null });
  const hours = 24 * 30;
  for (let hour = 0; hour < hours + 12; hour++) {
    const isChanged = (subject: string) => hour >= hours && subject === "d=v3 feature/colour";
    const drawnOf = new Map<string, number[][]>();
    const counts = plan.streams.map(({ subject }, index) => {
      const known = drawnOf.get(subject) ?? drawn(isChanged(subject) ? changed : SHARES, 40, 20 * hour + index);
      drawnOf.set(subject, known);
      return known[index % 3];
    });
    const step = { start: hour * HOUR, end: (hour + 1) * HOUR, counts };
    const { decision } = await takeStep(plan, unit, step, describe);
    assert.ok(hour >= hours || !decision.alarms, `hour ${hour}`);
  }
  assert.deepEqual([...unit.changed.keys()], ["d=v3 feature/colour"]);
});
