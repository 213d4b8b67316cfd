/**
 * ADWIN with a score that has no delta in it, so that its threshold is tuned like every other one: -ln of the greatest delta at which it would
 * alarm at this value. Until its first alarm, after which it starts anew, its window is the same whatever delta is.
 */
import { adwin, greatestOverBorders, varianceOf } from "../../detectors/online/adwin.ts";
import type { Rule, Watch } from "./rule.ts";

type Window = ReturnType<typeof adwin.restore>["own"];

/** River's defaults. */
const shape = { check_every: 32, min_part: 5, min_values: 11 };

const run = adwin.bind({ ...shape, delta: Number.MIN_VALUE });

export const adwinRule: Rule = { name: "ADWIN", start: () => watchFrom(run.start()) };

function watchFrom(begin: ReturnType<typeof run.start>): Watch {
  let state = begin;
  return {
    push(value) {
      state = run.step(state, value).state;
      const window = state.own;
      if (window.count % shape.check_every !== 0 || window.width < shape.min_values) return Number.NEGATIVE_INFINITY;
      return greatestConfidence(window) - Math.log(2 * Math.log(window.width));
    },
    restart() {
      state = run.start();
    },
    fork: () => watchFrom(state),
  };
}

/** -ln(delta) as a threshold for the score. */
export const adwinThreshold = (delta: number): number => -Math.log(delta);

/**
 * The greatest d, over the borders between buckets, at which the means of both parts still differ by the bound sqrt(2 r v d) + 2/3 r d: a
 * quadratic in sqrt(d), solved in the form that does not cancel.
 */
function greatestConfidence(window: Window): number {
  const variance = varianceOf(window);
  const greatest = greatestOverBorders(window, shape.min_part, (difference, reciprocals) => {
    const linear = Math.sqrt(2 * reciprocals * variance);
    return (2 * difference) / (linear + Math.sqrt(linear * linear + (8 / 3) * reciprocals * difference));
  });
  return greatest * greatest;
}
