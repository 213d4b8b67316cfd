/**
 * An engine that sees this machine's files: references and file sources lie beside Driftline, not beside a ClickHouse server.
 * With the embedded store it is that store; with a server it is an engine of its own, opened when the first file is read.
 */
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { storeError } from "./clickhouse.ts";
import { openEmbeddedStore } from "./embedded.ts";
import type { Sql } from "./sql.ts";
import type { Lane, Store } from "./store.ts";

export interface LocalReader {
  readonly lane: Lane;
  /** The result of a query in a format, chunk by chunk, so that a file of any size is read in little memory. */
  stream(statement: Sql, format: string): AsyncIterable<Buffer>;
  close(): Promise<void>;
}

/** @param folder of the embedded store; null with a server */
export async function openLocalReader(store: Store, folder: string | null): Promise<LocalReader> {
  if (folder !== null)
    return {
      lane: store.lane("serve"),
      stream: (statement, format) => streamFrom(folder, statement, format),
      close: async () => {},
    };
  let opened: Promise<{ readonly engine: Store; readonly folder: string }> | null = null;
  const open = async () => {
    const temporary = await mkdtemp(path.join(os.tmpdir(), "driftline-reader-"));
    return { engine: await openEmbeddedStore(temporary), folder: temporary };
  };
  const own = () => {
    opened ??= open();
    return opened;
  };
  const lane = async (): Promise<Lane> => (await own()).engine.lane("serve");
  return {
    lane: {
      query: async (statement, row, options) => (await lane()).query(statement, row, options),
      command: async (statement, options) => (await lane()).command(statement, options),
      insertBlock: async (table, columns) => (await lane()).insertBlock(table, columns),
      insertRows: async (table, rows) => (await lane()).insertRows(table, rows),
      text: async (statement, format, options) => (await lane()).text(statement, format, options),
    },
    async *stream(statement, format) {
      yield* streamFrom((await own()).folder, statement, format);
    },
    async close() {
      if (opened === null) return;
      const { engine, folder: temporary } = await opened;
      await engine.close();
      await rm(temporary, { recursive: true, force: true });
    },
  };
}

/** The engine is one per process, so a session on the same folder reads beside the store's connections. */
async function* streamFrom(folder: string, statement: Sql, format: string): AsyncGenerator<Buffer> {
  const { Session } = await import("chdb");
  const session = new Session(folder);
  try {
    for await (const chunk of session.queryStream(statement.text, { format })) yield Buffer.from(chunk.raw());
  } catch (thrown) {
    throw storeError(thrown, "read a file");
  } finally {
    session.close();
  }
}
