/** Versions that retrainings have brought, for alerting to follow: by incident, the newest that was reported. */
import type { ModelConfig } from "../config/schema.ts";
import type { RetrainedVersion } from "../core/incident.ts";
import { readRetrainings } from "../deliver/retraining-store.ts";
import type { Lane } from "../store/store.ts";
import { namedActions } from "./named-actions.ts";

type NewVersion = Pick<RetrainedVersion, "retraining_id" | "version" | "since" | "until">;

const RECOVER_WITHIN_MS = 7 * 86_400_000;

export function createNewVersions(
  lane: Lane,
  models: readonly ModelConfig[],
): (model: string) => Promise<ReadonlyMap<string, NewVersion>> {
  const within = new Map(
    models
      .flatMap(namedActions)
      .map(({ model, name, rules }): [string, number] => [JSON.stringify([model, name]), rules.recover_within]),
  );
  return async (model) => {
    const found = new Map<string, NewVersion>();
    // The newest comes first: of two for one incident the later holds.
    for (const { action, incident_id, retraining_id, version, succeeded_at } of await readRetrainings(lane, {
      model,
    })) {
      if (succeeded_at === null || version === "") continue;
      const known = found.get(incident_id);
      if (known !== undefined && known.since >= succeeded_at) continue;
      const until = succeeded_at + (within.get(JSON.stringify([model, action])) ?? RECOVER_WITHIN_MS);
      found.set(incident_id, { retraining_id, version, since: succeeded_at, until });
    }
    return found;
  };
}
