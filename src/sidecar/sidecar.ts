/** Builds a sidecar of its parts, starts them and drains them. */
import type { Clock } from "../core/clock.ts";
import type { Log } from "../telemetry/log.ts";
import { createAdminServer } from "./admin-server.ts";
import { createByteAllowance } from "./byte-allowance.ts";
import { ExchangeObserver } from "./exchange.ts";
import { createClient } from "./http-exchange.ts";
import { type CaptureRules, type InferenceTicket, inferenceEvents, judge } from "./inference-events.ts";
import { createModelStateCache } from "./model-state-cache.ts";
import { encodeMessage, type OutgoingMessage } from "./outgoing-message.ts";
import { createMemoryQueue, type OutgoingQueue, type Refused } from "./outgoing-queue.ts";
import { createRelay } from "./relay.ts";
import { createSender } from "./sender.ts";
import { createSidecarMetrics, type SidecarMetrics } from "./sidecar-metrics.ts";
import { openSpool, type Spool } from "./spool.ts";
import type { Target } from "./target.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface SidecarOptions {
  readonly service: URL;
  readonly target: Target;
  readonly listen: Address;
  readonly admin: Address;
  readonly adminToken: () => string | null;
  readonly capture: CaptureRules;
  /** Bytes of one body that is captured, at most. */
  readonly bodyBytes: number;
  /** Bytes of what is under way, and as many of what waits to be sent, in memory at most. */
  readonly bufferBytes: number;
  readonly spool: { readonly folder: string; readonly limitBytes: number } | null;
  readonly stateFrom: {
    readonly url: URL;
    readonly token: () => string | null;
    readonly models: readonly string[];
  } | null;
  /** How long stopping waits for requests under way, and then for what waits to be sent. */
  readonly drainMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Sidecar {
  /** @throws DriftlineError `config_invalid` where an address can't be bound or the spool can't be used */
  start(): Promise<{ readonly port: number; readonly adminPort: number }>;
  stop(): Promise<void>;
}

/** Between two questions for the state of a model. */
const STATE_EVERY_MS = 2_000;

export function createSidecar(options: SidecarOptions): Sidecar {
  const { clock, log, target } = options;
  const queue = openQueue(options);
  const metrics = createSidecarMetrics(() => queue);
  if ("recovered" in queue) tellRecovered(queue, metrics, log);
  const sender = createSender({ queue, target, clock, listener: senderListener(metrics, log, target.name) });
  const push = (origin: "captured" | "posted", messages: readonly OutgoingMessage[]): Refused | null => {
    const refused = queue.push(messages.map(encodeMessage));
    // A post that is refused is its client's to send again.
    if (refused === null || origin === "captured") metrics.accepted(origin, messages.length);
    if (refused === null) sender.wake();
    else if (origin === "captured") {
      metrics.dropped(refused, messages.length);
      log.warn("messages are dropped", { reason: refused });
    }
    return refused;
  };
  const relay = createRelay({
    service: options.service,
    ...options.listen,
    observe: observerFactory(options, metrics, (messages) => push("captured", messages)),
    observeFirst: options.spool !== null,
    connections: {
      opened: () => metrics.connectionOpened(),
      closed: () => metrics.connectionClosed(),
      unreachable: () => metrics.unreachable(),
    },
    failed(thrown) {
      metrics.exchange("unobserved");
      log.error("a connection is no longer read along", { error: thrown });
    },
  });
  const stateClient = createClient(4);
  const states =
    options.stateFrom === null
      ? null
      : createModelStateCache({ ...options.stateFrom, client: stateClient, clock, everyMs: STATE_EVERY_MS });
  let draining = false;
  const admin = createAdminServer({
    ...options.admin,
    token: options.adminToken,
    notReady: () => (draining ? "it is stopping" : null),
    metrics,
    post: (message) => push("posted", [message]),
    states,
  });
  return {
    async start() {
      const { port } = await relay.start();
      const { port: adminPort } = await admin.start();
      sender.start();
      for (const model of options.stateFrom?.models ?? []) void states?.read(model);
      return { port, adminPort };
    },
    async stop() {
      draining = true;
      await relay.stop(options.drainMs);
      await sender.stop(options.drainMs);
      states?.stop();
      if (options.spool === null && queue.messages > 0) metrics.dropped("stopped", queue.messages);
      if (queue.messages > 0)
        log.warn("messages were not sent", { messages: queue.messages, spooled: options.spool !== null });
      await admin.stop();
      stateClient.close();
      await queue.close();
    },
  };
}

function openQueue({ spool, bufferBytes, log }: SidecarOptions): OutgoingQueue | Spool {
  if (spool === null) return createMemoryQueue(bufferBytes);
  return openSpool({ ...spool, failed: (thrown) => log.error("the spool can't be written", { error: thrown }) });
}

function tellRecovered({ recovered, torn }: Spool, metrics: SidecarMetrics, log: Log): void {
  if (recovered + torn === 0) return;
  metrics.accepted("recovered", recovered + torn);
  if (torn > 0) metrics.dropped("torn", torn);
  log.info("the spool held messages of an earlier run", { messages: recovered, torn });
}

function observerFactory(
  { capture, bodyBytes, bufferBytes, clock }: SidecarOptions,
  metrics: SidecarMetrics,
  push: (messages: readonly OutgoingMessage[]) => unknown,
) {
  const limits = { bodyBytes, underWay: createByteAllowance(bufferBytes) };
  const listener = {
    want(request: Parameters<typeof judge>[0]) {
      const verdict = judge(request, capture);
      if ("ticket" in verdict) return verdict.ticket;
      metrics.exchange(verdict.skipped);
      return null;
    },
    captured(
      ticket: InferenceTicket,
      request: Parameters<typeof inferenceEvents>[1],
      response: Parameters<typeof inferenceEvents>[2],
    ) {
      metrics.exchange("captured");
      push(inferenceEvents(ticket, request, response, capture));
    },
    notCaptured: (_ticket: InferenceTicket, reason: Parameters<SidecarMetrics["exchange"]>[0]) =>
      metrics.exchange(reason),
    unfollowed: () => undefined,
  };
  return () => new ExchangeObserver<InferenceTicket>(listener, limits, () => clock.now());
}

function senderListener(metrics: SidecarMetrics, log: Log, target: string) {
  return {
    sent(messages: number) {
      metrics.sent(messages);
      metrics.targetUp(true);
    },
    dropped(reason: Parameters<SidecarMetrics["dropped"]>[0], messages: number) {
      metrics.dropped(reason, messages);
      log.warn("messages are dropped", { reason, target });
    },
    refused: (events: number) => metrics.refused(events),
    attempt: (result: "sent" | "retry" | "refused") => metrics.attempt(result),
    failing(reason: string) {
      metrics.targetUp(false);
      log.warn("the target takes no messages; they wait", { target, reason });
    },
    recovered() {
      metrics.targetUp(true);
      log.info("the target takes messages again", { target });
    },
  };
}
