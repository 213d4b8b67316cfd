/**
 * Reads dead letters again, by the mapping and the models of now. Those that are events now go the way of all messages, under a source of their
 * own (`redrive:` and where they came from) with its own positions and commit records, so that late windows are opened as for any late event;
 * then the letter is marked. Killed in between, the same letters are read and stored a second time: an event without an id has that of the
 * place at which it lay at first, so twice is once. What still can't be read stays as it is.
 */
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import type { RawMessage } from "../core/event.ts";
import type { ModelSchema } from "../core/model-schema.ts";
import type { BatchWriter } from "../ingest/batch-writer.ts";
import { type Decoders, KEPT_HALF, NATIVE, REDRIVEN } from "../ingest/decoders.ts";
import { EventRows } from "../ingest/events/event-rows.ts";
import { type DeadLetterFilter, type LetterId, letterCondition } from "../serve/queries/dead-letters.ts";
import { join, sql, time } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { type Partners, readPartners } from "./half-partners.ts";

export interface RedriveParts {
  readonly lane: Lane;
  readonly writer: Pick<BatchWriter, "push" | "flush" | "position">;
  readonly decoders: Decoders;
  readonly schemas: readonly ModelSchema[];
  readonly clock: Clock;
}

export const redriveResultSchema = z.object({
  /** Letters that were read again. */
  looked_at: z.number(),
  redriven: z.number(),
  /** What stays, by the reason that it has now. */
  stay: z.array(z.object({ reason: z.string(), count: z.number(), detail: z.string() })),
});
export type RedriveResult = z.output<typeof redriveResultSchema>;

/** Which letters; those that have been redriven are left alone. */
export type RedriveFilter = Omit<DeadLetterFilter, "redriven">;

const letterRow = z.object({
  source: z.string(),
  partition: z.number(),
  offset: z.number(),
  item: z.number(),
  format: z.string(),
  reason: z.string(),
  detail: z.string(),
  bytes: z.string(),
  envelope: z.string(),
});
type Letter = z.output<typeof letterRow>;

const envelopeSchema = z.object({
  receivedMs: z.number().exactOptional(),
  headers: z.record(z.string(), z.string()).exactOptional(),
  key: z.string().exactOptional(),
  identity: z.string().nullable().exactOptional(),
});

/** Letters in memory at a time. */
const PAGE = 500;

/** @throws DriftlineError where the store is away; the same call again goes on */
export async function redrive(parts: RedriveParts, filter: RedriveFilter): Promise<RedriveResult> {
  const stay = new Map<string, { reason: string; count: number; detail: string }>();
  let lookedAt = 0;
  let redriven = 0;
  let after: LetterId | null = null;
  for (;;) {
    const letters: Letter[] = await readPage(parts.lane, filter, after);
    const last = letters[letters.length - 1];
    if (last === undefined) return { looked_at: lookedAt, redriven, stay: [...stay.values()] };
    after = last;
    lookedAt += letters.length;
    const partners = await readPartners(parts.lane, letters.filter(isUnpaired).map(textOf), filter);
    const readable: { readonly letter: Letter; readonly message: RawMessage }[] = [];
    for (const letter of letters) {
      const found = await readAgain(parts, letter, partners);
      if ("message" in found) {
        readable.push({ letter, message: found.message });
        continue;
      }
      const known = stay.get(found.reason);
      if (known === undefined) stay.set(found.reason, { reason: found.reason, count: 1, detail: found.detail });
      else known.count++;
    }
    await store(
      parts,
      readable.map(({ message }) => message),
    );
    await mark(
      parts,
      readable.map(({ letter }) => letter),
    );
    redriven += readable.length;
  }
}

/** In the order of their places, so that a page goes on where the last one ended, whatever was marked meanwhile. */
function readPage(lane: Lane, filter: DeadLetterFilter, after: LetterId | null): Promise<Letter[]> {
  const beyond =
    after === null
      ? sql`true`
      : sql`(source, partition, offset, item) > (${after.source}, ${after.partition}, ${after.offset}, ${after.item})`;
  return lane.query(
    sql`SELECT toString(source) AS source, partition AS partition, offset AS offset, item AS item, format, reason, detail, base64Encode(raw) AS bytes, envelope
      FROM (SELECT * FROM dead_letters FINAL WHERE ${letterCondition({ ...filter, redriven: false })} AND ${beyond}
        ORDER BY source, partition, offset, item LIMIT ${PAGE})`,
    letterRow,
  );
}

type Refused = Pick<Letter, "reason" | "detail">;
type ReadAgain = { readonly message: RawMessage } | Refused;

/** As what its source is read; a single event of a message of several is native JSON by itself. */
async function readAgain({ decoders, schemas }: RedriveParts, letter: Letter, partners: Partners): Promise<ReadAgain> {
  const message = messageOf(letter);
  if (isUnpaired(letter)) {
    const alone = partners.whyAlone(textOf(letter));
    // A source that was read again already has the word before its name.
    const source = letter.source.startsWith(HALVES_AGAIN) ? letter.source : HALVES_AGAIN + letter.source;
    return alone === null ? { message: { ...message, source } } : alone;
  }
  // The same sides again would disagree again.
  if (letter.reason === "halves_disagree") return letter;
  const sources = letter.format === "json" || letter.format === "" ? [letter.source] : [letter.source, NATIVE];
  let why: Refused | null = null;
  for (const source of letter.item > 0 ? [NATIVE] : sources) {
    const decoder = decoders.of(REDRIVEN + source);
    await decoder.prepare?.([message]);
    const rows = new EventRows(schemas);
    decoder.decode(message, 0, rows);
    const [dead] = rows.dead;
    if (dead === undefined && rows.events > 0) return { message: { ...message, source: REDRIVEN + source } };
    why ??= dead === undefined ? NOTHING : { reason: dead.reason, detail: dead.detail };
  }
  return why ?? NOTHING;
}

/** Before the name of the source of halves that have found their other side. */
const HALVES_AGAIN = `${REDRIVEN}${KEPT_HALF}:`;
const isUnpaired = ({ reason }: Letter): boolean => reason === "unpaired";
const textOf = ({ bytes }: Letter): string => Buffer.from(bytes, "base64").toString();

const NOTHING = { reason: "no_value", detail: "the message holds no event" } as const;

function messageOf({ source, partition, offset, bytes, envelope }: Letter): RawMessage {
  const known = envelope === "" ? {} : envelopeSchema.parse(JSON.parse(envelope));
  return {
    source,
    partition,
    offset,
    value: Buffer.from(bytes, "base64"),
    ...known,
    // Where the event carries no id, that of the place where it lay: a second time it is the same event.
    identity: known.identity === undefined ? `${source}/${partition}/${offset}` : known.identity,
  };
}

/** Under offsets of their own, in the order of their places. */
async function store({ writer }: RedriveParts, messages: readonly RawMessage[]): Promise<void> {
  const groups = new Map<string, RawMessage[]>();
  for (const message of messages) {
    const key = `${message.partition} ${message.source}`;
    groups.set(key, [...(groups.get(key) ?? []), message]);
  }
  for (const group of groups.values()) {
    const [first] = group;
    if (first === undefined) continue;
    const next = (await writer.position(first.source, first.partition)) ?? 0;
    await writer.push(group.map((message, index) => ({ ...message, offset: next + index })));
    await writer.flush();
  }
}

/** Once what they hold is stored. */
async function mark({ lane, clock }: RedriveParts, letters: readonly Letter[]): Promise<void> {
  if (letters.length === 0) return;
  const places = join(
    letters.map(({ source, partition, offset, item }) => sql`(${source}, ${partition}, ${offset}, ${item})`),
  );
  await lane.command(
    sql`INSERT INTO dead_letters (source, partition, offset, item, format, reason, detail, raw, envelope, received_at, redriven_at)
      SELECT source, partition, offset, item, format, reason, detail, raw, envelope, received_at, ${time(clock.now())}
      FROM dead_letters FINAL WHERE (source, partition, offset, item) IN (${places})`,
  );
}
