/**
 * A reference file as ClickHouse reads it, whatever its format: for each column one expression of its text and one of its number.
 * CSV and NDJSON are read as text first, since the engine's guess reads 00012 as twelve and nests names with dots; and once only,
 * into a temporary Parquet file, since each column is looked at several times.
 */
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { z } from "zod";
import type { ReferenceConfig } from "../../config/references.ts";
import { DriftlineError, messageOf } from "../../core/errors.ts";
import { formatByEnding } from "../../core/file-format.ts";
import type { VectorProjection } from "../../core/vector.ts";
import { finiteVector, vectorInText } from "../../store/model-tables.ts";
import { join, name, type Sql, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { fromFeast, parquetOfFeast } from "./feast-table.ts";

export interface ReferenceColumn {
  readonly name: string;
  /** The rows, to stand after FROM; neighbouring columns share it. */
  readonly from: Sql;
  /** Nullable(String): the value as an event would spell it. */
  readonly text: Sql;
  /** Nullable(Float64): the value where it is a number, also where it is a number's text; may be NaN or infinite. */
  readonly number: Sql;
  /** Bool: the value is there. */
  readonly present: Sql;
  /** Bool: the value was written as a number (in CSV: is one's text). */
  readonly numeric: Sql;
  /** Of a column that may hold vectors: Array(Float32), empty where the value is no list of numbers; and the engine's column that it is read from. */
  readonly vector?: { readonly values: Sql; readonly column: string };
  /** A list for the engine: nothing but a vector can be made of it. */
  readonly isList?: boolean;
}

export interface ReferenceTable {
  readonly file: string;
  readonly columns: readonly ReferenceColumn[];
  /** UInt64: which row of the file a row is, beside any of the columns; it is the same each time the file is read. */
  readonly row: Sql;
  /** Of columns that were vectors: what the columns in their place were measured against. */
  readonly projections?: readonly VectorProjection[];
  /** Removes what was written aside. */
  close(): Promise<void>;
}

/** Columns of one temporary file. */
const COLUMNS_AT_ONCE = 100;

/**
 * @param together columns that must share their `from`
 * @throws DriftlineError `reference_refused` that names the file and the reason
 */
export async function openReferenceTable(
  lane: Lane,
  { file, format, feast, timestamp }: Pick<ReferenceConfig, "file" | "format" | "feast" | "timestamp">,
  together: readonly string[] = [],
): Promise<ReferenceTable> {
  if (feast !== undefined)
    return fromFeast(await openFile(lane, parquetOfFeast(feast.path), "Parquet", together), feast, timestamp);
  if (file === undefined)
    throw new DriftlineError("reference_refused", "the reference is made of events of the store and is not built yet");
  return await openFile(lane, file, format, together);
}

async function openFile(
  lane: Lane,
  file: string,
  format: string | undefined,
  together: readonly string[],
): Promise<ReferenceTable> {
  const read = format ?? formatByEnding(file);
  if (read === undefined)
    throw new DriftlineError(
      "reference_refused",
      `reference ${file}: unknown ending; use .parquet, .csv or .ndjson, or name a format`,
    );
  try {
    if (read === "Parquet") return await parquetTable(lane, file);
    if (read === "CSVWithNames") return await csvTable(lane, file, together);
    return await jsonTable(lane, file, together);
  } catch (thrown) {
    if (thrown instanceof DriftlineError && thrown.code === "reference_refused") throw thrown;
    if (EMPTY_TEXT.test(messageOf(thrown))) throw withoutRows(file);
    throw new DriftlineError("reference_refused", `reference ${file} can't be read: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}

/** What the engine says of a text file that is empty, or is a header alone: it guesses columns from the first rows. */
const EMPTY_TEXT = /Cannot read rows from the data|the file is empty/;

export const withoutRows = (file: string): DriftlineError =>
  new DriftlineError(
    "reference_refused",
    `reference ${file} has no rows: it must hold what the model saw when it was accepted`,
  );

const described = z.object({ name: z.string(), type: z.string() });

async function describe(lane: Lane, from: Sql) {
  const text = await lane.text(`DESCRIBE TABLE ${from.text}`, "JSONEachRow");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => described.parse(JSON.parse(line)));
}

async function parquetTable(lane: Lane, file: string): Promise<ReferenceTable> {
  const from = sql`file(${file}, 'Parquet')`;
  const columns: ReferenceColumn[] = [];
  for (const { name: column, type } of await describe(lane, from)) {
    if (LIST_OF_NUMBERS.test(type)) {
      columns.push(listColumn(column, from));
      continue;
    }
    const plain = type.replace(/^(?:LowCardinality\()?(?:Nullable\()?/, "").replace(/\)+$/, "");
    if (/^(?:Array|Tuple|Map|Nested|JSON|Variant|Dynamic)\b/.test(plain)) continue;
    const value = name(column);
    const number = /^U?Int|^Float|^Decimal|^BFloat/.test(plain);
    const text = sql`CAST(${value} AS Nullable(String))`;
    columns.push({
      name: column,
      from,
      present: sql`isNotNull(${value})`,
      // A whole number spells itself as an event's JSON would: 1, not 1.0.
      text: number ? sql`toString(toFloat64(${value}))` : text,
      number: number ? sql`toFloat64(${value})` : sql`toFloat64OrNull(ifNull(${text}, ''))`,
      numeric: number ? sql`true` : sql`false`,
      ...(number ? {} : { vector: { values: vectorInText(sql`ifNull(${text}, '')`), column } }),
    });
  }
  return { file, columns, row: ROW_OF_FILE, close: () => Promise.resolve() };
}

const LIST_OF_NUMBERS = /^Array\((?:Nullable\()?(?:U?Int(?:8|16|32|64)|BFloat16|Float(?:32|64)|Decimal\b[^)]*\))\)*$/;

/** A list that is missing is empty for the engine. */
const listColumn = (column: string, from: Sql): ReferenceColumn => ({
  name: column,
  from,
  present: sql`notEmpty(${name(column)})`,
  text: sql`CAST(NULL AS Nullable(String))`,
  number: sql`CAST(NULL AS Nullable(Float64))`,
  numeric: sql`false`,
  vector: { values: finiteVector(name(column)), column },
  isList: true,
});

async function csvTable(lane: Lane, file: string, together: readonly string[]): Promise<ReferenceTable> {
  const names = (await describe(lane, sql`file(${file}, 'CSVWithNames')`)).map((column) => column.name);
  const structure = join(names.map((column) => sql`${name(column)} Nullable(String)`)).text;
  const columns = names.map((column) => {
    const text = sql`nullIf(${name(column)}, '')`;
    // Leading zeros make a code and not a number.
    return {
      name: column,
      text,
      numeric: sql`isNotNull(toFloat64OrNull(ifNull(${text}, ''))) AND NOT match(ifNull(${text}, ''), '^\\s*[+-]?0[0-9]')`,
    };
  });
  return setAside(lane, file, sql`file(${file}, 'CSVWithNames', ${structure})`, inFront(columns, together));
}

async function jsonTable(lane: Lane, file: string, together: readonly string[]): Promise<ReferenceTable> {
  const lines = sql`file(${file}, 'JSONAsString')`;
  const keys = await lane.query(
    sql`SELECT DISTINCT arrayJoin(JSONExtractKeys(json)) AS key FROM ${lines} LIMIT 10000`,
    z.object({ key: z.string() }),
  );
  const columns = keys
    .map(({ key }) => key)
    .sort()
    .map((key) => {
      const raw = sql`values[${key}]`;
      const numeric = sql`match(${raw}, '^[-0-9]')`;
      // A whole number is spelt as an event's would be: 1, not 1.0.
      const text = sql`multiIf(${raw} IN ('', 'null'), NULL, startsWith(${raw}, '"'), JSONExtractString(${raw}), ${numeric}, toString(toFloat64OrNull(${raw})), ${raw})`;
      return { name: key, text, numeric };
    });
  return setAside(
    lane,
    file,
    sql`(SELECT CAST(JSONExtractKeysAndValuesRaw(json) AS Map(String, String)) AS values, ${ROW_OF_FILE} FROM ${lines})`,
    inFront(columns, together),
  );
}

/** The engine's own numbering. */
const ROW_OF_FILE = name("_row_number");
/** The same where rows were set aside. */
const ROW = name("=row");

/** Columns in the same temporary file: the first one's place holds them all. */
const inFront = <Column extends { readonly name: string }>(columns: readonly Column[], names: readonly string[]) => [
  ...columns.filter((column) => names.includes(column.name)),
  ...columns.filter((column) => !names.includes(column.name)),
];

/** Writes the columns as text and a flag each into Parquet files, and reads them from there. */
async function setAside(
  lane: Lane,
  file: string,
  from: Sql,
  columns: readonly { readonly name: string; readonly text: Sql; readonly numeric: Sql }[],
): Promise<ReferenceTable> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "driftline-reference-"));
  const close = () => rm(folder, { recursive: true, force: true });
  const read: ReferenceColumn[] = [];
  try {
    for (let at = 0; at < columns.length; at += COLUMNS_AT_ONCE) {
      const some = columns.slice(at, at + COLUMNS_AT_ONCE);
      const aside = sql`file(${path.join(folder, `${at}.parquet`)}, 'Parquet')`;
      const selected = some.map(
        ({ text, numeric }, index) =>
          sql`CAST(${text} AS Nullable(String)) AS ${name(`t${index}`)}, toUInt8(${numeric}) AS ${name(`n${index}`)}`,
      );
      await lane.command(
        sql`INSERT INTO FUNCTION ${aside} SELECT ${join(selected)}, ${ROW_OF_FILE} AS ${ROW} FROM ${from}`,
      );
      for (const [index, column] of some.entries()) {
        const text = name(`t${index}`);
        read.push({
          name: column.name,
          from: aside,
          present: sql`isNotNull(${text})`,
          text,
          number: sql`toFloat64OrNull(ifNull(${text}, ''))`,
          numeric: sql`(ifNull(${name(`n${index}`)}, 0) = 1)`,
          vector: { values: vectorInText(sql`ifNull(${text}, '')`), column: `t${index}` },
        });
      }
    }
    return { file, columns: read, row: ROW, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}
