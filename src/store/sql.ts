/** SQL text that can only be built safely: every value put into a statement is quoted, every name is quoted as a name. */

const brand = Symbol("sql");

/** Text that is known to be SQL. Made by `sql`, `name`, `list` and `join` alone. */
export interface Sql {
  readonly [brand]: true;
  readonly text: string;
}

export type SqlValue = string | number | bigint | boolean | Sql | readonly string[] | readonly number[];

const trusted = (text: string): Sql => ({ [brand]: true, text });

/** A string literal. ClickHouse reads backslash escapes, so both the backslash and the quote are escaped; NUL becomes \0. */
function quote(text: string): string {
  return `'${text.replace(/\\/g, "\\\\").replace(/'/g, "\\'").replace(/\0/g, "\\0")}'`;
}

/** A number literal. Non-finite numbers have their own spelling in ClickHouse. */
function numeral(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (value === Number.POSITIVE_INFINITY) return "inf";
  if (value === Number.NEGATIVE_INFINITY) return "-inf";
  return Object.is(value, -0) ? "0" : String(value);
}

function literal(value: SqlValue): string {
  if (typeof value === "string") return quote(value);
  if (typeof value === "number") return numeral(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "boolean") return value ? "true" : "false";
  if (brand in value) return value.text;
  return `[${value.map((item) => (typeof item === "string" ? quote(item) : numeral(item))).join(", ")}]`;
}

/**
 * A statement or a piece of one: strings become string literals, numbers literals, arrays array literals, and pieces of SQL stay
 * what they are. `sql\`SELECT * FROM ${name(table)} WHERE model = ${model}\``.
 */
export function sql(parts: TemplateStringsArray, ...values: readonly SqlValue[]): Sql {
  let text = parts[0] ?? "";
  for (const [index, value] of values.entries()) text += literal(value) + (parts[index + 1] ?? "");
  return trusted(text);
}

/** An identifier in backticks, whatever is in it. */
export function name(identifier: string): Sql {
  return trusted(`\`${identifier.replace(/\\/g, "\\\\").replace(/`/g, "\\`")}\``);
}

/** Pieces joined by a separator: `join(columns.map(name), ", ")`. */
export function join(pieces: readonly Sql[], separator = ", "): Sql {
  return trusted(pieces.map((piece) => piece.text).join(separator));
}

/** Values in parentheses, for IN. An empty list matches nothing: `(NULL)`. */
export function list(values: readonly (string | number | bigint)[]): Sql {
  return trusted(values.length === 0 ? "(NULL)" : `(${values.map(literal).join(", ")})`);
}

/** Milliseconds since 1970 as a DateTime64(3, 'UTC') literal. */
export function time(ms: number): Sql {
  return trusted(`fromUnixTimestamp64Milli(toInt64(${Math.trunc(ms)}), 'UTC')`);
}

/** SQL text that a person wrote (a KPI's expression, `driftline sql`) or that a migration holds. Check it before. */
export function written(text: string): Sql {
  return trusted(text);
}
