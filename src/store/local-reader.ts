/**
 * An engine that sees this machine's files: references and file sources lie beside Driftline, not beside a ClickHouse server.
 * With the embedded store it is that store; with a server it is an engine in memory, opened when the first file is read.
 */
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { openEmbeddedStore } from "./embedded.ts";
import type { Lane, Store } from "./store.ts";

export interface LocalReader {
  readonly lane: Lane;
  close(): Promise<void>;
}

export async function openLocalReader(store: Store): Promise<LocalReader> {
  if (store.kind === "embedded") return { lane: store.lane("serve"), close: async () => {} };
  let opened: Promise<{ store: Store; folder: string }> | null = null;
  const open = async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), "driftline-reader-"));
    return { store: await openEmbeddedStore(folder), folder };
  };
  const lane = async (): Promise<Lane> => {
    opened ??= open();
    return (await opened).store.lane("serve");
  };
  return {
    lane: {
      query: async (statement, row, options) => (await lane()).query(statement, row, options),
      command: async (statement, options) => (await lane()).command(statement, options),
      insertBlock: async (table, columns) => (await lane()).insertBlock(table, columns),
      insertRows: async (table, rows) => (await lane()).insertRows(table, rows),
      text: async (statement, format, options) => (await lane()).text(statement, format, options),
    },
    async close() {
      if (opened === null) return;
      const { store: engine, folder } = await opened;
      await engine.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
