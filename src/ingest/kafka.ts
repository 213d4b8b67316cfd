/**
 * The Kafka source: consumes topics as a member of a consumer group and hands records to the sink. Positions live in the
 * store; the broker's committed offsets follow them as a courtesy to tools. A broker that is away is waited for, a topic
 * that was made anew is read from its start, and what retention has taken is told as a gap.
 */
import type { KafkaSourceConfig } from "../config/sources.ts";
import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { Log } from "../telemetry/log.ts";
import { KafkaClient } from "./kafka-client.ts";
import { fetchFrom } from "./kafka-fetcher.ts";
import { type Assignment, GroupMember } from "./kafka-group.ts";
import { locate } from "./kafka-locate.ts";
import { PartitionReader } from "./kafka-partition.ts";
import type { TopicMetadata } from "./kafka-protocol.ts";
import { type KafkaMetrics, KafkaReport } from "./kafka-report.ts";
import { defaultTuning, type KafkaTuning } from "./kafka-tuning.ts";
import { Wake } from "./kafka-wake.ts";
import type { MessageSink, Source, SourceStatus } from "./source.ts";

/** Kafka's error code of a topic that does not exist. */
const unknownTopic = 3;
const troubleMs = 500;
const farewellMs = 1_000;
const longestStopMs = 3_000;

export interface KafkaSourceOptions {
  readonly config: KafkaSourceConfig;
  readonly sink: MessageSink;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics?: KafkaMetrics;
  readonly tuning?: Partial<KafkaTuning>;
}

/** A source that reads `config.topics`. Throws `config_invalid` at once where a file of `tls:` can't be read. */
export function createKafkaSource(options: KafkaSourceOptions): Source {
  return new KafkaSource(options);
}

class KafkaSource implements Source {
  readonly #config: KafkaSourceConfig;
  readonly #sink: MessageSink;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #report: KafkaReport;
  readonly #tuning: KafkaTuning;
  readonly #group: GroupMember;
  readonly #wake = new Wake();
  readonly #trouble = new Wake();
  readonly #stop = new AbortController();
  readonly #readers = new Map<string, PartitionReader>();
  readonly #revoking = new Map<string, Promise<void>>();
  /** Topics that were gone at the last look; only for brokers without topic ids. */
  readonly #vanished = new Set<string>();
  /** Partitions of each topic when the group last shared out: our topics, and as its leader those of all members. */
  #shared: ReadonlyMap<string, readonly number[]> = new Map();
  #client: KafkaClient;
  #running: Promise<void> = Promise.resolve();
  #endListening: () => void = () => undefined;
  #phase = "starting";
  #connected = false;

  constructor(options: KafkaSourceOptions) {
    this.#config = options.config;
    this.#clock = options.clock;
    this.#log = options.log.with({ part: "kafka" });
    this.#report = new KafkaReport(this.#log, options.clock, options.metrics);
    this.#sink = options.sink;
    const sessionTimeoutMs = options.config.session_timeout;
    const heartbeatMs = Math.min(defaultTuning.heartbeatMs, sessionTimeoutMs / 4);
    this.#tuning = { ...defaultTuning, sessionTimeoutMs, heartbeatMs, ...options.tuning };
    this.#group = new GroupMember(this.#config.group, this.#tuning, this.#clock);
    this.#client = this.#newClient();
  }

  start(): Promise<void> {
    this.#endListening = this.#sink.onStored((source, partition, nextOffset) =>
      this.#onStored(source, partition, nextOffset),
    );
    this.#running = this.#sessions();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    const goodbye = this.#connected ? this.#commit().then(() => this.#group.leave(this.#client)) : Promise.resolve();
    await this.#atMost(
      farewellMs,
      goodbye.catch(() => undefined),
    );
    for (const reader of this.#readers.values()) reader.stop();
    await this.#client.close();
    await this.#atMost(longestStopMs, this.#running);
    this.#endListening();
    this.#connected = false;
    this.#phase = "stopped";
  }

  async #atMost(ms: number, work: Promise<unknown>): Promise<void> {
    const enough = new AbortController();
    await Promise.race([work, this.#clock.sleep(ms, enough.signal)]);
    enough.abort();
  }

  status(): SourceStatus {
    const problem = this.#problem();
    return {
      name: `kafka ${this.#config.topics.join(", ")}`,
      connected: problem === null,
      problem,
      ...this.#report.counts(),
      partitions: [...this.#readers.values()].map((reader) => ({
        source: reader.source,
        topic: reader.topic,
        partition: reader.partition,
        position: reader.stored,
        highWatermark: reader.highWatermark,
        lag: reader.lag,
      })),
    };
  }

  #problem(): string | null {
    if (!this.#connected) return this.#phase;
    if (this.#report.topicProblem !== null) return this.#report.topicProblem;
    for (const { topic, partition, problem, fetchOffset } of this.#readers.values()) {
      if (problem !== null) return `${topic} partition ${partition}: ${problem}`;
      if (fetchOffset === null) return `${topic} partition ${partition}: finding out where to go on reading`;
    }
    return null;
  }

  #newClient(): KafkaClient {
    return new KafkaClient(this.#config, { topicIds: this.#tuning.topicIds });
  }

  /** One session after the other until it is stopped; a session ends when the brokers can't be reached. */
  async #sessions(): Promise<void> {
    const [first, longest] = this.#tuning.backOffMs;
    let pauseMs = first;
    while (!this.#stop.signal.aborted) {
      try {
        await this.#session(() => (pauseMs = first));
      } catch (error) {
        if (this.#stop.signal.aborted) break;
        const brokers = this.#config.brokers.join(", ");
        this.#phase = `Kafka at ${brokers} can't be reached, trying again: ${messageOf(error)}`;
        this.#report.failed(this.#phase, error);
      }
      // `stop` says goodbye over this connection before it closes it.
      if (this.#stop.signal.aborted) break;
      this.#connected = false;
      await this.#client.close();
      await this.#clock.sleep(pauseMs, this.#stop.signal);
      pauseMs = Math.min(longest, pauseMs * 2);
      this.#client = this.#newClient();
    }
  }

  /** Joins again and again, as the group demands it. */
  async #session(onJoined: () => void): Promise<void> {
    const client = this.#client;
    await client.connect();
    while (!this.#stop.signal.aborted) {
      this.#phase = `joining the consumer group ${this.#config.group}`;
      this.#shared = partitionsIn(await client.metadata(this.#config.topics));
      const assignment = await this.#group.join(client, this.#config.topics, async (topics) => {
        this.#shared = partitionsIn(await client.metadata(topics));
        return this.#shared;
      });
      onJoined();
      const metadata = await client.metadata(this.#config.topics);
      this.#take(assignment, metadata);
      this.#connected = true;
      const end = await this.#generation(client, metadata);
      if (end === "fenced") void this.#giveUp([...this.#readers.values()]);
    }
  }

  /** Reads until the group shares out anew, and makes sure that nothing of this generation goes on after it. */
  async #generation(client: KafkaClient, metadata: ReadonlyMap<string, TopicMetadata>): Promise<string> {
    const over = new AbortController();
    const onStop = () => over.abort();
    this.#stop.signal.addEventListener("abort", onStop, { once: true });
    const tasks: Promise<string>[] = [];
    const fetching = new Set<number>();
    const fetchFromLeaders = () => {
      for (const { leader } of this.#readers.values()) {
        if (leader < 0 || fetching.has(leader)) continue;
        fetching.add(leader);
        tasks.push(this.#fetch(leader, over.signal));
      }
    };
    try {
      this.#apply(metadata);
      fetchFromLeaders();
      tasks.push(this.#group.keepAlive(client, over.signal));
      tasks.push(this.#commitRegularly(over.signal));
      tasks.push(this.#watchTopics(client, over.signal, fetchFromLeaders));
      return await Promise.race(tasks.slice(-3));
    } finally {
      over.abort();
      this.#stop.signal.removeEventListener("abort", onStop);
      await Promise.allSettled(tasks);
    }
  }

  async #fetch(leader: number, signal: AbortSignal): Promise<string> {
    await fetchFrom(
      leader,
      {
        newClient: () => this.#newClient(),
        readers: () => this.#readers.values(),
        limits: this.#tuning,
        wake: this.#wake,
        clock: this.#clock,
        log: this.#log,
        events: {
          outOfRange: (reader, offset) => void this.#locate(reader, { outOfRange: offset }),
          topicTrouble: () => this.#trouble.ring(),
          read: (reader, tombstones) => this.#report.read(reader, tombstones),
        },
      },
      signal,
    );
    return "stopped";
  }

  /** Looks at the topics now and then, and at once when a fetch met with trouble. Returns when the group must share out anew. */
  async #watchTopics(client: KafkaClient, signal: AbortSignal, onChange: () => void): Promise<string> {
    let failures = 0;
    while (!signal.aborted) {
      const troubled =
        this.#report.topicProblem !== null || [...this.#readers.values()].some((reader) => reader.problem !== null);
      await this.#trouble.wait(troubled ? troubleMs : this.#tuning.metadataMs, signal);
      if (signal.aborted) break;
      try {
        const metadata = await client.metadata([...new Set([...this.#config.topics, ...this.#shared.keys()])]);
        if (signal.aborted) break;
        failures = 0;
        this.#apply(metadata);
        if (this.#toBeSharedAnew(metadata)) return "rebalance";
        onChange();
      } catch (error) {
        failures += 1;
        if (failures > 2) throw error;
      }
      await this.#clock.sleep(Math.min(troubleMs, this.#tuning.metadataMs), signal);
    }
    return "stopped";
  }

  /** Takes what was assigned and gives up what was not, or everything where others may have read it in between. */
  #take({ partitions, fenced }: Assignment, metadata: ReadonlyMap<string, TopicMetadata>): void {
    const assigned = new Map<string, { topic: string; partition: number }>();
    for (const [topic, numbers] of partitions) {
      for (const partition of numbers) assigned.set(`${topic}/${partition}`, { topic, partition });
    }
    void this.#giveUp([...this.#readers].filter(([key]) => fenced || !assigned.has(key)).map(([, reader]) => reader));
    for (const [key, { topic, partition }] of assigned) {
      if (this.#readers.has(key)) continue;
      const id = metadata.get(topic)?.id ?? null;
      const reader = new PartitionReader(topic, id, partition, this.#sink, this.#wake, this.#clock);
      this.#readers.set(key, reader);
      void this.#locate(reader, {});
    }
    this.#log.info("Joined the consumer group", { group: this.#config.group, partitions: [...assigned.keys()].sort() });
  }

  async #giveUp(readers: readonly PartitionReader[]): Promise<void> {
    const all = readers.map(async (reader) => {
      const key = `${reader.topic}/${reader.partition}`;
      this.#readers.delete(key);
      this.#report.givenUp(reader);
      const before = this.#revoking.get(key) ?? Promise.resolve();
      const done = Promise.all([before, reader.revoke()])
        .then(() => undefined)
        .catch((error: unknown) => this.#report.failed("A partition that was given up could not be dropped", error));
      this.#revoking.set(key, done);
      await done;
      if (this.#revoking.get(key) === done) this.#revoking.delete(key);
    });
    await Promise.all(all);
  }

  /** Compares topics with what they were: leaders, existence, and whether one was made anew. */
  #apply(metadata: ReadonlyMap<string, TopicMetadata>): void {
    for (const topic of this.#config.topics) {
      const now = metadata.get(topic);
      this.#report.topic(topic, now);
      if (now !== undefined && now.error !== 0 && now.error !== unknownTopic) continue;
      if (now === undefined || now.error === unknownTopic) {
        this.#vanished.add(topic);
        // Without an id nothing else could tell what is read under this name from now on.
        for (const reader of this.#readers.values())
          if (reader.topic === topic && reader.topicId === null) reader.halt();
        continue;
      }
      const vanished = this.#vanished.delete(topic);
      for (const reader of this.#readers.values()) {
        if (reader.topic !== topic) continue;
        reader.leader = now.leaders.get(reader.partition) ?? -1;
        if (reader.topicId === now.id && !(now.id === null && vanished)) continue;
        reader.topicId = now.id;
        reader.epoch = now.id === null ? reader.epoch : 1;
        void this.#locate(reader, { madeAnew: true });
      }
    }
    this.#wake.ring();
  }

  /** Finds out where to go on with a partition, and keeps asking until it is known or the partition is given up. */
  async #locate(reader: PartitionReader, why: { outOfRange?: number; madeAnew?: boolean }): Promise<void> {
    const { topic, partition } = reader;
    reader.locating += 1;
    const question = reader.locating;
    const outOfRange = why.outOfRange === undefined ? null : { epoch: reader.epoch, offset: why.outOfRange };
    reader.fetchOffset = null;
    const obsolete = () => reader.revoked || reader.locating !== question || this.#stop.signal.aborted;
    while (!obsolete()) {
      try {
        await this.#revoking.get(`${topic}/${partition}`);
        const { topicId } = reader;
        const query = { topic, topicId, partition, fromBeginning: this.#config.from_beginning, outOfRange };
        const location = await locate({ ...query, madeAnew: why.madeAnew ?? false }, this.#sink, () =>
          this.#client.bounds(reader.leader, topic, partition),
        );
        const surprising = location.gap !== null || location.restart !== null;
        if (surprising && !(await this.#isStill(reader))) {
          this.#trouble.ring();
        } else if (!obsolete()) {
          this.#report.located(reader, location);
          reader.moveTo(location);
          return;
        }
      } catch (error) {
        if (obsolete()) return;
        reader.problem = `can't find out where to go on reading: ${messageOf(error)}`;
        this.#trouble.ring();
      }
      await this.#clock.sleep(troubleMs, this.#stop.signal);
    }
  }

  /** Offsets are asked for by name; what they say counts only if the name still means the same topic. */
  async #isStill(reader: PartitionReader): Promise<boolean> {
    const metadata = await this.#client.metadata([reader.topic]);
    const now = metadata.get(reader.topic);
    return now !== undefined && now.error === 0 && now.id === reader.topicId;
  }

  #onStored(source: string, partition: number, nextOffset: number): void {
    for (const reader of this.#readers.values()) {
      if (reader.source !== source || reader.partition !== partition) continue;
      reader.stored = Math.max(reader.stored ?? 0, nextOffset);
      this.#report.lag(reader);
    }
  }

  async #commitRegularly(signal: AbortSignal): Promise<string> {
    while (!signal.aborted) {
      await this.#clock.sleep(this.#tuning.commitMs, signal);
      if (signal.aborted) break;
      try {
        await this.#commit();
      } catch (error) {
        this.#log.debug("The broker did not take a commit; the store has the positions", { error: messageOf(error) });
      }
    }
    return "stopped";
  }

  async #commit(): Promise<void> {
    const due = [...this.#readers.values()].flatMap((reader) =>
      reader.stored === null || reader.stored === reader.committed ? [] : [{ reader, offset: reader.stored }],
    );
    if (due.length === 0) return;
    const offsets = due.map(({ reader: { topic, partition }, offset }) => ({ topic, partition, offset }));
    await this.#group.commit(this.#client, offsets);
    for (const { reader, offset } of due) reader.committed = offset;
  }

  /** A topic that is gone is no reason: what was read of it is still to be stored, and it may come back. */
  #toBeSharedAnew(metadata: ReadonlyMap<string, TopicMetadata>): boolean {
    return [...metadata.values()].some(
      (topic) => topic.error === 0 && topic.leaders.size !== (this.#shared.get(topic.name)?.length ?? 0),
    );
  }
}

function partitionsIn(metadata: ReadonlyMap<string, TopicMetadata>): ReadonlyMap<string, readonly number[]> {
  const numbers = ({ error, leaders }: TopicMetadata) => (error === 0 ? [...leaders.keys()].sort((a, b) => a - b) : []);
  return new Map([...metadata].map(([name, topic]) => [name, numbers(topic)]));
}
