/** Inputs and outputs of a call as columns: what tensors, columns and rows of arrays have in common. One row of a call is one prediction. */
import { isObject } from "../../../core/json-object.ts";
import { Refusal } from "../../../core/refusal.ts";

/** One input or output. Of each row it holds `width` values. */
export interface Columns {
  /** null where the body has no name for it. */
  readonly name: string | null;
  readonly rows: number;
  readonly width: number;
  readonly at: (row: number, column: number) => unknown;
}

/** More values a row than any list of features has: an image, an embedding, a document. */
export const WIDEST = 4096;

/** Rows of one call at most. */
export const MOST_ROWS = 100_000;

/** Values in the order of rows, flat or nested, of a known shape. @throws Refusal where they are more or fewer than the shape says */
export function tensorColumns(name: string | null, shape: readonly number[], data: readonly unknown[]): Columns {
  const values = flat(data);
  const [first] = shape;
  const rows = first ?? (values.length === 0 ? 0 : 1);
  const width = shape.slice(1).reduce((product, size) => product * size, 1);
  const what = name === null ? "the tensor" : `the tensor ${JSON.stringify(name)}`;
  if (values.length !== rows * width)
    throw new Refusal(
      "format_unreadable",
      `${what} has ${values.length} values; its shape [${shape.slice(0, 8).join(", ")}] says ${rows * width}`,
    );
  checkRows(rows);
  return { name, rows, width, at: (row, column) => values[row * width + column] };
}

/** One item a row: a value, or an array of values that is as long in every row. */
export function rowColumns(name: string | null, items: readonly unknown[]): Columns {
  checkRows(items.length);
  const lists = items.map((item) => (Array.isArray(item) ? flat(item) : [item]));
  const width = lists[0]?.length ?? 1;
  const odd = lists.findIndex((list) => list.length !== width);
  if (odd !== -1)
    throw new Refusal("format_unreadable", `row ${odd} has ${lists[odd]?.length ?? 0} values, the first has ${width}`);
  return { name, rows: items.length, width, at: (row, column) => lists[row]?.[column] };
}

function checkRows(rows: number): void {
  if (rows > MOST_ROWS) throw new Refusal("too_large", `the call has ${rows} rows; at most ${MOST_ROWS} are taken`);
}

function flat(data: readonly unknown[]): readonly unknown[] {
  if (!data.some((item) => Array.isArray(item))) return data;
  const values: unknown[] = [];
  const walk = (items: readonly unknown[], depth: number) => {
    if (depth > 32) throw new Refusal("too_deep", "the values lie within each other deeper than 32 levels");
    for (const item of items) {
      if (Array.isArray(item)) walk(item, depth + 1);
      else values.push(item);
    }
  };
  walk(data, 0);
  return values;
}

/** The one number of rows of all columns; 0 where there are none. @throws Refusal where they differ */
export function rowsOf(columns: readonly Columns[]): number {
  const [first, ...rest] = columns;
  if (first === undefined) return 0;
  const other = rest.find(({ rows }) => rows !== first.rows);
  if (other !== undefined)
    throw new Refusal(
      "format_unreadable",
      `${shown(first)} has ${first.rows} rows and ${shown(other)} has ${other.rows}; the first dimension must be the rows`,
    );
  return first.rows;
}

const shown = ({ name }: Columns): string => (name === null ? "an input" : JSON.stringify(name));

/** TensorFlow's bytes: `{"b64": "…"}` is the text that it spells. */
export function plainValue(value: unknown): unknown {
  if (!isObject(value) || typeof value["b64"] !== "string" || Object.keys(value).length !== 1) return value;
  return Buffer.from(value["b64"], "base64").toString("utf8");
}

/**
 * The features of each row. Columns without names, and the columns of wide ones, are called by `names` in their order; where there are none,
 * `<input>_0`, `<input>_1`, ….
 *
 * @throws Refusal where there are names, but not one for each column
 */
export function featureRows(columns: readonly Columns[], names: readonly string[] | null): Record<string, unknown>[] {
  const rows = rowsOf(columns);
  const labels = columnNames(columns, names);
  return Array.from({ length: rows }, (_, row) =>
    Object.fromEntries(
      columns.flatMap((input, index) =>
        (labels[index] ?? []).map((name, column): [string, unknown] => [name, plainValue(input.at(row, column))]),
      ),
    ),
  );
}

/** The inputs that are vectors as one column each, whose value is a list. */
export function withVectors(columns: readonly Columns[], vectors: readonly string[] | undefined): readonly Columns[] {
  if (vectors === undefined) return columns;
  return columns.map((input): Columns => {
    const name = input.name ?? "input";
    if (!vectors.includes(name)) return input;
    const at = (row: number) => Array.from({ length: input.width }, (_, column) => input.at(row, column));
    return { name, rows: input.rows, width: 1, at };
  });
}

function columnNames(columns: readonly Columns[], names: readonly string[] | null): readonly (readonly string[])[] {
  const needing = columns.filter(({ name, width }) => name === null || width !== 1);
  const needed = needing.reduce((sum, { width }) => sum + width, 0);
  if (names === null || needed === 0)
    return columns.map(({ name, width }) => {
      if (width === 1) return [name ?? "input_0"];
      return width > WIDEST ? [] : Array.from({ length: width }, (_, column) => `${name ?? "input"}_${column}`);
    });
  const total = columns.reduce((sum, { width }) => sum + width, 0);
  // As many names as columns in all: they stand for all, also for those that have one of their own.
  const all = names.length === total;
  if (!all && names.length !== needed)
    throw new Refusal(
      "format_unreadable",
      `a row has ${needed} columns without a name; \`features\` has ${names.length}`,
    );
  let next = 0;
  return columns.map(({ name, width }) => {
    if (!all && name !== null && width === 1) return [name];
    next += width;
    return names.slice(next - width, next);
  });
}
