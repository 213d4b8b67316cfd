/** The rules that look at single values, or at batches of a hundred: Driftline's online detectors and tiers, and the peers'. */
import { cusum } from "../../detectors/online/cusum.ts";
import { ddm } from "../../detectors/online/ddm.ts";
import { pageHinkley } from "../../detectors/online/page-hinkley.ts";
import type { SequentialDetector, SequentialRun, SequentialState } from "../../src/core/sequential-detector.ts";
import { directionsOf } from "../../src/sequential/directions.ts";
import { mergeCounts } from "../../src/sequential/stream-reference.ts";
import { MEAN_AND_SCALE_FIRST } from "../../src/sequential/tilt-bank.ts";
import { advance, copyState, initialState, rearm, type TiltState } from "../../src/sequential/tilt-detector.ts";
import { noticePlan, pagePlan, type TiltPlan } from "../../src/sequential/tilt-plan.ts";
import { DEFAULT_IGNORE_BELOW, tolerancesOf } from "../../src/sequential/tolerance.ts";
import { eddm } from "../comparators/eddm.ts";
import { fhddm } from "../comparators/fhddm.ts";
import { hddmA, hddmW } from "../comparators/hddm.ts";
import { kswinDistance } from "../comparators/kswin.ts";
import { type OnlineRule, signalOf } from "../comparators/online-rule.ts";
import type { Rule, Watch } from "./rule.ts";
import type { Reference } from "./scenes.ts";

/** The score that the detector compares, as it says. */
function online<Own>(
  name: string,
  detector: SequentialDetector<Own>,
  optionsOf: (reference: Reference) => object,
): Rule {
  return {
    name,
    start(reference) {
      const run = detector.bind(optionsOf(reference));
      return watchFrom(run, run.start());
    },
  };
}

function watchFrom<Own>(run: SequentialRun<Own>, begin: SequentialState<Own>): Watch {
  let state = begin;
  return {
    push(value) {
      const next = run.step(state, value);
      state = next.state;
      return next.verdict.status === "ok" ? next.verdict.score : Number.NEGATIVE_INFINITY;
    },
    restart() {
      state = run.start();
    },
    fork: () => watchFrom(run, state),
  };
}

/** The scores of Page-Hinkley and CUSUM do not depend on the threshold. */
const never = { threshold: Number.MAX_VALUE };
export const pageHinkleyRule = online("Page-Hinkley", pageHinkley, () => never);
/** In standard deviations of the reference. */
export const cusumRule = online("CUSUM", cusum, ({ subject }) => ({
  ...never,
  target: subject.mean,
  standard_deviation: subject.standardDeviation,
}));
export const ddmRule = ruleOfChanges("DDM", () => {
  const run = ddm.bind({});
  let state = run.start();
  return (value) => {
    const next = run.step(state, value);
    state = next.state;
    return signalOf(next.verdict.drifted);
  };
});
export const eddmRule = ruleOfChanges("EDDM", () => eddm());
export const hddmARule = ruleOfChanges("HDDM_A", () => hddmA());
export const hddmWRule = ruleOfChanges("HDDM_W", () => hddmW());
/** It takes right predictions. */
export const fhddmRule = ruleOfChanges("FHDDM", () => {
  const rule = fhddm();
  return (value) => rule(1 - value);
});

/** Scores 1 at a change and 0 else; it starts anew by itself. */
function ruleOfChanges(name: string, make: () => OnlineRule): Rule {
  return {
    name,
    start() {
      const rule = make();
      return { push: (value) => (rule(value).change ? 1 : 0), restart: () => undefined };
    },
  };
}

/** The score is the distance in steps of 1/30. */
export const kswinRule: Rule = {
  name: "KSWIN",
  start(_, { uniform }) {
    let distance = kswinDistance({ draw: uniform });
    return {
      push: (value) => distance(value) ?? Number.NEGATIVE_INFINITY,
      restart() {
        distance = kswinDistance({ draw: uniform });
      },
    };
  },
};

/**
 * Cramér and von Mises's distance of a sliding window from the reference, at every value, as online tests with a calibrated run time do. Of
 * the values' ranks u in the reference: w (1/3 - mean(1 - u²) + mean of 1 - max(u, v) over all pairs), kept up to date in O(w).
 */
export function cramerVonMisesRule(window: number): Rule {
  return {
    name: `CvM, sliding ${window}`,
    start({ values }) {
      const ranks = new Float64Array(window);
      let seen = 0;
      let squares = 0;
      let greatest = 0;
      const rankOf = (value: number) => {
        let low = 0;
        let high = values.length;
        while (low < high) {
          const middle = (low + high) >> 1;
          if ((values[middle] ?? 0) < value) low = middle + 1;
          else high = middle;
        }
        return (low + 0.5) / (values.length + 1);
      };
      /** By how much the sum of max(u, v) over all pairs grows where one u changes: twice for every other v, once for itself. */
      const growth = (at: number, left: number, entered: number) => {
        let sum = 0;
        for (let index = 0; index < window; index++) {
          const rank = ranks[index] ?? 0;
          sum += (rank > entered ? rank : entered) - (rank > left ? rank : left);
        }
        const itself = ranks[at] ?? 0;
        const own = Math.max(itself, entered) - Math.max(itself, left);
        return 2 * (sum - own) + entered - left;
      };
      return {
        push(value) {
          const at = seen % window;
          const left = ranks[at] ?? 0;
          const entered = rankOf(value);
          greatest += growth(at, left, entered);
          ranks[at] = entered;
          squares += entered ** 2 - left ** 2;
          seen++;
          if (seen < window) return Number.NEGATIVE_INFINITY;
          return window * (1 / 3 - (1 - squares / window) + (1 - greatest / window ** 2));
        },
        restart() {
          ranks.fill(0);
          seen = 0;
          squares = 0;
          greatest = 0;
        },
      };
    },
  };
}

/**
 * The page tier's score is ln R after a step; it alarms at ln of the threshold in events.
 *
 * @param pane events of a step
 */
export const pageRule = (pane: number): Rule =>
  evidenceRule("Driftline page", pane, ({ stream }) => {
    const tolerances = tolerancesOf(stream, directionsOf(stream), { ignoreBelow: DEFAULT_IGNORE_BELOW });
    return pagePlan(stream, [{ weights: stream.weights, tolerances: tolerances.map(({ value }) => value) }]);
  });

/** The notice tier likewise; `fading` in events. */
export const noticeRule = (pane: number, fading: number): Rule =>
  evidenceRule("Driftline notice", pane, ({ stream }) => noticePlan(stream, { fading }));

/** The notice tier with most of its start on shifts of mean and spread. */
export const noticeForMeansRule = (pane: number, fading: number): Rule =>
  evidenceRule("Driftline notice for means", pane, ({ stream }) =>
    noticePlan(stream, { fading, startParts: MEAN_AND_SCALE_FIRST }),
  );

function evidenceRule(tier: string, pane: number, planOf: (reference: Reference) => TiltPlan): Rule {
  const plans = new WeakMap<Reference, TiltPlan>();
  return {
    name: `${tier}, panes of ${pane}`,
    start(reference) {
      const plan = plans.get(reference) ?? planOf(reference);
      plans.set(reference, plan);
      const counts = new Float64Array(plan.stream.mergedInto.length);
      return evidenceWatch(plan, reference, pane, { state: initialState(plan), counts, events: 0 });
    },
  };
}

/** The state of the tier and what the open pane holds: counts per stored bin. */
interface Open {
  state: TiltState;
  readonly counts: Float64Array;
  events: number;
}

function evidenceWatch(plan: TiltPlan, reference: Reference, pane: number, open: Open): Watch {
  const { counts } = open;
  return {
    push(value) {
      const bin = reference.binOf(value);
      counts[bin] = (counts[bin] ?? 0) + 1;
      if (++open.events < pane) return Number.NEGATIVE_INFINITY;
      const score = advance(plan, open.state, { counts: mergeCounts(plan.stream, counts), weight: pane });
      counts.fill(0);
      open.events = 0;
      return score;
    },
    restart() {
      open.state = rearm(open.state);
    },
    fork: () =>
      evidenceWatch(plan, reference, pane, {
        state: copyState(open.state),
        counts: counts.slice(),
        events: open.events,
      }),
  };
}
