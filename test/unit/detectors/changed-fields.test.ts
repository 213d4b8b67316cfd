/** Fields that changed their unit or type or got stuck: what is found, what must not be, and in which words. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { constantValue } from "../../../detectors/constant-value.ts";
import { typeChange } from "../../../detectors/type-change.ts";
import { unitChange } from "../../../detectors/unit-change.ts";
import { type Detector, hasBreached } from "../../../src/core/detector.ts";
import type { ReferenceSubject, WindowSummary } from "../../../src/core/summary.ts";
import { seededRandom } from "../../../src/math/seeded-random.ts";
import { numericReference, numericWindow, referenceOf, windowOf } from "../../support/summaries.ts";

function judge(detector: Detector, reference: ReferenceSubject, window: WindowSummary) {
  const result = detector.bind({})(reference, window);
  assert.ok(result.status === "ok", JSON.stringify(result));
  return { ...result, breached: hasBreached(result) };
}

test("a number that takes one value is stuck, unless chance explains it", () => {
  const draw = seededRandom(1);
  const reference = numericReference(Array.from({ length: 5_000 }, () => 100 * draw()));
  const stuck = judge(
    constantValue,
    reference,
    numericWindow(
      Array.from({ length: 300 }, () => 42.5),
      reference,
    ),
  );
  assert.deepEqual([stuck.breached, stuck.detail?.["constant"]], [true, 42.5]);
  // Never seen before, above all that was.
  const beyond = judge(
    constantValue,
    reference,
    numericWindow(
      Array.from({ length: 300 }, () => -1),
      reference,
    ),
  );
  assert.deepEqual([beyond.breached, beyond.detail?.["constant"]], [true, -1]);
  const flag = numericReference(Array.from({ length: 5_000 }, (_, row) => Number(row % 1_000 === 0)));
  const zeros = numericWindow(
    Array.from({ length: 300 }, () => 0),
    flag,
  );
  assert.equal(judge(constantValue, flag, zeros).breached, false);
  const always = numericReference(Array.from({ length: 5_000 }, () => 7));
  assert.equal(
    judge(
      constantValue,
      always,
      numericWindow(
        Array.from({ length: 300 }, () => 7),
        always,
      ),
    ).value,
    0,
  );
});

test("a category that takes one value is stuck, a default that was never seen included", () => {
  const reference = referenceOf({ categories: ["DE", "FR"], bins: [600, 400, 0, 0] });
  const listed = judge(constantValue, reference, windowOf({ bins: [0, 300, 0, 0] }));
  assert.deepEqual([listed.breached, listed.detail?.["constant"]], [true, "FR"]);
  const fresh = windowOf({ bins: [0, 0, 0, 300], newValues: [["unknown", 300]] });
  assert.equal(judge(constantValue, reference, fresh).detail?.["constant"], "unknown");
  const several = windowOf({
    bins: [0, 0, 0, 300],
    newValues: [
      ["x", 200],
      ["y", 100],
    ],
  });
  assert.equal(judge(constantValue, reference, several).breached, false);
});

test("numbers that became text, and text that became numbers", () => {
  const numbers = referenceOf({ kind: "numeric", bins: [500, 500], invalid: 10 });
  const text = judge(typeChange, numbers, windowOf({ bins: [3, 3], invalid: 294 }));
  assert.deepEqual([text.breached, text.detail?.["found"]], [true, "98 % of the values are no longer numbers"]);
  assert.equal(judge(typeChange, numbers, windowOf({ bins: [100, 100], invalid: 100 })).breached, false);
  const words = referenceOf({ categories: ["gold", "basic"], bins: [600, 400, 0, 0] });
  const coded = windowOf({
    bins: [0, 0, 0, 300],
    newValues: [
      ["1", 200],
      ["2", 100],
    ],
  });
  const codes = judge(typeChange, words, coded);
  assert.deepEqual(
    [codes.breached, codes.detail?.["found"]],
    [true, "100 % of the values are numbers where there was text"],
  );
  // New words are new categories and no other type; new numbers beside old ones neither.
  assert.equal(judge(typeChange, words, windowOf({ bins: [0, 0, 0, 300], newValues: [["silver", 300]] })).value, 0);
  const years = referenceOf({ categories: ["2024", "2025"], bins: [600, 400, 0, 0] });
  assert.equal(judge(typeChange, years, windowOf({ bins: [0, 0, 0, 300], newValues: [["2026", 300]] })).value, 0);
});

const draw = seededRandom(20261130);
const normal = () => Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
const sample = (law: () => number, rows: number) => Array.from({ length: rows }, law);
const laws: Readonly<Record<string, () => number>> = {
  speed: () => 60 + 15 * normal(),
  weight: () => 70 + 5 * normal(),
  standardised: normal,
  waiting: () => -Math.log(1 - draw()),
  amount: () => 40 * Math.exp(0.6 * normal()),
  count: () => Math.floor(10 * draw() ** 2),
};
const TRIALS = 60;
type Change = (x: number) => number;

/** Share of windows in which a change of unit is found. */
function found(law: () => number, rows: number, change: (reference: ReferenceSubject) => Change): number {
  const reference = numericReference(sample(law, 5_000));
  const compare = unitChange.bind({});
  let hits = 0;
  for (let trial = 0; trial < TRIALS; trial++) {
    const changed = change(reference);
    const result = compare(reference, numericWindow(sample(law, rows).map(changed), reference));
    if (result.status === "ok" && hasBreached(result)) hits++;
  }
  return hits / TRIALS;
}

/** Up to three times as much, or as little. */
const factor = () => 3 ** (2 * draw() - 1);

test("an ordinary change is no change of unit: less than 1 in 100, and none where nothing changes", () => {
  const ordinary: Readonly<Record<string, (reference: ReferenceSubject) => Change>> = {
    shift({ standardDeviation }) {
      const by = (6 * draw() - 3) * standardDeviation;
      return (x) => x + by;
    },
    spread({ mean }) {
      const times = factor();
      return (x) => mean + times * (x - mean);
    },
    growth() {
      const times = factor();
      return (x) => times * x;
    },
    both({ standardDeviation }) {
      const [times, by] = [factor(), (4 * draw() - 2) * standardDeviation];
      return (x) => times * x + by;
    },
  };
  const rates: number[] = [];
  for (const [name, law] of Object.entries(laws))
    for (const rows of [300, 2_000]) {
      assert.equal(
        found(law, rows, () => (x) => x),
        0,
        name,
      );
      for (const change of Object.values(ordinary)) rates.push(found(law, rows, change));
    }
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  assert.ok(mean < 0.01, `${mean}`);
  assert.ok(Math.max(...rates) <= 0.05, `${Math.max(...rates)}`);
});

test("factors of ten and more are found in 300 rows, those near 1 where values vary little against their mean", () => {
  for (const [name, law] of Object.entries(laws))
    for (const times of [10, 1_000, 1e6, 0.1, 0.001, 1e-6, 60, 1 / 60, 3_600, 1 / 3_600]) {
      const rate = found(law, 300, () => (x) => Math.fround(times * x));
      assert.ok(rate >= 0.9, `${name} times ${times}: ${rate}`);
    }
  const weight = laws["weight"] ?? normal;
  for (const times of [1.609344, 0.45359237, 2.54, 0.3048]) {
    const rate = found(weight, 5_000, () => (x) => times * x);
    assert.ok(rate >= 0.6, `weight times ${times}: ${rate}`);
  }
  const celsius = () => 20 + 8 * normal();
  assert.ok(found(celsius, 300, () => (x) => 1.8 * x + 32) >= 0.95);
  assert.ok(found(celsius, 300, () => (x) => x + 273.15) >= 0.95);
  // Nothing stays quite as it was.
  const wandering = found(laws["amount"] ?? normal, 300, () => {
    const [times, by] = [1 + 0.03 * normal(), 1.5 * normal()];
    return (x) => 1000 * (times * x + by);
  });
  assert.ok(wandering >= 0.95, `${wandering}`);
});

test("which unit it was is said", () => {
  const amounts = sample(laws["amount"] ?? normal, 5_000);
  const reference = numericReference(amounts);
  const cents = judge(
    unitChange,
    reference,
    numericWindow(
      sample(laws["amount"] ?? normal, 500).map((x) => 100 * x),
      reference,
    ),
  );
  assert.equal(cents.detail?.["factor"], 100);
  assert.match(String(cents.detail?.["found"]), /^100 times the reference's, as cents for euros/);
  const seconds = judge(
    unitChange,
    reference,
    numericWindow(
      sample(laws["amount"] ?? normal, 500).map((x) => x / 1000),
      reference,
    ),
  );
  assert.match(String(seconds.detail?.["found"]), /^the reference's divided by 1000, as kilograms for grams/);
});

test("outliers, and half of the events in another unit, are no change of unit", () => {
  const law = laws["speed"] ?? normal;
  for (const share of [0.01, 0.1, 0.5])
    assert.equal(
      found(law, 1_000, () => (x) => (draw() < share ? 100 * x : x)),
      0,
      `${share}`,
    );
});
