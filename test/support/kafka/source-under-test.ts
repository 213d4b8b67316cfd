/** Starts a Kafka source on a broker and an array sink, with short times, and waits for what a test expects. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { KafkaSourceConfig } from "../../../src/config/sources.ts";
import { sourceSchema } from "../../../src/config/sources.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { createKafkaSource } from "../../../src/ingest/kafka.ts";
import type { KafkaTuning } from "../../../src/ingest/kafka-tuning.ts";
import type { Source } from "../../../src/ingest/source.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import { ArraySink, type ArrayStore } from "./array-sink.ts";

export interface SourceUnderTest extends AsyncDisposable {
  readonly source: Source;
  readonly sink: ArraySink;
  /** Lines that were logged, parsed. */
  readonly log: Record<string, unknown>[];
}

const quick: Partial<KafkaTuning> = {
  sessionTimeoutMs: 3_000,
  heartbeatMs: 300,
  rebalanceTimeoutMs: 6_000,
  metadataMs: 1_000,
  commitMs: 200,
  backOffMs: [100, 500],
};

/** Stops at the end of an `await using` block. */
export async function startSource(options: {
  brokers: string[];
  topics: string[];
  group: string;
  store?: ArrayStore;
  config?: Partial<KafkaSourceConfig>;
  tuning?: Partial<KafkaTuning>;
}): Promise<SourceUnderTest> {
  const log: Record<string, unknown>[] = [];
  const sink = new ArraySink(options.store);
  const source = createKafkaSource({
    config: kafkaConfig({ brokers: options.brokers, topics: options.topics, group: options.group, ...options.config }),
    sink,
    clock: systemClock,
    log: createLog({
      destination: { write: (line: string) => void log.push(JSON.parse(line) as Record<string, unknown>) },
    }),
    tuning: { ...quick, ...options.tuning },
  });
  await source.start();
  return { source, sink, log, [Symbol.asyncDispose]: () => source.stop() };
}

/** Takes settings as a person writes them and as the schema leaves them, with milliseconds for durations. */
function kafkaConfig(given: Partial<KafkaSourceConfig>): KafkaSourceConfig {
  const timeout = given.session_timeout === undefined ? {} : { session_timeout: `${given.session_timeout}ms` };
  const config = sourceSchema.parse({ use: "kafka", ...given, ...timeout });
  assert.equal(config.use, "kafka");
  return config;
}

/** Waits until `holds`, at most `ms`; the message says what did not come about. */
export async function until(
  what: string | (() => string),
  holds: () => boolean | Promise<boolean>,
  ms = 30_000,
): Promise<void> {
  const deadline = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > deadline) assert.fail(`after ${ms} ms still not: ${typeof what === "string" ? what : what()}`);
    await sleep(25);
  }
}
