/** Whether a model can be relied on now, by its open incidents: what an inference service asks before it trusts its model. */
import { createHash } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import type { Store } from "../store/store.ts";
import { type IncidentView, selectIncidents } from "./queries/incidents.ts";

export const modelStates = ["healthy", "degraded", "failing"] as const;

export interface ModelState {
  readonly model: string;
  /** failing: an incident of severity page is open; degraded: one of severity ticket is, or one that recovers; else healthy. */
  readonly state: (typeof modelStates)[number];
  /** One sentence. */
  readonly reason: string;
  /** Event time since which it is so, ISO 8601; null while healthy. */
  readonly since: string | null;
  /** The open incidents behind it, the worst first. */
  readonly incidents: readonly string[];
}

export function stateOfModel(model: string, open: readonly IncidentView[]): ModelState {
  const bearing = open.filter(({ severity }) => severity !== "info");
  const failing = bearing.filter(({ severity, state }) => severity === "page" && state !== "recovering");
  const [state, which] = failing.length > 0 ? (["failing", failing] as const) : (["degraded", bearing] as const);
  const [worst] = which;
  if (worst === undefined)
    return { model, state: "healthy", reason: "no incident is open", since: null, incidents: [] };
  const more = which.length === 1 ? "" : ` (and ${which.length - 1} more)`;
  return {
    model,
    state,
    reason: `${worst.title}${more}`,
    since: new Date(Math.min(...which.map(({ opened_at }) => opened_at))).toISOString(),
    incidents: [...failing, ...bearing.filter((one) => !failing.includes(one))].map(({ incident_id }) => incident_id),
  };
}

/** Changes with what is said, and not with the time. */
export const tagOf = (state: ModelState): string =>
  `"${createHash("sha256").update(JSON.stringify(state)).digest("base64url").slice(0, 22)}"`;

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
  models: readonly string[],
  clock: Clock,
): Promise<ReadonlyMap<string, ModelState>> {
  const now = clock.now();
  const known = kept.get(store);
  if (known !== undefined && now >= known.readAt && now - known.readAt < KEPT_MS) return await known.states;
  const states = read(store, models);
  kept.set(store, { readAt: now, states });
  try {
    return await states;
  } catch (thrown) {
    kept.delete(store);
    throw thrown;
  }
}

async function read(store: Store, models: readonly string[]): Promise<ReadonlyMap<string, ModelState>> {
  const open = await selectIncidents(store.lane("serve"), { state: "open", limit: 10_000 });
  return new Map(
    models.map((model) => [
      model,
      stateOfModel(
        model,
        open.filter((incident) => incident.model === model),
      ),
    ]),
  );
}
