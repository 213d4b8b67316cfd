/** A server on a free port over a store, with everything that a test does not care about filled in. */
import { detectors } from "../../detectors/index.ts";
import { sampleDetectors } from "../../detectors/multivariate/index.ts";
import { onlineDetectors } from "../../detectors/online/index.ts";
import { configSchema } from "../../src/config/schema.ts";
import { systemClock } from "../../src/core/clock.ts";
import { createServer, type ServerOptions } from "../../src/serve/server.ts";
import type { Store } from "../../src/store/store.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { censusConfig } from "./census-rows.ts";

const loopback = configSchema.shape.server.parse(undefined);

export interface WebServer extends AsyncDisposable {
  readonly url: string;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** Body of a GET that must answer 200, as text. */
  page(path: string): Promise<string>;
  post(path: string, body: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
}

export async function startWebServer(
  store: Store,
  options: Omit<Partial<ServerOptions>, "server"> & { readonly server?: Partial<ServerOptions["server"]> } = {},
): Promise<WebServer> {
  const { server: wanted, ...rest } = options;
  const server = createServer({
    store,
    models: censusConfig().models,
    detectors: [...detectors, ...sampleDetectors, ...onlineDetectors.map((one) => ({ ...one, unit: "online" }))],
    metrics: createMetrics({ process: false }),
    clock: systemClock,
    log: createLog({ level: "silent" }),
    ...rest,
    server: { ...loopback, port: 0, ...wanted },
  });
  const { url } = await server.start();
  const get = (path: string, headers: Readonly<Record<string, string>> = {}) => fetch(url + path, { headers });
  return {
    url,
    get,
    async page(path) {
      const response = await get(path);
      const text = await response.text();
      if (response.status !== 200) throw new Error(`GET ${path}: ${response.status} ${text.slice(0, 400)}`);
      return text;
    },
    post: (path, body, headers = {}) =>
      fetch(url + path, { method: "POST", body, headers: { "content-type": "application/json", ...headers } }),
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

/** A store that is away: every question fails as a lost connection does. */
export function absentStore(error: Error): Store {
  const fail = () => Promise.reject(error);
  return {
    kind: "server",
    lane: () => ({ query: fail, command: fail, insertBlock: fail, insertRows: fail, text: fail }),
    ping: fail,
    beside: fail,
    close: () => Promise.resolve(),
  };
}
