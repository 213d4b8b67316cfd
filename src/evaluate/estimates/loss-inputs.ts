/** What a model of the loss sees of a row, as bytes: one place for the rows of the reference and those of a window. */
import type { ReferenceSubject } from "../../core/summary.ts";
import type { BinnedRows } from "../../math/boosted-trees.ts";
import { join, type Sql, sql } from "../../store/sql.ts";
import { numericBin, rounded, textOrEmpty } from "../value-expressions.ts";
import type { LossInput } from "./loss-model.ts";

/** Features beyond these have no part in the model: each costs a byte a row and a pass over the rows a tree. */
export const MOST_INPUTS = 200;
/** Categories that have a code of their own, the most frequent first. */
export const MOST_CODES = 200;
/** Characters of all categories together: they stand in SQL statements. */
const MOST_CHARACTERS = 100_000;

/** Categories that an input of the subject tells apart. */
export function codedCategories({ categories }: Pick<ReferenceSubject, "categories">, characters: number): string[] {
  const kept: string[] = [];
  let length = 0;
  for (const category of categories.slice(0, MOST_CODES)) {
    length += category.length;
    if (length > characters) break;
    kept.push(category);
  }
  return kept;
}

/** The characters that each of so many categorical inputs may have. */
export const charactersEach = (inputs: number): number => Math.floor(MOST_CHARACTERS / Math.max(1, inputs));

/** `value`: Nullable(Float64) or Nullable(String) by the input's kind. UInt8: 0 where there is none. */
function codeOf({ kind, edges, categories, codes, other }: LossInput, value: Sql): Sql {
  if (kind === "numeric") {
    const number = rounded(sql`ifNull(${value}, 0)`);
    const known = sql`isNotNull(${value}) AND isFinite(ifNull(${value}, nan))`;
    return sql`toUInt8(if(${known}, 1 + ${numericBin(edges, number)}, 0))`;
  }
  const text = textOrEmpty(value);
  const code = categories.length === 0 ? sql`${other}` : sql`transform(${text}, ${categories}, ${codes}, ${other})`;
  return sql`toUInt8(if(isNull(${value}), 0, ${code}))`;
}

/** The codes of a row as hexadecimal text, two digits an input. */
export const codeText = (inputs: readonly LossInput[], values: readonly Sql[]): Sql =>
  sql`hex(char(${join(inputs.map((input, index) => codeOf(input, values[index] ?? sql`NULL`)))}))`;

/** Rows from their texts, put one after the other. */
export function binnedRows(inputs: readonly LossInput[], texts: string): BinnedRows {
  const codes = Buffer.from(texts, "hex");
  const features = inputs.length;
  return {
    rows: features === 0 ? 0 : codes.length / features,
    features,
    codes: new Uint8Array(codes.buffer, codes.byteOffset, codes.length),
  };
}
