/**
 * The connection to Kafka. Sockets, TLS, SASL, broker discovery and the group protocol are kafkajs's; only its consumer
 * is not used: it fetches by topic name, so a topic made anew passes for the old one, it leaps when an offset is gone, and
 * it hides transaction markers. This file is the only one that touches what kafkajs does not export as its public API.
 */
import net from "node:net";
import tls from "node:tls";
import { Kafka, type KafkaConfig, PartitionAssigners } from "kafkajs";
import type { KafkaSourceConfig } from "../config/sources.ts";
import { kafkajsConfig } from "../core/kafka-connection.ts";
import {
  apiKeys,
  type FetchAnswer,
  type FetchOptions,
  type FetchPartition,
  fetchRequest,
  metadataRequest,
  type TopicMetadata,
  type WireRequest,
} from "./kafka-protocol.ts";

/** What the source calls on one of kafkajs's brokers. */
export interface GroupCoordinator {
  joinGroup(request: {
    groupId: string;
    sessionTimeout: number;
    rebalanceTimeout: number;
    memberId: string;
    groupProtocols: { name: string; metadata: Buffer }[];
  }): Promise<JoinedGroup>;
  syncGroup(request: {
    groupId: string;
    generationId: number;
    memberId: string;
    groupAssignment: { memberId: string; memberAssignment: Buffer }[];
  }): Promise<{ memberAssignment: Buffer }>;
  heartbeat(request: { groupId: string; groupGenerationId: number; memberId: string }): Promise<unknown>;
  leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown>;
  offsetCommit(request: {
    groupId: string;
    groupGenerationId: number;
    memberId: string;
    topics: { topic: string; partitions: { partition: number; offset: string }[] }[];
  }): Promise<unknown>;
}

export interface JoinedGroup {
  readonly generationId: number;
  readonly leaderId: string;
  readonly memberId: string;
  readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[];
}

interface KafkajsBroker extends GroupCoordinator {
  readonly versions: Readonly<Record<number, { maxVersion: number } | undefined>> | null;
  readonly connectionPool: {
    send<Answer>(request: WireRequest<Answer>): Promise<Answer>;
  };
  listOffsets(request: {
    isolationLevel: number;
    topics: { topic: string; partitions: { partition: number; timestamp: number }[] }[];
  }): Promise<{ responses: { partitions: { partition: number; offset: string }[] }[] }>;
}

interface KafkajsCluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  findBroker(node: { nodeId: string }): Promise<KafkajsBroker>;
  findGroupCoordinator(group: { groupId: string }): Promise<KafkajsBroker>;
  readonly brokerPool: {
    findConnectedBroker(): Promise<KafkajsBroker>;
    refreshMetadata(topics: readonly string[]): Promise<void>;
    readonly brokers: Readonly<Record<string, KafkajsBroker>>;
  };
}

/** First offset of a partition's log, and the one after its last. */
export interface LogBounds {
  readonly start: number;
  readonly end: number;
}

const earliest = -2;
const latest = -1;
const unknownTopic = 3;

/**
 * One session with a cluster. After an error of the network it is closed and another one is made: a connection of kafkajs
 * that broke off in the middle of an answer keeps that half and misreads all that follow.
 */
export class KafkaClient {
  readonly #cluster: KafkajsCluster;
  readonly #sockets = new Set<net.Socket>();
  readonly #allowIds: boolean;
  #closed = false;

  constructor(config: KafkaSourceConfig, options: { topicIds?: boolean } = {}) {
    this.#allowIds = options.topicIds ?? true;
    this.#cluster = clusterOf(new Kafka({ ...kafkajsConfig(config), socketFactory: this.#openSocket }), config.group);
  }

  connect(): Promise<void> {
    return this.#cluster.connect();
  }

  /** Topics with their ids and leaders; one that does not exist has error 3. Refreshes the list of brokers too. */
  async metadata(topics: readonly string[]): Promise<Map<string, TopicMetadata>> {
    const broker = await this.#cluster.brokerPool.findConnectedBroker();
    const withIds = this.#allowIds && (broker.versions?.[apiKeys.metadata]?.maxVersion ?? 0) >= 12;
    const answer = await broker.connectionPool.send(metadataRequest(topics, withIds));
    const nodes = answer.flatMap((topic) => [...topic.leaders.values()]).filter((leader) => leader >= 0);
    const known = this.#cluster.brokerPool.brokers;
    if (Object.keys(known).length === 0 || nodes.some((node) => known[String(node)] === undefined)) {
      const existing = answer.filter((topic) => topic.error !== unknownTopic).map((topic) => topic.name);
      await this.#cluster.brokerPool.refreshMetadata(existing);
    }
    return new Map(answer.map((topic) => [topic.name, topic]));
  }

  /** Fetches from one broker. The names are used where a topic has no id or the broker is too old for ids. */
  async fetch(node: number, partitions: readonly FetchPartition[], options: FetchOptions): Promise<FetchAnswer> {
    const broker = await this.#cluster.findBroker({ nodeId: String(node) });
    const supported = (broker.versions?.[apiKeys.fetch]?.maxVersion ?? 0) >= 13;
    const withIds = supported && partitions.every((entry) => entry.topicId !== null);
    return broker.connectionPool.send(fetchRequest(partitions, withIds, options));
  }

  /** The range of offsets that a partition holds now, open transactions included. */
  async bounds(node: number, topic: string, partition: number): Promise<LogBounds> {
    const broker = await this.#cluster.findBroker({ nodeId: String(node) });
    const ask = async (timestamp: number) => {
      const topics = [{ topic, partitions: [{ partition, timestamp }] }];
      const { responses } = await broker.listOffsets({ isolationLevel: 0, topics });
      const offset = Number(responses[0]?.partitions[0]?.offset);
      if (!Number.isSafeInteger(offset)) throw new Error(`Kafka gave no offset of ${topic} partition ${partition}`);
      return offset;
    };
    return { start: await ask(earliest), end: await ask(latest) };
  }

  coordinator(group: string): Promise<GroupCoordinator> {
    return this.#cluster.findGroupCoordinator({ groupId: group });
  }

  /** Breaks off everything at once; kafkajs alone would wait for answers that may never come. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const socket of this.#sockets) socket.destroy(new Error("the connection was closed"));
    await this.#cluster.disconnect().catch(() => undefined);
    for (const socket of this.#sockets) socket.destroy();
  }

  readonly #openSocket: NonNullable<KafkaConfig["socketFactory"]> = ({ host, port, ssl, onConnect }) => {
    if (this.#closed) throw new Error("the connection was closed");
    const name = net.isIP(host) === 0 ? { servername: host } : {};
    // kafkajs hands over `ssl: true` as an empty object.
    const socket: net.Socket = ssl
      ? tls.connect({ host, port, ...name, ...ssl }, onConnect)
      : net.connect({ host, port }, onConnect);
    socket.setKeepAlive(true, 60_000);
    socket.setNoDelay(true);
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    // A socket that is destroyed after kafkajs has let go of it would have no listener for its error.
    socket.on("error", () => undefined);
    return socket;
  };
}

/** kafkajs hands its cluster to partition assigners, and to nobody else: so an assigner takes it. */
function clusterOf(kafka: Kafka, groupId: string): KafkajsCluster {
  let taken: unknown = null;
  kafka.consumer({
    groupId,
    allowAutoTopicCreation: false,
    partitionAssigners: [
      (context) => {
        taken = context.cluster;
        return PartitionAssigners.roundRobin(context);
      },
    ],
  });
  // kafkajs types only a part of its own cluster; test/fault/kafka-* would fail if the rest changed.
  return taken as KafkajsCluster;
}
