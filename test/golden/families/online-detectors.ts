/** Online detectors over a stream: Driftline's own, and River's others from the comparators. Options come by River's names. */
import { z } from "zod";
import { eddm } from "../../../bench/comparators/eddm.ts";
import { fhddm } from "../../../bench/comparators/fhddm.ts";
import { hddmA, hddmW } from "../../../bench/comparators/hddm.ts";
import { kswin } from "../../../bench/comparators/kswin.ts";
import type { OnlineRule } from "../../../bench/comparators/online-rule.ts";
import { adwin } from "../../../detectors/online/adwin.ts";
import { cusum } from "../../../detectors/online/cusum.ts";
import { ddm } from "../../../detectors/online/ddm.ts";
import { ewma } from "../../../detectors/online/ewma.ts";
import { pageHinkley } from "../../../detectors/online/page-hinkley.ts";
import type { SequentialDetector, SequentialVerdict } from "../../../src/core/sequential-detector.ts";
import { series, uniform } from "../../support/golden.ts";
import type { Family, Given } from "../golden-function.ts";

const adwinNames = { delta: "delta", clock: "check_every", max_buckets: "max_buckets", min_window_length: "min_part" };
const pageHinkleyNames = {
  threshold: "threshold",
  delta: "slack",
  alpha: "fading",
  mode: "direction",
  min_instances: "min_values",
};
const ddmNames = { drift_threshold: "threshold", warning_threshold: "warning_threshold" };

/** Options by our names. River's `grace_period` and `warm_start` are the values before the first that is judged, `min_values` is that one. */
function optionsBy(names: Readonly<Record<string, string>>, { params }: Given): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(params)) {
    const own = names[name];
    if (own !== undefined) options[own] = value;
    else if (name === "grace_period" || name === "warm_start") options["min_values"] = z.number().parse(value) + 1;
    else throw new Error(`there is no option "${name}"`);
  }
  return options;
}

function run<Own>(detector: SequentialDetector<Own>, options: Record<string, unknown>, values: readonly number[]) {
  const rules = detector.bind(options);
  let state = rules.start();
  const verdicts: SequentialVerdict[] = [];
  for (const value of values) {
    const next = rules.step(state, value);
    state = next.state;
    verdicts.push(next.verdict);
  }
  return {
    own: state.own,
    changes: indicesOf(verdicts, ({ drifted }) => drifted),
    warnings: indicesOf(verdicts, (verdict) => verdict.status === "ok" && verdict.warning),
  };
}

function indicesOf<Item>(items: readonly Item[], holds: (item: Item) => boolean): number[] {
  return items.flatMap((item, index) => (holds(item) ? [index] : []));
}

const stream = ({ inputs }: Given) => series(inputs["x"]);

function withWarnings(changes: readonly number[], warnings: readonly number[]) {
  return { change_points: changes, warnings_first10: warnings.slice(0, 10), warnings_count: warnings.length };
}

function signalsOf(rule: OnlineRule, given: Given) {
  const signals = stream(given).map(rule);
  return withWarnings(
    indicesOf(signals, ({ change }) => change),
    indicesOf(signals, ({ warning }) => warning),
  );
}

/** Unknown parameters are refused: they would change the result. */
const eddmParams = z.strictObject({
  warm_start: z.number().optional(),
  alpha: z.number().optional(),
  beta: z.number().optional(),
});
const hddmParams = z.strictObject({
  drift_confidence: z.number().optional(),
  warning_confidence: z.number().optional(),
  two_sided_test: z.boolean().optional(),
  lambda_val: z.number().optional(),
});
const fhddmParams = z.strictObject({
  sliding_window_size: z.number().default(100),
  confidence_level: z.number().default(1e-6),
});
const kswinParams = z.strictObject({
  alpha: z.number().default(0.005),
  window_size: z.number().default(100),
  stat_size: z.number().default(30),
  seed: z.number().optional(),
});
const chartParams = z.strictObject({ k: z.number(), h: z.number(), lambda_: z.number() });

function hddmOptions({ params }: Given) {
  const { drift_confidence, warning_confidence, two_sided_test, lambda_val } = hddmParams.parse(params);
  return {
    ...(drift_confidence === undefined ? {} : { changeConfidence: drift_confidence }),
    ...(warning_confidence === undefined ? {} : { warningConfidence: warning_confidence }),
    ...(two_sided_test === undefined ? {} : { twoSided: two_sided_test }),
    ...(lambda_val === undefined ? {} : { weight: lambda_val }),
  };
}

export const onlineDetectors: Family = {
  ADWIN(given) {
    const { changes, own } = run(adwin, optionsBy(adwinNames, given), stream(given));
    return { change_points: changes, width: own.width, total: own.total, estimation: own.total / own.width };
  },
  PageHinkley(given) {
    return { change_points: run(pageHinkley, optionsBy(pageHinkleyNames, given), stream(given)).changes };
  },
  DDM(given) {
    const { changes, warnings } = run(ddm, optionsBy(ddmNames, given), stream(given));
    return withWarnings(changes, warnings);
  },
  EDDM(given) {
    const { warm_start, alpha, beta } = eddmParams.parse(given.params);
    const options = {
      ...(warm_start === undefined ? {} : { warmUp: warm_start }),
      ...(alpha === undefined ? {} : { warningLevel: alpha }),
      ...(beta === undefined ? {} : { changeLevel: beta }),
    };
    return signalsOf(eddm(options), given);
  },
  HDDMA(given) {
    return signalsOf(hddmA(hddmOptions(given)), given);
  },
  HDDMW(given) {
    return signalsOf(hddmW(hddmOptions(given)), given);
  },
  FHDDM(given) {
    const { sliding_window_size, confidence_level } = fhddmParams.parse(given.params);
    return signalsOf(fhddm({ window: sliding_window_size, confidence: confidence_level }), given);
  },
  /** A sample of all older values is the same with any seed, and so is the result; another size of the sample has no golden value. */
  KSWIN(given) {
    const { alpha, window_size, stat_size } = kswinParams.parse(given.params);
    return signalsOf(kswin({ alpha, window: window_size, newest: stat_size, draw: uniform(1) }), given);
  },
  cusum_ewma(given) {
    const { k, h, lambda_ } = chartParams.parse(given.params);
    const values = stream(given);
    const scale = { target: 0, standard_deviation: 1 };
    const [first = -1] = run(cusum, { ...scale, slack: k, threshold: h }, values).changes;
    // The golden sums run on past the alarm.
    const { own: sums } = run(cusum, { ...scale, slack: k, threshold: 1e9 }, values);
    const { own: chart } = run(ewma, { ...scale, weight: lambda_, threshold: 1e9 }, values);
    return { first_alarm: first, upper: sums.upper, lower: sums.lower, ewma: chart.mean };
  },
};
