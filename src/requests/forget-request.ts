/** Forgetting from the command line: through the running service where one holds the folder, else straight into the configured store. */
import type { Config } from "../config/schema.ts";
import { systemClock } from "../core/clock.ts";
import { type ForgetRequest, type Forgotten, forget, forgottenSchema } from "../serve/forget.ts";
import { throughService } from "./service-call.ts";

/** @throws DriftlineError with what was wrong */
export async function forgetFromHere(config: Config, request: ForgetRequest): Promise<Forgotten> {
  const { model, owner, reason } = request;
  const query = new URLSearchParams({ owner, reason, ...(model === undefined ? {} : { model }) });
  const what =
    "id" in request ? `ids/${encodeURIComponent(request.id)}` : `entities/${encodeURIComponent(request.entity)}`;
  return await throughService(
    config,
    { route: `/v1/${what}?${query}`, method: "DELETE" },
    (answer) => forgottenSchema.parse(JSON.parse(answer)),
    (store) => forget({ lane: store.lane("serve"), models: config.models, now: systemClock.now() }, request),
  );
}
