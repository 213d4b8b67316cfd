/**
 * A workspace: a database beside the live one in the same engine, with the same tables, for a computation that must leave the live ones as
 * they are. Tables that are *shared* show the live rows and refuse to be written; of *copied* ones it has rows of its own; the rest is empty.
 */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { migrate } from "./migrate.ts";
import { predictionsTable } from "./model-tables.ts";
import { join, name, type Sql, sql } from "./sql.ts";
import type { Lane, Store } from "./store.ts";

export interface Workspace {
  readonly store: Store;
  readonly database: string;
  /** Copies rows of a live table; columns named in `instead` get that value. */
  copy(table: string, where: Sql, instead?: ReadonlyMap<string, Sql>): Promise<void>;
  /** Removes it with all that it holds. */
  remove(): Promise<void>;
}

/** What a process that was killed has left behind is removed after this time. */
const LEFT_BEHIND_MS = 86_400_000;

/** What ingestion has written of some models; it is read where it lies. */
export const eventTables = (models: readonly string[]): readonly string[] => [
  "prediction_ids",
  "prediction_entities",
  "labels",
  "entity_labels",
  "batches",
  "positions",
  "dead_letters",
  ...models.map(predictionsTable),
];

/** What models are compared with. */
export const referenceTables = [
  "references",
  "reference_samples",
  "reference_rows",
  "reference_segments",
  "vector_projections",
  "reference_dependence",
  "reference_seasons",
  // A step keeps the reference that its windows had.
  "trailing_references",
  // What was accepted stays accepted; the decisions themselves stay out.
  "accepted_baselines",
] as const;

/**
 * @param purpose goes into the database's name: `driftline_backtest_…`
 * @param shared live tables, however large; those that do not exist are left out
 * @param now clock time, ms; of one with a key, when it was wanted
 * @param key of one that is there once at most: what a process that was killed has left of it is removed
 */
export async function openWorkspace(
  store: Store,
  purpose: string,
  shared: readonly string[],
  now: number,
  key?: string,
): Promise<Workspace> {
  const live = store.lane("control");
  const prefix = `driftline_${purpose}_`;
  const database = `${prefix}${now}_${key ?? randomBytes(4).toString("hex")}`;
  await removeLeftBehind(live, prefix, now);
  const liveDatabase = await currentDatabase(live);
  const remove = async () => await live.command(sql`DROP DATABASE IF EXISTS ${name(database)}`);
  if (key !== undefined) await remove();
  await live.command(sql`CREATE DATABASE ${name(database)}`);
  try {
    const own = await store.beside(database);
    const lane = own.lane("control");
    await migrate(lane);
    for (const table of await existing(live, shared)) {
      await lane.command(sql`DROP TABLE IF EXISTS ${name(table)}`);
      // Unlike a view it takes FINAL.
      await lane.command(
        sql`CREATE TABLE ${name(table)} AS ${name(liveDatabase)}.${name(table)} ENGINE = Merge(${liveDatabase}, ${`^${literally(table)}$`})`,
      );
    }
    return {
      store: own,
      database,
      async copy(table, where, instead) {
        const columns = await columnsOf(lane, table);
        const values = columns.map((column) => instead?.get(column) ?? name(column));
        await lane.command(
          sql`INSERT INTO ${name(table)} (${join(columns.map(name))}) SETTINGS async_insert = 0, max_partitions_per_insert_block = 0
            SELECT ${join(values)} FROM ${name(liveDatabase)}.${name(table)} FINAL WHERE ${where}`,
        );
      },
      async remove() {
        await own.close();
        await remove();
      },
    };
  } catch (thrown) {
    await remove();
    throw thrown;
  }
}

export async function currentDatabase(lane: Lane): Promise<string> {
  const [row] = await lane.query(sql`SELECT currentDatabase() AS name`, z.object({ name: z.string() }));
  return row?.name ?? "default";
}

async function existing(lane: Lane, tables: readonly string[]): Promise<readonly string[]> {
  const found = await lane.query(
    sql`SELECT name FROM system.tables WHERE database = currentDatabase()`,
    z.object({ name: z.string() }),
  );
  const names = new Set(found.map((row) => row.name));
  return tables.filter((table) => names.has(table));
}

export async function columnsOf(lane: Lane, table: string): Promise<readonly string[]> {
  const found = await lane.query(
    sql`SELECT name FROM system.columns WHERE database = currentDatabase() AND table = ${table} AND default_kind NOT IN ('MATERIALIZED', 'ALIAS')`,
    z.object({ name: z.string() }),
  );
  return found.map((row) => row.name);
}

async function removeLeftBehind(lane: Lane, prefix: string, now: number): Promise<void> {
  const found = await lane.query(
    sql`SELECT name FROM system.databases WHERE startsWith(name, ${prefix})`,
    z.object({ name: z.string() }),
  );
  for (const { name: database } of found) {
    const made = Number(database.slice(prefix.length).split("_")[0]);
    if (now - made > LEFT_BEHIND_MS) await lane.command(sql`DROP DATABASE IF EXISTS ${name(database)}`);
  }
}

/** A name as a regular expression that matches it alone. */
const literally = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
