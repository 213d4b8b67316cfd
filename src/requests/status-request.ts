/** The status of the configured service: asked of it where it holds the folder, else read from the store. */
import type { Config } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import { readPresence } from "../service/processes.ts";
import { loadStatus, type Status, statusSchema } from "../service/status.ts";
import { throughService } from "./service-call.ts";

const NOT_RUNNING = { name: "service", ok: false, reason: "it is not running" };

export function statusOf(config: Config, clock: Clock): Promise<Status> {
  return throughService(
    config,
    { route: "/v1/status" },
    (answer) => statusSchema.parse(JSON.parse(answer)),
    async (store) => {
      const lane = store.lane("serve");
      // Whoever holds an embedded folder would have been asked; with a server there may be any number of processes.
      const live =
        "embedded" in config.store ? { ready: false, parts: [NOT_RUNNING] } : await readPresence(store.lane("serve"));
      return loadStatus(lane, config.models, clock.now(), { ...live, sources: [] });
    },
  );
}
