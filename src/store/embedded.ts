/** The embedded engine (npm `chdb`): ClickHouse in this process, on a folder that only this process may hold. */
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { type ClickHouseClient, createClient } from "@clickhouse/client";
import { DriftlineError, messageOf } from "../core/errors.ts";
import { columnList, createLane, type InsertBytes } from "./clickhouse.ts";
import { name, sql } from "./sql.ts";
import { type Lane, type LaneName, laneNames, type Store } from "./store.ts";

type EngineConnection = NonNullable<NonNullable<Parameters<typeof createClient>[0]>["connection"]>;

/**
 * The engine compiles an expression to machine code when it meets it the third time, which costs as much as ten small statements. Statements here
 * read a pane or a window each, and summaries, the largest, were measured to be made no faster by it. These settings stay with a connection.
 */
const INTERPRETED = sql`SET compile_expressions = 0, compile_aggregate_expressions = 0, compile_sort_description = 0`;

/** Batches pass through memory where the system offers it, else through the folder. */
const SHARED_MEMORY = "/dev/shm";

/**
 * Opens the folder, making it if it is missing.
 *
 * @throws DriftlineError `store_in_use` if another process holds it, `store_unavailable` if `chdb` is not installed
 */
export async function openEmbeddedStore(folder: string): Promise<Store> {
  await mkdir(folder, { recursive: true });
  const { createChdbConnection } = await loadEngine();
  const insertBytes = insertThroughFile(existsSync(SHARED_MEMORY) ? SHARED_MEMORY : folder);
  // The engine implements the client's interface but is typed against another copy of it, hence the one cast.
  const connect = () =>
    createClient({ connection: createChdbConnection({ path: folder }) as unknown as EngineConnection });

  const open = async (database: string | null): Promise<Store> => {
    const clients = new Map<LaneName, ClickHouseClient>();
    const lanes = new Map<LaneName, Lane>();
    try {
      for (const lane of laneNames) {
        const client = connect();
        clients.set(lane, client);
        lanes.set(lane, createLane(client, insertBytes(client)));
      }
    } catch (thrown) {
      throw inUse(folder, thrown);
    }
    const control = lanes.get("control");
    if (control === undefined)
      throw new DriftlineError("store_unavailable", "the embedded engine opened no control lane");
    const ping = () => control.command(sql`SELECT 1 FORMAT Null`);
    await ping();
    for (const lane of lanes.values()) await lane.command(INTERPRETED);
    // Each connection remembers its own database.
    if (database !== null) for (const lane of lanes.values()) await lane.command(sql`USE ${name(database)}`);
    return {
      kind: "embedded",
      lane: (lane) => lanes.get(lane) ?? control,
      ping,
      beside: open,
      close: async () => {
        for (const client of clients.values()) await client.close();
      },
    };
  };
  return await open(null);
}

async function loadEngine(): Promise<typeof import("chdb/connection")> {
  try {
    return await import("chdb/connection");
  } catch (thrown) {
    throw new DriftlineError(
      "store_unavailable",
      `the embedded engine (npm package chdb, Linux or macOS) is not installed: ${messageOf(thrown)}. Install it, or set store: { url: … } to use a ClickHouse server.`,
      { cause: thrown },
    );
  }
}

/** The engine gives no reason when another process holds the folder; its lock file names that process. */
function inUse(folder: string, thrown: unknown): DriftlineError {
  const lock = path.join(folder, "status");
  const holder = existsSync(lock) ? /PID: (\d+)/.exec(readFileSync(lock, "utf8"))?.[1] : undefined;
  const by = holder === undefined ? "" : `; it is held by process ${holder}`;
  return new DriftlineError(
    "store_in_use",
    `can't open the store in ${folder}${by}. One process holds a folder at a time.`,
    { cause: thrown },
  );
}

/**
 * The binding turns bodies into text, so binary batches go through a file. It is written in one go: the file is memory, nearly always, and
 * while events are decoded each turn that is waited for would cost more than the copy.
 */
function insertThroughFile(folder: string): (client: ClickHouseClient) => InsertBytes {
  return (client) => async (table, columns, bytes) => {
    const file = path.join(folder, `driftline-${process.pid}-${randomUUID()}.native`);
    const list = columnList(columns);
    try {
      writeFileSync(file, bytes, { mode: 0o600 });
      await client.command({
        query:
          sql`INSERT INTO ${name(table)} (${list}) SETTINGS async_insert = 0, optimize_on_insert = 0 SELECT ${list} FROM file(${file}, 'Native')`
            .text,
      });
    } finally {
      rmSync(file, { force: true });
    }
  };
}
