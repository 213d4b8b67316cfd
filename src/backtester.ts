/** Back-tests as the service answers them. */
import { backtest } from "./backtest.ts";
import { reportOf } from "./backtest-report.ts";
import { configOfRequest } from "./backtest-request.ts";
import type { Clock } from "./core/clock.ts";
import type { AskBacktest } from "./serve/context.ts";
import type { Lane, Store } from "./store/store.ts";

/** One after the other: a back-test may take all that the engine has. */
export function backtester(store: Store, clock: Clock, readLane: Lane): AskBacktest {
  let before: Promise<unknown> = Promise.resolve();
  return ({ file, text, environment, from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY }) => {
    const changed = configOfRequest(file, text, environment);
    const result = before.then(() => backtest(store, changed, { from, to }, clock, readLane)).then(reportOf);
    before = result.catch(() => undefined);
    return result;
  };
}
