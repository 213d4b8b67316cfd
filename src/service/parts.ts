/**
 * The parts of the service that follow from a configuration, wired together. With app.ts, which holds what outlasts a change of the
 * configuration, it is the only place that constructs things: every part is built once, started in the order of the data flow and stopped
 * in reverse.
 */
import { randomBytes } from "node:crypto";
import { detectors } from "../../detectors/index.ts";
import { sampleDetectors } from "../../detectors/multivariate/index.ts";
import { onlineDetectors } from "../../detectors/online/index.ts";
import { createAct } from "../act/act.ts";
import { openActions, openFollowers } from "../act/named-actions.ts";
import { createNewVersions } from "../act/new-versions.ts";
import { createRetrainings } from "../act/retrainings.ts";
import { readIncidents } from "../alert/alert-store.ts";
import { createAlerting } from "../alert/alerting.ts";
import { createAudit } from "../audit/audit.ts";
import { readStandingHeads } from "../audit/audit-store.ts";
import { configurationHash, recordConfiguration } from "../audit/in-force.ts";
import { canonicalJson } from "../config/canonical-json.ts";
import { redacted, secretsOf } from "../config/redact.ts";
import type { Config } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import type { Incident } from "../core/incident.ts";
import { createDrawPng } from "../core/picture/png.ts";
import { createOutbox } from "../deliver/outbox.ts";
import { createDigests } from "../digest/digests.ts";
import { createEvaluation } from "../evaluate/evaluation.ts";
import { createBeginning } from "../evaluate/incident-beginning.ts";
import { createIllustrate } from "../evaluate/incident-pictures.ts";
import type { PreparedModel } from "../evaluate/prepare-model.ts";
import { createRootCause } from "../evaluate/root-cause/root-cause.ts";
import {
  channelRefreshes,
  channelTarget,
  createNotify,
  createToldBefore,
  mirroringChannels,
  openChannels,
} from "../notify/notify.ts";
import { createStatePush } from "../notify/state-push.ts";
import { readiness } from "../serve/health.ts";
import type { ServerOptions } from "../serve/server.ts";
import type { LocalReader } from "../store/local-reader.ts";
import type { Store } from "../store/store.ts";
import { createLog, type Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { type AppOptions, logLevelOf, type Role } from "./app-options.ts";
import { createBacktester } from "./backtester.ts";
import { Cleanup } from "./cleanup.ts";
import { digestLinks } from "./digest-links.ts";
import { createEvaluationLoop } from "./evaluation-loop.ts";
import { configurationHealth, healthProviders } from "./health.ts";
import { configuredHeartbeat } from "./heartbeat.ts";
import { incidentLinks } from "./incident-links.ts";
import { createIngestion, type Ingestion } from "./ingestion.ts";
import { importanceOf, monitorOf, requestContext } from "./model-facts.ts";
import { createPairs } from "./pairs.ts";
import { createPresence } from "./processes.ts";
import { createRebuilder } from "./rebuilder.ts";
import { createReferenceDesk } from "./reference-desk.ts";
import { createReferenceSwitch } from "./reference-switch.ts";
import { type ReplayProgress, type ReplayResult, replay } from "./replay.ts";
import { askStatus } from "./status.ts";
import { storeSummary } from "./store-summary.ts";

/** Deliveries are settled between evaluations; they are sealed with the next that comes after this time. */
const SEAL_EVERY_MS = 10_000;

/** What all configurations of a process share. */
export interface Surroundings {
  readonly options: AppOptions;
  readonly clock: Clock;
  readonly store: Store;
  readonly reader: LocalReader;
  readonly metrics: Metrics;
  /** Where the server listens; '' before the start. */
  readonly url: () => string;
  /** Why the newest configuration is not in force; null where it is. */
  readonly configuration: { problem: string | null };
}

export interface Parts {
  readonly config: Config;
  readonly log: Log;
  readonly ingestion: Ingestion;
  /** What the HTTP server is to show of them. */
  readonly serving: ServerOptions;
  start(): Promise<void>;
  /** Idempotent; also after a failed start. */
  stop(): Promise<void>;
  /** One round: what is due is computed and judged. `final` closes the last windows too. */
  evaluate(final?: boolean): Promise<void>;
  /** Delivers what is due now. */
  deliver(): Promise<void>;
  replay(progress: (progress: ReplayProgress) => void): Promise<ReplayResult>;
}

/**
 * Loads the references and builds every part; nothing runs before `start`.
 *
 * @throws DriftlineError that says which part can't be built and why
 */
// Long on purpose: read from top to bottom it is the wiring of the whole service.
// oxlint-disable-next-line max-lines-per-function
export async function buildParts(config: Config, surroundings: Surroundings): Promise<Parts> {
  const { options, clock, store, reader, metrics } = surroundings;
  const cleanup = new Cleanup();
  const secrets = secretsOf(config);
  const log = options.log ?? createLog({ level: logLevelOf(options), secrets, clock });
  const has = (role: Role) => options.roles.includes(role);

  const control = store.lane("control");
  const configurationText = canonicalJson(redacted(config));
  const models: PreparedModel[] = [];
  const references = createReferenceSwitch({
    lane: control,
    readLane: reader.lane,
    clock,
    log: log.with({ part: "evaluate" }),
    replace(prepared) {
      models.splice(
        0,
        models.length,
        ...models.map((one) => (one.config.name === prepared.config.name ? prepared : one)),
      );
      evaluation.replace(prepared);
      rootCause = createRootCause(store.lane("evaluate"), models);
      illustrate = createIllustrate(store.lane("evaluate"), models);
      beginning = createBeginning(store.lane("evaluate"), models);
    },
  });
  cleanup.add("references", () => references.close());
  for (const model of config.models) models.push(await references.prepare(model));

  const ingestion = createIngestion({
    config,
    models,
    store,
    reader,
    clock,
    log: log.with({ part: "ingest" }),
    metrics,
    onCaughtUp: () => loop.caughtUp(),
  });
  cleanup.add("ingestion", () => ingestion.stop());

  const pairs = createPairs({ config, models, store, clock, log: log.with({ part: "evaluate" }), metrics });
  const evaluation = createEvaluation({ store, models, clock, metrics: metrics.evaluation });
  const rebuilder = createRebuilder({
    store,
    clock,
    log: log.with({ part: "evaluate" }),
    evaluation,
    models: () => models,
    evaluates: has("evaluate"),
  });
  cleanup.add("rebuilds", () => rebuilder.stop());
  const draw = createDrawPng((problem) => log.warn(problem, { part: "deliver" }));
  const outbox = createOutbox({
    lane: store.lane("serve"),
    targets: new Map([...openChannels(config, { draw }), ...openActions(config)]),
    refreshMs: channelRefreshes(config),
    clock,
    log: log.with({ part: "deliver" }),
    metrics: metrics.deliveries,
    secrets,
  });

  const publicUrl = () => (config.server.public_url ?? surroundings.url()).replace(/\/+$/, "");
  const link = (incident: Incident) => (publicUrl() === "" ? "" : `${publicUrl()}/incidents/${incident.incident_id}`);
  const mirroring = mirroringChannels(config);
  const act = createAct({
    lane: control,
    models: config.models,
    routes: config.routes,
    clock,
    link,
    publicUrl,
    about: (model) => requestContext(config, models, model),
    createToken: () => randomBytes(24).toString("base64url"),
    // The log is read by others too, and what mirrors incidents has no place for a question.
    canAsk: (channel) => config.channels[channel]?.use !== "log" && !mirroring.has(channel),
  });
  const retrainings = createRetrainings({
    lane: control,
    models: config.models,
    routes: config.routes,
    followers: openFollowers(config),
    clock,
    log: log.with({ part: "act" }),
    mirroring,
    enqueue: (deliveries) => outbox.enqueue(deliveries),
  });
  // To be told without a cause, or a picture, is better than not to be told.
  const unless = async <Found>(problem: string, { model }: Incident, find: () => Promise<Found>, otherwise: Found) => {
    try {
      return await find();
    } catch (thrown) {
      log.warn(problem, { part: "evaluate", model, error: thrown });
      return otherwise;
    }
  };
  let beginning = createBeginning(store.lane("evaluate"), models);
  let illustrate = createIllustrate(store.lane("evaluate"), models);
  const notify = createNotify(config.models, link, {
    mirroring,
    routes: config.routes,
    toldBefore: createToldBefore(store.lane("evaluate"), config),
    links: (incident) => incidentLinks(publicUrl(), incident),
    illustrate: (incident) => unless("an incident has no picture", incident, () => illustrate(incident), []),
  });
  let rootCause = createRootCause(store.lane("evaluate"), models);
  const told = options.roles.length > 0;
  const alerting = createAlerting({
    lane: store.lane("evaluate"),
    models: config.models,
    clock,
    planners: told ? [notify, act] : [],
    enqueue: (deliveries) => outbox.enqueue(deliveries),
    explain: (incident) => unless("an incident could not be explained", incident, () => rootCause(incident), null),
    retrained: createNewVersions(control, config.models),
    findBeginning: (incident) =>
      unless("an incident's first event was not found", incident, () => beginning(incident), null),
    importance: importanceOf(models),
    metrics: metrics.incidents,
  });

  const statePush = createStatePush({
    lane: store.lane("evaluate"),
    models: told ? config.models : [],
    clock,
    log: log.with({ part: "alert" }),
    enqueue: (deliveries) => outbox.enqueue(deliveries),
  });

  const audit = createAudit(store.lane("evaluate"), clock, monitorOf(models, configurationHash(configurationText)));
  let sealedAt = Number.NEGATIVE_INFINITY;
  const seal = async () => {
    sealedAt = clock.now();
    try {
      await audit.seal();
    } catch (thrown) {
      log.warn("decisions could not be sealed; they will be", { part: "audit", error: thrown });
    }
  };

  // What was decided under this configuration is sealed under it.
  cleanup.add("audit", seal);
  const digests = createDigests({
    lane: store.lane("evaluate"),
    digests: config.digests,
    models: config.models,
    clock,
    log: log.with({ part: "digest" }),
    enqueue: (planned) => outbox.enqueue(planned),
    target: channelTarget,
    links: digestLinks(publicUrl),
    auditHeads: async () => {
      await seal();
      return await readStandingHeads(store.lane("evaluate"));
    },
  });

  const evaluateModel = async (model: string, final = false) => {
    await references.look(model);
    await evaluation.run({ model, final, looked: true });
    const changes = await alerting.process(model, { isQuiet: evaluation.isQuiet(model) });
    await statePush.look(changes);
    if (changes.length > 0 || clock.now() - sealedAt >= SEAL_EVERY_MS) await seal();
  };
  const evaluateAll = async (final = false) => {
    await pairs.run({ final });
    await rebuilder.carryOutAll();
    await references.ask();
    await evaluation.look();
    for (const model of config.models) await evaluateModel(model.name, final);
    if (final) await seal();
  };
  const loop = createEvaluationLoop({
    models: config.models,
    prepare: async () => {
      try {
        await pairs.run();
      } finally {
        // What they have made is evaluated in this round; that they fail holds up no model.
        await references.ask();
        await evaluation.look();
        await statePush.look(await alerting.endRemoved());
        await rebuilder.look();
      }
    },
    evaluate: (model) => evaluateModel(model),
    everyMs: config.evaluation.every,
    clock,
    log: log.with({ part: "evaluate" }),
  });

  const health = healthProviders({
    ingestion,
    loop,
    models: config.models,
    ingests: has("ingest"),
    evaluates: has("evaluate"),
  });
  const rounds = [
    ...(has("evaluate") ? [{ name: "evaluation", cameRoundAt: () => loop.cameRoundAt() }] : []),
    ...(has("deliver") ? [{ name: "the outbox", cameRoundAt: () => outbox.cameRoundAt() }] : []),
  ];
  const beating = { clock, log: log.with({ part: "heartbeat" }), health, rounds };
  const heartbeat = configuredHeartbeat(config.heartbeat, beating);
  const asked = [...health, configurationHealth(surroundings.configuration)];
  const serving: ServerOptions = {
    store,
    models: config.models,
    detectors: [...detectors, ...sampleDetectors, ...onlineDetectors.map((one) => ({ ...one, unit: "online" }))],
    server: config.server,
    metrics,
    clock,
    log: log.with({ part: "serve" }),
    health: asked,
    ...(has("ingest") ? { ingest: ingestion.http, redrive: (filter) => ingestion.redrive(filter) } : {}),
    status: askStatus(store.lane("serve"), config.models, clock, () => (has("ingest") ? ingestion.sources() : [])),
    references: createReferenceDesk({ lane: control, models: config.models, clock, references }),
    rebuild: rebuilder.ask,
    backtest: createBacktester(store, clock, reader.lane, (model) => references.resolve(model)),
    web: has("web"),
  };

  const said = { lane: control, clock, roles: options.roles, url: surroundings.url };
  const presence =
    "embedded" in config.store
      ? null
      : createPresence({ ...said, health: () => readiness({ store, health: asked, metrics }) });

  const startLoop = () => {
    if (!has("evaluate")) return;
    loop.start();
    cleanup.add("evaluation", async () => {
      const stopped = loop.stop();
      // What waits for a store that is away would hold the loop up.
      await pairs.close();
      await stopped;
    });
  };

  const summary = async () =>
    storeSummary(store.lane("serve"), config.models, await readIncidents(store.lane("serve")));

  return {
    config,
    log,
    ingestion,
    serving,
    evaluate: evaluateAll,
    deliver: async () => {
      await digests.look();
      await retrainings.look();
      await outbox.flush();
      await retrainings.look();
    },
    async start() {
      // In force from here on, and not before: a changed one may yet be refused while it is built.
      await recordConfiguration(control, configurationText, clock.now());
      if (has("deliver")) {
        outbox.start();
        cleanup.add("outbox", () => outbox.stop());
        retrainings.start();
        digests.start();
        cleanup.add("digests", () => digests.stop());
        cleanup.add("retrainings", () => retrainings.stop());
      }
      if (options.replayFirst !== true) startLoop();
      if (has("ingest")) await ingestion.start({ files: options.replayFirst !== true });
      heartbeat?.start();
      cleanup.add("heartbeat", () => heartbeat?.stop());
      presence?.start();
      cleanup.add("presence", () => presence?.stop());
    },
    stop: () => cleanup.run(),
    async replay(progress) {
      const parts = {
        clock,
        models: config.models.length,
        messages: () => ingestion.pastMessages(options.replayFirst !== true),
        size: () => ingestion.pastSize(options.replayFirst !== true),
        flush: () => ingestion.flush(),
        evaluate: evaluateAll,
        summary,
      };
      const result = await replay(parts, progress);
      if (options.replayFirst === true) startLoop();
      return result;
    },
  };
}
