/**
 * Which statements a reader may run, on the command line or over the network: those that read. The engine is asked with `readonly = 2` as well; this guard is
 * for what reading alone can do harm with (files, other hosts), and it explains itself.
 */
import { DriftlineError } from "../core/errors.ts";

type TokenKind = "word" | "quoted" | "string" | "sign";
interface Token {
  readonly kind: TokenKind;
  /** Words in lower case, quoted names without their quotes, signs as they are. */
  readonly text: string;
}

const READING = new Set(["select", "with", "show", "describe", "desc", "explain", "exists"]);

/** Table functions that stay inside the engine. Every other one of the engine's own list is refused. */
const HARMLESS = new Set([
  "numbers",
  "numbers_mt",
  "zeros",
  "zeros_mt",
  "generateseries",
  "generate_series",
  "values",
  "view",
  "viewexplain",
  "null",
  "merge",
  "format",
  "primes",
]);

/** Functions and table functions that reach files, processes or other hosts, whatever the engine's version lists. */
const REACHING_OUT = new Set([
  "file",
  "filecluster",
  "filesystem",
  "url",
  "urlcluster",
  "s3",
  "s3cluster",
  "gcs",
  "oss",
  "cosn",
  "hdfs",
  "hdfscluster",
  "azureblobstorage",
  "azureblobstoragecluster",
  "remote",
  "remotesecure",
  "cluster",
  "clusterallreplicas",
  "mysql",
  "postgresql",
  "mongodb",
  "redis",
  "sqlite",
  "odbc",
  "jdbc",
  "executable",
  "python",
  "deltalake",
  "iceberg",
  "hudi",
  "paimon",
  "ytsaurus",
  "arrowflight",
  "input",
  "catboostevaluate",
  "dictionary",
  "loop",
  "mergetreeindex",
  "prometheusquery",
]);

const refuse = (message: string): never => {
  throw new DriftlineError("forbidden", message);
};

/**
 * Returns the statement without a closing semicolon.
 *
 * @param tableFunctions the engine's own list (`system.table_functions`), so that new ones are refused too
 * @throws DriftlineError `forbidden`, with what was found and what is allowed
 */
export function checkReadOnly(statement: string, tableFunctions: readonly string[] = []): string {
  const tokens = tokensOf(statement);
  while (tokens.at(-1)?.text === ";" && tokens.at(-1)?.kind === "sign") tokens.pop();
  const first = tokens.find((token) => token.text !== "(");
  if (first === undefined) return refuse("the statement is empty");
  if (first.kind !== "word" || !READING.has(first.text))
    return refuse(`only SELECT, WITH, SHOW, DESCRIBE, EXPLAIN and EXISTS are allowed, not ${first.text.slice(0, 40)}`);
  const listed = new Set(tableFunctions.map((name) => name.toLowerCase()));
  for (const [index, token] of tokens.entries()) checkToken(token, tokens[index + 1], tokens[index + 2], listed);
  return statement.replace(/[\s;]+$/, "");
}

function checkToken(
  token: Token,
  next: Token | undefined,
  afterNext: Token | undefined,
  listed: ReadonlySet<string>,
): void {
  if (token.kind === "sign" && token.text === ";") refuse("one statement at a time");
  if (token.kind === "word" && token.text === "into") refuse("INTO OUTFILE is not allowed: the answer is the output");
  if (token.kind === "word" && token.text === "format" && (next?.kind === "word" || next?.kind === "quoted"))
    refuse("FORMAT is not part of the statement: send it beside the query");
  if (token.kind === "word" && token.text === "settings" && next?.kind === "word" && afterNext?.text === "=")
    refuse("SETTINGS are not allowed here");
  if (token.kind === "word" && (token.text === "from" || token.text === "join") && next?.kind === "string")
    refuse("a file is no table here");
  if (token.kind === "quoted" && /[/\\]|:\/\//.test(token.text))
    refuse(`the name ${token.text.slice(0, 60)} looks like a file`);
  const called = (token.kind === "word" || token.kind === "quoted") && next?.kind === "sign" && next.text === "(";
  const name = token.text.toLowerCase();
  if (called && (REACHING_OUT.has(name) || (listed.has(name) && !HARMLESS.has(name))))
    refuse(`the function ${name} reads from outside the store`);
}

/** The name of an output format, checked to be a name and nothing else. @throws DriftlineError `request_invalid` */
export function checkFormat(format: string): string {
  if (/^[A-Za-z][A-Za-z0-9]{0,63}$/.test(format)) return format;
  throw new DriftlineError(
    "request_invalid",
    `"${format.slice(0, 80)}" is no output format; for example JSONEachRow, CSVWithNames, PrettyCompact`,
  );
}

/** Enough of ClickHouse's lexer to tell words from what stands in quotes and comments. */
function tokensOf(statement: string): Token[] {
  const tokens: Token[] = [];
  const pattern =
    /\s+|--[^\n]*|#[!\s][^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\]|\\[\s\S]|'')*'|`(?:[^`\\]|\\[\s\S]|``)*`|"(?:[^"\\]|\\[\s\S]|"")*"|[\p{L}_$][\p{L}\p{N}_$]*|\d[\w.]*|[\s\S]/gu;
  for (const [text] of statement.matchAll(pattern)) {
    if (/^(?:\s|--|#[!\s]|\/\*)/.test(text) && !/^\/$/.test(text)) continue;
    if (text.startsWith("'") && text.length > 1) tokens.push({ kind: "string", text: text.slice(1, -1) });
    else if (/^[`"]/.test(text) && text.length > 1) tokens.push({ kind: "quoted", text: text.slice(1, -1) });
    else if (/^[\p{L}_$]/u.test(text) && text.includes("$")) refuse("$ outside of quotes is not allowed");
    else if (/^[\p{L}_]/u.test(text)) tokens.push({ kind: "word", text: text.toLowerCase() });
    else if (/^['"`]$/.test(text)) refuse("a quote is not closed");
    // The engine reads these as quotes too; whoever wants one in a text puts it in plain quotes.
    else if (/^[\u2018\u2019\u201c\u201d]$/.test(text)) refuse("curly quotes are not allowed: write ' or \"");
    else tokens.push({ kind: "sign", text });
  }
  return tokens;
}
