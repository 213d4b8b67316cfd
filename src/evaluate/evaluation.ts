/**
 * The evaluation of models: reads what ingestion has committed, summarises closed panes, and computes the windows that have closed or
 * changed. All it knows it can find again in the store: after an error or a restart it begins from there and writes the same numbers.
 */
import type { Clock } from "../core/clock.ts";
import type { Store } from "../store/store.ts";
import type { EvaluationMetrics } from "../telemetry/metrics.ts";
import { type ModelEvaluation, openModelEvaluation } from "./model-evaluation.ts";
import type { PreparedModel } from "./prepare-model.ts";

export interface EvaluationChange {
  readonly model: string;
  /** Windows computed, those that were computed anew included. */
  readonly windows: number;
  /** Metric rows written or deleted. */
  readonly rows: number;
}

export interface RunOptions {
  /** Closes everything, the last incomplete window included: the end of a replay. */
  readonly final?: boolean;
  /** Only this model. */
  readonly model?: string;
}

export interface Evaluation {
  /** Runs one after the other, however often it is called. Returns the models whose metric rows changed. */
  run(options?: RunOptions): Promise<readonly EvaluationChange[]>;
  /** Puts a model in the place of the one of its name: a new configuration or reference. */
  replace(prepared: PreparedModel): void;
}

export interface EvaluationParts {
  readonly store: Store;
  readonly models: readonly PreparedModel[];
  readonly clock: Clock;
  readonly metrics?: EvaluationMetrics;
}

export function createEvaluation({ store, models, clock, metrics }: EvaluationParts): Evaluation {
  const lane = store.lane("evaluate");
  const prepared = new Map(models.map((model) => [model.config.name, model]));
  const opened = new Map<string, ModelEvaluation>();
  let last: Promise<unknown> = Promise.resolve();

  const runModel = async (model: PreparedModel, final: boolean): Promise<EvaluationChange> => {
    const name = model.config.name;
    const began = performance.now();
    try {
      const evaluation = opened.get(name) ?? (await openModelEvaluation(lane, model, clock));
      opened.set(name, evaluation);
      const done = await evaluation.run(final);
      metrics?.evaluated(name, done.windows, (performance.now() - began) / 1000);
      if (Number.isFinite(evaluation.watermark())) metrics?.watermark(name, evaluation.watermark());
      return { model: name, ...done };
    } catch (thrown) {
      // Half a run may have been written: what is known in memory is dropped and found again in the store.
      opened.delete(name);
      throw thrown;
    }
  };
  const run = async ({ final = false, model }: RunOptions): Promise<readonly EvaluationChange[]> => {
    const changes: EvaluationChange[] = [];
    for (const [name, item] of prepared) {
      if (model !== undefined && model !== name) continue;
      const change = await runModel(item, final);
      if (change.rows > 0) changes.push(change);
    }
    return changes;
  };
  return {
    run(options = {}) {
      const next = last.then(
        () => run(options),
        () => run(options),
      );
      last = next.catch(() => undefined);
      return next;
    },
    replace(model) {
      prepared.set(model.config.name, model);
      opened.delete(model.config.name);
    },
  };
}
