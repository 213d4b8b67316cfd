/**
 * Tells machines how a model is, whenever that has changed. A change is written down first, with the next number of the model, and then queued
 * for each channel: what a crash leaves unqueued is queued by the next look, unless the state has changed again by then.
 *
 * Each state is the whole truth: of those that wait for a channel that is down only the newest is sent.
 */
import { z } from "zod";
import { readModelStates } from "../alert/model-state.ts";
import type { ModelConfig } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import type { PlannedState } from "../core/delivery.ts";
import { messageOf } from "../core/errors.ts";
import { contentUuid } from "../core/identity.ts";
import { type IncidentChange, modelsOf } from "../core/incident.ts";
import { type ModelState, modelStateSchema, modelStates, type StateNotification, tagOf } from "../core/model-state.ts";
import { readOutcome } from "../deliver/delivery-store.ts";
import { sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import { channelTarget } from "./notify.ts";

export interface StatePushOptions {
  readonly lane: Lane;
  readonly models: readonly ModelConfig[];
  readonly clock: Clock;
  readonly log: Pick<Log, "warn">;
  readonly enqueue: (deliveries: readonly PlannedState[]) => Promise<void>;
}

export interface StatePush {
  /** Queues what has changed of the models that the changes touch; at first, and after a failure, of all that it may have missed. */
  look(changes: readonly Pick<IncidentChange, "incident" | "before">[]): Promise<void>;
}

export function createStatePush(options: StatePushOptions): StatePush {
  const models = options.models.filter(({ on_state_change }) => on_state_change.length > 0);
  const unseen = new Set(models.map(({ name }) => name));
  return {
    async look(changes) {
      const touched = new Set(
        changes.flatMap(({ incident, before }) => [incident, before ?? incident].flatMap(modelsOf)),
      );
      for (const { name } of models) if (touched.has(name)) unseen.add(name);
      if (unseen.size === 0) return;
      try {
        const states = await readModelStates(options.lane, options.models);
        for (const model of models) {
          const state = states.get(model.name);
          if (!unseen.has(model.name) || state === undefined) continue;
          await push(options, model, state);
          unseen.delete(model.name);
        }
      } catch (thrown) {
        options.log.warn("the states of models can't be pushed; the next evaluation does it", {
          reason: messageOf(thrown),
        });
      }
    },
  };
}

type Change = Omit<StateNotification, "idempotencyKey">;

async function push(options: StatePushOptions, model: ModelConfig, state: ModelState): Promise<void> {
  const { lane, clock } = options;
  let newest = await readNewest(lane, model.name);
  // A model of which nothing was ever told is taken to be healthy.
  const known = newest === null ? null : tagOf(newest.state);
  if (known === null ? state.state !== "healthy" : known !== tagOf(state)) {
    const { sequence = 0, state: before } = newest ?? {};
    newest = { state, sequence: sequence + 1, previous: before?.state ?? "healthy", changed_at: clock.now() };
    await write(lane, newest);
  }
  if (newest === null) return;
  for (const channel of model.on_state_change) {
    const target = channelTarget(channel);
    const deliveryId = contentUuid("model state", model.name, newest.sequence, target);
    if ((await readOutcome(lane, deliveryId)) !== null) continue;
    await options.enqueue([{ deliveryId, kind: "state", target, message: { idempotencyKey: deliveryId, ...newest } }]);
  }
}

async function write(lane: Lane, { state, sequence, previous, changed_at }: Change): Promise<void> {
  await lane.insertRows("model_states", [
    { model: state.model, sequence, previous, at: changed_at, body: JSON.stringify(state) },
  ]);
}

const row = z.object({ sequence: z.number(), previous: z.enum(modelStates), at_ms: z.number(), body: z.string() });

/** The newest change of a model's state; null where there was none. */
async function readNewest(lane: Lane, model: string): Promise<Change | null> {
  const [found] = await lane.query(
    sql`SELECT sequence, previous, toUnixTimestamp64Milli(at) AS at_ms, body FROM model_states FINAL WHERE model = ${model} ORDER BY sequence DESC LIMIT 1`,
    row,
  );
  if (found === undefined) return null;
  const { sequence, previous, at_ms, body } = found;
  return { state: modelStateSchema.parse(JSON.parse(body)), sequence, previous, changed_at: at_ms };
}
