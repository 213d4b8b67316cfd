/**
 * ClickHouse's HTTP interface before the embedded engine, so that the unmodified client and its network path are tested where
 * no server can be installed. Requests can be refused, hung or cut off, to see what the service makes of it. One per process:
 * the engine holds one data folder.
 */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { Session } from "chdb";

/** What happens to requests: answered, refused with 503, never answered, or cut off in the middle. */
export type FrontMode = "answer" | "refuse" | "hang" | "cut";

export interface ClickHouseFront extends AsyncDisposable {
  readonly url: string;
  /** From now on; a function decides for each statement. */
  behave(mode: FrontMode | ((statement: string) => FrontMode)): void;
  /** Statements that came in since the start. */
  readonly requests: number;
}

/** Names of the URL that are no settings. */
const controls = new Set([
  "query",
  "database",
  "default_format",
  "query_id",
  "session_id",
  "compress",
  "decompress",
  "enable_http_compression",
  "wait_end_of_query",
  "role",
]);
const scratch = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
/** Codes that a server answers with another status than 500. */
const statuses: Readonly<Record<string, number>> = { "47": 400, "60": 404, "62": 400, "81": 404, "241": 500, "516": 403 };

/** Starts the front on a free port, on a folder of its own that goes with it unless one is given. */
export async function startClickHouseFront(options: { folder?: string } = {}): Promise<ClickHouseFront> {
  const folder = options.folder ?? (await mkdtemp(path.join(tmpdir(), "driftline-clickhouse-")));
  const engine = new Session(folder);
  let behaviour: (statement: string) => FrontMode = () => "answer";
  let requests = 0;
  const server = createServer((request, response) => {
    void answer(request, response).catch(() => response.destroy());
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://front");
    const body = await bodyOf(request);
    const given = url.searchParams.get("query") ?? "";
    const statement = given === "" ? body.toString("utf8") : given;
    if (url.pathname === "/ping") return void response.end("Ok.\n");
    requests += 1;
    const mode = behaviour(statement);
    if (mode === "hang") return;
    if (mode === "cut") return void response.destroy();
    if (mode === "refuse") return void response.writeHead(503).end("the front refuses");
    try {
      const format = url.searchParams.get("default_format") ?? "TabSeparated";
      let output = await run(folder, url, statement, given === "" ? Buffer.alloc(0) : body, format);
      const headers: Record<string, string> = {
        "X-ClickHouse-Query-Id": url.searchParams.get("query_id") ?? randomUUID(),
        "X-ClickHouse-Format": format,
        "X-ClickHouse-Timezone": "UTC",
        "X-ClickHouse-Summary": JSON.stringify({ read_rows: "0", read_bytes: "0", written_rows: "0", written_bytes: "0" }),
      };
      if (url.searchParams.get("enable_http_compression") === "1" && /gzip/.test(String(request.headers["accept-encoding"]))) {
        output = gzipSync(output, { level: 1 });
        headers["Content-Encoding"] = "gzip";
      }
      response.writeHead(200, headers).end(output);
    } catch (thrown) {
      const text = thrown instanceof Error ? thrown.message : String(thrown);
      const code = /Code: (\d+)/.exec(text)?.[1] ?? "1002";
      const version = /\(version/.test(text) ? "" : " (version 26.7.2.1)";
      response.writeHead(statuses[code] ?? 500, { "X-ClickHouse-Exception-Code": code });
      response.end(`${text.startsWith("Code:") ? text : `Code: ${code}. DB::Exception: ${text}`}${version}\n`);
    }
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the front has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    get requests() {
      return requests;
    },
    behave: (mode) => {
      behaviour = typeof mode === "function" ? mode : () => mode;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      engine.close();
      if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk as Buffer));
  const body = Buffer.concat(chunks);
  return request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
}

/** Each request has an engine connection of its own, since settings stay with a connection. */
async function run(folder: string, url: URL, statement: string, body: Buffer, format: string): Promise<Buffer> {
  const session = new Session(folder);
  try {
    for (const [name, value] of url.searchParams) {
      if (controls.has(name)) continue;
      if (!/^[A-Za-z_]\w*$/.test(name)) throw new Error(`Code: 115. DB::Exception: Unknown setting ${name}. (UNKNOWN_SETTING)`);
      await session.queryAsync(`SET ${name} = ${quoted(value)}`);
    }
    const database = url.searchParams.get("database");
    if (database !== null && database !== "default") await session.queryAsync(`USE \`${database.replaceAll("`", "``")}\``);
    const insert = /^\s*insert\s+into\s+([\s\S]*?)\s+(?:settings\s+([\s\S]*?)\s+)?format\s+(\w+)\s*$/i.exec(statement);
    if (insert !== null && body.length > 0) {
      await insertBody(session, insert[1] ?? "", insert[2], insert[3] ?? "", body);
      return Buffer.alloc(0);
    }
    const text = body.length > 0 ? `${statement}\n${body.toString("utf8")}` : statement;
    return Buffer.from((await session.queryAsync(text, { format })).bytes());
  } finally {
    session.close();
  }
}

/** The engine takes no bodies: they pass through a file. */
async function insertBody(session: Session, target: string, settings: string | undefined, format: string, body: Buffer): Promise<void> {
  const file = path.join(scratch, `driftline-front-${randomUUID()}`);
  await writeFile(file, body);
  try {
    const columns = /\(([^)]*)\)\s*$/.exec(target);
    const table = columns === null ? target.trim() : target.slice(0, columns.index).trim();
    const described = (await session.queryAsync(`DESCRIBE TABLE ${table}`, { format: "JSONEachRow" })).text();
    const types = new Map<string, string>();
    for (const line of described.split("\n").filter((text) => text !== "")) {
      const row: unknown = JSON.parse(line);
      if (isDescription(row) && !/^(MATERIALIZED|ALIAS)$/.test(row.default_type)) types.set(row.name, row.type);
    }
    const wanted = columns?.[1]?.split(",").map((name) => name.trim().replace(/^[`"]|[`"]$/g, "")) ?? [...types.keys()];
    const structure = wanted.map((name) => `\`${name}\` ${types.get(name) ?? "String"}`).join(", ");
    const from = format === "Native" ? `file(${quoted(file)}, Native)` : `file(${quoted(file)}, ${quoted(format)}, ${quoted(structure)})`;
    const list = wanted.map((name) => `\`${name}\``).join(", ");
    const with_ = settings === undefined ? "" : ` SETTINGS ${settings}`;
    await session.queryAsync(`INSERT INTO ${table} (${list})${with_} SELECT ${list} FROM ${from}`);
  } finally {
    await rm(file, { force: true });
  }
}

function isDescription(row: unknown): row is { name: string; type: string; default_type: string } {
  return typeof row === "object" && row !== null && "name" in row && "type" in row && "default_type" in row;
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
