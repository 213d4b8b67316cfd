/** A ClickHouse server over HTTP. */
import { Readable } from "node:stream";
import { type ClickHouseClient, createClient } from "@clickhouse/client";
import { columnList, createLane, type InsertBytes, storeError } from "./clickhouse.ts";
import { name, sql } from "./sql.ts";
import type { Store } from "./store.ts";

export interface ServerOptions {
  readonly url: string;
  readonly database: string;
  readonly username: string;
  readonly password?: string | undefined;
  readonly request_timeout: number;
}

/**
 * Connects, and makes the database if it is missing.
 *
 * @throws DriftlineError `store_unavailable` if the server does not answer
 */
export async function openServerStore(options: ServerOptions): Promise<Store> {
  const connect = (database: string): ClickHouseClient =>
    createClient({
      url: options.url,
      database,
      username: options.username,
      password: options.password ?? "",
      request_timeout: options.request_timeout,
      max_open_connections: 16,
      keep_alive: { enabled: true },
      log: { LoggerClass: SilentLogger },
    });
  const first = connect("default");
  try {
    await first.command({ query: `CREATE DATABASE IF NOT EXISTS ${name(options.database).text}` });
  } catch (thrown) {
    throw storeError(thrown, `connect to ClickHouse at ${withoutCredentials(options.url)}`);
  } finally {
    await first.close();
  }
  const open = (database: string): Store => {
    const client = connect(database);
    const lane = createLane(client, insertBody(client));
    return {
      kind: "server",
      lane: () => lane,
      ping: () => lane.command(sql`SELECT 1 FORMAT Null`),
      beside: async (other) => open(other),
      close: () => client.close(),
    };
  };
  return open(options.database);
}

function insertBody(client: ClickHouseClient): InsertBytes {
  return async (table, columns, bytes) => {
    const query = sql`INSERT INTO ${name(table)} (${columnList(columns)}) SETTINGS async_insert = 0, insert_deduplicate = 0 FORMAT Native`;
    const result = await client.exec({ query: query.text, values: Readable.from([bytes], { objectMode: false }) });
    // To the end, so that an answer that is cut, or an error that comes after the status line, is noticed.
    for await (const chunk of result.stream) void chunk;
  };
}

export function withoutCredentials(url: string): string {
  const parsed = new URL(url);
  parsed.username = "";
  parsed.password = "";
  return parsed.toString();
}

/** The client logs every failed request by itself; our callers report them, once, with what was being done. */
class SilentLogger {
  trace(): void {}
  debug(): void {}
  info(): void {}
  warn(): void {}
  error(): void {}
}
