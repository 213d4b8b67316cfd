/** A record of the spool: length, checksum, its number, the message. Whatever was torn off or changed is seen by the checksum. */
import { crc32 } from "node:zlib";

/** Bytes before the message: length (4), CRC-32 of what follows (4), number (8). */
export const RECORD_HEADER_BYTES = 16;
/** No message is as long: a length above it is a broken record. */
const MESSAGE_BYTES_MAX = 256 * 1024 * 1024;

export interface SpoolRecord {
  readonly number: number;
  readonly message: Buffer;
  /** Where the next record begins. */
  readonly end: number;
}

export function encodeRecord(number: number, message: Buffer): Buffer {
  const record = Buffer.allocUnsafe(RECORD_HEADER_BYTES + message.length);
  record.writeUInt32BE(message.length, 0);
  record.writeBigUInt64BE(BigInt(number), 8);
  message.copy(record, RECORD_HEADER_BYTES);
  record.writeUInt32BE(crc32(record.subarray(8)), 4);
  return record;
}

/** The record at `at`; null where it is not whole, or not what was written. */
export function decodeRecord(bytes: Buffer, at: number): SpoolRecord | null {
  if (bytes.length - at < RECORD_HEADER_BYTES) return null;
  const length = bytes.readUInt32BE(at);
  const end = at + RECORD_HEADER_BYTES + length;
  if (length > MESSAGE_BYTES_MAX || end > bytes.length) return null;
  if (crc32(bytes.subarray(at + 8, end)) !== bytes.readUInt32BE(at + 4)) return null;
  return {
    number: Number(bytes.readBigUInt64BE(at + 8)),
    message: bytes.subarray(at + RECORD_HEADER_BYTES, end),
    end,
  };
}
