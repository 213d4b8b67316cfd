/** What the Kafka source tells of itself: gaps, topics that started over, tombstones, errors; for log, status and metrics. */
import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { Log } from "../telemetry/log.ts";
import type { IngestMetrics } from "../telemetry/metrics.ts";
import type { Location } from "./kafka-locate.ts";
import type { PartitionReader } from "./kafka-partition.ts";
import { describeErrorCode, type TopicMetadata } from "./kafka-protocol.ts";
import type { SourceGap, SourceStatus } from "./source.ts";

export type KafkaMetrics = Pick<IngestMetrics, "lag" | "lagEnded" | "gap" | "topicRestarted" | "tombstones">;

const gapsKept = 100;

export class KafkaReport {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #metrics: KafkaMetrics | undefined;
  readonly #topicProblems = new Map<string, string>();
  #lastError: SourceStatus["lastError"] = null;
  #gaps: readonly SourceGap[] = [];
  #recordsLost = 0;
  #topicRestarts = 0;
  #tombstones = 0;

  constructor(log: Log, clock: Clock, metrics: KafkaMetrics | undefined) {
    this.#log = log;
    this.#clock = clock;
    this.#metrics = metrics;
  }

  /** The counts of a status; the source adds what it knows of the connection. */
  counts(): Pick<SourceStatus, "lastError" | "gaps" | "recordsLost" | "topicRestarts" | "tombstones"> {
    return {
      lastError: this.#lastError,
      gaps: this.#gaps,
      recordsLost: this.#recordsLost,
      topicRestarts: this.#topicRestarts,
      tombstones: this.#tombstones,
    };
  }

  get topicProblem(): string | null {
    for (const problem of this.#topicProblems.values()) return problem;
    return null;
  }

  failed(message: string, error: unknown): void {
    this.#lastError = { message, atMs: this.#clock.now() };
    this.#log.warn(message, { error: messageOf(error) });
  }

  /** Notes whether a topic can be read, and says so when that changes. */
  topic(topic: string, now: TopicMetadata | undefined): void {
    const problem = topicProblem(topic, now);
    if (problem === null) this.#topicProblems.delete(topic);
    else if (this.#topicProblems.get(topic) !== problem) {
      this.#topicProblems.set(topic, problem);
      this.#log.warn(problem, { topic });
    }
  }

  /** Tells what is surprising about where reading goes on. */
  located({ topic, partition }: PartitionReader, { source, gap, restart, offset }: Location): void {
    if (gap !== null) {
      const lost = gap.to - gap.from;
      this.#gaps = [...this.#gaps, { source, topic, partition, ...gap }].slice(-gapsKept);
      this.#recordsLost += lost;
      this.#metrics?.gap(topic, partition, lost);
      const text = `${topic} partition ${partition}: records ${gap.from} to ${gap.to - 1} were deleted before they were read`;
      this.#log.error(text, { topic, partition, from: gap.from, to: gap.to, lost });
    }
    if (restart !== null) {
      this.#topicRestarts += 1;
      this.#metrics?.topicRestarted(topic, partition);
      const { stored, end } = restart;
      const text = `${topic} partition ${partition} starts over (stored ${stored}, end of log ${end})`;
      this.#log.warn(text, { topic, partition, source, stored, end, from: offset });
    }
  }

  lag({ topic, partition, lag }: PartitionReader): void {
    if (lag !== null) this.#metrics?.lag(topic, partition, lag);
  }

  givenUp({ topic, partition }: PartitionReader): void {
    this.#metrics?.lagEnded(topic, partition);
  }

  /** Notes what a fetch brought. Tombstones are counted here and passed over: nothing was predicted, nothing is deleted. */
  read(reader: PartitionReader, tombstones: number): void {
    this.#tombstones += tombstones;
    if (tombstones > 0) this.#metrics?.tombstones(reader.topic, tombstones);
    this.lag(reader);
  }
}

function topicProblem(topic: string, now: TopicMetadata | undefined): string | null {
  if (now === undefined || now.error === 3) return `the topic ${topic} does not exist; waiting for it`;
  if (now.error !== 0) return `the topic ${topic} can't be read: ${describeErrorCode(now.error)}`;
  return null;
}
