import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { onlineDetectors } from "../../../detectors/online/index.ts";
import type { SequentialDetector } from "../../../src/core/sequential-detector.ts";
import { seededRandom } from "../../../src/math/seeded-random.ts";
import { addValue, changeOf, newHistory } from "../../../src/sequential/mean-history.ts";
import { type StreamUnit, watchStream } from "../../../src/sequential/watched-stream.ts";

function detector(name: string): SequentialDetector {
  const found = onlineDetectors.find((one) => one.name === name);
  assert.ok(found !== undefined);
  return found;
}

const levels = (before: number, after: number, sizes: readonly [number, number], scale = 1) => {
  const next = seededRandom(3);
  return Array.from(
    { length: sizes[0] + sizes[1] },
    (_, i) => scale * ((i < sizes[0] ? before : after) + next() + next() + next() - 1.5),
  );
};

test("the change of a stream is placed at the border that splits its means most, whatever lies before", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 200 }), (before, after) => {
      const history = newHistory();
      for (let i = 0; i < before + after; i++) addValue(history, i < before ? 2 : 5, 1000 * i);
      const change = changeOf(history);
      assert.ok(change !== null);
      // Runs are as long as a seventh of what is younger than they, at most.
      assert.ok(
        Math.abs(change.since / 1000 - before) <= after / 3 + 1,
        `${change.since / 1000} is far from ${before}`,
      );
      assert.ok(Math.abs(change.valuesAfter - after) <= after / 3 + 1);
      assert.ok(change.meanBefore < change.meanAfter);
      assert.ok(history.rows.every(({ totals }) => totals.length <= 8) && history.rows.length <= 12);
    }),
  );
});

test("of one value nothing can be said", () => {
  const history = newHistory();
  assert.equal(changeOf(history), null);
  addValue(history, 1, 0);
  assert.equal(changeOf(history), null);
});

test("windows of any size tell the same changes, and one that was saved and restored goes on alike", () => {
  const values = levels(0, 2, [300, 300]);
  for (const { name } of onlineDetectors) {
    const of = detector(name);
    const domain = of.domain === undefined ? values : values.map((value) => (value > 1 ? 1 : 0));
    const changes = (size: number, unit: StreamUnit, restores: boolean) => {
      let stream = watchStream(of, {}, unit);
      const found = [];
      for (const [at, value] of domain.entries()) {
        stream.take(value, at);
        if ((at + 1) % size === 0) {
          found.push(...stream.endWindow().changes);
          if (restores) stream = watchStream(of, {}, unit, JSON.parse(JSON.stringify(stream.save())));
        }
      }
      return found;
    };
    const expected = changes(600, 1, false);
    assert.ok(expected.length > 0, `${name} finds no change`);
    for (const size of [1, 7, 50])
      assert.deepEqual(changes(size, 1, true).slice(0, 20), expected, `${name} by ${size}`);
  }
});

test("a learned unit makes a stream the same in any unit, and its first values are not judged", () => {
  const found = [1, 1e-6, 1e6].map((scale) => {
    const stream = watchStream(detector("page-hinkley"), {}, { learnFrom: 30 });
    const values = levels(0, 3, [200, 100], scale);
    for (const value of values.slice(0, 30)) stream.take(value, 0);
    const first = stream.endWindow();
    assert.deepEqual([first.nearest, first.learning], [null, { seen: 30, needed: 30 }]);
    for (const [at, value] of values.slice(30).entries()) stream.take(value, at);
    return stream.endWindow().changes.map(({ foundAt }) => foundAt);
  });
  assert.ok((found[0]?.length ?? 0) > 0);
  assert.deepEqual(found[1], found[0]);
  assert.deepEqual(found[2], found[0]);
});

test("a stream that never varies keeps learning, and numbers that are none are passed over", () => {
  const stream = watchStream(detector("adwin"), {}, { learnFrom: 5 });
  for (let i = 0; i < 40; i++) stream.take(7, i);
  assert.deepEqual(stream.endWindow().learning, { seen: 40, needed: 5 });
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) stream.take(value, 0);
  assert.equal(stream.endWindow().n, 0);
});

test("a window shows the number that came nearest to its limit, and of a change the one that passed it", () => {
  const stream = watchStream(detector("cusum"), { target: 0, standard_deviation: 1, threshold: 3 }, 1);
  for (const [at, value] of [2, 1, -4, 0].entries()) stream.take(value, at);
  const quiet = stream.endWindow();
  assert.deepEqual([quiet.changeCount, quiet.nearest?.limit], [1, 3]);
  assert.ok((quiet.nearest?.score ?? 0) > 3);
  for (const [at, value] of [2, 0, 0].entries()) stream.take(value, at);
  const after = stream.endWindow();
  assert.deepEqual([after.changeCount, after.nearest], [0, { score: 1.5, limit: 3 }]);
});
