/** FHDDM: the share of right predictions in a sliding window against its best (Pesaranghader, A. & Viktor, H., 2016, Fast Hoeffding drift detection). */
import { type OnlineRule, restarting, signalOf } from "./online-rule.ts";

/** Takes 1 for a right prediction, 0 for a wrong one; it sees falls alone. */
export function fhddm({ window = 100, confidence = 1e-6 } = {}): OnlineRule {
  const bound = Math.sqrt(Math.log(1 / confidence) / (2 * window));
  return restarting(() => {
    const values = new Float64Array(window);
    let seen = 0;
    let right = 0;
    let best = 0;
    return (value) => {
      const at = seen % window;
      right += value - (values[at] ?? 0);
      values[at] = value;
      seen++;
      if (seen < window) return signalOf(false);
      const share = right / window;
      best = Math.max(best, share);
      return signalOf(best - share > bound);
    };
  });
}
