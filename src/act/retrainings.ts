/**
 * Follows every retraining that is in flight: sends what was approved, notes what came of the delivery, asks the receiver what has become
 * of the run, and gives up what nothing is heard of. One look does what is due by the clock; all it knows lies in the store, and each step
 * is written after what it does: a look that was cut off is repeated by the next, with the same ids.
 */
import { channelsFor, type Route } from "../config/routes.ts";
import type { ModelConfig } from "../config/schema.ts";
import type { Follow } from "../core/action.ts";
import type { Clock } from "../core/clock.ts";
import type { PlannedDelivery } from "../core/delivery.ts";
import { messageOf } from "../core/errors.ts";
import type { Severity } from "../core/incident.ts";
import { isInFlight } from "../core/retraining.ts";
import { readRetrainings } from "../deliver/retraining-store.ts";
import type { Lane } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import { namedActions } from "./named-actions.ts";
import { createSupervision, supervise } from "./retraining-supervision.ts";

const LOOK_EVERY_MS = 2_000;

export interface RetrainingsOptions {
  readonly lane: Lane;
  readonly models: readonly ModelConfig[];
  readonly routes?: readonly Route[];
  /** By key in the outbox: those whose runs can be asked after. */
  readonly followers: ReadonlyMap<string, Follow>;
  readonly clock: Clock;
  readonly log: Pick<Log, "info" | "warn">;
  readonly enqueue: (deliveries: readonly PlannedDelivery[]) => Promise<void>;
  /** Channels that show how incidents stand and nothing else: they get no news of retrainings. */
  readonly mirroring?: ReadonlySet<string>;
  readonly everyMs?: number;
}

export interface Retrainings {
  start(): void;
  stop(): Promise<void>;
  /** Does what is due now. */
  look(): Promise<void>;
}

export function createRetrainings(options: RetrainingsOptions): Retrainings {
  const stopping = new AbortController();
  const supervision = createSupervision(options, stopping.signal);
  const models = new Map(options.models.map((model) => [model.name, model]));
  const channelsOf = (name: string, severity: Severity) => {
    const model = models.get(name);
    const channels = model === undefined ? [] : channelsFor(model, severity, options.routes);
    return channels.filter((channel) => options.mirroring?.has(channel) !== true);
  };
  const named = new Map(
    options.models.flatMap(namedActions).map((action) => [keyOf(action.model, action.name), action]),
  );
  let looking: Promise<void> = Promise.resolve();
  let loop: Promise<void> | null = null;

  const once = async () => {
    for (const retraining of await readRetrainings(options.lane)) {
      const action = named.get(keyOf(retraining.model, retraining.action));
      // An action that is configured no more is followed no more; its time-out in `refusal` is its configuration's.
      if (action === undefined || !isInFlight(retraining) || stopping.signal.aborted) continue;
      try {
        const channels = (severity: Severity) => channelsOf(retraining.model, severity);
        await supervise(supervision, { retraining, action, channels });
      } catch (thrown) {
        // One that can't be followed must not hold up the others.
        const { retraining_id } = retraining;
        options.log.warn("a retraining can't be followed; this is tried again", {
          retraining: retraining_id,
          reason: messageOf(thrown),
        });
      }
    }
  };
  const look = () => {
    looking = looking.then(once, once);
    return looking;
  };
  const run = async () => {
    while (!stopping.signal.aborted) {
      try {
        await look();
      } catch (thrown) {
        options.log.warn("retrainings can't be followed; this is tried again", { reason: messageOf(thrown) });
      }
      await options.clock.sleep(options.everyMs ?? LOOK_EVERY_MS, stopping.signal);
    }
  };
  return {
    look,
    start() {
      loop ??= run();
    },
    async stop() {
      stopping.abort();
      await loop;
      await looking.catch(() => undefined);
    },
  };
}

const keyOf = (model: string, action: string): string => JSON.stringify([model, action]);
