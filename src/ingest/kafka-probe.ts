/** Tries a Kafka source as `driftline check` does: do the brokers answer, and are the topics there? */
import { Kafka } from "kafkajs";
import type { KafkaSourceConfig } from "../config/sources.ts";
import { DriftlineError } from "../core/errors.ts";
import { kafkajsConfig } from "../core/kafka-connection.ts";

/**
 * @returns what was found, for people
 * @throws DriftlineError `source_failed` that names the topics that are missing; kafkajs' own error where no broker answers
 */
export async function probeKafka(config: KafkaSourceConfig, signal: AbortSignal): Promise<string> {
  const admin = new Kafka({ ...kafkajsConfig(config), retry: { retries: 1, initialRetryTime: 200 } }).admin();
  const close = () => void admin.disconnect().catch(() => {});
  signal.addEventListener("abort", close, { once: true });
  try {
    await admin.connect();
    const present = new Set(await admin.listTopics());
    const missing = config.topics.filter((topic) => !present.has(topic));
    if (missing.length > 0)
      throw new DriftlineError("source_failed", `the brokers answer, but there is no topic ${missing.join(", ")}`);
    const { topics } = await admin.fetchTopicMetadata({ topics: config.topics });
    return topics.map(({ name, partitions }) => `${name}: ${partitions.length} partitions`).join(", ");
  } finally {
    signal.removeEventListener("abort", close);
    await admin.disconnect();
  }
}
