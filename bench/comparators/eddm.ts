/** EDDM: distances between errors against the longest that they have been (Baena-García, M. et al., 2006, Early drift detection method). */
import { type OnlineRule, restarting, signalOf } from "./online-rule.ts";

export interface EddmOptions {
  /** Errors, and values, before it judges. */
  readonly warmUp?: number;
  readonly warningLevel?: number;
  readonly changeLevel?: number;
}

/** Takes errors, 1 or 0. */
export function eddm({ warmUp = 30, warningLevel = 0.95, changeLevel = 0.9 }: EddmOptions = {}): OnlineRule {
  return restarting(() => {
    let values = 0;
    let lastError = 0;
    let errors = 0;
    let mean = 0;
    let squares = 0;
    let greatest = -1;
    let warning = false;
    return (value) => {
      values++;
      if (value !== 1) return signalOf(false, warning);
      const distance = values - lastError;
      lastError = values;
      errors++;
      const difference = distance - mean;
      mean += (1 / errors) * difference;
      squares += difference * (distance - mean);
      if (values <= warmUp) return signalOf(false);
      const reach = mean + 2 * (errors > 1 ? Math.sqrt(squares / (errors - 1)) : 0);
      if (reach > greatest) {
        greatest = reach;
      } else if (errors > warmUp) {
        const level = reach / greatest;
        if (level < changeLevel) return signalOf(true, warning);
        warning = level < warningLevel;
      }
      return signalOf(false, warning);
    };
  });
}
