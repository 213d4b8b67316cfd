/** The Prometheus metrics of a sidecar; docs/sidecar.md lists the same. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { NotCaptured } from "./exchange.ts";
import type { Refused } from "./outgoing-queue.ts";
import type { GivenUp } from "./sender.ts";

/** What became of a request that passed. */
export type ExchangeResult = "captured" | "sampled_out" | "not_inference" | NotCaptured | "unobserved";
/** Why a message was not sent. */
export type DropReason = Refused | GivenUp | "stopped" | "torn";

export const sidecarMetricNames = {
  exchanges: "driftline_sidecar_exchanges_total",
  connections: "driftline_sidecar_connections_total",
  connectionsOpen: "driftline_sidecar_connections_open",
  unreachable: "driftline_sidecar_service_unreachable_total",
  accepted: "driftline_sidecar_messages_total",
  sent: "driftline_sidecar_messages_sent_total",
  dropped: "driftline_sidecar_messages_dropped_total",
  refused: "driftline_sidecar_events_refused_total",
  waiting: "driftline_sidecar_messages_waiting",
  waitingBytes: "driftline_sidecar_waiting_bytes",
  attempts: "driftline_sidecar_attempts_total",
  targetUp: "driftline_sidecar_target_up",
} as const;

export interface SidecarMetrics {
  exchange(result: ExchangeResult): void;
  connectionOpened(): void;
  connectionClosed(): void;
  unreachable(): void;
  /** `captured` from the service, `posted` to the sidecar, `recovered` from the spool of an earlier run. */
  accepted(origin: "captured" | "posted" | "recovered", messages: number): void;
  sent(messages: number): void;
  dropped(reason: DropReason, messages: number): void;
  refused(events: number): void;
  attempt(result: "sent" | "retry" | "refused"): void;
  targetUp(up: boolean): void;
  readonly contentType: string;
  expose(): Promise<string>;
}

/** @param waiting what waits to be sent, asked at each scrape */
export function createSidecarMetrics(
  waiting: () => { readonly messages: number; readonly bytes: number },
): SidecarMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: "driftline_sidecar_" });
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter<Label>({ name, help, labelNames, registers: [registry] });
  const gauge = (name: string, help: string, collect?: (this: Gauge) => void) =>
    new Gauge({ name, help, registers: [registry], ...(collect === undefined ? {} : { collect }) });
  const names = sidecarMetricNames;
  const exchanges = counter(names.exchanges, "Requests that passed, by what became of them.", ["result"]);
  const connections = counter(names.connections, "Connections of clients.");
  const open = gauge(names.connectionsOpen, "Connections of clients that are open now.");
  const unreachable = counter(names.unreachable, "Connections that the service did not take.");
  const accepted = counter(names.accepted, "Messages to be sent; an inference is two.", ["origin"]);
  const sent = counter(names.sent, "Messages that the target has taken.");
  const dropped = counter(names.dropped, "Messages that were not sent and will not be, by reason.", ["reason"]);
  const refused = counter(names.refused, "Events within sent messages that the target refused.");
  const attempts = counter(names.attempts, "Attempts to send, by result.", ["result"]);
  const targetUp = gauge(names.targetUp, "1 while the target takes messages, 0 while it does not.");
  gauge(names.waiting, "Messages that wait to be sent.", function () {
    this.set(waiting().messages);
  });
  gauge(names.waitingBytes, "Bytes in the buffer or the spool.", function () {
    this.set(waiting().bytes);
  });
  targetUp.set(1);
  return {
    exchange: (result) => exchanges.inc({ result }),
    connectionOpened() {
      connections.inc();
      open.inc();
    },
    connectionClosed: () => open.dec(),
    unreachable: () => unreachable.inc(),
    accepted: (origin, messages) => accepted.inc({ origin }, messages),
    sent: (messages) => sent.inc(messages),
    dropped: (reason, messages) => dropped.inc({ reason }, messages),
    refused: (events) => refused.inc(events),
    attempt: (result) => attempts.inc({ result }),
    targetUp: (up) => targetUp.set(up ? 1 : 0),
    contentType: registry.contentType,
    expose: () => registry.metrics(),
  };
}
