/**
 * The store's contract: what the stations may ask of ClickHouse, whether it is the embedded engine or a server.
 *
 * A *lane* is a connection of its own: on the embedded engine one connection runs one query at a time, so a slow evaluation
 * must not hold up ingestion or the page.
 */
import type { z } from "zod";
import type { Column } from "./native-block.ts";
import type { Sql } from "./sql.ts";

export const laneNames = ["ingest", "evaluate", "serve", "control"] as const;
export type LaneName = (typeof laneNames)[number];

export interface QueryOptions {
  /** Seconds after which the engine gives up. */
  readonly timeoutSeconds?: number;
  /** Bytes that the query may take; default 4 GiB. */
  readonly memoryBytes?: number;
}

export interface Lane {
  /**
   * Runs a SELECT (without FORMAT) and checks every row. 64-bit integers arrive as numbers (exact below 2^53; select
   * `toString` of hashes), DateTime64 as text: select `toUnixTimestamp64Milli(t)`. NaN and infinities arrive as null.
   */
  query<Row>(statement: Sql, row: z.ZodType<Row>, options?: QueryOptions): Promise<Row[]>;
  /** Runs a statement that returns nothing. */
  command(statement: Sql, options?: QueryOptions): Promise<void>;
  /** Inserts typed columns as one Native block: the fast way for batches. Columns left out take their defaults. */
  insertBlock(table: string, columns: readonly Column[]): Promise<void>;
  /**
   * Inserts rows as JSON, for small control tables. Times are milliseconds (a number goes into DateTime64(3) as such).
   */
  insertRows(table: string, rows: readonly Readonly<Record<string, unknown>>[]): Promise<void>;
  /** The engine's own bytes for a statement in a format, for `driftline sql`. */
  text(statement: string, format: string, options?: QueryOptions & { readonly readOnly?: boolean }): Promise<string>;
}

export interface Store {
  readonly kind: "embedded" | "server";
  lane(lane: LaneName): Lane;
  /** Resolves if the engine answers, rejects with `store_unavailable` otherwise. */
  ping(): Promise<void>;
  /** Another database of the same engine, which must exist, with connections of its own; closing it leaves this one open. */
  beside(database: string): Promise<Store>;
  close(): Promise<void>;
}
