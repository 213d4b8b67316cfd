/** The page tier and the notice tier: references as streams, evidence pane by pane, intervals, and the decision for a model. */
import { z } from "zod";
import { MOST_CATEGORIES } from "../../../src/evaluate/references/reference-subjects.ts";
import { byFrequency, categoricalBins } from "../../../src/math/categorical-bins.ts";
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
import { DEFAULT_IGNORE_BELOW, type ToleranceOptions, tolerancesOf } from "../../../src/sequential/tolerance.ts";
import { clippedLogRatios } from "../../../src/sequential/total-variation-clip.ts";
import { series } from "../../support/golden.ts";
import { categoricalSubject, rateStreamOf, streamOfWeights } from "../../support/streams.ts";
import type { Family } from "../golden-function.ts";

const numbers = z.array(z.number());
const panes = z.array(numbers);
const countsByName = z.record(z.string(), z.number());
const fadingTime = z.number().nullable();

const tiltParams = z.object({
  batch: z.number(),
  inner: z.number().default(20),
  null: z.enum(["polya", "tv"]),
  delta: z.union([z.number(), z.literal("numeric"), z.null()]),
  deff_all: z.number(),
  tau: fadingTime,
});
const categoryParams = z.object({
  null: z.enum(["polya", "tv"]).default("polya"),
  delta: z.literal("categorical").nullable().default(null),
  tau: fadingTime.default(null),
});
const rateParams = z.object({ null: z.enum(["polya", "tv"]), tolerance: z.number().nullable(), tau: fadingTime });
const rateInputs = z.object({ events: z.number(), n: z.number() });
const clipInputs = z.object({ q: numbers, p: numbers, delta: z.number() });
const modelReference = z
  .object({ missing: z.record(z.string(), z.tuple([z.number(), z.number()])) })
  .catchall(countsByName);

const fading = (tau: number | null): PlanOptions => (tau === null ? {} : { fading: tau });
const ignoring: ToleranceOptions = { ignoreBelow: DEFAULT_IGNORE_BELOW };

function toleranceValues(stream: StreamReference, options: ToleranceOptions): number[] {
  return tolerancesOf(stream, directionsOf(stream), options).map(({ value }) => value);
}

/** A plan over panes that weigh as many units of time as they have events. */
function run(plan: TiltPlan, batches: readonly (readonly number[])[]) {
  const state = initialState(plan);
  const logs = batches.map((counts) => advance(plan, state, { counts, weight: counts.reduce((a, b) => a + b, 0) }));
  return { state, logs };
}

/** Evidence of a stream of few bins, on the page tier if there are tolerances. */
function evidenceOfPanes(stream: StreamReference, tolerances: number[] | null, options: PlanOptions, given: unknown) {
  const plan =
    tolerances === null
      ? noticePlan(stream, options)
      : pagePlan(stream, [{ weights: stream.weights, tolerances }], options);
  return { n_components: plan.tilts.length, log_R: run(plan, panes.parse(given)).logs };
}

function categoriesOf(counts: unknown): StreamReference {
  const rows = new Map(Object.entries(countsByName.parse(counts)));
  return categoricalStream(categoricalSubject(categoricalBins(byFrequency(rows), MOST_CATEGORIES)));
}

/** The page tier of categorical features and their missing rates. */
function planModel(reference: unknown): PlannedStream[] {
  const { missing, ...features } = modelReference.parse(reference);
  const streams = new Map<string, StreamReference>();
  for (const [feature, counts] of Object.entries(features)) {
    streams.set(`${feature}/values`, categoriesOf(counts));
    const [events, n] = missing[feature] ?? [0, 0];
    streams.set(`${feature}/missing`, rateStreamOf("missing", events, n));
  }
  const subjects = Object.keys(features).map((subject) => ({ subject, streams: ["values", "missing"] }));
  return evidenceShares({ features: subjects }).map(({ subject, stream, share }) => {
    const own = streams.get(`${subject}/${stream}`);
    if (own === undefined) throw new Error(`there is no stream ${subject}/${stream}`);
    const plan = pagePlan(own, [{ weights: own.weights, tolerances: toleranceValues(own, ignoring) }]);
    return { subject, stream, share, plan };
  });
}

const references: Family = {
  numeric_reference({ inputs }) {
    const sorted = series(inputs["ref"]).sort((a, b) => a - b);
    const edges = numericEdges(sorted);
    return { edges, k: numericStream(edges, countIntoEdges(sorted, edges)).weights };
  },
  categorical_reference({ inputs }) {
    const stream = categoriesOf(inputs["counts"]);
    return {
      kept: stream.bins.filter(({ role }) => role === "category").map(({ label }) => label),
      a: stream.weights,
      tolerance: toleranceValues(stream, ignoring),
    };
  },
  dirmult_logseq({ inputs }) {
    return { value: urnLogProbability(numbers.parse(inputs["a"]), numbers.parse(inputs["c"])) };
  },
  tv_clip({ inputs }) {
    const { q, p, delta } = clipInputs.parse(inputs);
    const logs = clippedLogRatios(q, p, delta);
    const mean = p.reduce((sum, share, bin) => sum + share * Math.exp(logs[bin] ?? 0), 0);
    return { log_e: logs, null_expectation_at_p: mean };
  },
};

const evidence: Family = {
  tilt_esr({ inputs, params }) {
    const { batch, inner, delta, deff_all, tau, null: tier } = tiltParams.parse(params);
    const sorted = series(inputs["ref"]).sort((a, b) => a - b);
    const edges = numericEdges(sorted, inner);
    const stream = numericStream(edges, countIntoEdges(sorted, edges));
    const directions = directionsOf(stream);
    const options = { ...fading(tau), designEffects: directions.map(() => deff_all) };
    const tolerance = toleranceValues(stream, ignoring);
    const tolerances = typeof delta === "number" ? directions.map(() => delta) : tolerance;
    const plan =
      tier === "polya"
        ? noticePlan(stream, options)
        : pagePlan(stream, [{ weights: stream.weights, tolerances }], options);
    const values = series(inputs["x"]);
    const batches = Array.from({ length: values.length / batch }, (_, index) =>
      countIntoEdges(values.slice(index * batch, (index + 1) * batch), edges),
    );
    const { state, logs } = run(plan, batches);
    return {
      k: stream.weights,
      edges,
      tolerance,
      n_components: plan.tilts.length,
      log_R: logs,
      top_direction: plan.tilts[leadingTilt(state)]?.direction,
      onset: onsetOf(state),
    };
  },
  tilt_esr_cat({ inputs, params }) {
    const { null: tier, tau } = categoryParams.parse(params);
    const stream = streamOfWeights("categorical", numbers.parse(inputs["k"]));
    const tolerance = toleranceValues(stream, ignoring);
    const tolerances = tier === "tv" ? tolerance : null;
    return { tolerance, ...evidenceOfPanes(stream, tolerances, fading(tau), inputs["batches"]) };
  },
  rate_esr({ inputs, params }) {
    const { null: tier, tolerance, tau } = rateParams.parse(params);
    const { events, n } = rateInputs.parse(inputs);
    const stream = rateStreamOf("missing", events, n);
    const wanted = { ...ignoring, ignoreRareBelow: tolerance ?? 0 };
    const tolerances = tier === "tv" ? toleranceValues(stream, wanted) : null;
    return { a: stream.weights, ...evidenceOfPanes(stream, tolerances, fading(tau), inputs["batches"]) };
  },
  bound_sr({ inputs, params }) {
    const { bound, tau } = z.object({ bound: z.number(), tau: fadingTime }).parse(params);
    let state: readonly number[] = [];
    const logs = panes.parse(inputs["panes"]).map(([events = 0, sum = 0]) => {
      state = stepBound(bound, state, { events, sum, weight: events }, fading(tau).fading);
      return logEvidenceOfMean(state);
    });
    return { log_R: logs };
  },
  compare_sr({ inputs, params }) {
    const { delta, tau } = z.object({ delta: z.number(), tau: fadingTime }).parse(params);
    let state = initialComparison;
    const logs = panes.parse(inputs["panes"]).map((pane) => {
      const [championEvents = 0, championSum = 0, challengerEvents = 0, challengerSum = 0] = pane;
      const weight = championEvents + challengerEvents;
      const taken = { championEvents, championSum, challengerEvents, challengerSum, weight };
      state = stepComparison(delta, state, taken, fading(tau).fading);
      return logEvidenceOfMean(state.evidence);
    });
    return { log_R: logs };
  },
};

const decisions: Family = {
  rate_interval({ inputs }) {
    const { x, n, alpha } = z.object({ x: z.number(), n: z.number(), alpha: z.number() }).parse(inputs);
    return { ...rateInterval(x, n, alpha) };
  },
  ebh({ inputs }) {
    const e = numbers.parse(inputs["e"]);
    const level = Math.log(e.length / z.number().parse(inputs["alpha"]));
    const rejected = eBenjaminiHochberg(e.map(Math.log), level);
    return { n_reject: rejected.length, rejected };
  },
  model_page({ inputs, params }) {
    const { h, w } = z.object({ h: z.number(), w: z.number() }).parse(params);
    const streams = planModel(inputs["reference"]);
    const states = streams.map(({ plan }) => initialState(plan));
    const stored = z.array(z.record(z.string(), numbers)).parse(inputs["panes"]);
    const told = stored.map((pane) => {
      const logs = streams.map(({ subject, stream, plan }, at) => {
        const key = `${subject}/${stream}`;
        const counts = pane[key];
        const state = states[at];
        if (counts === undefined || state === undefined) throw new Error(`a pane has no counts of ${key}`);
        return [key, advance(plan, state, { counts, weight: w })] as const;
      });
      const decision = decide(evidenceOfStreams(streams, states), { threshold: h, weight: w });
      return {
        log_R: Object.fromEntries(logs),
        log_feature: Object.fromEntries(decision.subjects.map((one) => [one.subject, one.logEvidence])),
        log_mean: decision.logEvidence,
        page: decision.alarms,
        named: decision.named,
        onset: decision.named.map((subject) => findingOf(subject, streams, states)?.onset),
      };
    });
    return { panes: told };
  },
};

/** From kind to the functions of src/sequential. */
export const pageTier: Family = { ...references, ...evidence, ...decisions };
