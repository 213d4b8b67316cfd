/**
 * The process: the store, the socket and the metrics, which outlast a change of the configuration, and the parts that follow from it
 * (parts.ts). What was opened is written down as it opens, so that a failure half-way closes exactly that.
 *
 * A changed configuration is put in force without a restart: its parts are built beside the running ones, so that one that can't be built
 * changes nothing; then the running ones stop as at the end of the process, and the new ones begin as after a restart. Nothing is lost or
 * sent twice for the same reason as there: all they know lies in the store.
 */

import { canonicalJson } from "../config/canonical-json.ts";
import { redacted } from "../config/redact.ts";
import type { Config } from "../config/schema.ts";
import { systemClock } from "../core/clock.ts";
import { DriftlineError, messageOf } from "../core/errors.ts";
import type { HttpIngest } from "../serve/context.ts";
import { createServer, type HttpServer, type ServerOptions } from "../serve/server.ts";
import { openLocalReader } from "../store/local-reader.ts";
import { openStore } from "../store/open.ts";
import type { Store } from "../store/store.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import type { AppOptions } from "./app-options.ts";
import { Cleanup } from "./cleanup.ts";
import type { Ingestion } from "./ingestion.ts";
import { buildParts, type Parts, type Surroundings } from "./parts.ts";
import type { RedriveFilter, RedriveResult } from "./redrive.ts";
import type { ReplayProgress, ReplayResult } from "./replay.ts";
import { announceService, withdrawService } from "./service-file.ts";

export interface App {
  readonly store: Store;
  readonly ingestion: Ingestion;
  start(): Promise<void>;
  /** Idempotent; also after a failed start. */
  stop(): Promise<void>;
  /** Where the server listens; '' before the start. */
  url(): string;
  /** One round: what is due is computed and judged. `final` closes the last windows too. */
  evaluate(final?: boolean): Promise<void>;
  /** Delivers what is due now. */
  deliver(): Promise<void>;
  replay(progress: (progress: ReplayProgress) => void): Promise<ReplayResult>;
  /** Reads dead letters again: what is an event by now is stored once, the rest stays. */
  redrive(filter: RedriveFilter): Promise<RedriveResult>;
  /**
   * Puts a changed configuration in force; where it can't be read or built, the one in force stays, and the log, `/ready` and a metric say
   * so. Calls run one after the other.
   *
   * @returns whether it is in force
   */
  reload(read: () => Config): Promise<boolean>;
}

/**
 * Opens the store, loads the references and builds every part; nothing runs before `start`.
 *
 * @throws DriftlineError that says which part can't be opened and why
 */
export async function createApp(config: Config, options: AppOptions): Promise<App> {
  const cleanup = new Cleanup();
  try {
    return await open(config, options, cleanup);
  } catch (thrown) {
    await cleanup.run();
    throw thrown;
  }
}

async function open(config: Config, options: AppOptions, cleanup: Cleanup): Promise<App> {
  const clock = options.clock ?? systemClock;
  const metrics = createMetrics();
  const store = await openStore(config.store);
  cleanup.add("store", () => store.close());
  const reader = await openLocalReader(store, "embedded" in config.store ? config.store.embedded : null);
  cleanup.add("local reader", () => reader.close());
  let url = "";
  const configuration: Surroundings["configuration"] = { problem: null };
  const surroundings: Surroundings = { options, clock, store, reader, metrics, url: () => url, configuration };
  const running = new Running(await buildParts(config, surroundings), surroundings);
  cleanup.add("parts", () => running.parts.stop());
  const server = createServer(running.serving());
  let stopping = false;
  return {
    store,
    get ingestion() {
      return running.parts.ingestion;
    },
    url: () => url,
    evaluate: (final) => running.parts.evaluate(final),
    deliver: () => running.parts.deliver(),
    replay: (progress) => running.parts.replay(progress),
    redrive: (filter) => running.parts.ingestion.redrive(filter),
    async start() {
      running.parts.log.info("starting", { roles: options.roles, config: redacted(config) });
      url = (await server.start()).url;
      cleanup.add("server", () => server.stop());
      if ("embedded" in config.store) {
        const folder = config.store.embedded;
        announceService(folder, { pid: process.pid, url });
        cleanup.add("announcement", () => withdrawService(folder));
      }
      await running.parts.start();
      running.parts.log.info("serving", { url });
    },
    async stop() {
      stopping = true;
      await running.changed;
      await cleanup.run();
    },
    reload: (read) => running.reload(() => (stopping ? null : read()), server),
  };
}

/** The parts in force, and how they give way to others. */
class Running {
  parts: Parts;
  /** Resolves when no change is under way. */
  changed: Promise<unknown> = Promise.resolve();
  readonly #surroundings: Surroundings;
  /** Requests with events wait for it. */
  #swapped: Promise<void> = Promise.resolve();

  constructor(parts: Parts, surroundings: Surroundings) {
    this.parts = parts;
    this.#surroundings = surroundings;
  }

  /** What the server shows; it hands events to the parts in force. */
  serving(): ServerOptions {
    const ingest: HttpIngest = {
      accept: async (request) => {
        await this.#swapped;
        return this.parts.ingestion.http.accept(request);
      },
    };
    return { ...this.parts.serving, ...(this.parts.serving.ingest === undefined ? {} : { ingest }) };
  }

  /** One call after the other. `read` gives null where nothing is to be changed any more. */
  reload(read: () => Config | null, server: HttpServer): Promise<boolean> {
    const done = this.changed.then(() => this.#reload(read, server));
    this.changed = done;
    return done;
  }

  async #reload(read: () => Config | null, server: HttpServer): Promise<boolean> {
    const { metrics, configuration } = this.#surroundings;
    try {
      const config = read();
      if (config === null) return false;
      await this.#change(config, server);
      configuration.problem = null;
      metrics.configuration.reloaded(true);
      this.parts.log.info("the changed configuration is in force", { config: redacted(config) });
      return true;
    } catch (thrown) {
      configuration.problem = messageOf(thrown);
      metrics.configuration.reloaded(false);
      this.parts.log.error("the changed configuration was refused; the one before it stays in force", {
        error: thrown,
      });
      return false;
    }
  }

  async #change(config: Config, server: HttpServer): Promise<void> {
    const before = this.parts.config;
    refuseFixed(before, config);
    const next = await buildParts(config, this.#surroundings);
    let open = () => {};
    this.#swapped = new Promise((resolve) => {
      open = resolve;
    });
    try {
      await this.parts.stop();
      this.parts = next;
      await this.parts.start();
    } catch (thrown) {
      await this.parts.stop();
      this.parts = await buildParts(before, this.#surroundings);
      await this.parts.start();
      throw thrown;
    } finally {
      server.show(this.serving());
      open();
    }
    const { metrics } = this.#surroundings;
    for (const { name } of before.models)
      if (!config.models.some((model) => model.name === name)) metrics.forgetModel(name);
  }
}

/** What only a restart changes. @throws DriftlineError `config_invalid` */
function refuseFixed(before: Config, { store, server }: Config): void {
  const bound = (of: Config["server"]) => [of.host, of.port];
  const fixed = [
    ...(canonicalJson(before.store) === canonicalJson(store) ? [] : ["store"]),
    ...(canonicalJson(bound(before.server)) === canonicalJson(bound(server)) ? [] : ["server.host and server.port"]),
  ];
  if (fixed.length > 0)
    throw new DriftlineError("config_invalid", `${fixed.join(" and ")} can't change without a restart`);
}
