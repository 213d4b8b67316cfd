/**
 * Membership in a consumer group: join, share out partitions, heartbeat, commit, leave. Heartbeats go out on their own
 * timer, so a store that is slow or away costs no session.
 */
import { AssignerProtocol } from "kafkajs";
import type { Clock } from "../core/clock.ts";
import type { GroupCoordinator, JoinedGroup, KafkaClient } from "./kafka-client.ts";

export interface GroupTimes {
  /** A member that is not heard of for so long is thrown out. */
  readonly sessionTimeoutMs: number;
  readonly heartbeatMs: number;
  /** How long the others are waited for when the group shares out anew. */
  readonly rebalanceTimeoutMs: number;
}

export interface Assignment {
  readonly partitions: ReadonlyMap<string, readonly number[]>;
  /** True when the broker had forgotten this member: others may have owned its partitions in between. */
  readonly fenced: boolean;
}

/** The partitions of each of these topics that exists. */
export type PartitionsOf = (topics: readonly string[]) => Promise<ReadonlyMap<string, readonly number[]>>;

/** Why a generation ended: the group shares out anew, or it has thrown this member out. */
export type GenerationEnd = "rebalance" | "fenced";

// kafkajs's own name and format, so that its consumers and these can be in one group.
const protocolName = "RoundRobinAssigner";

export class GroupMember {
  readonly #group: string;
  readonly #times: GroupTimes;
  readonly #clock: Clock;
  #memberId = "";
  #generation = -1;

  constructor(group: string, times: GroupTimes, clock: Clock) {
    this.#group = group;
    this.#times = times;
    this.#clock = clock;
  }

  /**
   * Joins and returns what this member shall read. The leader of the group asks `partitionsOf` for the partitions of all
   * topics that anyone in it reads, which may be others than its own. Throws when the broker can't be reached.
   */
  async join(client: KafkaClient, topics: readonly string[], partitionsOf: PartitionsOf): Promise<Assignment> {
    let fenced = this.#memberId === "";
    for (;;) {
      try {
        const coordinator = await client.coordinator(this.#group);
        const joined = await coordinator.joinGroup({
          groupId: this.#group,
          sessionTimeout: this.#times.sessionTimeoutMs,
          rebalanceTimeout: this.#times.rebalanceTimeoutMs,
          memberId: this.#memberId,
          groupProtocols: [{ name: protocolName, metadata: subscription(topics) }],
        });
        this.#memberId = joined.memberId;
        this.#generation = joined.generationId;
        const { memberAssignment } = await coordinator.syncGroup({
          groupId: this.#group,
          generationId: joined.generationId,
          memberId: joined.memberId,
          groupAssignment: joined.leaderId === joined.memberId ? await shareOut(joined, partitionsOf) : [],
        });
        const decoded = AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment ?? {};
        return { partitions: new Map(Object.entries(decoded)), fenced };
      } catch (error) {
        if (isForgotten(error)) {
          this.#memberId = "";
          fenced = true;
        } else if (errorType(error) !== "REBALANCE_IN_PROGRESS") throw error;
      }
    }
  }

  /** Heartbeats until the generation ends, and says how; or until `signal` aborts. Throws when the broker is gone. */
  async keepAlive(client: KafkaClient, signal: AbortSignal): Promise<GenerationEnd | "stopped"> {
    let coordinator: GroupCoordinator = await client.coordinator(this.#group);
    let failures = 0;
    while (!signal.aborted) {
      await this.#clock.sleep(this.#times.heartbeatMs, signal);
      if (signal.aborted) break;
      try {
        await coordinator.heartbeat({
          groupId: this.#group,
          groupGenerationId: this.#generation,
          memberId: this.#memberId,
        });
        failures = 0;
      } catch (error) {
        if (errorType(error) === "REBALANCE_IN_PROGRESS") return "rebalance";
        if (isForgotten(error)) {
          this.#memberId = "";
          return "fenced";
        }
        failures += 1;
        if (failures > 2) throw error;
        coordinator = await client.coordinator(this.#group);
      }
    }
    return "stopped";
  }

  /** Tells the broker how far is stored: a courtesy to tools that show lag. Throws what kafkajs throws. */
  async commit(
    client: KafkaClient,
    offsets: readonly { topic: string; partition: number; offset: number }[],
  ): Promise<void> {
    const topics = new Map<string, { partition: number; offset: string }[]>();
    for (const { topic, partition, offset } of offsets) {
      topics.set(topic, [...(topics.get(topic) ?? []), { partition, offset: String(offset) }]);
    }
    const coordinator = await client.coordinator(this.#group);
    await coordinator.offsetCommit({
      groupId: this.#group,
      groupGenerationId: this.#generation,
      memberId: this.#memberId,
      topics: [...topics].map(([topic, partitions]) => ({ topic, partitions })),
    });
  }

  /** Leaves, so that the others take over at once. */
  async leave(client: KafkaClient): Promise<void> {
    if (this.#memberId === "") return;
    const memberId = this.#memberId;
    this.#memberId = "";
    const coordinator = await client.coordinator(this.#group);
    await coordinator.leaveGroup({ groupId: this.#group, memberId });
  }
}

function subscription(topics: readonly string[]): Buffer {
  return AssignerProtocol.MemberMetadata.encode({ version: 0, topics: [...topics], userData: Buffer.alloc(0) });
}

/** Deals the partitions of each topic to those who subscribed to it, in turn; the same input gives the same shares. */
async function shareOut(
  joined: JoinedGroup,
  partitionsOf: PartitionsOf,
): Promise<{ memberId: string; memberAssignment: Buffer }[]> {
  const members = joined.members
    .map(({ memberId, memberMetadata }) => ({
      memberId,
      topics: new Set(AssignerProtocol.MemberMetadata.decode(memberMetadata)?.topics ?? []),
      assignment: new Map<string, number[]>(),
    }))
    .sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
  const topics = [...new Set(members.flatMap((member) => [...member.topics]))].sort();
  const partitions = await partitionsOf(topics);
  let turn = 0;
  for (const topic of topics) {
    const takers = members.filter((member) => member.topics.has(topic));
    for (const partition of partitions.get(topic) ?? []) {
      const taker = takers[turn % takers.length];
      turn += 1;
      taker?.assignment.set(topic, [...(taker.assignment.get(topic) ?? []), partition]);
    }
  }
  return members.map(({ memberId, assignment }) => ({
    memberId,
    memberAssignment: AssignerProtocol.MemberAssignment.encode({
      version: 0,
      assignment: Object.fromEntries(assignment),
      userData: Buffer.alloc(0),
    }),
  }));
}

/** kafkajs gives Kafka's errors a `type`. */
export function errorType(error: unknown): string | null {
  return error instanceof Error && "type" in error && typeof error.type === "string" ? error.type : null;
}

function isForgotten(error: unknown): boolean {
  const type = errorType(error);
  return type === "UNKNOWN_MEMBER_ID" || type === "ILLEGAL_GENERATION" || type === "FENCED_INSTANCE_ID";
}
