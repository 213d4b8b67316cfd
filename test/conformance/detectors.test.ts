/** Laws that every detector in the folder keeps; a new file is covered by them before its author has written a test. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { z } from "zod";
import { detectors } from "../../detectors/index.ts";
import { type Detector, type DetectorResult, hasBreached, limitOf } from "../../src/core/detector.ts";
import type { FeatureKind } from "../../src/core/model-schema.ts";
import type { ReferenceSubject, WindowSummary } from "../../src/core/summary.ts";
import { seededRandom } from "../../src/math/seeded-random.ts";
import { numericReference, numericWindow, referenceOf, windowOf } from "../support/summaries.ts";

interface Pair {
  readonly reference: ReferenceSubject;
  readonly window: WindowSummary;
}

const seed = 20260302;
const counts = fc.oneof(fc.nat(3), fc.nat(1000), fc.nat(1_000_000_000_000));

/** Any counts: empty, one bin, many, huge. */
function anyPair(kind: FeatureKind): fc.Arbitrary<Pair> {
  return fc
    .record({
      bins: fc.array(fc.tuple(counts, counts), { minLength: kind === "numeric" ? 1 : 2, maxLength: 40 }),
      missing: fc.tuple(counts, counts),
      invalid: fc.tuple(counts, counts),
      extremes: fc.tuple(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
      ),
      standardDeviation: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
      singletons: fc.option(fc.nat(1000), { nil: undefined }),
    })
    .map(({ bins, missing, invalid, extremes, standardDeviation, singletons }) => ({
      reference: referenceOf({
        kind,
        bins: bins.map(([x], bin) => (kind === "categorical" && bin === bins.length - 1 ? 0 : x)),
        missing: missing[0],
        invalid: invalid[0],
        standardDeviation,
        ...(singletons === undefined ? {} : { singletons }),
      }),
      window: windowOf({
        bins: bins.map(([, y]) => y),
        missing: missing[1],
        invalid: invalid[1],
        minimum: Math.min(...extremes),
        maximum: Math.max(...extremes),
      }),
    }));
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}

function numbersOf(result: DetectorResult): number[] {
  if (result.status !== "ok") return [result.rows, result.needed];
  const detail = Object.values(result.detail ?? {}).filter((value) => typeof value === "number");
  const interval = [result.lower, result.upper, result.noise.lower01].filter((value) => value !== undefined);
  return [
    result.value,
    result.least,
    limitOf(result),
    result.noise.expected,
    result.noise.upper99,
    ...interval,
    ...detail,
  ];
}

/** What looks at the events as a whole has no bins. */
const ofModel = ({ subjectKinds }: Detector): boolean => subjectKinds.includes("model");

function measured(result: DetectorResult): Extract<DetectorResult, { status: "ok" }> {
  assert.ok(result.status === "ok", `expected a value: ${JSON.stringify(result)}`);
  return result;
}

test("detectors have distinct kebab-case names", () => {
  assert.equal(new Set(detectors.map(({ name }) => name)).size, detectors.length);
  for (const { name } of detectors) assert.match(name, /^[a-z0-9]+(-[a-z0-9]+)*$/);
});

test("the detectors of the design are on by default, and no others", () => {
  const on = detectors.filter(({ byDefault }) => byDefault).map(({ name }) => name);
  const wanted = [
    "constant-value",
    "invalid-rate",
    "jensen-shannon",
    "label-delay",
    "missing-rate",
    "new-category-rate",
    "type-change",
    "unit-change",
    "volume",
    "wasserstein",
  ];
  assert.deepEqual(on, wanted);
});

for (const detector of detectors) {
  const kinds = detector.featureKinds;

  test(`${detector.name}: options have defaults and are described, and unknown ones are refused`, () => {
    const defaults = detector.options.parse({});
    assert.ok("threshold" in defaults && "min_rows" in defaults);
    for (const [option, schema] of Object.entries(detector.options.shape)) {
      assert.match(z.globalRegistry.get(schema)?.description ?? "", /^[A-Z].*\.$/s, `${option} has no sentence`);
    }
    assert.throws(() => detector.bind({ treshold: 1 }), z.ZodError);
  });

  for (const [index, { reference, window, options, value, source }] of detector.examples.entries()) {
    test(`${detector.name}: example ${index + 1} (${source})`, () => {
      const result = measured(detector.bind(options ?? {})(referenceOf(reference), windowOf(window)));
      assert.ok(
        Math.abs(result.value - value) <= 1e-9 * Math.max(1, Math.abs(value)),
        `${result.value} instead of ${value}`,
      );
    });
  }

  for (const kind of kinds) {
    test(`${detector.name}: any ${kind} counts give finite numbers in range, the same twice, and no input is changed`, () => {
      const compare = detector.bind({ min_rows: 1 });
      fc.assert(
        fc.property(anyPair(kind), (pair) => {
          const { reference, window } = deepFreeze(pair);
          const result = compare(reference, window);
          for (const number of numbersOf(result)) assert.ok(Number.isFinite(number), JSON.stringify(result));
          if (result.status === "ok") {
            const [least, greatest] = detector.range;
            assert.ok(result.value >= least && result.value <= greatest, `${result.value} is out of range`);
            if (result.lower !== undefined) assert.ok(result.lower <= result.value + 1e-12);
            if (result.upper !== undefined) assert.ok(result.upper >= result.value - 1e-12);
          } else assert.match(result.reason, /\.$/);
          assert.deepEqual(compare(reference, window), result);
        }),
        { seed, numRuns: 150 },
      );
    });

    test(`${detector.name}: a ${kind} window like its reference has the least value and is no breach`, () => {
      const compare = detector.bind({ min_rows: 1, threshold: detector.name === "volume" ? 1 : 0 });
      fc.assert(
        fc.property(anyPair(kind), fc.integer({ min: 1, max: 3 }), ({ reference }, times) => {
          const bins = reference.bins.map((count) => count * times);
          const extremes = { minimum: reference.minimum, maximum: reference.maximum };
          const result = compare(
            reference,
            windowOf({ bins, missing: reference.missing * times, invalid: reference.invalid * times, ...extremes }),
          );
          if (result.status !== "ok" || (detector.name === "volume" && times > 1)) return;
          assert.ok(!hasBreached(result), JSON.stringify(result));
          // Smoothing pulls samples of different sizes differently far.
          if (["psi", "kullback-leibler"].includes(detector.name) && times > 1) return;
          if (detector.unit !== "share of rows" || detector.name === "total-variation") {
            assert.ok(Math.abs(result.value - (detector.name === "volume" ? 1 : 0)) < 1e-6, `${result.value}`);
          }
        }),
        { seed, numRuns: 100 },
      );
    });
  }

  test(`${detector.name}: too few rows, or none in the reference, are "insufficient", never a number`, () => {
    for (const kind of kinds) {
      const few = referenceOf({ kind, bins: [5, 5, 5] });
      const empty = referenceOf({ kind, bins: [0, 0, 0] });
      const many = windowOf({ bins: [200, 200, 200] });
      assert.equal(detector.bind({})(empty, many).status, "insufficient");
      if (ofModel(detector)) assert.equal(detector.bind({})(few, many).status, "insufficient");
      else
        assert.equal(
          detector.bind({})(referenceOf({ kind, bins: [500, 500, 500] }), windowOf({ bins: [5, 5, 5] })).status,
          "insufficient",
        );
    }
  });

  if (kinds.includes("categorical") && !ofModel(detector)) {
    test(`${detector.name}: the order of categories does not matter`, () => {
      const of = [50, 30, 20, 7, 1, 0];
      const to = [10, 60, 3, 9, 0, 0];
      const turned = (bins: readonly number[]) => [...bins.slice(2), ...bins.slice(0, 2), 4, 0];
      const compare = detector.bind({ min_rows: 1 });
      const one = measured(compare(referenceOf({ bins: [...of, 4, 0] }), windowOf({ bins: [...to, 4, 0] })));
      const other = measured(compare(referenceOf({ bins: turned(of) }), windowOf({ bins: turned(to) })));
      assert.ok(Math.abs(one.value - other.value) < 1e-12);
      assert.ok(Math.abs(limitOf(one) - limitOf(other)) < 1e-9);
    });
  }

  for (const kind of kinds) {
    test(`${detector.name}: without drift at most 1 % of ${kind} windows exceed their noise level`, () => {
      const breaches = falseBreaches(detector, kind);
      assert.ok(breaches <= 12, `${breaches} of 400 windows`);
    });
  }
}

/** Of 400 windows from the reference's own distribution, the ones above (or below) the noise level; 4 are expected at most, 12 are 4 sigma. */
function falseBreaches(detector: Detector, kind: FeatureKind): number {
  const compare = detector.bind({ min_rows: 1 });
  const draw = seededRandom(seed);
  let breaches = 0;
  for (const { reference, window } of undriftedPairs(kind)) {
    const events = reference.n + Math.round(Math.sqrt(reference.n) * 2 * (draw() + draw() + draw() - 1.5));
    const result = compare(reference, detector.name === "volume" ? { ...window, n: events } : window);
    if (result.status !== "ok") continue;
    // The noise level alone, without the least effect that would hide it.
    const { value, noise } = result;
    if (value > noise.upper99 || (noise.lower01 !== undefined && value < noise.lower01)) breaches++;
  }
  return breaches;
}

const drawnPairs = new Map<FeatureKind, readonly Pair[]>();

/** Drawn once and used for all detectors: normal values, and categories of very different frequency, 1 % of them missing or invalid. */
function undriftedPairs(kind: FeatureKind): readonly Pair[] {
  const present = drawnPairs.get(kind);
  if (present !== undefined) return present;
  const draw = seededRandom(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
  const row = () => (kind === "numeric" ? normal() : Math.floor(60 * draw() ** 3));
  const sample = (rows: number) => Array.from({ length: rows }, row);
  const lost = (rows: number) => Array.from({ length: rows }, draw).filter((u) => u < 0.01).length;
  const pairs = Array.from({ length: 400 }, (_, trial) => {
    const [n, m] = trial % 2 === 0 ? [1000, 300] : [400, 400];
    const pair = kind === "numeric" ? numericPair(sample(n), sample(m)) : categoricalPair(sample(n), sample(m));
    const withLost = <S extends WindowSummary | ReferenceSubject>(summary: S, missing: number, invalid: number): S => ({
      ...summary,
      missing,
      invalid,
      n: summary.n + missing + invalid,
    });
    return { reference: withLost(pair.reference, lost(n), lost(n)), window: withLost(pair.window, lost(m), lost(m)) };
  });
  drawnPairs.set(kind, pairs);
  return pairs;
}

function numericPair(of: readonly number[], to: readonly number[]): Pair {
  const reference = numericReference(of);
  return { reference, window: numericWindow(to, reference) };
}

/** Reference categories by count; what only the window has is new. */
function categoricalPair(of: readonly number[], to: readonly number[]): Pair {
  const categories = [...new Set(of)];
  const count = (values: readonly number[]) =>
    categories.map((category) => values.filter((value) => value === category).length);
  const known = count(to);
  const fresh = to.length - known.reduce((sum, rows) => sum + rows, 0);
  return { reference: referenceOf({ bins: [...count(of), 0, 0] }), window: windowOf({ bins: [...known, 0, fresh] }) };
}
