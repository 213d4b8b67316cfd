/**
 * The source `file`: Parquet and CSV are read by ClickHouse, so that Parquet's types are kept; NDJSON is read line by line, so that a
 * broken line becomes a dead letter with the bytes it had. A row's position is its number in the file.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import type { FileSourceConfig } from "../config/sources.ts";
import { DriftlineError, messageOf } from "../core/errors.ts";
import type { RawMessage } from "../core/event.ts";
import { type FileFormat, formatByEnding } from "../core/file-format.ts";
import type { LocalReader } from "../store/local-reader.ts";
import { join, name, type Sql, sql, written } from "../store/sql.ts";
import { recordedMessage } from "./recorded-messages.ts";

export interface FileReader {
  /** `file:<name>:<fingerprint>`: a changed file is another source, read from its beginning. */
  readonly source: string;
  readonly format: FileFormat;
  readonly rows: number;
  /** From a row number on, in the order of the file. */
  messages(fromOffset: number): AsyncIterable<readonly RawMessage[]>;
}

/** Files up to here are told apart by all they hold; of greater ones, size, time of change and both ends must do. */
const FULLY_READ_BYTES = 256 * 1024 * 1024;
const FINGERPRINT_BYTES = 1024 * 1024;
/** What is longer than this without a line's end is cut, and so far over any limit that it becomes a dead letter. */
const LONGEST_LINE_BYTES = 64 * 1024 * 1024;
/** A CSV row with too few cells has nulls for the rest, one with too many loses those; it does not take the file with it. */
const UNEVEN_ROWS = written("input_format_csv_allow_variable_number_of_columns = 1");
const LONGEST_HEADER_BYTES = 1024 * 1024;
const NEWLINE = 10;

/** @throws DriftlineError `source_failed` that names the file and what is wrong with it */
export async function openFileReader(
  reader: LocalReader,
  config: Pick<FileSourceConfig, "path" | "format" | "messages">,
): Promise<FileReader> {
  const format = formatOf(config);
  const source = `file:${path.basename(config.path)}:${await fingerprint(config.path)}`;
  if (format === "JSONEachRow") {
    const lines = () => splitLines(createReadStream(config.path, { highWaterMark: 1024 * 1024 }));
    const rows = await countLines(lines());
    return {
      source,
      format,
      rows,
      messages: (from) => {
        const messages = numbered(lines(), source, from);
        return config.messages === undefined ? messages : recorded(messages);
      },
    };
  }
  const table = await fileTable(config.path, format);
  const rows = await reader.lane.query(
    sql`SELECT count() AS n FROM (SELECT * FROM ${table} SETTINGS ${UNEVEN_ROWS})`,
    z.object({ n: z.number() }),
  );
  // One thread, so that rows come in the order of the file. Whole numbers of 64 bits are written as numbers, digit by digit: the decoder
  // keeps the digits of ids and categories, and as text they would be no numbers to numeric features. A time without a zone is UTC.
  const select = sql`SELECT * FROM ${table} SETTINGS max_threads = 1, input_format_parquet_preserve_order = 1, output_format_json_quote_64bit_integers = 0, ${UNEVEN_ROWS}, session_timezone = 'UTC'`;
  return {
    source,
    format,
    rows: rows[0]?.n ?? 0,
    messages: (from) => numbered(splitLines(reader.stream(select, "JSONEachRow")), source, from),
  };
}

/** What `driftline check` shows of a file. */
export async function describeFile(
  reader: LocalReader,
  config: Pick<FileSourceConfig, "path" | "format">,
): Promise<{ readonly rows: number; readonly columns: readonly string[] }> {
  const { format, rows } = await openFileReader(reader, config);
  if (format === "CSVWithNames") return { rows, columns: await csvHeader(config.path) };
  const columns = await describeColumns(reader, config.path, format);
  return { rows, columns: columns.map((column) => column.name) };
}

function formatOf(config: Pick<FileSourceConfig, "path" | "format">): FileFormat {
  const format = config.format ?? formatByEnding(config.path);
  if (format !== undefined) return format;
  throw new DriftlineError(
    "source_failed",
    `${config.path}: its ending tells no format; name it: format: Parquet, CSVWithNames or JSONEachRow`,
  );
}

async function fingerprint(file: string): Promise<string> {
  try {
    const { size, mtimeMs } = await stat(file);
    const hash = createHash("sha256");
    if (size <= FULLY_READ_BYTES) {
      for await (const chunk of createReadStream(file, { highWaterMark: FINGERPRINT_BYTES })) hash.update(chunk);
      return hash.digest("hex").slice(0, 12);
    }
    hash.update(`${size} ${mtimeMs}`);
    const handle = await open(file, "r");
    try {
      for (const position of [0, Math.max(0, size - FINGERPRINT_BYTES)]) {
        const { buffer, bytesRead } = await handle.read(
          Buffer.alloc(FINGERPRINT_BYTES),
          0,
          FINGERPRINT_BYTES,
          position,
        );
        hash.update(buffer.subarray(0, bytesRead));
      }
      return hash.digest("hex").slice(0, 12);
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    throw new DriftlineError("source_failed", `can't read the file ${file}: ${messageOf(thrown)}`, { cause: thrown });
  }
}

const columnRow = z.object({ name: z.string(), type: z.string() });

function describeColumns(reader: LocalReader, file: string, format: FileFormat): Promise<z.output<typeof columnRow>[]> {
  return reader.lane.query(sql`DESCRIBE TABLE file(${file}, ${format})`, columnRow);
}

/** CSV has no types: all its columns are text, so that 00123 keeps its zeros; the model's schema says which are numbers. */
async function fileTable(file: string, format: FileFormat): Promise<Sql> {
  if (format !== "CSVWithNames") return sql`file(${file}, ${format})`;
  const structure = join((await csvHeader(file)).map((column) => sql`${name(column)} ${written("Nullable(String)")}`));
  return sql`file(${file}, ${format}, ${structure.text})`;
}

/** The names of a CSV file's columns. Not asked of ClickHouse, which refuses the whole file for one row of another length. */
async function csvHeader(file: string): Promise<readonly string[]> {
  const handle = await open(file, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(LONGEST_HEADER_BYTES), 0, LONGEST_HEADER_BYTES, 0);
    const text = buffer.toString("utf8", 0, bytesRead).replace(/^\uFEFF/, "");
    const names: string[] = [];
    const cell = /(?:"((?:[^"]|"")*)"|([^,"\r\n]*))(,|\r?\n|$)/y;
    for (let match = cell.exec(text); match !== null; match = cell.exec(text)) {
      names.push((match[1]?.replace(/""/g, '"') ?? match[2] ?? "").trim());
      if (match[3] !== ",") return names;
    }
    throw new DriftlineError(
      "source_failed",
      `${file}: its first line is no CSV header: names with commas between them are expected`,
    );
  } finally {
    await handle.close();
  }
}

/** Lines without their ends, in chunks; the last line needs none. */
async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<readonly Buffer[]> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of chunks) {
    const lines: Buffer[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const line = chunk.subarray(start, end);
      lines.push(rest.length === 0 ? line : Buffer.concat([...rest, line]));
      rest = [];
      restBytes = 0;
      start = end + 1;
    }
    if (start < chunk.length && restBytes < LONGEST_LINE_BYTES) {
      rest.push(chunk.subarray(start));
      restBytes += chunk.length - start;
    }
    if (lines.length > 0) yield lines;
  }
  if (rest.length > 0) yield [Buffer.concat(rest)];
}

async function countLines(chunks: AsyncIterable<readonly Buffer[]>): Promise<number> {
  let count = 0;
  for await (const lines of chunks) count += lines.length;
  return count;
}

/** Blank lines take a number and carry no event. */
async function* numbered(
  chunks: AsyncIterable<readonly Buffer[]>,
  source: string,
  from: number,
): AsyncGenerator<readonly RawMessage[]> {
  let offset = 0;
  for await (const lines of chunks) {
    const messages: RawMessage[] = [];
    for (const value of lines) {
      if (offset >= from && !isBlank(value)) messages.push({ source, partition: 0, offset, value });
      offset++;
    }
    if (messages.length > 0) yield messages;
  }
}

async function* recorded(chunks: AsyncIterable<readonly RawMessage[]>): AsyncGenerator<readonly RawMessage[]> {
  for await (const messages of chunks) yield messages.map(recordedMessage);
}

const isBlank = (line: Buffer): boolean =>
  line.length === 0 || (line.length < 8 && line.toString("latin1").trim() === "");
