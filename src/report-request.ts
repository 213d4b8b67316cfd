/** A model's report on the configured store: through the running service where one holds the folder, else by opening it. */
import { detectors } from "../detectors/index.ts";
import { sampleDetectors } from "../detectors/multivariate/index.ts";
import type { Config } from "./config/schema.ts";
import type { Clock } from "./core/clock.ts";
import { DriftlineError } from "./core/errors.ts";
import type { Span } from "./serve/queries/grid.ts";
import { htmlReport } from "./serve/report.tsx";
import { findService } from "./service-file.ts";
import { openStore } from "./store/open.ts";

/** @throws DriftlineError `not_found` for a model that the configuration lacks */
export async function reportOfModel(config: Config, name: string, span: Span, clock: Clock): Promise<string> {
  const model = config.models.find((one) => one.name === name);
  if (model === undefined) {
    const known = config.models.map((one) => one.name).join(", ");
    throw new DriftlineError("not_found", `there is no model ${name}; the configuration has ${known}`);
  }
  const service = "embedded" in config.store ? findService(config.store.embedded) : null;
  if (service !== null) return await askService(service.url, config.server.token, name, span);
  const store = await openStore(config.store);
  try {
    const words = new Map([...detectors, ...sampleDetectors].map((detector) => [detector.name, detector]));
    const url = (config.server.public_url ?? `http://${config.server.host}:${config.server.port}`).replace(/\/+$/, "");
    return await htmlReport({ lane: store.lane("serve"), detectors: words, url, now: clock.now() }, model, span);
  } finally {
    await store.close();
  }
}

async function askService(url: string, token: string | undefined, model: string, { from, to }: Span): Promise<string> {
  const asked = new URL(`/v1/models/${encodeURIComponent(model)}/report`, url);
  if (Number.isFinite(from)) asked.searchParams.set("from", String(from));
  if (Number.isFinite(to)) asked.searchParams.set("to", String(to));
  const response = await fetch(asked, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
  const text = await response.text();
  if (!response.ok)
    throw new DriftlineError("store_unavailable", `the service at ${url} answered ${response.status}: ${text}`);
  return text;
}
