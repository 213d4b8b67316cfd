/**
 * The one catalogue of Prometheus metrics, and the small interfaces through which the parts of the service move them.
 * Stations see only those interfaces, so that none of them knows which library counts.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { DeadLetterReason } from "../core/event.ts";
import { type IncidentTransition, type Severity, severities } from "../core/incident.ts";

type MetricKind = "counter" | "gauge" | "histogram";

/** What is known of a metric before it has a value; `docs/reference/metrics.md` lists the same. */
export interface MetricDescription {
  readonly name: string;
  readonly kind: MetricKind;
  readonly help: string;
  readonly labels: readonly string[];
}

export const metricCatalogue = {
  events: {
    name: "driftline_events_total",
    kind: "counter",
    help: "Events stored, by source and kind (prediction, label, or half: one side of a call that waits for the other).",
    labels: ["source", "kind"],
  },
  deadLetters: {
    name: "driftline_dead_letters_total",
    kind: "counter",
    help: "Messages that could not become an event, by source, the format they were read as, and reason.",
    labels: ["source", "format", "reason"],
  },
  batches: {
    name: "driftline_batches_total",
    kind: "counter",
    help: "Batches stored and recorded.",
    labels: [],
  },
  batchDuration: {
    name: "driftline_batch_duration_seconds",
    kind: "histogram",
    help: "Time from a full batch to its commit record.",
    labels: [],
  },
  evaluationDuration: {
    name: "driftline_evaluation_duration_seconds",
    kind: "histogram",
    help: "Time of one evaluation of a model: panes, windows, detectors and KPIs.",
    labels: ["model"],
  },
  windowsEvaluated: {
    name: "driftline_windows_evaluated_total",
    kind: "counter",
    help: "Windows evaluated, those that were evaluated anew included.",
    labels: ["model"],
  },
  kafkaLag: {
    name: "driftline_kafka_lag_events",
    kind: "gauge",
    help: "Records of a partition that are not stored yet.",
    labels: ["topic", "partition"],
  },
  kafkaGap: {
    name: "driftline_kafka_gap_events_total",
    kind: "counter",
    help: "Records that the log had dropped before they were read.",
    labels: ["topic", "partition"],
  },
  kafkaRestarts: {
    name: "driftline_kafka_topic_restarts_total",
    kind: "counter",
    help: "Times that a partition started over because its topic was made anew or had lost its end.",
    labels: ["topic", "partition"],
  },
  kafkaTombstones: {
    name: "driftline_kafka_tombstones_total",
    kind: "counter",
    help: "Records without a value, which are passed over.",
    labels: ["topic"],
  },
  watermark: {
    name: "driftline_watermark_seconds",
    kind: "gauge",
    help: "Event time, in seconds since 1970, up to which a model's windows are closed.",
    labels: ["model"],
  },
  incidentsOpen: {
    name: "driftline_incidents_open",
    kind: "gauge",
    help: "Incidents that are open now.",
    labels: ["model", "severity"],
  },
  incidentTransitions: {
    name: "driftline_incident_transitions_total",
    kind: "counter",
    help: "Changes of incidents: opened, escalated, widened, data_missing, reminder, confirmed, revised, resolved, withdrawn.",
    labels: ["model", "transition"],
  },
  deliveries: {
    name: "driftline_deliveries_total",
    kind: "counter",
    help: "Attempts to deliver to a channel or an action, by result (delivered, retry, dead).",
    labels: ["target", "result"],
  },
  configReloadFailed: {
    name: "driftline_config_reload_failed",
    kind: "gauge",
    help: "1 while the newest configuration was refused and the one before it is in force, 0 otherwise.",
    labels: [],
  },
  storeUp: {
    name: "driftline_store_up",
    kind: "gauge",
    help: "1 while the store answers, 0 while it does not.",
    labels: [],
  },
} as const satisfies Readonly<Record<string, MetricDescription>>;

/** What ingestion counts. Counts are whole and not negative. */
export interface IngestMetrics {
  events(source: string, kind: "prediction" | "label" | "half", count: number): void;
  deadLetters(source: string, format: string, reason: DeadLetterReason, count: number): void;
  batch(seconds: number): void;
  lag(topic: string, partition: number, events: number): void;
  /** Forgets the lag of a partition that another process reads now. */
  lagEnded(topic: string, partition: number): void;
  gap(topic: string, partition: number, events: number): void;
  topicRestarted(topic: string, partition: number): void;
  tombstones(topic: string, count: number): void;
}

/** What evaluation counts. */
export interface EvaluationMetrics {
  evaluated(model: string, windows: number, seconds: number): void;
  watermark(model: string, epochMs: number): void;
}

/** What the incident machine counts. */
export interface IncidentMetrics {
  /** Open incidents of a model by severity; severities left out are none. */
  open(model: string, counts: Readonly<Partial<Record<Severity, number>>>): void;
  transition(model: string, transition: IncidentTransition): void;
}

/** What the outbox counts: `retry` is a failed attempt that will be tried again, `dead` one that will not. */
export interface DeliveryMetrics {
  delivery(target: string, result: "delivered" | "retry" | "dead"): void;
}

export interface StoreMetrics {
  up(answers: boolean): void;
}

export interface ConfigurationMetrics {
  reloaded(done: boolean): void;
}

export interface Metrics {
  readonly ingest: IngestMetrics;
  readonly evaluation: EvaluationMetrics;
  readonly incidents: IncidentMetrics;
  readonly deliveries: DeliveryMetrics;
  readonly store: StoreMetrics;
  readonly configuration: ConfigurationMetrics;
  /** Takes away the gauges of a model that is watched no more. */
  forgetModel(model: string): void;
  /** The media type that goes with `expose`. */
  readonly contentType: string;
  /** Everything in Prometheus' text format, those of the process (`driftline_process_…`, `driftline_nodejs_…`) included. */
  expose(): Promise<string>;
}

const BATCH_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const EVALUATION_BUCKETS = [0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** A registry of its own, so that two services in one process (and in tests) don't share counts. */
export function createMetrics(options: { readonly process?: boolean } = {}): Metrics {
  const registry = new Registry();
  if (options.process !== false) collectDefaultMetrics({ register: registry, prefix: "driftline_" });
  const { counter, gauge, histogram } = makers(registry);
  return {
    ingest: ingestMetrics(counter, gauge, histogram),
    evaluation: evaluationMetrics(counter, gauge, histogram),
    incidents: incidentMetrics(counter, gauge),
    deliveries: deliveryMetrics(counter),
    store: storeMetrics(gauge),
    configuration: configurationMetrics(gauge),
    forgetModel(model) {
      for (const { name } of [metricCatalogue.watermark, metricCatalogue.incidentsOpen]) {
        const of = registry.getSingleMetric(name);
        if (!(of instanceof Gauge)) continue;
        if (name === metricCatalogue.watermark.name) of.remove({ model });
        else for (const severity of severities) of.remove({ model, severity });
      }
    },
    contentType: registry.contentType,
    expose: () => registry.metrics(),
  };
}

/** Parts of a registry: `counter(description)` makes and registers one. */
function makers(registry: Registry) {
  const base = (description: MetricDescription) => ({
    name: description.name,
    help: description.help,
    labelNames: [...description.labels],
    registers: [registry],
  });
  return {
    counter: (description: MetricDescription) => new Counter(base(description)),
    gauge: (description: MetricDescription) => new Gauge(base(description)),
    histogram: (description: MetricDescription, buckets: number[]) => new Histogram({ ...base(description), buckets }),
  };
}
type Makers = ReturnType<typeof makers>;

function ingestMetrics(
  counter: Makers["counter"],
  gauge: Makers["gauge"],
  histogram: Makers["histogram"],
): IngestMetrics {
  const events = counter(metricCatalogue.events);
  const deadLetters = counter(metricCatalogue.deadLetters);
  const batches = counter(metricCatalogue.batches);
  const batchDuration = histogram(metricCatalogue.batchDuration, BATCH_BUCKETS);
  const lag = gauge(metricCatalogue.kafkaLag);
  const gap = counter(metricCatalogue.kafkaGap);
  const restarts = counter(metricCatalogue.kafkaRestarts);
  const tombstones = counter(metricCatalogue.kafkaTombstones);
  return {
    events: (source, kind, count) => events.inc({ source, kind }, count),
    deadLetters: (source, format, reason, count) => deadLetters.inc({ source, format, reason }, count),
    batch(seconds) {
      batches.inc();
      batchDuration.observe(seconds);
    },
    lag: (topic, partition, count) => lag.set({ topic, partition: String(partition) }, count),
    lagEnded: (topic, partition) => lag.remove({ topic, partition: String(partition) }),
    gap: (topic, partition, count) => gap.inc({ topic, partition: String(partition) }, count),
    topicRestarted: (topic, partition) => restarts.inc({ topic, partition: String(partition) }),
    tombstones: (topic, count) => tombstones.inc({ topic }, count),
  };
}

function evaluationMetrics(
  counter: Makers["counter"],
  gauge: Makers["gauge"],
  histogram: Makers["histogram"],
): EvaluationMetrics {
  const duration = histogram(metricCatalogue.evaluationDuration, EVALUATION_BUCKETS);
  const windowsEvaluated = counter(metricCatalogue.windowsEvaluated);
  const watermark = gauge(metricCatalogue.watermark);
  return {
    evaluated(model, windows, seconds) {
      duration.observe({ model }, seconds);
      windowsEvaluated.inc({ model }, windows);
    },
    watermark: (model, epochMs) => watermark.set({ model }, epochMs / 1000),
  };
}

function incidentMetrics(counter: Makers["counter"], gauge: Makers["gauge"]): IncidentMetrics {
  const open = gauge(metricCatalogue.incidentsOpen);
  const transitions = counter(metricCatalogue.incidentTransitions);
  return {
    open(model, counts) {
      for (const severity of severities) open.set({ model, severity }, counts[severity] ?? 0);
    },
    transition: (model, transition) => transitions.inc({ model, transition }),
  };
}

function deliveryMetrics(counter: Makers["counter"]): DeliveryMetrics {
  const deliveries = counter(metricCatalogue.deliveries);
  return { delivery: (target, result) => deliveries.inc({ target, result }) };
}

function configurationMetrics(gauge: Makers["gauge"]): ConfigurationMetrics {
  const failed = gauge(metricCatalogue.configReloadFailed);
  failed.set(0);
  return { reloaded: (done) => failed.set(done ? 0 : 1) };
}

function storeMetrics(gauge: Makers["gauge"]): StoreMetrics {
  const up = gauge(metricCatalogue.storeUp);
  return { up: (answers) => up.set(answers ? 1 : 0) };
}
