/**
 * Decodes fetched record batches (message format 2, Kafka 0.11 and later) into raw messages. Markers of transactions and
 * records of aborted ones are left out, and the offset after the last batch is told even where nothing is left: so a
 * run of markers, or a batch that compaction emptied, is passed and not fetched for ever.
 */
import { messageOf } from "../core/errors.ts";
import { type RawMessage, SCHEMA_ID_HEADER } from "../core/event.ts";
import { ByteReader } from "./kafka-bytes.ts";
import { decompress } from "./kafka-codecs.ts";
import type { AbortedTransaction } from "./kafka-protocol.ts";

export interface DecodedRecords {
  readonly messages: RawMessage[];
  /** Where to fetch next: after the last whole batch; the asked-for offset where there was none. */
  readonly nextOffset: number;
  /** Bytes of the values. */
  readonly bytes: number;
  /** Batches that can't be read; each is handed over whole as one message, so that it becomes a dead letter. */
  readonly unreadable: readonly { readonly offset: number; readonly nextOffset: number; readonly reason: string }[];
}

interface BatchHeader {
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly end: number;
  readonly codec: number;
  readonly appendTime: boolean;
  readonly transactional: boolean;
  readonly control: boolean;
  readonly baseTimestamp: number;
  readonly maxTimestamp: number;
  readonly producerId: string;
  readonly count: number;
}

const headerBytes = 61;
const lengthEnd = 12;
const abortMarker = 0;

/** Decodes `records` as fetched from `offset` on. Never throws: what can't be read is told as `unreadable`. */
export function decodeRecords(
  records: Buffer,
  source: string,
  partition: number,
  offset: number,
  abortedTransactions: readonly AbortedTransaction[],
): DecodedRecords {
  const messages: RawMessage[] = [];
  const unreadable: { offset: number; nextOffset: number; reason: string }[] = [];
  const aborted = new AbortedProducers(abortedTransactions);
  let nextOffset = offset;
  let bytes = 0;
  for (let at = 0; at + headerBytes <= records.length; ) {
    const size = records.readInt32BE(at + 8);
    const end = at + lengthEnd + size;
    if (size <= 0 || end > records.length) break;
    const magic = records.readInt8(at + 16);
    const firstOffset = new ByteReader(records, at).int64();
    if (magic !== 2) {
      // The offset of an older message set is that of its last message.
      nextOffset = Math.max(nextOffset, firstOffset + 1);
      refuse(at, end, firstOffset, `message format ${magic} is not supported`);
      at = end;
      continue;
    }
    const header = readHeader(records, at, end);
    nextOffset = Math.max(nextOffset, header.nextOffset);
    const before = messages.length;
    try {
      const hidden = aborted.hides(header, records, at);
      if (!hidden && header.nextOffset > offset) {
        const data = records.subarray(at + headerBytes, end);
        const plain = header.codec === 0 ? data : decompress(header.codec, data);
        bytes += readRecords(plain, header, source, partition, offset, messages);
      }
    } catch (error) {
      messages.length = before;
      refuse(at, end, Math.max(header.baseOffset, offset), messageOf(error));
    }
    at = end;
  }
  return { messages, nextOffset, bytes, unreadable };

  function refuse(from: number, to: number, first: number, reason: string): void {
    const value = records.subarray(from, to);
    bytes += value.length;
    messages.push({ source, partition, offset: first, value });
    unreadable.push({ offset: first, nextOffset, reason });
  }
}

function readHeader(records: Buffer, at: number, end: number): BatchHeader {
  const reader = new ByteReader(records, at);
  const baseOffset = reader.int64();
  reader.at = at + 21;
  const attributes = reader.int16();
  const lastOffsetDelta = reader.int32();
  const baseTimestamp = reader.int64();
  const maxTimestamp = reader.int64();
  const producerId = reader.int64Text();
  reader.at = at + 57;
  return {
    baseOffset,
    nextOffset: baseOffset + lastOffsetDelta + 1,
    end,
    codec: attributes & 0x07,
    appendTime: (attributes & 0x08) !== 0,
    transactional: (attributes & 0x10) !== 0,
    control: (attributes & 0x20) !== 0,
    baseTimestamp,
    maxTimestamp,
    producerId,
    count: reader.int32(),
  };
}

/** Follows the aborted transactions through the batches in offset order, as Kafka's own consumer does. */
class AbortedProducers {
  readonly #waiting: AbortedTransaction[];
  readonly #active = new Set<string>();

  constructor(transactions: readonly AbortedTransaction[]) {
    this.#waiting = [...transactions].sort((a, b) => a.firstOffset - b.firstOffset);
  }

  /** True for a batch of markers and one that belongs to an aborted transaction. */
  hides(batch: BatchHeader, records: Buffer, at: number): boolean {
    while (this.#waiting[0] !== undefined && this.#waiting[0].firstOffset < batch.nextOffset) {
      this.#active.add(this.#waiting[0].producerId);
      this.#waiting.shift();
    }
    if (batch.control) {
      if (markerType(records, at, batch) === abortMarker) this.#active.delete(batch.producerId);
      return true;
    }
    return batch.transactional && this.#active.has(batch.producerId);
  }
}

/** A marker is one record whose key is (version, type); type 0 aborts and 1 commits. null: another kind of control batch. */
function markerType(records: Buffer, at: number, batch: BatchHeader): number | null {
  if (batch.count !== 1) return null;
  const reader = new ByteReader(records, at + headerBytes);
  reader.unsignedVarint();
  reader.int8();
  reader.unsignedVarint();
  reader.unsignedVarint();
  const keyLength = zigzag(reader.unsignedVarint());
  if (keyLength < 4) return null;
  reader.int16();
  return reader.int16();
}

/** Appends the records from `offset` on and returns the bytes of their values. */
function readRecords(
  data: Buffer,
  batch: BatchHeader,
  source: string,
  partition: number,
  offset: number,
  messages: RawMessage[],
): number {
  const reader = new ByteReader(data);
  let bytes = 0;
  for (let index = 0; index < batch.count; index += 1) {
    const length = zigzag(reader.unsignedVarint());
    const end = reader.at + length;
    if (length <= 0 || end > data.length) throw new RangeError("a record is longer than its batch");
    reader.at += 1;
    const timestamp = batch.appendTime
      ? (reader.unsignedVarint(), batch.maxTimestamp)
      : batch.baseTimestamp + zigzag(reader.unsignedVarint());
    const at = batch.baseOffset + zigzag(reader.unsignedVarint());
    const keyLength = zigzag(reader.unsignedVarint());
    const keyAt = reader.at;
    if (keyLength > 0) reader.at += keyLength;
    const valueLength = zigzag(reader.unsignedVarint());
    const value = valueLength < 0 ? null : reader.bytes(valueLength);
    const headerCount = zigzag(reader.unsignedVarint());
    if (at >= offset) {
      bytes += valueLength > 0 ? valueLength : 0;
      const headers = headerCount > 0 ? readHeaders(reader, headerCount) : null;
      const read = message(source, partition, at, value, timestamp, headers);
      messages.push(
        headers === null || keyLength <= 0 ? read : { ...read, key: data.toString("utf8", keyAt, keyAt + keyLength) },
      );
    }
    reader.at = end;
  }
  return bytes;
}

function message(
  source: string,
  partition: number,
  offset: number,
  value: Buffer | null,
  timestamp: number,
  headers: Record<string, string> | null,
): RawMessage {
  if (headers !== null && timestamp >= 0) return { source, partition, offset, value, receivedMs: timestamp, headers };
  if (headers !== null) return { source, partition, offset, value, headers };
  // A producer that sends no time is told by -1.
  return timestamp >= 0
    ? { source, partition, offset, value, receivedMs: timestamp }
    : { source, partition, offset, value };
}

/** Of headers with one name the last counts, as for Kafka's own `lastHeader`; a header without a value is ''. Texts, one that is bytes aside. */
function readHeaders(reader: ByteReader, count: number): Record<string, string> {
  const headers = Object.create(null) as Record<string, string>;
  for (let index = 0; index < count; index += 1) {
    const name = reader.bytes(zigzag(reader.unsignedVarint())).toString("utf8");
    const length = zigzag(reader.unsignedVarint());
    headers[name] = length > 0 ? reader.bytes(length).toString(name === SCHEMA_ID_HEADER ? "latin1" : "utf8") : "";
  }
  return headers;
}

/** 0, 1, 2, 3 … stand for 0, -1, 1, -2 …; without bit operations, which would cut at 32 bits. */
function zigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
