/** The sequential tests against the values of an independent reference implementation. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { categoricalBins } from "../../../src/math/categorical-bins.ts";
import { urnLogProbability } from "../../../src/math/dirichlet-multinomial.ts";
import { countIntoEdges, numericEdges } from "../../../src/math/numeric-edges.ts";
import { logEvidenceOfMean, stepBound } from "../../../src/sequential/bound-test.ts";
import { initialComparison, stepComparison } from "../../../src/sequential/compare-test.ts";
import { directionsOf } from "../../../src/sequential/directions.ts";
import { evidenceShares } from "../../../src/sequential/evidence-shares.ts";
import { decide, eBenjaminiHochberg } from "../../../src/sequential/model-decision.ts";
import { rateInterval } from "../../../src/sequential/rate-interval.ts";
import { evidenceOfStreams, findingOf, type PlannedStream } from "../../../src/sequential/replay.ts";
import { categoricalStream, numericStream, type StreamReference } from "../../../src/sequential/stream-reference.ts";
import { advance, initialState, leadingTilt, onsetOf } from "../../../src/sequential/tilt-detector.ts";
import { noticePlan, type PlanOptions, pagePlan, type TiltPlan } from "../../../src/sequential/tilt-plan.ts";
import { DEFAULT_IGNORE_BELOW, tolerancesOf } from "../../../src/sequential/tolerance.ts";
import { clippedLogRatios } from "../../../src/sequential/total-variation-clip.ts";
import { assertClose, type GoldenCase, goldenCases, series } from "../../support/golden.ts";
import { categoricalSubject, rateStreamOf, streamOfWeights } from "../../support/streams.ts";

const casesOf = goldenCases;
const numbers = z.array(z.number());
const panes = z.array(numbers);

function assertAllClose(actual: ArrayLike<number>, expected: unknown, tolerance: number, what: string): void {
  const wanted = numbers.parse(expected);
  assert.equal(actual.length, wanted.length, `${what}: length`);
  for (const [index, value] of wanted.entries()) {
    assertClose(actual[index] ?? Number.NaN, value, tolerance, `${what} ${index}`);
  }
}

const fading = ({ tau }: { tau: number | null }): PlanOptions => (tau === null ? {} : { fading: tau });
const values = (tolerances: readonly { readonly value: number }[]) => tolerances.map(({ value }) => value);
const ignoring = { ignoreBelow: DEFAULT_IGNORE_BELOW };

/** Runs a plan over panes that weigh as many units of time as they have events. */
function run(plan: TiltPlan, batches: readonly (readonly number[])[]) {
  const state = initialState(plan);
  const logs = batches.map((counts) => advance(plan, state, { counts, weight: counts.reduce((a, b) => a + b, 0) }));
  return { state, logs };
}

for (const { id, inputs, expected, tolerance } of casesOf("dirmult_logseq")) {
  test(`golden ${id}: probability of a sequence from Polya's urn`, () => {
    const value = urnLogProbability(numbers.parse(inputs["a"]), numbers.parse(inputs["c"]));
    assertClose(value, expected["value"], tolerance, "ln D");
  });
}

for (const { id, inputs, expected, tolerance } of casesOf("tv_clip")) {
  test(`golden ${id}: clipped likelihood ratio`, () => {
    const p = numbers.parse(inputs["p"]);
    const logs = clippedLogRatios(numbers.parse(inputs["q"]), p, z.number().parse(inputs["delta"]));
    assertAllClose(logs, expected["log_e"], tolerance, "ln e");
    const mean = p.reduce((sum, share, bin) => sum + share * Math.exp(logs[bin] ?? 0), 0);
    assertClose(mean, expected["null_expectation_at_p"], tolerance, "mean at p");
  });
}

for (const { id, inputs, expected } of casesOf("numeric_reference")) {
  test(`golden ${id}: weights of a numeric stream, from finer stored bins as well`, () => {
    const sorted = series(inputs["ref"]).sort((a, b) => a - b);
    for (const inner of [20, 100]) {
      const edges = numericEdges(sorted, inner);
      const stream = numericStream(edges, countIntoEdges(sorted, edges));
      assert.deepEqual(stream.weights, expected["k"]);
    }
  });
}

for (const { id, inputs, expected, tolerance } of casesOf("categorical_reference")) {
  test(`golden ${id}: weights and tolerances of a categorical stream`, () => {
    const counts = new Map(Object.entries(z.record(z.string(), z.number()).parse(inputs["counts"])));
    const stream = categoricalStream(categoricalSubject(categoricalBins(counts, 500)));
    assert.deepEqual(stream.weights, expected["a"]);
    assert.deepEqual(
      stream.bins.filter(({ role }) => role === "category").map(({ label }) => label),
      expected["kept"],
    );
    const tolerances = tolerancesOf(stream, directionsOf(stream), ignoring);
    assertAllClose(values(tolerances), expected["tolerance"], tolerance, "tolerance");
  });
}

const tiltParams = z.object({
  batch: z.number(),
  null: z.enum(["polya", "tv"]),
  delta: z.union([z.number(), z.string(), z.null()]),
  deff_all: z.number(),
  tau: z.number().nullable(),
});

for (const golden of casesOf("tilt_esr")) {
  test(`golden ${golden.id}: evidence of a numeric stream`, () => {
    const { inputs, expected, tolerance } = golden;
    const params = tiltParams.parse(golden.params);
    const sorted = series(inputs["ref"]).sort((a, b) => a - b);
    const edges = numericEdges(sorted, 20);
    const stream = numericStream(edges, countIntoEdges(sorted, edges));
    assert.deepEqual(stream.weights, expected["k"]);
    const directions = directionsOf(stream);
    const options = { ...fading(params), designEffects: directions.map(() => params.deff_all) };
    const tolerances = values(tolerancesOf(stream, directions, ignoring));
    if (params.delta === "numeric") assertAllClose(tolerances, expected["tolerance"], tolerance, "tolerance");
    const { delta } = params;
    const used = typeof delta === "number" ? directions.map(() => delta) : tolerances;
    const plan =
      params.null === "polya"
        ? noticePlan(stream, options)
        : pagePlan(stream, [{ weights: stream.weights, tolerances: used }], options);
    const stored = series(inputs["x"]);
    const batches = Array.from({ length: stored.length / params.batch }, (_, batch) =>
      countIntoEdges(stored.slice(batch * params.batch, (batch + 1) * params.batch), edges),
    );
    const { state, logs } = run(plan, batches);
    assertAllClose(logs, expected["log_R"], tolerance, "ln R of batch");
    assert.equal(plan.tilts.length, expected["n_components"]);
    assert.equal(plan.tilts[leadingTilt(state)]?.direction, expected["top_direction"]);
    assert.equal(onsetOf(state), expected["onset"]);
  });
}

const categoryParams = z.object({ null: z.string(), delta: z.string().nullable(), tau: z.number().nullable() });

for (const golden of casesOf("tilt_esr_cat")) {
  test(`golden ${golden.id}: evidence of categories`, () => {
    const params = categoryParams.parse(golden.params);
    const stream = streamOfWeights("categorical", numbers.parse(golden.inputs["k"]));
    checkSteps(golden, params.null === "tv", stream, ignoring, fading(params));
  });
}

const rateParams = z.object({
  null: z.string(),
  tolerance: z.number().nullable(),
  tau: z.number().nullable(),
});

for (const golden of casesOf("rate_esr")) {
  test(`golden ${golden.id}: evidence of a rate`, () => {
    const params = rateParams.parse(golden.params);
    const { events, n } = z.object({ events: z.number(), n: z.number() }).parse(golden.inputs);
    const stream = rateStreamOf("missing", events, n);
    assert.deepEqual(stream.weights, golden.expected["a"]);
    const wanted = { ignoreBelow: 0.03, ignoreRareBelow: params.tolerance ?? 0 };
    checkSteps(golden, params.null === "tv", stream, wanted, fading(params));
  });
}

function checkSteps(
  { inputs, expected, tolerance }: GoldenCase,
  isPage: boolean,
  stream: StreamReference,
  wanted: Parameters<typeof tolerancesOf>[2],
  options: PlanOptions,
): void {
  const tolerances = values(tolerancesOf(stream, directionsOf(stream), wanted));
  if (expected["tolerance"] !== undefined) assertAllClose(tolerances, expected["tolerance"], tolerance, "tolerance");
  const plan = isPage
    ? pagePlan(stream, [{ weights: stream.weights, tolerances }], options)
    : noticePlan(stream, options);
  const { logs } = run(plan, panes.parse(inputs["batches"]));
  assertAllClose(logs, expected["log_R"], tolerance, "ln R of batch");
  assert.equal(plan.tilts.length, expected["n_components"]);
}

for (const golden of casesOf("bound_sr")) {
  test(`golden ${golden.id}: a mean against a bound`, () => {
    const params = z.object({ bound: z.number(), tau: z.number().nullable() }).parse(golden.params);
    let state: readonly number[] = [];
    const logs = panes.parse(golden.inputs["panes"]).map(([events = 0, sum = 0]) => {
      state = stepBound(params.bound, state, { events, sum, weight: events }, fading(params).fading);
      return logEvidenceOfMean(state);
    });
    assertAllClose(logs, golden.expected["log_R"], golden.tolerance, "ln R of pane");
  });
}

for (const golden of casesOf("compare_sr")) {
  test(`golden ${golden.id}: a version against another`, () => {
    const params = z.object({ delta: z.number(), tau: z.number().nullable() }).parse(golden.params);
    let state = initialComparison;
    const logs = panes.parse(golden.inputs["panes"]).map((pane) => {
      const [championEvents = 0, championSum = 0, challengerEvents = 0, challengerSum = 0] = pane;
      const weight = championEvents + challengerEvents;
      const taken = { championEvents, championSum, challengerEvents, challengerSum, weight };
      state = stepComparison(params.delta, state, taken, fading(params).fading);
      return logEvidenceOfMean(state.evidence);
    });
    assertAllClose(logs, golden.expected["log_R"], golden.tolerance, "ln R of pane");
  });
}

for (const { id, inputs, expected, tolerance } of casesOf("rate_interval")) {
  test(`golden ${id}: confidence sequence of a rate`, () => {
    const { x, n, alpha } = z.object({ x: z.number(), n: z.number(), alpha: z.number() }).parse(inputs);
    const { lower, upper } = rateInterval(x, n, alpha);
    assertClose(lower, expected["lower"], tolerance, "lower");
    assertClose(upper, expected["upper"], tolerance, "upper");
  });
}

for (const { id, inputs, expected } of casesOf("ebh")) {
  test(`golden ${id}: e-BH`, () => {
    const e = numbers.parse(inputs["e"]);
    const level = Math.log(e.length / z.number().parse(inputs["alpha"]));
    assert.deepEqual(eBenjaminiHochberg(e.map(Math.log), level), expected["rejected"]);
  });
}

const modelInputs = z.object({
  reference: z
    .object({ missing: z.record(z.string(), z.array(z.number())) })
    .catchall(z.record(z.string(), z.unknown())),
  panes: z.array(z.record(z.string(), numbers)),
});
const modelPane = z.object({
  log_R: z.record(z.string(), z.number()),
  log_feature: z.record(z.string(), z.number()),
  log_mean: z.number(),
  page: z.boolean(),
  named: z.array(z.string()),
  onset: numbers,
});

/** The page tier of categorical features and their missing rates. */
function planModel({ reference }: z.output<typeof modelInputs>): PlannedStream[] {
  const { missing, ...features } = reference;
  const streams = new Map<string, StreamReference>();
  for (const [feature, counts] of Object.entries(features)) {
    const rows = new Map(Object.entries(z.record(z.string(), z.number()).parse(counts)));
    streams.set(`${feature}/values`, categoricalStream(categoricalSubject(categoricalBins(rows, 500))));
    const [events = 0, n = 0] = missing[feature] ?? [];
    streams.set(`${feature}/missing`, rateStreamOf("missing", events, n));
  }
  const subjects = Object.keys(features).map((subject) => ({ subject, streams: ["values", "missing"] }));
  return evidenceShares({ features: subjects }).map(({ subject, stream, share }) => {
    const reference = streams.get(`${subject}/${stream}`);
    assert.ok(reference !== undefined);
    const tolerances = values(tolerancesOf(reference, directionsOf(reference), ignoring));
    return { subject, stream, share, plan: pagePlan(reference, [{ weights: reference.weights, tolerances }]) };
  });
}

for (const { id, inputs, expected, tolerance, params } of casesOf("model_page")) {
  test(`golden ${id}: from panes to a page`, () => {
    const { h, w } = z.object({ h: z.number(), w: z.number() }).parse(params);
    const given = modelInputs.parse(inputs);
    const streams = planModel(given);
    const states = streams.map(({ plan }) => initialState(plan));
    for (const [index, wanted] of z.array(modelPane).parse(expected["panes"]).entries()) {
      for (const [at, { subject, stream, plan }] of streams.entries()) {
        const key = `${subject}/${stream}`;
        const counts = given.panes[index]?.[key] ?? [];
        const state = states[at];
        assert.ok(state !== undefined);
        const logR = advance(plan, state, { counts, weight: w });
        assertClose(logR, wanted.log_R[key], tolerance, `pane ${index}: ln R of ${key}`);
      }
      const decision = decide(evidenceOfStreams(streams, states), { threshold: h, weight: w });
      assertClose(decision.logEvidence, wanted.log_mean, tolerance, `pane ${index}: ln of the mean`);
      for (const { subject, logEvidence } of decision.subjects) {
        assertClose(logEvidence, wanted.log_feature[subject], tolerance, `pane ${index}: ${subject}`);
      }
      assert.equal(decision.alarms, wanted.page);
      assert.deepEqual(decision.named, wanted.named);
      const onsets = decision.named.map((subject) => findingOf(subject, streams, states)?.onset);
      assert.deepEqual(onsets, wanted.onset);
    }
  });
}

test("golden kind esr is left out: an earlier mixture", { skip: "no part of Driftline computes it" }, () => {});
