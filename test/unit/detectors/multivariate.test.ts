/** Detectors of several features together: what they find that no feature shows, what chance shows, what does not matter. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sampleDetectors } from "../../../detectors/multivariate/index.ts";
import { hasBreached } from "../../../src/core/detector.ts";
import { firstRows, type RowSample } from "../../../src/core/row-sample.ts";
import { uniform } from "../../support/golden.ts";

type Draw = () => number;
type MakeRow = (draw: Draw) => readonly (number | string)[];

const normal = (draw: Draw) => Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());

/** Columns of numbers; the last `categorical` ones are categories. */
function sampleOf(rows: number, make: MakeRow, draw: Draw, categorical = 0): RowSample {
  const made = Array.from({ length: rows }, () => make(draw).map(Number));
  const width = made[0]?.length ?? 0;
  return {
    of: rows,
    hashes: Uint32Array.from(made, () => Math.floor(draw() * 2 ** 32)),
    columns: Array.from({ length: width }, (_, at) => ({
      name: `f${at}`,
      kind: at < width - categorical ? "numeric" : "categorical",
      values: Float64Array.from(made, (row) => row[at] ?? Number.NaN),
    })),
  };
}

function compare(name: string, reference: RowSample, window: RowSample, options = {}) {
  const detector = sampleDetectors.find((one) => one.name === name);
  assert.ok(detector !== undefined);
  const result = detector.bind({ min_rows: 1, ...options })(reference, window);
  assert.ok(result.status === "ok", JSON.stringify(result));
  return { ...result, breached: hasBreached(result), detail: new Map(Object.entries(result.detail ?? {})) };
}

/** Two that go together, one with missing values, one heavy in the tail, one with many zeros, one category. */
const plain: MakeRow = (draw) => {
  const shared = normal(draw);
  return [
    shared + 0.7 * normal(draw),
    shared + 0.7 * normal(draw),
    draw() < 0.1 ? Number.NaN : normal(draw),
    Math.exp(2 * normal(draw)),
    draw() < 0.6 ? 0 : draw(),
    Math.floor(40 * draw() ** 3),
  ];
};
const turned: MakeRow = (draw) => plain(draw).map((value, at) => (at === 1 ? -Number(value) : value));

test("features that go together otherwise while each looks the same are found by both, and named", () => {
  const draw = uniform(1);
  const reference = sampleOf(1000, plain, draw, 1);
  const window = sampleOf(500, turned, draw, 1);
  const classifier = compare("domain-classifier", reference, window);
  assert.ok(classifier.breached && classifier.value > 0.7, `${classifier.value}`);
  const carriers = classifier.detail.get("carried_by");
  assert.ok(Array.isArray(carriers));
  assert.deepEqual(new Set(carriers.slice(0, 2).map(([name]) => name)), new Set(["f0", "f1"]));
  const correlation = compare("correlation", reference, window);
  assert.ok(correlation.breached && correlation.value > 1);
  assert.deepEqual([correlation.detail.get("first"), correlation.detail.get("second")], ["f0", "f1"]);
});

test("a number and a category that go together otherwise are found by the classifier", () => {
  const draw = uniform(2);
  const make =
    (side: number): MakeRow =>
    (next) => {
      const category = next() < 0.5 ? 0 : 1;
      return [normal(next) + (category === side ? 0.8 : -0.8), normal(next), category];
    };
  const found = compare("domain-classifier", sampleOf(800, make(0), draw, 1), sampleOf(800, make(1), draw, 1));
  assert.ok(found.breached && found.value > 0.7, `${found.value}`);
  assert.deepEqual(found.detail.get("products"), ["f0 × f2"]);
});

test("small shifts of many features add up, and missing values that come more often are seen", () => {
  const draw = uniform(3);
  const wide =
    (shift: number): MakeRow =>
    (next) =>
      Array.from({ length: 12 }, () => normal(next) + shift);
  const many = compare("domain-classifier", sampleOf(1000, wide(0), draw), sampleOf(1000, wide(0.2), draw));
  assert.ok(many.breached && many.value > 0.62, `${many.value}`);
  const lost: MakeRow = (next) => plain(next).map((value, at) => (at === 4 && next() < 0.4 ? Number.NaN : value));
  const missing = compare("domain-classifier", sampleOf(1000, plain, draw, 1), sampleOf(1000, lost, draw, 1));
  assert.ok(missing.breached);
  const carriers = missing.detail.get("carried_by");
  assert.ok(Array.isArray(carriers) && carriers[0]?.[0] === "f4" && carriers[0]?.[1] > 0.8);
});

test("a shift of one feature changes no correlation", () => {
  const draw = uniform(4);
  const shifted: MakeRow = (next) => plain(next).map((value, at) => (at === 0 ? Math.exp(Number(value)) + 7 : value));
  const reference = sampleOf(1000, plain, draw, 1);
  const window = sampleOf(1000, shifted, draw, 1);
  const numeric = (sample: RowSample) => ({ ...sample, columns: sample.columns.slice(0, 5) });
  const found = compare("correlation", numeric(reference), numeric(window));
  assert.ok(found.value < found.noise.upper99 && !found.breached, `${found.value} against ${found.noise.upper99}`);
  assert.ok(compare("domain-classifier", reference, window).breached);
});

/** Trials in which the noise level alone is exceeded, without the least effect that would hide it. */
function falseBreaches(
  name: string,
  trials: number,
  reference: number,
  window: number,
  make: MakeRow,
  categorical = 0,
) {
  const draw = uniform(20261125);
  let breaches = 0;
  for (let trial = 0; trial < trials; trial++) {
    const { value, noise } = compare(
      name,
      sampleOf(reference, make, draw, categorical),
      sampleOf(window, make, draw, categorical),
    );
    if (value > noise.upper99) breaches++;
  }
  return breaches;
}

// 1 % are expected at most; four standard errors more are a matter of chance.
const most = (trials: number) => trials * 0.01 + 4 * Math.sqrt(trials * 0.01);

/** Every value once in the reference and once in the window, or nearly: what bins of one side alone would tell apart. */
const identities: MakeRow = (draw) => [normal(draw), Math.floor(draw() * 5000), Math.floor(draw() * 5000)];
const spread: MakeRow = (draw) => {
  const size = normal(draw) ** 2;
  return [size * normal(draw), size * normal(draw), size * normal(draw)];
};

for (const [what, make, categorical] of [
  ["features of all kinds", plain, 1],
  ["categories of which nearly every one is new", identities, 2],
  ["features that spread together", spread, 0],
] as const) {
  test(`without drift at most 1 % of windows of ${what} exceed the classifier's noise level`, () => {
    const breaches = falseBreaches("domain-classifier", 150, 300, 150, make, categorical);
    assert.ok(breaches <= most(150), `${breaches} of 150`);
  });
}

for (const [what, make] of [
  ["features of all kinds", (draw: Draw) => plain(draw).slice(0, 5)],
  ["features that spread together", spread],
  [
    "heavy tails that go together",
    (draw: Draw) => [1, 2, 3].map(() => normal(draw)).map((x, _, all) => Math.exp(2 * (x + (all[0] ?? 0)))),
  ],
] as const) {
  test(`without drift at most 1 % of windows of ${what} exceed the correlation's noise level`, () => {
    const breaches = falseBreaches("correlation", 400, 400, 200, make);
    assert.ok(breaches <= most(400), `${breaches} of 400`);
  });
}

test("what is alike gives the same number in any unit, and names of features do not matter", () => {
  const draw = uniform(6);
  const reference = sampleOf(400, plain, draw, 1);
  const window = sampleOf(300, turned, draw, 1);
  const renamed = (sample: RowSample): RowSample => ({
    ...sample,
    columns: sample.columns.map((column, at) => ({
      ...column,
      name: `${"'`\n"}${at}`,
      values: column.kind === "numeric" ? column.values.map((value) => 3 * value - 8) : column.values,
    })),
  });
  for (const name of ["domain-classifier", "correlation"]) {
    const one = compare(name, reference, window);
    const other = compare(name, renamed(reference), renamed(window));
    assert.ok(Math.abs(one.value - other.value) < 1e-9, `${name}: ${one.value} and ${other.value}`);
  }
});

test("what can't be compared is no number: few rows, one feature, constant features, ids that are all the same", () => {
  const draw = uniform(7);
  const sample = sampleOf(300, plain, draw, 1);
  for (const detector of sampleDetectors) {
    const bound = detector.bind({});
    const first = (rows: number) => firstRows(sample, rows);
    assert.equal(bound(sample, first(199)).status, "insufficient");
    assert.equal(bound(first(0), sample).status, "insufficient");
    assert.equal(bound(first(10), sample).status, "insufficient");
    const narrow = { ...sample, columns: sample.columns.slice(0, 1) };
    assert.equal(bound(narrow, narrow).status, "insufficient");
  }
  const still: RowSample = {
    ...sample,
    columns: sample.columns.map((column) => ({ ...column, values: column.values.map(() => 5) })),
  };
  const [correlation, classifier] = sampleDetectors.map((detector) => detector.bind({}));
  assert.equal(correlation?.(still, still).status, "insufficient");
  const same = classifier?.(still, still);
  assert.ok(same?.status === "ok" && same.value === 0.5);
  const oneId = { ...sample, hashes: new Uint32Array(300) };
  assert.equal(classifier?.(oneId, oneId).status, "insufficient");
});
