/** Streams out of stored references, how much of them is ignored, and what dependence takes away. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { countIntoEdges, numericEdges } from "../../../src/math/numeric-edges.ts";
import { seededRandom } from "../../../src/math/seeded-random.ts";
import { designEffects } from "../../../src/sequential/design-effect.ts";
import { directionsOf } from "../../../src/sequential/directions.ts";
import {
  categoricalStream,
  mergeCounts,
  numericStream,
  rateStream,
  valueStream,
} from "../../../src/sequential/stream-reference.ts";
import { noticePlan, pagePlan } from "../../../src/sequential/tilt-plan.ts";
import { wordsOf } from "../../../src/sequential/tilt-words.ts";
import { referenceError, type Tolerance, tolerancesOf } from "../../../src/sequential/tolerance.ts";
import { clipLimits, clippedLogRatios } from "../../../src/sequential/total-variation-clip.ts";
import { normals } from "../../support/draws.ts";
import { streamOfSubject, streamOfWeights } from "../../support/streams.ts";
import { numericReference, referenceOf } from "../../support/summaries.ts";

const wanted = { ignoreBelow: 0.03 };

test("a numeric stream is the same from the stored bins, however fine, as from the values", () => {
  const value = fc.oneof(fc.integer({ min: -20, max: 20 }), fc.double({ min: -20, max: 20, noNaN: true }));
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 50, maxLength: 400 }),
      fc.array(value, { maxLength: 50 }),
      (rows, pane) => {
        const sorted = rows.map((row) => row + 0).sort((a, b) => a - b);
        const edges = numericEdges(sorted, 20);
        for (const inner of [20, 100]) {
          const stored = numericEdges(sorted, inner);
          const stream = numericStream(stored, countIntoEdges(sorted, stored));
          const weights = countIntoEdges(sorted, edges).map((count) => Math.max(1, count));
          assert.deepEqual(stream.weights, weights);
          const counts = mergeCounts(stream, countIntoEdges(pane, stored));
          assert.deepEqual([...counts], countIntoEdges(pane, edges));
        }
      },
    ),
  );
});

test("the ranges of a numeric stream are told in words", () => {
  const rows = Array.from({ length: 60 }, (_, row) => row % 3);
  const stream = streamOfSubject(numericReference(rows));
  assert.deepEqual(
    stream.bins.map(({ label }) => label),
    ["below 0", "0", "(0, 1]", "(1, 2]", "above 2"],
  );
});

test("a range is told in words as one value, an interval or what lies beyond", () => {
  const untied = streamOfSubject(numericReference(Array.from({ length: 100 }, (_, row) => row / 4)));
  assert.deepEqual([untied.bins[0]?.label, untied.bins.at(-1)?.label], ["at most 0", "above 24.75"]);
  const tied = streamOfSubject(numericReference(Array.from({ length: 600 }, (_, row) => Math.floor(row / 200))));
  const plan = noticePlan(tied);
  const words = new Set(plan.tilts.map((_, tilt) => wordsOf(plan, tilt)));
  assert.ok(words.has("more values equal to 0") && words.has("more values in (1, 2]"), [...words].join("; "));
});

test("rare categories are one bin, and those never seen weigh as much as those seen once", () => {
  const subject = referenceOf({
    kind: "categorical",
    categories: ["a", "b", "c", "d"],
    bins: [500, 20, 19, 1, 30, 0],
    singletons: 11,
  });
  const stream = categoricalStream(subject);
  assert.deepEqual(
    stream.bins.map(({ label }) => label),
    ["a", "b", "rare categories", "new categories"],
  );
  assert.deepEqual(stream.weights, [500, 20, 39, 11]);
  assert.deepEqual([...mergeCounts(stream, [1, 2, 4, 8, 16, 32])], [1, 2, 28, 32]);
});

test("where too many categories came to remember them, rare and new ones are one bin", () => {
  const subject = referenceOf({ kind: "categorical", categories: ["a", "b"], bins: [500, 3, 30, 0], singletons: 11 });
  const stream = categoricalStream(subject, false);
  assert.deepEqual(
    stream.bins.map(({ label }) => label),
    ["a", "other categories"],
  );
  assert.deepEqual(stream.weights, [500, 33]);
  assert.deepEqual([...mergeCounts(stream, [1, 2, 4, 8])], [1, 14]);
});

test("without rare rows in the reference there is no bin for them, and what is stored as such counts as new", () => {
  const stream = categoricalStream(referenceOf({ kind: "categorical", categories: ["a", "b"], bins: [80, 40, 0, 0] }));
  assert.deepEqual(stream.weights, [80, 40, 1]);
  assert.deepEqual([...mergeCounts(stream, [1, 2, 4, 8])], [1, 2, 12]);
});

test("at most fifty categories have bins of their own", () => {
  const listed = Array.from({ length: 70 }, () => 25);
  const stream = categoricalStream(referenceOf({ kind: "categorical", bins: [...listed, 0, 0] }));
  assert.equal(stream.weights.length, 52);
  assert.equal(stream.weights[50], 500);
});

test("a reference of fewer than 50 rows has no stream, and says what it needs", () => {
  assert.deepEqual(valueStream(referenceOf({ kind: "categorical", bins: [30, 10, 0, 0] })), { rows: 40, needed: 50 });
  assert.deepEqual(rateStream("missing", 1, 49), { rows: 49, needed: 50 });
});

test("an event in a stored bin that the reference lacks is not lost", () => {
  const stream = streamOfWeights("categorical", [100, 50, 1]);
  assert.deepEqual([...mergeCounts(stream, [1, 2, 3, 4])], [1, 2, 7]);
});

/** By aspect and bin. */
function toleranceOf(rows: number, aspect: string): Tolerance {
  const draw = seededRandom(3);
  const stream = streamOfSubject(numericReference(Array.from({ length: rows }, draw)));
  const directions = directionsOf(stream);
  const found = tolerancesOf(stream, directions, wanted)[directions.findIndex((one) => one.aspect === aspect)];
  assert.ok(found !== undefined);
  return found;
}

test("a small reference raises the tolerance, and the rows that are needed are said", () => {
  const raised = toleranceOf(2000, "mean");
  assert.equal(raised.wanted, 0.03);
  assert.ok(Math.abs(raised.value - 0.0635) < 1e-4);
  assert.equal(raised.rowsNeeded, 8962);
  const enough = toleranceOf(9000, "mean");
  assert.equal(enough.value, 0.03);
  assert.ok(enough.referenceError < 0.03);
});

test("the rows that a tolerance needs are just enough", () => {
  fc.assert(
    fc.property(fc.integer({ min: 50, max: 3000 }), fc.integer({ min: 50, max: 3000 }), (events, others) => {
      const stream = streamOfWeights("rate", [events, others]);
      const [tolerance] = tolerancesOf(stream, directionsOf(stream), wanted);
      assert.ok(tolerance !== undefined);
      const share = events / (events + others);
      assert.ok(referenceError(share, tolerance.rowsNeeded) <= tolerance.wanted);
      assert.ok(referenceError(share, tolerance.rowsNeeded - 1) > tolerance.wanted);
      assert.equal(tolerance.value > tolerance.wanted, tolerance.rowsNeeded > events + others);
    }),
  );
});

test("tails, rates and new categories have a sixth of the tolerance unless told otherwise", () => {
  const stream = streamOfWeights("categorical", [5e6, 4e6, 1]);
  const values = (options: Parameters<typeof tolerancesOf>[2]) =>
    tolerancesOf(stream, directionsOf(stream), options).map(({ value }) => value);
  assert.deepEqual(values(wanted), [0.03, 0.03, 0.005]);
  assert.deepEqual(values({ ignoreBelow: 0.06 }), [0.06, 0.06, 0.01]);
  assert.deepEqual(values({ ignoreBelow: 0.06, ignoreRareBelow: 0.001 }), [0.06, 0.06, 0.001]);
});

test("the clipped ratio is Huber's: its limits take the distance off exactly", () => {
  const share = fc.double({ min: 0.001, max: 1, noNaN: true });
  const pair = fc.integer({ min: 2, max: 12 }).chain((bins) => {
    const shares = fc.array(share, { minLength: bins, maxLength: bins });
    return fc.tuple(shares, shares, fc.double({ min: 0, max: 0.4, noNaN: true }));
  });
  fc.assert(
    fc.property(pair, ([first, second, distance]) => {
      const normalised = (values: readonly number[]) => {
        const all = values.reduce((sum, value) => sum + value, 0);
        return values.map((value) => value / all);
      };
      const [q, p] = [normalised(first), normalised(second)];
      const limits = clipLimits(q, p, distance);
      const apart = p.reduce((sum, one, bin) => sum + Math.abs(one - (q[bin] ?? 0)), 0) / 2;
      if (limits === null) {
        assert.ok(apart <= distance + 1e-12);
        assert.ok(clippedLogRatios(q, p, distance).every((value) => value === 0));
        return;
      }
      const { lower, upper } = limits;
      const above = p.reduce((sum, one, bin) => sum + Math.max(0, (q[bin] ?? 0) / upper - one), 0);
      const below = p.reduce((sum, one, bin) => sum + Math.max(0, one - (q[bin] ?? 0) / lower), 0);
      assert.ok(Math.abs(above - distance) < 1e-12 && Math.abs(below - distance) < 1e-12);
      assert.ok(lower <= 1 && upper >= 1);
    }),
  );
});

test("tilts within the tolerance are dropped and the rest share the start", () => {
  const stream = streamOfWeights("categorical", [5000, 3000, 2000, 1]);
  const directions = directionsOf(stream);
  const plan = (tolerance: number) =>
    pagePlan(stream, [{ weights: stream.weights, tolerances: directions.map(() => tolerance) }]);
  assert.ok(plan(0.2).tilts.length < plan(0.01).tilts.length);
  for (const { tilts } of [plan(0.2), plan(0.01)]) {
    assert.ok(Math.abs(tilts.reduce((sum, { startWeight }) => sum + startWeight, 0) - 1) < 1e-12);
  }
  assert.equal(plan(1).tilts.length, 0);
});

/** Panes of 100 values of an autoregression, over the bins of the reference's own edges. */
function measured(correlation: number, seed: number): { effects: readonly number[]; spikes: readonly number[] } {
  const normal = normals(seededRandom(seed));
  let last = normal();
  const values = Array.from({ length: 40_000 }, () => {
    last = correlation * last + Math.sqrt(1 - correlation ** 2) * normal();
    return last;
  });
  const edges = numericEdges([...values].sort((a, b) => a - b));
  const stream = numericStream(edges, countIntoEdges(values, edges));
  const panes = Array.from({ length: 400 }, (_, pane) =>
    countIntoEdges(values.slice(100 * pane, 100 * (pane + 1)), edges),
  );
  const effects = designEffects(panes, stream.weights, directionsOf(stream));
  return { effects, spikes: effects.slice(9) };
}

test("independent events have no design effect worth the name", () => {
  for (const seed of [1, 2, 3, 4]) {
    const { effects } = measured(0, seed);
    assert.ok(effects.filter((effect) => effect > 1).length <= 3 && Math.max(...effects) < 5, effects.join(", "));
  }
});

test("an autoregression's design effect is that of its theory, (1 + r) / (1 - r) for the mean and with r² for the scale", () => {
  for (const [correlation, mean, scale] of [
    [0.5, 3, 5 / 3],
    [0.9, 19, 1.81 / 0.19],
  ] as const) {
    const { effects } = measured(correlation, 5);
    const [ofMean = 0, ofScale = 0] = effects;
    assert.ok(ofMean > 0.8 * mean && ofMean < 2.2 * mean, `mean ${ofMean}, by theory ${mean}`);
    assert.ok(ofScale > 0.8 * scale && ofScale < 2.2 * scale, `scale ${ofScale}, by theory ${scale}`);
  }
});

test("a reference in too few panes to tell shows no design effect", () => {
  const stream = streamOfWeights("rate", [100, 900]);
  const panes = Array.from({ length: 11 }, (_, pane) => (pane % 2 === 0 ? [20, 0] : [0, 180]));
  assert.deepEqual(designEffects(panes, stream.weights, directionsOf(stream)), [1]);
  assert.deepEqual(designEffects([], stream.weights, directionsOf(stream)), [1]);
});

test("panes of unequal size and empty ones count by their events", () => {
  const stream = streamOfWeights("rate", [500, 500]);
  const burst = Array.from({ length: 40 }, (_, pane) =>
    pane % 4 === 0 ? [200, 0] : pane % 4 === 2 ? [0, 200] : [0, 0],
  );
  const [effect = 0] = designEffects(burst, stream.weights, directionsOf(stream));
  // Each run of 200 alike events is worth one.
  assert.ok(effect >= 200 && effect < 400, `${effect}`);
});
