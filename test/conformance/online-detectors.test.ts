/** Laws that every online detector keeps; a new file in the folder is covered by them before its author has written a test. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { z } from "zod";
import { onlineDetectors } from "../../detectors/online/index.ts";
import type { SequentialDetector, SequentialRun, SequentialState } from "../../src/core/sequential-detector.ts";
import { uniform } from "../support/golden.ts";

const seed = 20260302;

const arrayOf = (value: fc.Arbitrary<number>) => fc.array(value, { minLength: 1, maxLength: 150, size: "max" });

/** Streams of two parts, each of ordinary numbers, of mostly 0 or mostly 1, or of numbers that no stream should have. */
const part = fc.oneof(
  fc
    .double({ min: -5, max: 5, noNaN: true })
    .chain((level) => arrayOf(fc.double({ min: level - 1, max: level + 1, noNaN: true }))),
  fc.constantFrom(1, 9).chain((ones) => arrayOf(fc.integer({ min: 0, max: 9 }).map((digit) => (digit < ones ? 1 : 0)))),
  arrayOf(fc.oneof(fc.double(), fc.constantFrom(0, -0, Number.MAX_VALUE, -Number.MAX_VALUE, 5e-324))),
);
const streams = fc.tuple(part, part).map(([before, after]) => [...before, ...after]);

/** Options under which something happens within 300 values. */
const eager: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  adwin: { check_every: 1, delta: 0.3, max_buckets: 2 },
  "page-hinkley": { threshold: 1 },
  cusum: { threshold: 1, min_values: 5 },
  ewma: { threshold: 1, min_values: 5 },
  ddm: { threshold: 1.5, warning_threshold: 1 },
};

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}

function numbersOf(value: unknown): number[] {
  if (typeof value === "number") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(numbersOf) : [];
}

/** Indices of the values that showed a change, and the state at the end. */
function run(rules: SequentialRun, values: readonly number[]): { changes: number[]; state: SequentialState } {
  let state = rules.start();
  const changes: number[] = [];
  for (const [index, value] of values.entries()) {
    const next = rules.step(state, value);
    state = next.state;
    if (next.verdict.drifted) changes.push(index);
  }
  return { changes, state };
}

/** 0 and 1, of a rate that jumps: within every detector's domain. */
function outcomes(rows: number, before: number, after: number): number[] {
  const draw = uniform(7);
  return Array.from({ length: rows }, (_, index) => (draw() < (index < rows / 2 ? before : after) ? 1 : 0));
}

const bound = (detector: SequentialDetector, options: object = eager[detector.name] ?? {}) => detector.bind(options);

test("online detectors have distinct kebab-case names", () => {
  assert.equal(new Set(onlineDetectors.map(({ name }) => name)).size, onlineDetectors.length);
  for (const { name } of onlineDetectors) assert.match(name, /^[a-z0-9]+(-[a-z0-9]+)*$/);
});

for (const detector of onlineDetectors) {
  const { name } = detector;

  test(`${name}: it says what it is, whose it is and what its unit does, in sentences`, () => {
    for (const text of [detector.description, detector.scaleNote]) assert.match(text, /^[A-Z].*\.$/s);
    assert.match(detector.citation, /\(\d{4}\)/);
  });

  test(`${name}: options have defaults and are described, and unknown ones are refused`, () => {
    assert.ok("min_values" in detector.options.parse({}));
    for (const [option, schema] of Object.entries(detector.options.shape)) {
      assert.match(z.globalRegistry.get(schema)?.description ?? "", /^[A-Z].*\.$/s, `${option} has no sentence`);
    }
    assert.throws(() => detector.bind({ treshold: 1 }), z.ZodError);
  });

  test(`${name}: any stream gives finite numbers, the same from a frozen state and from one that was JSON in between`, () => {
    const direct = bound(detector);
    const changes = { found: 0 };
    fc.assert(
      fc.property(streams, (values) => {
        let state = deepFreeze(direct.start());
        let stored = JSON.stringify(state);
        for (const value of values) {
          const next = direct.step(state, value);
          const again = direct.step(detector.restore(JSON.parse(stored)), value);
          assert.deepEqual(again.verdict, next.verdict);
          assert.ok(numbersOf(next).every(Number.isFinite), JSON.stringify(next));
          if (next.verdict.status === "ok") assert.equal(next.verdict.drifted, next.verdict.score > next.verdict.limit);
          state = deepFreeze(next.state);
          stored = JSON.stringify(again.state);
          assert.equal(stored, JSON.stringify(state));
          if (next.verdict.drifted) changes.found++;
        }
      }),
      { seed, numRuns: 60 },
    );
    assert.ok(changes.found > 0, "no change was found at all: the law was not tried behind one");
  });

  test(`${name}: what is no number of its domain is passed over and counted`, () => {
    const values = outcomes(400, 0.1, 0.6);
    const outside = [
      Number.NaN,
      Number.POSITIVE_INFINITY,
      ...(detector.domain ?? []).map((end, i) => end + (i === 0 ? -1 : 1)),
    ];
    const without = run(bound(detector), values);
    const withOthers = run(
      bound(detector),
      values.flatMap((value) => [...outside, value]),
    );
    assert.deepEqual(
      withOthers.changes.map((index) => (index - outside.length) / (outside.length + 1)),
      without.changes,
    );
    assert.deepEqual(withOthers.state, { ...without.state, skipped: outside.length * values.length });
    assert.equal(bound(detector).step(bound(detector).start(), Number.NaN).verdict.status, "skipped");
  });

  test(`${name}: after a change the next value starts anew`, () => {
    const rules = bound(detector);
    const values = outcomes(400, 0.1, 0.6);
    const [change] = run(rules, values).changes;
    assert.ok(change !== undefined, "no change was found");
    const { state } = run(rules, values.slice(0, change + 1));
    assert.ok(state.drifted);
    assert.deepEqual(rules.step(state, 1), rules.step(rules.start(), 1));
  });

  test(`${name}: by its defaults a doubled and a vanished error rate are told apart from a steady one`, () => {
    const rules = bound(detector, {});
    const jump = run(rules, outcomes(4000, 0.1, 0.9)).changes.filter((index) => index >= 2000);
    assert.ok((jump[0] ?? Number.POSITIVE_INFINITY) < 2400, `found at ${jump[0]}`);
    assert.deepEqual(
      run(
        rules,
        Array.from({ length: 4000 }, () => 0.25),
      ).changes,
      [],
    );
  });

  test(`${name}: the unit of the stream matters as it says`, () => {
    const values = outcomes(4000, 0.1, 0.6);
    const plain = run(bound(detector, {}), values).changes;
    const small = run(
      bound(detector, {}),
      values.map((value) => value / 1024),
    ).changes;
    if (detector.scaleFree) assert.deepEqual(small, plain);
    else assert.notDeepEqual(small, plain);
  });

  test(`${name}: the state does not grow with the stream`, () => {
    const draw = uniform(11);
    const { state } = run(
      bound(detector, {}),
      Array.from({ length: 20_000 }, () => draw()),
    );
    assert.ok(numbersOf(state).length <= 200, `${numbersOf(state).length} numbers`);
  });

  test(`${name}: a stored state that it cannot have written is refused`, () => {
    const good = bound(detector).start();
    assert.doesNotThrow(() => detector.restore(good));
    for (const wrong of [null, {}, { ...good, own: {} }, { ...good, skipped: -1 }, { ...good, more: 1 }]) {
      assert.throws(() => detector.restore(wrong), z.ZodError);
    }
  });
}
