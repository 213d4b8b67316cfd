/** Back-tests that the service is asked for: one after the other, since one may take all that the engine has. */

import type { Clock } from "../core/clock.ts";
import { backtest } from "../requests/backtest.ts";
import { reportOf } from "../requests/backtest-report.ts";
import { configOfRequest } from "../requests/backtest-request.ts";
import type { AskBacktest } from "../serve/context.ts";
import type { Lane, Store } from "../store/store.ts";
import type { ReferenceSwitch } from "./reference-switch.ts";

/** @param resolve a model with its reference as something to read */
export function createBacktester(
  store: Store,
  clock: Clock,
  readLane: Lane,
  resolve: ReferenceSwitch["resolve"],
): AskBacktest {
  let before: Promise<unknown> = Promise.resolve();
  return ({ file, text, environment, from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY }) => {
    const changed = configOfRequest(file, text, environment);
    const run = async () => {
      const resolved = await Promise.all(changed.models.map(resolve));
      return reportOf(await backtest(store, { models: resolved }, { from, to }, clock, readLane));
    };
    const result = before.then(run);
    before = result.catch(() => undefined);
    return result;
  };
}
