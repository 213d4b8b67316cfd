/**
 * A small ClickHouse server for tests: the HTTP interface that the unmodified `@clickhouse/client` speaks, over the embedded
 * engine, with faults on demand. One engine connection a request, so that settings and parameters stay with it.
 */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync, gzipSync } from "node:zlib";
import { Session } from "chdb";
import { z } from "zod";

/** What the front does to requests instead of, or before, answering them. */
export type Fault =
  /** The connection is cut before anything is read. */
  | { readonly kind: "refuse" }
  /** No answer ever comes. */
  | { readonly kind: "hang" }
  | { readonly kind: "status"; readonly status: number; readonly body: string }
  /** The statement runs, and the connection is cut in the middle of its answer. */
  | { readonly kind: "cut" }
  | { readonly kind: "delay"; readonly ms: number };

export interface ClickHouseFront {
  readonly url: string;
  /** Requests that have arrived. */
  readonly requests: () => number;
  /** Applies a fault to requests whose statement matches (all, if left out), at most `times` times, until it is cleared. */
  setFault(fault: Fault, options?: { readonly times?: number; readonly matching?: RegExp }): void;
  clearFault(): void;
  close(): Promise<void>;
}

/** Names in a URL that are no settings. */
const NOT_SETTINGS = new Set(
  (
    "query database default_format query_id session_id session_timeout session_check user password role compress decompress " +
    "client_protocol_version stacktrace quota_key wait_end_of_query send_progress_in_http_headers http_headers_progress_interval_ms " +
    "buffer_size enable_http_compression http_zlib_compression_level cancel_http_readonly_queries_on_client_close"
  ).split(" "),
);
const INSERT = /^\s*insert\s+into\s+(?:table\s+)?([\s\S]*?)\s+(?:settings\s+([\s\S]*?)\s+)?format\s+(\w+)\s*$/i;
const quote = (text: string): string => `'${text.replace(/\\/g, "\\\\").replace(/'/g, "\\'")}'`;

/** Serves the data folder on a free port of 127.0.0.1. One data folder a process. */
export async function startClickHouseFront(folder: string): Promise<ClickHouseFront> {
  const engine = new Engine(folder);
  let active: { readonly fault: Fault; left: number; readonly matching: RegExp } | null = null;
  let requests = 0;
  const faultOf = (statement: string): Fault | null => {
    if (active === null || active.left <= 0 || !active.matching.test(statement)) return null;
    active.left--;
    return active.fault;
  };
  const server = createServer((request, response) => {
    requests++;
    answer(engine, faultOf, request, response).catch((thrown: unknown) => {
      if (!response.headersSent) response.writeHead(500);
      response.end(`Code: 1002. DB::Exception: ${String(thrown)} (UNKNOWN_EXCEPTION) (version 26.7.2.1)\n`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    requests: () => requests,
    setFault: (fault, options) => {
      active = { fault, left: options?.times ?? Number.POSITIVE_INFINITY, matching: options?.matching ?? /[\s\S]*/ };
    },
    clearFault: () => {
      active = null;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      engine.close();
    },
  };
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the front listens on no port");
  return address.port;
}

interface Request {
  readonly statement: string;
  readonly body: Buffer;
  readonly format: string;
  readonly database: string;
  readonly settings: readonly string[];
  readonly parameters: readonly string[];
}

async function answer(
  engine: Engine,
  faultOf: (statement: string) => Fault | null,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(incoming.url ?? "/", "http://front");
  const request = await read(incoming, url);
  const fault = faultOf(request.statement);
  if (fault?.kind === "refuse") return void incoming.socket.destroy();
  if (fault?.kind === "hang") return;
  if (fault?.kind === "status")
    return void response.writeHead(fault.status, { "Content-Type": "text/plain" }).end(fault.body);
  if (fault?.kind === "delay") await sleep(fault.ms);
  if (url.pathname === "/ping") return void response.end("Ok.\n");
  try {
    const result = await engine.run(request);
    const headers = headersOf(request, result);
    if (fault?.kind === "cut") {
      response.writeHead(200, { ...headers, "Content-Length": String(result.bytes.length + 1000) });
      response.write(result.bytes.subarray(0, Math.floor(result.bytes.length / 2)));
      setTimeout(() => incoming.socket.destroy(), 20);
      return;
    }
    const gzip =
      url.searchParams.get("enable_http_compression") === "1" &&
      /gzip/.test(String(incoming.headers["accept-encoding"] ?? ""));
    response.writeHead(200, gzip ? { ...headers, "Content-Encoding": "gzip" } : headers);
    response.end(gzip ? gzipSync(result.bytes, { level: 1 }) : result.bytes);
  } catch (thrown) {
    refuse(response, thrown);
  }
}

async function read(incoming: IncomingMessage, url: URL): Promise<Request> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk instanceof Buffer ? chunk : Buffer.from(String(chunk)));
  let body: Buffer = Buffer.concat(chunks);
  if (incoming.headers["content-encoding"] === "gzip") body = gunzipSync(body);
  let statement = url.searchParams.get("query") ?? "";
  if (!/^\s*insert\b/i.test(statement)) {
    statement = statement === "" ? body.toString("utf8") : `${statement}\n${body.toString("utf8")}`;
    body = Buffer.alloc(0);
  }
  const settings: string[] = [];
  const parameters: string[] = [];
  for (const [key, value] of url.searchParams) {
    if (/^param_\w+$/.test(key)) parameters.push(`${key} = ${quote(value)}`);
    else if (!NOT_SETTINGS.has(key) && /^[A-Za-z_]\w*$/.test(key)) settings.push(`${key} = ${quote(value)}`);
  }
  return {
    statement,
    body,
    settings,
    parameters,
    format: url.searchParams.get("default_format") ?? "TabSeparated",
    database: url.searchParams.get("database") ?? "default",
  };
}

interface Result {
  readonly bytes: Buffer;
  readonly rowsRead: number;
  readonly rowsWritten: number;
}

function headersOf(request: Request, result: Result): Record<string, string> {
  const summary = {
    read_rows: String(result.rowsRead),
    read_bytes: "0",
    written_rows: String(result.rowsWritten),
    written_bytes: "0",
    total_rows_to_read: "0",
    result_rows: "0",
    result_bytes: String(result.bytes.length),
    elapsed_ns: "1",
  };
  return {
    "X-ClickHouse-Query-Id": randomUUID(),
    "X-ClickHouse-Format": request.format,
    "X-ClickHouse-Timezone": "UTC",
    "X-ClickHouse-Summary": JSON.stringify(summary),
    "Content-Type": /JSON/.test(request.format) ? "application/json; charset=UTF-8" : "text/plain; charset=UTF-8",
  };
}

function refuse(response: ServerResponse, thrown: unknown): void {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const own =
    thrown instanceof Error && "clickhouseCode" in thrown && typeof thrown.clickhouseCode === "number"
      ? thrown.clickhouseCode
      : 1002;
  const code = /Code: (\d+)/.exec(message)?.[1] ?? String(own);
  const status =
    code === "516" ? 403 : code === "60" || code === "81" ? 404 : code === "62" || code === "47" ? 400 : 500;
  const text = message.startsWith("Code:") ? message : `Code: ${code}. DB::Exception: ${message}`;
  response.writeHead(status, { "X-ClickHouse-Exception-Code": code, "Content-Type": "text/plain; charset=UTF-8" });
  response.end(`${text}${/\(version/.test(text) ? "" : " (UNKNOWN) (version 26.7.2.1)"}\n`);
}

const quoteName = (text: string): string => `\`${text.replace(/\\/g, "\\\\").replace(/`/g, "\\`")}\``;

function listed(list: string | undefined): ReadonlySet<string> | null {
  return list === undefined ? null : new Set(list.split(",").map((item) => item.trim().replace(/[`"]/g, "")));
}

function keysOf(body: Buffer): ReadonlySet<string> {
  const rows = body
    .toString("utf8")
    .split("\n")
    .filter((line) => line.trim() !== "");
  return new Set(rows.flatMap((line) => Object.keys(z.record(z.string(), z.unknown()).parse(JSON.parse(line)))));
}

const describedColumn = z.object({ name: z.string(), type: z.string() });

class Engine {
  readonly #folder: string;
  /** Holds the engine open between requests. */
  readonly #keep: Session;

  constructor(folder: string) {
    this.#folder = folder;
    this.#keep = new Session(folder);
  }

  async run(request: Request): Promise<Result> {
    const session = new Session(this.#folder);
    try {
      if (request.settings.length > 0) await session.queryAsync(`SET ${request.settings.join(", ")}`);
      for (const parameter of request.parameters) await session.queryAsync(`SET ${parameter}`);
      if (request.database !== "default") await session.queryAsync(`USE \`${request.database.replace(/`/g, "\\`")}\``);
      const insert = INSERT.exec(request.statement);
      if (insert !== null && request.body.length > 0) return await this.#insert(session, insert, request.body);
      const result = await session.queryAsync(request.statement, { format: request.format });
      return { bytes: Buffer.from(result.bytes()), rowsRead: result.rowsRead, rowsWritten: 0 };
    } finally {
      session.close();
    }
  }

  /** The body goes through a file: the binding takes statements as text only. */
  async #insert(session: Session, insert: RegExpExecArray, body: Buffer): Promise<Result> {
    const [, target = "", settings, format = ""] = insert;
    const file = path.join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), `front-${process.pid}-${randomUUID()}`);
    await writeFile(file, body);
    try {
      const named = /\(([\s\S]*)\)\s*$/.exec(target);
      const table = named === null ? target.trim() : target.slice(0, named.index).trim();
      // A server gives columns that the rows leave out the table's defaults, so only those that are there may be named.
      const keys = format === "JSONEachRow" && named === null ? keysOf(body) : null;
      const columns = keys === null ? (named?.[1] ?? "*") : [...keys].map(quoteName).join(", ");
      const source =
        format === "Native"
          ? `file(${quote(file)}, Native)`
          : `file(${quote(file)}, ${quote(format)}, ${quote(await this.#structure(session, table, keys ?? listed(named?.[1])))})`;
      const into = columns === "*" ? table : `${table} (${columns})`;
      const result = await session.queryAsync(
        `INSERT INTO ${into} ${settings === undefined ? "" : `SETTINGS ${settings}`} SELECT ${columns} FROM ${source}`,
      );
      return { bytes: Buffer.alloc(0), rowsRead: result.rowsRead, rowsWritten: result.rowsRead };
    } finally {
      await rm(file, { force: true });
    }
  }

  async #structure(session: Session, table: string, wanted: ReadonlySet<string> | null): Promise<string> {
    const described = await session.queryAsync(`DESCRIBE TABLE ${table}`, { format: "JSONEachRow" });
    const columns = described
      .text()
      .trim()
      .split("\n")
      .map((line) => describedColumn.parse(JSON.parse(line)));
    return columns
      .filter((column) => wanted === null || wanted.has(column.name))
      .map((column) => `${quoteName(column.name)} ${column.type}`)
      .join(", ");
  }

  close(): void {
    this.#keep.close();
  }
}
