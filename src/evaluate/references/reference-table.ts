/**
 * A reference file as ClickHouse reads it, whatever its format: for each column one expression of its text and one of its number.
 * CSV and NDJSON are read as text first, since the engine's guess reads 00012 as twelve and nests names with dots.
 */
import path from "node:path";
import { z } from "zod";
import { DriftlineError, messageOf } from "../../core/errors.ts";
import { join, name, type Sql, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";

export interface ReferenceColumn {
  readonly name: string;
  /** Nullable(String): the value as an event would spell it. */
  readonly text: Sql;
  /** Nullable(Float64): the value where it is a number, also where it is a number's text; may be NaN or infinite. */
  readonly number: Sql;
  /** Bool: the value is there. */
  readonly present: Sql;
  /** Bool: the value was written as a number (in CSV: is one's text). */
  readonly numeric: Sql;
}

export interface ReferenceTable {
  readonly file: string;
  /** Rows, to stand after FROM. */
  readonly from: Sql;
  readonly columns: readonly ReferenceColumn[];
}

const FORMATS: Readonly<Record<string, string>> = {
  ".parquet": "Parquet",
  ".csv": "CSVWithNames",
  ".json": "JSONEachRow",
  ".ndjson": "JSONEachRow",
  ".jsonl": "JSONEachRow",
};

/** @throws DriftlineError `reference_refused` that names the file and the reason */
export async function openReferenceTable(lane: Lane, file: string, format: string | undefined): Promise<ReferenceTable> {
  const read = format ?? FORMATS[path.extname(file).toLowerCase()];
  if (read === undefined)
    throw new DriftlineError("reference_refused", `reference ${file}: unknown ending; use .parquet, .csv or .ndjson, or name a format`);
  try {
    if (read === "Parquet") return await parquetTable(lane, file);
    if (read === "CSVWithNames") return await csvTable(lane, file);
    return await jsonTable(lane, file);
  } catch (thrown) {
    if (thrown instanceof DriftlineError && thrown.code === "reference_refused") throw thrown;
    if (EMPTY_TEXT.test(messageOf(thrown))) throw withoutRows(file);
    throw new DriftlineError("reference_refused", `reference ${file} can't be read: ${messageOf(thrown)}`, { cause: thrown });
  }
}

/** What the engine says of a text file that is empty, or is a header alone: it guesses columns from the first rows. */
const EMPTY_TEXT = /Cannot read rows from the data|the file is empty/;

export const withoutRows = (file: string): DriftlineError =>
  new DriftlineError("reference_refused", `reference ${file} has no rows: it must hold what the model saw when it was accepted`);

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
    const plain = type.replace(/^(?:LowCardinality\()?(?:Nullable\()?/, "").replace(/\)+$/, "");
    if (/^(?:Array|Tuple|Map|Nested|JSON|Variant|Dynamic)\b/.test(plain)) continue;
    const value = name(column);
    const number = /^U?Int|^Float|^Decimal|^BFloat/.test(plain);
    const text = sql`CAST(${value} AS Nullable(String))`;
    columns.push({
      name: column,
      present: sql`isNotNull(${value})`,
      // A whole number spells itself as an event's JSON would: 1, not 1.0.
      text: number ? sql`toString(toFloat64(${value}))` : text,
      number: number ? sql`toFloat64(${value})` : sql`toFloat64OrNull(ifNull(${text}, ''))`,
      numeric: number ? sql`true` : sql`false`,
    });
  }
  return { file, from, columns };
}

async function csvTable(lane: Lane, file: string): Promise<ReferenceTable> {
  const guessed = sql`file(${file}, 'CSVWithNames')`;
  const names = (await describe(lane, guessed)).map((column) => column.name);
  const structure = join(names.map((column) => sql`${name(column)} Nullable(String)`)).text;
  return {
    file,
    from: sql`file(${file}, 'CSVWithNames', ${structure})`,
    columns: names.map((column) => {
      const value = name(column);
      const number = sql`toFloat64OrNull(ifNull(${value}, ''))`;
      return {
        name: column,
        present: sql`ifNull(${value}, '') != ''`,
        text: value,
        number,
        // Leading zeros make a code and not a number.
        numeric: sql`(isNotNull(${number}) AND NOT match(ifNull(${value}, ''), '^\\s*[+-]?0[0-9]'))`,
      };
    }),
  };
}

async function jsonTable(lane: Lane, file: string): Promise<ReferenceTable> {
  const from = sql`file(${file}, 'JSONAsString')`;
  const keys = await lane.query(
    sql`SELECT DISTINCT arrayJoin(JSONExtractKeys(json)) AS key FROM ${from} LIMIT 10000`,
    z.object({ key: z.string() }),
  );
  return {
    file,
    from,
    columns: keys
      .map(({ key }) => key)
      .sort()
      .map((key) => {
        const kind = sql`JSONType(json, ${key})`;
        const number = sql`(${kind} IN ('Int64', 'UInt64', 'Double', 'BigInt'))`;
        const value = sql`JSONExtractFloat(json, ${key})`;
        const text = sql`JSONExtractString(json, ${key})`;
        return {
          name: key,
          present: sql`(${kind} != 'Null')`,
          text: sql`if(${number}, toString(${value}), if(${kind} = 'Bool', if(JSONExtractBool(json, ${key}), 'true', 'false'), ${text}))`,
          number: sql`if(${number}, CAST(${value} AS Nullable(Float64)), toFloat64OrNull(${text}))`,
          numeric: number,
        };
      }),
  };
}

