/** The state of the models as they are asked for at each request of an inference service: read once a second at most. */
import { readModelStates as read } from "../alert/model-state.ts";
import type { ModelConfig } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import type { ModelState } from "../core/model-state.ts";
import type { Store } from "../store/store.ts";

/** How long an answer is given again: an inference service may ask at each of its requests. */
const KEPT_MS = 1_000;

interface Kept {
  readonly readAt: number;
  readonly states: Promise<ReadonlyMap<string, ModelState>>;
}
const kept = new WeakMap<Store, Kept>();

/** The state of each model; one query a second at most, however often it is asked. */
export async function readModelStates(
  store: Store,
  models: readonly ModelConfig[],
  clock: Clock,
): Promise<ReadonlyMap<string, ModelState>> {
  const now = clock.now();
  const known = kept.get(store);
  if (known !== undefined && now >= known.readAt && now - known.readAt < KEPT_MS) return await known.states;
  const states = read(store.lane("serve"), models);
  kept.set(store, { readAt: now, states });
  try {
    return await states;
  } catch (thrown) {
    kept.delete(store);
    throw thrown;
  }
}
