/** Times and limits of the Kafka source. Tests shorten them; users have no use for them. */
import type { FetchLimits } from "./kafka-fetcher.ts";
import type { GroupTimes } from "./kafka-group.ts";

export interface KafkaTuning extends GroupTimes, FetchLimits {
  /** How often topics are looked at for new partitions, leaders and ids. */
  readonly metadataMs: number;
  readonly commitMs: number;
  /** Pauses between attempts to reach the brokers grow from the first to the second. */
  readonly backOffMs: readonly [number, number];
  /** False reads by topic name as brokers before Kafka 3.1 need it. */
  readonly topicIds: boolean;
}

/** All but the session time-out, which the configuration has. */
export const defaultTuning: Omit<KafkaTuning, "sessionTimeoutMs"> = {
  heartbeatMs: 1_000,
  rebalanceTimeoutMs: 20_000,
  maxWaitMs: 5_000,
  maxBytes: 8 * 1024 * 1024,
  maxBytesPerPartition: 512 * 1024,
  maxQueuedBytes: 8 * 1024 * 1024,
  metadataMs: 10_000,
  commitMs: 1_000,
  backOffMs: [250, 5_000],
  topicIds: true,
};
