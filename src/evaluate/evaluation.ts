/**
 * The evaluation of models: reads what ingestion has committed, summarises closed panes, and computes the windows that have closed or
 * changed. All it knows it can find again in the store: after an error or a restart it begins from there and writes the same numbers.
 */
import type { Clock } from "../core/clock.ts";
import type { Store } from "../store/store.ts";
import type { EvaluationMetrics } from "../telemetry/metrics.ts";
import { type ModelEvaluation, openModelEvaluation } from "./model-evaluation.ts";
import type { PreparedModel } from "./prepare-model.ts";
import { createStoreNews } from "./store-news.ts";

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
  /** `look` was called for this round: the store is not asked again for what is new. */
  readonly looked?: boolean;
}

export interface Evaluation {
  /** Asks the store once what is new of all models, before single ones are run. */
  look(): Promise<void>;
  /** Runs one after the other, however often it is called. Returns the models whose metric rows changed. */
  run(options?: RunOptions): Promise<readonly EvaluationChange[]>;
  /** Whether nothing was due at the model's last run. */
  isQuiet(model: string): boolean;
  /** Puts a model in the place of the one of its name: a new configuration or reference. */
  replace(prepared: PreparedModel): void;
  /**
   * Does something while nothing is evaluated; then the model's evaluation finds all that it knows in the store again.
   *
   * @param work takes the model as it is in force; undefined where there is none of that name
   */
  between<Result>(model: string, work: (prepared: PreparedModel | undefined) => Promise<Result>): Promise<Result>;
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
  const quiet = new Set<string>();
  const news = createStoreNews(lane);
  let last: Promise<unknown> = Promise.resolve();

  const runModel = async (model: PreparedModel, final: boolean): Promise<EvaluationChange> => {
    const name = model.config.name;
    const began = performance.now();
    quiet.delete(name);
    try {
      const evaluation = opened.get(name) ?? (await openModelEvaluation(lane, model, clock, news));
      opened.set(name, evaluation);
      const done = await evaluation.run(final);
      if (Number.isFinite(evaluation.watermark())) metrics?.watermark(name, evaluation.watermark());
      if (done === null) {
        quiet.add(name);
        return { model: name, windows: 0, rows: 0 };
      }
      metrics?.evaluated(name, done.windows, (performance.now() - began) / 1000);
      return { model: name, ...done };
    } catch (thrown) {
      // Half a run may have been written: what is known in memory is dropped and found again in the store.
      opened.delete(name);
      throw thrown;
    }
  };
  const run = async ({ final = false, model, looked = false }: RunOptions): Promise<readonly EvaluationChange[]> => {
    if (!looked) await news.look();
    const changes: EvaluationChange[] = [];
    for (const [name, item] of prepared) {
      if (model !== undefined && model !== name) continue;
      const change = await runModel(item, final);
      if (change.rows > 0) changes.push(change);
    }
    return changes;
  };
  const afterLast = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const next = last.then(work, work);
    last = next.catch(() => undefined);
    return next;
  };
  return {
    look: () => afterLast(() => news.look()),
    run: (options = {}) => afterLast(() => run(options)),
    isQuiet: (model) => quiet.has(model),
    between: (model, work) =>
      afterLast(async () => {
        opened.delete(model);
        return await work(prepared.get(model));
      }),
    replace(model) {
      prepared.set(model.config.name, model);
      opened.delete(model.config.name);
    },
  };
}
