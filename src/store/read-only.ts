/** Which statements a reader may run: queries, and nothing that reaches outside the store's own tables. */
import { DriftlineError } from "../core/errors.ts";

const ALLOWED = /^(?:select|with|show|describe|desc|explain|exists)\b/i;
/** Table functions that read files, other servers or programs, whatever the engine's own rights say. */
const OUTSIDE =
  /\b(file|url|s3|s3cluster|gcs|azureblobstorage|hdfs|remote|remotesecure|cluster|clusterallreplicas|mysql|postgresql|mongodb|redis|sqlite|odbc|jdbc|executable|input|iceberg|deltalake|hudi|python|urlcluster|filecluster|fuzzquery|dictionary)\s*\(/i;
const INTO = /\binto\s+outfile\b/i;
const SETTINGS = /\bsettings\s+\w+\s*=/i;
const FORMAT = /\bformat\s+[A-Za-z]\w*\s*$/i;

/**
 * The statement without its trailing semicolon.
 *
 * @throws DriftlineError `forbidden` that says what is not allowed
 */
export function checkReadOnly(query: string): string {
  const statement = query.trim().replace(/;\s*$/, "");
  const bare = withoutText(statement);
  if (!ALLOWED.test(bare.trimStart()))
    throw new DriftlineError("forbidden", "only reading is allowed here: begin with SELECT, WITH, SHOW, DESCRIBE, EXPLAIN or EXISTS");
  if (bare.includes(";")) throw new DriftlineError("forbidden", "one statement at a time");
  // A name in quotes is the same function: `file`('…').
  const outside = OUTSIDE.exec(bare.replace(/[`"]/g, " "))?.[1];
  if (outside !== undefined)
    throw new DriftlineError("forbidden", `the table function ${outside}() reaches outside the store and is not allowed here`);
  if (INTO.test(bare)) throw new DriftlineError("forbidden", "INTO OUTFILE is not allowed here");
  if (SETTINGS.test(bare)) throw new DriftlineError("forbidden", "SETTINGS is not allowed here: limits of time and memory are set for you");
  if (FORMAT.test(bare)) throw new DriftlineError("forbidden", "name the format beside the query (--format, or `format` in the request), not in it");
  return statement;
}

/** The name of an output format, checked to be a name and nothing else. */
export function checkFormat(format: string): string {
  if (/^[A-Za-z][A-Za-z0-9]{0,63}$/.test(format)) return format;
  throw new DriftlineError("request_invalid", `"${format.slice(0, 80)}" is no output format; for example JSONEachRow, CSVWithNames, PrettyCompact`);
}

/** The statement with comments and the contents of quotes blanked, so that words inside them count for nothing. */
function withoutText(statement: string): string {
  return statement.replace(/--[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\[\s\S]|''|[^'\\])*'/g, (match) => (match.startsWith("'") ? "''" : " "));
}
