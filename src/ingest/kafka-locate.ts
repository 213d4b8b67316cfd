/**
 * Where to read a partition from: the store's position, the log's own range where the two disagree, and what that means
 * (a gap, or a topic that starts over). Reading never leaps to the newest record.
 */
import type { LogBounds } from "./kafka-client.ts";
import type { MessageSink } from "./source.ts";

/** What is known of the partition when the question is asked. */
export interface Locating {
  readonly topic: string;
  /** null where the brokers are too old to give topics ids. */
  readonly topicId: string | null;
  readonly partition: number;
  readonly fromBeginning: boolean;
  /** True when this process saw the topic being made anew. */
  readonly madeAnew: boolean;
  /** Set when a fetch at this offset was out of the log's range. */
  readonly outOfRange: { readonly epoch: number; readonly offset: number } | null;
}

/** Where reading goes on, and what is to be told of it. */
export interface Location {
  readonly source: string;
  readonly epoch: number;
  readonly offset: number;
  /** The store does not hold this position yet, and would begin elsewhere after a restart. */
  readonly toBeRecorded: boolean;
  /** Records that the log dropped before they were read. */
  readonly gap: { readonly from: number; readonly to: number } | null;
  /** The topic starts over: how far the old one was stored, and where the log ends now. */
  readonly restart: { readonly stored: number; readonly end: number } | null;
}

/**
 * `kafka:<topic>:<topic id>`; without ids `kafka:<topic>`. Each time that the log turns out to end before what is stored
 * of it, offsets start to mean other records: then `:e2`, `:e3` … is added.
 */
export function sourceName(topic: string, topicId: string | null, epoch: number): string {
  return `kafka:${topic}${topicId === null ? "" : `:${topicId}`}${epoch > 1 ? `:e${epoch}` : ""}`;
}

/** Answers from the store and, where it must, from the broker (`bounds`). Throws what these throw. */
export async function locate(query: Locating, sink: MessageSink, bounds: () => Promise<LogBounds>): Promise<Location> {
  if (query.outOfRange !== null) return whereTheLogDisagrees(query, query.outOfRange, await bounds());
  const { topic, topicId, partition } = query;
  const at = (epoch: number) => sink.position(sourceName(topic, topicId, epoch), partition);
  let epoch = 1;
  let stored = await at(epoch);
  while (stored !== null) {
    const next = await at(epoch + 1);
    if (next === null) break;
    epoch += 1;
    stored = next;
  }
  if (query.madeAnew && topicId === null) {
    const { start, end } = await bounds();
    return begin(query, epoch + 1, start, { stored: stored ?? 0, end });
  }
  const source = sourceName(topic, topicId, epoch);
  if (stored !== null) return { source, epoch, offset: stored, toBeRecorded: false, gap: null, restart: null };
  const { start, end } = await bounds();
  const old = await storedOfTheOldTopic(query, sink);
  if (query.madeAnew || old !== null) return begin(query, epoch, start, { stored: old ?? 0, end });
  return begin(query, epoch, query.fromBeginning ? start : end, null);
}

function begin(query: Locating, epoch: number, offset: number, restart: Location["restart"]): Location {
  const source = sourceName(query.topic, query.topicId, epoch);
  return { source, epoch, offset, toBeRecorded: true, gap: null, restart };
}

function whereTheLogDisagrees(
  query: Locating,
  asked: { epoch: number; offset: number },
  { start, end }: LogBounds,
): Location {
  const { offset, epoch } = asked;
  const source = sourceName(query.topic, query.topicId, epoch);
  if (offset < start)
    return { source, epoch, offset: start, toBeRecorded: true, gap: { from: offset, to: start }, restart: null };
  if (offset <= end) return { source, epoch, offset, toBeRecorded: false, gap: null, restart: null };
  // The log ends before what was read of it. With an id it is the same topic that lost its end (an unclean election):
  // what it still holds is stored already. Without one it must be taken for a topic made anew.
  return begin(query, epoch + 1, query.topicId === null ? start : end, { stored: offset, end });
}

/** How far another topic of the same name is stored, or null where the store knows none. */
async function storedOfTheOldTopic(query: Locating, sink: MessageSink): Promise<number | null> {
  const rows = (await sink.storedPositions?.(`kafka:${query.topic}`)) ?? [];
  const own = sourceName(query.topic, query.topicId, 1);
  const old = rows
    .filter(({ source }) => source === `kafka:${query.topic}` || source.startsWith(`kafka:${query.topic}:`))
    .filter(
      ({ source, partition }) => partition === query.partition && source !== own && !source.startsWith(`${own}:`),
    );
  return old.length === 0 ? null : Math.max(...old.map((row) => row.nextOffset));
}
