/**
 * What waits to be sent, on disk: segments that are only added to, and a cursor that says how far was sent. A message is with the
 * operating system when `push` returns, so that a killed process loses none; a machine that loses power may lose the last seconds.
 * After a restart what follows the cursor is sent, some of it perhaps a second time, under the same ids.
 */
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { open, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { DriftlineError, messageOf } from "../core/errors.ts";
import type { BatchLimits, OutgoingQueue, Refused } from "./outgoing-queue.ts";
import { decodeRecord, encodeRecord, RECORD_HEADER_BYTES } from "./spool-record.ts";

export interface SpoolOptions {
  readonly folder: string;
  /** Bytes of all segments at most. */
  readonly limitBytes: number;
  /** Told of every error of writing; the messages concerned were refused. */
  readonly failed: (thrown: unknown) => void;
}

export interface Spool extends OutgoingQueue {
  /** Messages that an earlier run left behind. */
  readonly recovered: number;
  /** Messages that an earlier run left behind in part, or changed: they can't be sent. */
  readonly torn: number;
}

interface Segment {
  readonly index: number;
  bytes: number;
}

interface Cursor {
  /** Index of the segment and the offset within it at which the first unsent record begins. */
  segment: number;
  offset: number;
}

const LARGEST_SEGMENT_BYTES = 8 * 1024 * 1024;
const SEGMENT = /^(\d{16})\.spool$/;
const CURSOR = "cursor.json";
const LOCK = "lock";
const cursorSchema = z.object({ segment: z.number().int(), offset: z.number().int() });

/** @throws DriftlineError `config_invalid` where the folder can't be used, or another process uses it */
export function openSpool(options: SpoolOptions): Spool {
  lock(options.folder);
  return new FileSpool(options, recover(options.folder));
}

class FileSpool implements Spool {
  readonly recovered: number;
  readonly torn: number;
  messages: number;
  /** Of all segments, what was sent of the oldest included. */
  bytes: number;
  readonly #options: SpoolOptions;
  readonly #segmentBytes: number;
  readonly #segments: Segment[];
  readonly #cursor: Cursor;
  #nextIndex: number;
  #nextNumber: number;
  #writing: { readonly segment: Segment; readonly descriptor: number } | null = null;
  /** Ends of the records of the last `peek`, so that `remove` need not read them again. */
  #peeked: readonly Cursor[] = [];

  constructor(options: SpoolOptions, found: Recovered) {
    this.#options = options;
    this.#segmentBytes = Math.max(64 * 1024, Math.min(LARGEST_SEGMENT_BYTES, Math.floor(options.limitBytes / 8)));
    this.recovered = found.recovered;
    this.torn = found.torn;
    this.messages = found.recovered;
    this.#segments = found.segments;
    this.bytes = found.segments.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#cursor = found.cursor;
    this.#nextIndex = found.nextIndex;
    this.#nextNumber = found.nextNumber;
  }

  push(messages: readonly Buffer[]): Refused | null {
    const records = Buffer.concat(messages.map((message, index) => encodeRecord(this.#nextNumber + index, message)));
    if (this.bytes + records.length > this.#options.limitBytes) return "spool_full";
    try {
      this.#append(records);
    } catch (thrown) {
      this.#options.failed(thrown);
      this.#seal();
      return "spool_failed";
    }
    this.bytes += records.length;
    this.messages += messages.length;
    this.#nextNumber += messages.length;
    return null;
  }

  #append(records: Buffer): void {
    const { segment, descriptor } = this.#writable();
    try {
      for (let at = 0; at < records.length; ) at += writeSync(descriptor, records, at);
    } catch (thrown) {
      // Half a record in the middle would hide all that follow it.
      ftruncateSync(descriptor, segment.bytes);
      throw thrown;
    }
    segment.bytes += records.length;
  }

  #writable() {
    if (this.#writing !== null && this.#writing.segment.bytes < this.#segmentBytes) return this.#writing;
    this.#seal();
    const segment = { index: this.#nextIndex, bytes: 0 };
    this.#writing = { segment, descriptor: openSync(fileOf(this.#options.folder, segment.index), "wx") };
    this.#nextIndex++;
    this.#segments.push(segment);
    return this.#writing;
  }

  #seal(): void {
    if (this.#writing !== null) closeSync(this.#writing.descriptor);
    this.#writing = null;
  }

  async peek(limits: BatchLimits): Promise<readonly Buffer[]> {
    const cursor = this.#cursor;
    const segment = this.#segments.find(
      ({ index, bytes }) => index > cursor.segment || (index === cursor.segment && bytes > cursor.offset),
    );
    if (segment === undefined) return [];
    const from = segment.index === cursor.segment ? cursor.offset : 0;
    const read = await readRecords(fileOf(this.#options.folder, segment.index), from, segment.bytes, limits);
    this.#peeked = read.map(({ end }) => ({ segment: segment.index, offset: end }));
    return read.map(({ message }) => message);
  }

  async remove(count: number): Promise<void> {
    const to = this.#peeked[count - 1];
    if (to === undefined) return;
    this.#peeked = this.#peeked.slice(count);
    this.messages -= count;
    Object.assign(this.#cursor, to);
    const { folder, failed } = this.#options;
    try {
      await writeFile(path.join(folder, `${CURSOR}.new`), JSON.stringify(to));
      await rename(path.join(folder, `${CURSOR}.new`), path.join(folder, CURSOR));
      await this.#removeSent(to);
    } catch (thrown) {
      // A full disk: after a crash these would be sent again, under the same ids.
      failed(thrown);
    }
  }

  async #removeSent({ segment: at, offset }: Cursor): Promise<void> {
    const isSent = ({ index, bytes }: Segment) =>
      index < at || (index === at && bytes === offset && index !== this.#writing?.segment.index);
    for (const segment of this.#segments.filter(isSent)) {
      await rm(fileOf(this.#options.folder, segment.index), { force: true });
      this.bytes -= segment.bytes;
      this.#segments.splice(this.#segments.indexOf(segment), 1);
    }
  }

  close(): Promise<void> {
    this.#seal();
    rmSync(path.join(this.#options.folder, LOCK), { force: true });
    return Promise.resolve();
  }
}

const fileOf = (folder: string, index: number): string => path.join(folder, `${String(index).padStart(16, "0")}.spool`);

interface Recovered {
  readonly segments: Segment[];
  readonly cursor: Cursor;
  readonly nextIndex: number;
  readonly nextNumber: number;
  readonly recovered: number;
  readonly torn: number;
}

/** Reads every segment that is not sent yet. The next is a new one: what a crash tore off is never added to. */
function recover(folder: string): Recovered {
  const indexes = readdirSync(folder)
    .flatMap((name) => SEGMENT.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
  const cursor = readCursor(path.join(folder, CURSOR));
  const segments: Segment[] = [];
  let nextNumber = 0;
  let recovered = 0;
  let torn = 0;
  let brokenOff = false;
  for (const index of indexes) {
    const file = fileOf(folder, index);
    if (index < cursor.segment) {
      rmSync(file, { force: true });
      continue;
    }
    const bytes = readFileSync(file);
    const start = index === cursor.segment ? Math.min(cursor.offset, bytes.length) : 0;
    let at = start;
    let messages = 0;
    for (let record = decodeRecord(bytes, at); record !== null; record = decodeRecord(bytes, at)) {
      // A gap in the numbers: what stood between them is gone. The first of it was counted where it broke off.
      if (nextNumber > 0) torn += Math.max(0, record.number - nextNumber - (brokenOff ? 1 : 0));
      brokenOff = false;
      nextNumber = record.number + 1;
      at = record.end;
      messages++;
    }
    if (at < bytes.length) {
      torn++;
      brokenOff = true;
      // Not counted again at the next start.
      truncateSync(file, at);
    }
    recovered += messages;
    if (at > start) segments.push({ index, bytes: at });
    else rmSync(file, { force: true });
  }
  const nextIndex = Math.max(cursor.segment, ...indexes) + 1;
  return { segments, cursor, nextIndex, nextNumber, recovered, torn };
}

function readCursor(file: string): Cursor {
  try {
    return cursorSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    // None yet, or unreadable: all that is there is sent, some of it perhaps again.
    return { segment: 0, offset: 0 };
  }
}

async function readRecords(file: string, from: number, to: number, limits: BatchLimits) {
  const handle = await open(file, "r");
  try {
    const length = Buffer.alloc(RECORD_HEADER_BYTES);
    await handle.read(length, 0, RECORD_HEADER_BYTES, from);
    const first = RECORD_HEADER_BYTES + length.readUInt32BE(0);
    const bytes = Buffer.allocUnsafe(Math.min(to - from, Math.max(limits.bytes, first)));
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, from);
    const read: { readonly message: Buffer; readonly end: number }[] = [];
    for (let at = 0; read.length < limits.messages; ) {
      const record = decodeRecord(bytes.subarray(0, bytesRead), at);
      if (record === null) break;
      read.push({ message: record.message, end: from + record.end });
      at = record.end;
    }
    if (read.length === 0) throw new Error(`the record of ${file} at ${from} can't be read`);
    return read;
  } finally {
    await handle.close();
  }
}

/** One process a folder. The lock of a process that is gone is taken over. */
function lock(folder: string): void {
  const file = path.join(folder, LOCK);
  try {
    mkdirSync(folder, { recursive: true });
    if (existsSync(file) && isAlive(Number(readFileSync(file, "utf8"))))
      throw new Error(`process ${readFileSync(file, "utf8")} uses it; give each sidecar a folder of its own`);
    writeFileSync(file, String(process.pid));
  } catch (thrown) {
    throw new DriftlineError("config_invalid", `the spool ${folder} can't be used: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}

function isAlive(pid: number): boolean {
  // In a container that was started again this process has the number of the one before.
  if (!Number.isInteger(pid) || pid < 1 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return thrown instanceof Error && "code" in thrown && thrown.code === "EPERM";
  }
}
