/** A model's report on the configured store: through the running service where one holds the folder, else by opening it. */
import { detectors } from "../../detectors/index.ts";
import { sampleDetectors } from "../../detectors/multivariate/index.ts";
import type { Config } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import { DriftlineError } from "../core/errors.ts";
import type { Span } from "../serve/queries/grid.ts";
import { htmlReport } from "../serve/report.tsx";
import { throughService } from "./service-call.ts";

/** @throws DriftlineError `not_found` for a model that the configuration lacks */
export async function reportOfModel(config: Config, name: string, span: Span, clock: Clock): Promise<string> {
  const model = config.models.find((one) => one.name === name);
  if (model === undefined) {
    const known = config.models.map((one) => one.name).join(", ");
    throw new DriftlineError("not_found", `there is no model ${name}; the configuration has ${known}`);
  }
  const bounds = Object.entries(span).flatMap(([key, ms]: [string, number]) =>
    Number.isFinite(ms) ? [[key, String(ms)]] : [],
  );
  const route = `/v1/models/${encodeURIComponent(name)}/report?${new URLSearchParams(bounds)}`;
  return await throughService(
    config,
    { route },
    (answer) => answer,
    async (store) => {
      const words = new Map([...detectors, ...sampleDetectors].map((detector) => [detector.name, detector]));
      const { public_url, host, port } = config.server;
      const url = (public_url ?? `http://${host}:${port}`).replace(/\/+$/, "");
      return await htmlReport({ lane: store.lane("serve"), detectors: words, url, now: clock.now() }, model, span);
    },
  );
}
