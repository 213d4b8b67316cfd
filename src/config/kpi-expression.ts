/**
 * What a custom KPI may be: one ClickHouse expression over the window's rows. It is no fence against an enemy (who writes the file runs the
 * service), but keeps a slip from reading files, hosts or other tables, and from being more than the one expression it is put in as.
 */

/** Functions that reach outside the rows: table functions, dictionaries, files, and those that only wait. */
const OUTSIDE = new Set(
  `arrowflight azureblobstorage azureblobstoragecluster catboostevaluate cluster clusterallreplicas deltalake deltalakecluster dictionary
  executable file filecluster fuzzjson fuzzquery gcs generaterandom getmacro getsetting getserversetting hdfs hdfscluster hive hudi
  hudicluster iceberg icebergcluster input jdbc joinget joingetornull loop merge mergetreeindex mergetreeprojection modelevaluate mongodb
  mysql numbers numbers_mt odbc oss paimon postgresql prometheusquery python redis remote remotesecure s3 s3cluster sleep sleepeachrow
  sqlite timeseriesdata timeseriesmetrics timeseriestags url urlcluster view viewexplain viewifpermitted ytsaurus zeros zeros_mt`.split(
    /\s+/,
  ),
);
const STATEMENT_WORDS = new Set(
  "select insert update delete alter create drop truncate attach detach rename system set use grant revoke kill optimize union except intersect settings format into outfile".split(
    " ",
  ),
);

interface Token {
  readonly kind: "word" | "quoted" | "literal" | "sign";
  readonly text: string;
}

const TOKEN =
  /\s+|(?<comment>--|\/\*|#!|# )|(?<literal>'(?:[^'\\]|\\[\s\S]|'')*'|0x[\da-f]+|\d+(?:\.\d*)?(?:e[+-]?\d+)?)|(?<quoted>`(?:[^`\\]|\\[\s\S]|``)*`|"(?:[^"\\]|\\[\s\S]|"")*")|(?<word>[\p{L}_$][\p{L}\p{N}_$]*)|(?<sign>[\s\S])/iuy;

/** What is wrong with the expression, in words; null if nothing is. */
export function kpiExpressionFault(sql: string): string | null {
  const tokens = tokensOf(sql);
  if (typeof tokens === "string") return tokens;
  if (tokens.length === 0) return "must be an expression; found nothing";
  return (
    shapeFault(tokens) ?? tokens.map((_, index) => tokenFault(tokens, index)).find((fault) => fault !== null) ?? null
  );
}

function tokensOf(sql: string): Token[] | string {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < sql.length) {
    const groups = TOKEN.exec(sql)?.groups;
    if (groups === undefined) return "has a character that is none";
    const { comment, literal, quoted, word, sign } = groups;
    if (comment !== undefined) return "must not hold a comment";
    if (literal !== undefined) tokens.push({ kind: "literal", text: literal });
    if (quoted !== undefined) tokens.push({ kind: "quoted", text: quoted.slice(1, -1) });
    if (word !== undefined) tokens.push({ kind: "word", text: word });
    if (sign === "'" || sign === '"' || sign === "`") return `has a ${sign} without its partner`;
    if (sign !== undefined) tokens.push({ kind: "sign", text: sign });
  }
  return tokens;
}

const CLOSING: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

/** Brackets that pair up, nothing after a semicolon, no second expression after a comma. */
function shapeFault(tokens: readonly Token[]): string | null {
  const open: string[] = [];
  for (const { kind, text } of tokens) {
    if (kind !== "sign") continue;
    if (text === ";") return "must be one expression, without a semicolon";
    if (text === "," && open.length === 0)
      return "must be one expression; a comma outside brackets begins a second one";
    const closing = CLOSING[text];
    if (closing !== undefined) open.push(closing);
    else if (Object.values(CLOSING).includes(text) && open.pop() !== text) return `has a ${text} without its partner`;
  }
  return open.length === 0 ? null : `lacks a ${open.at(-1) ?? ""}`;
}

function tokenFault(tokens: readonly Token[], index: number): string | null {
  const token = tokens[index];
  if (token === undefined || (token.kind !== "word" && token.kind !== "quoted")) return null;
  const lower = token.text.toLowerCase();
  const before = tokens[index - 1]?.text;
  const after = tokens[index + 1];
  const isCall = after?.text === "(" && after.kind === "sign";
  if (isCall && (OUTSIDE.has(lower) || lower.startsWith("dictget") || lower === "dicthas")) {
    return `must not call ${token.text}(), which reaches outside the window's rows`;
  }
  if (token.kind === "quoted" || before === ".") return null;
  if (lower === "in") return inFault(after);
  // format() and truncate() are functions, SELECT(1) is still a statement.
  const isStatement = lower === "select" || (STATEMENT_WORDS.has(lower) && !isCall);
  return isStatement ? `must be an expression over the window's rows; "${token.text}" belongs to a statement` : null;
}

/** `x IN name` would read another table. */
function inFault(after: Token | undefined): string | null {
  if (after === undefined) return "ends after IN; a list in brackets has to follow";
  const isList = after.kind === "literal" || (after.kind === "sign" && (after.text === "(" || after.text === "["));
  return isList ? null : `IN needs a list in brackets here; "IN ${after.text}" would read another table`;
}
