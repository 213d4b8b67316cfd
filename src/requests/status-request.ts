/** The status of the configured service: asked of it where it holds the folder, else read from the store. */
import type { Config } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import { loadStatus, type Status, statusSchema } from "../service/status.ts";
import { throughService } from "./service-call.ts";

const NOT_RUNNING = { name: "service", ok: false, reason: "it is not running" };

export function statusOf(config: Config, clock: Clock): Promise<Status> {
  // Whoever holds an embedded folder would have been asked; with a server there may be any number of processes.
  const stopped = "embedded" in config.store;
  const live = { ready: stopped ? false : null, parts: stopped ? [NOT_RUNNING] : [], sources: [] };
  return throughService(
    config,
    { route: "/v1/status" },
    (answer) => statusSchema.parse(JSON.parse(answer)),
    (store) => loadStatus(store.lane("serve"), config.models, clock.now(), live),
  );
}
