/**
 * Rebuilds in the running service: one after the other, beside the evaluation, which stops only while the numbers of one are put in force. One
 * that was asked for and not carried out (the process was killed, or another one was asked) is taken up when it is seen.
 */
import type { Clock } from "../core/clock.ts";
import { DriftlineError } from "../core/errors.ts";
import type { Rebuild } from "../core/rebuild.ts";
import type { Evaluation } from "../evaluate/evaluation.ts";
import type { PreparedModel } from "../evaluate/prepare-model.ts";
import {
  askRebuild,
  carryOut,
  type FinishedRebuild,
  type RebuildParts,
  rehearseRebuild,
} from "../evaluate/rebuild/rebuild.ts";
import { askedReport, doneReport, rehearsalReport } from "../requests/rebuild-report.ts";
import type { AskRebuild } from "../serve/context.ts";
import { readRebuilds } from "../store/rebuilds.ts";
import type { Store } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";

export interface RebuilderOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Pick<Log, "info" | "error">;
  readonly evaluation: Pick<Evaluation, "between">;
  /** As they are in force now. */
  readonly models: () => readonly PreparedModel[];
  /** Whether this process evaluates: others only write down what is wanted. */
  readonly evaluates: boolean;
}

export interface Rebuilder {
  readonly ask: AskRebuild;
  /** Takes up what was asked for elsewhere, or before a restart; does not wait for it. */
  look(): Promise<void>;
  /** The same, also in a process that does not evaluate by itself, and waits for it. @throws what broke one off */
  carryOutAll(): Promise<void>;
  /** Breaks off what is being computed; it is begun again after a restart. */
  stop(): Promise<void>;
}

/** One that could not be put in force is tried again after this time. */
const AGAIN_AFTER_MS = 60_000;

export function createRebuilder(options: RebuilderOptions): Rebuilder {
  const { clock, log, evaluates } = options;
  const lane = options.store.lane("control");
  const stopping = new AbortController();
  const taken = new Map<string, Promise<FinishedRebuild>>();
  let notBefore = Number.NEGATIVE_INFINITY;
  let last: Promise<unknown> = Promise.resolve();

  const partsOf = (model: string) => partsFor(options, model, stopping.signal);
  const next = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  };
  const take = (asked: Rebuild): Promise<FinishedRebuild> => {
    const key = `${asked.model}/${asked.asked_at}`;
    const known = taken.get(key);
    if (known !== undefined) return known;
    const carried = next(async () => {
      log.info("numbers are being computed again", { model: asked.model, epoch: asked.epoch, owner: asked.owner });
      try {
        const finished = await carryOut(partsOf(asked.model), asked);
        log.info("numbers were computed again", { model: asked.model, epoch: asked.epoch, ...finished.comparison });
        return finished;
      } catch (thrown) {
        notBefore = clock.now() + AGAIN_AFTER_MS;
        if (!stopping.signal.aborted)
          log.error("numbers could not be computed again", { model: asked.model, epoch: asked.epoch, error: thrown });
        throw thrown;
      } finally {
        taken.delete(key);
      }
    });
    taken.set(key, carried);
    return carried;
  };

  const takeUp = async (): Promise<Promise<FinishedRebuild>[]> => {
    const known = new Set(options.models().map(({ config }) => config.name));
    return (await readRebuilds(lane)).filter(({ state, model }) => state === "asked" && known.has(model)).map(take);
  };

  return {
    async ask({ dry_run, from = null, to = null, model, owner, reason }) {
      preparedOf(options, model);
      const request = { model, from_at: from, to_at: to, owner, reason };
      if (dry_run) return rehearsalReport(model, await next(() => rehearseRebuild(partsOf(model), request)));
      const asked = await askRebuild(lane, request, clock.now());
      if (!evaluates) return askedReport(asked);
      const { rebuild, comparison } = await take(asked);
      return doneReport(rebuild, comparison);
    },
    async look() {
      if (!evaluates || stopping.signal.aborted || taken.size > 0 || clock.now() < notBefore) return;
      // Of a store that is away the evaluation says so; what came of a rebuild is in the log, and in the store.
      for (const carried of await takeUp().catch(() => [])) carried.catch(() => undefined);
    },
    carryOutAll: async () => void (await Promise.all(await takeUp())),
    async stop() {
      stopping.abort(
        new DriftlineError(
          "store_unavailable",
          "the service stops; once it runs again, what was asked for is begun again",
        ),
      );
      await last;
    },
  };
}

function partsFor(options: RebuilderOptions, model: string, signal: AbortSignal): RebuildParts {
  const { store, clock, evaluation } = options;
  return {
    store,
    clock,
    prepare: () => Promise.resolve(preparedOf(options, model)),
    between: (work) => evaluation.between(model, work),
    signal,
  };
}

/** @throws DriftlineError `not_found` */
function preparedOf({ models }: Pick<RebuilderOptions, "models">, name: string): PreparedModel {
  const found = models().find(({ config }) => config.name === name);
  if (found !== undefined) return found;
  const known = models()
    .map(({ config }) => config.name)
    .join(", ");
  throw new DriftlineError("not_found", `there is no model ${name.slice(0, 100)}; the configuration has ${known}`);
}
