/** What the embedded engine and a server have in common: both are an @clickhouse/client, and one SQL serves both. */
import type { ClickHouseClient } from "@clickhouse/client";
import { z } from "zod";
import { DriftlineError, messageOf } from "../core/errors.ts";
import type { Column } from "./native-block.ts";
import { nativeBlock } from "./native-block.ts";
import type { Sql } from "./sql.ts";
import { join, name } from "./sql.ts";
import type { Lane, QueryOptions } from "./store.ts";

const DEFAULT_MEMORY_BYTES = 4 * 1024 ** 3;
const DEFAULT_TIMEOUT_SECONDS = 300;

/** Settings stand in the statement's text: through the client they would stick to the embedded engine's connection. */
function limits(options: QueryOptions | undefined): string {
  const memory = options?.memoryBytes ?? DEFAULT_MEMORY_BYTES;
  const seconds = options?.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
  return `max_memory_usage = ${memory}, max_bytes_before_external_group_by = ${Math.floor(memory / 2)}, max_execution_time = ${seconds}`;
}

/**
 * What a failed statement means: the engine's own errors (bad data, bad SQL) will fail the same way again; everything else
 * (connection, time-out, memory, too many parts) is worth another try.
 */
const RETRYABLE_CODES = new Set(["159", "160", "202", "209", "210", "241", "242", "243", "252", "999", "1000"]);

export function storeError(thrown: unknown, doing: string): DriftlineError {
  if (thrown instanceof DriftlineError) return thrown;
  const code = engineCode(thrown);
  const retryable = code === null || RETRYABLE_CODES.has(code);
  return new DriftlineError(retryable ? "store_unavailable" : "store_refused", `${doing}: ${messageOf(thrown)}`, {
    cause: thrown,
    retryable,
  });
}

function engineCode(thrown: unknown): string | null {
  // Not `instanceof`: the embedded engine throws the class of its own copy of the client's common part.
  if (thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" && /^\d+$/.test(thrown.code))
    return thrown.code;
  return /\bCode: (\d+)\b/.exec(messageOf(thrown))?.[1] ?? null;
}

/** Moves the bytes of a Native block into a table: a file for the embedded engine, a request body for a server. */
export type InsertBytes = (table: string, columns: readonly Column[], bytes: Buffer) => Promise<void>;

/** A lane over a client. `insertBytes` is all that differs between the two engines. */
export function createLane(client: ClickHouseClient, insertBytes: InsertBytes): Lane {
  return {
    async query(statement, row, options) {
      const rows = z.array(row);
      try {
        const result = await client.query({
          query: `${statement.text}\nSETTINGS ${limits(options)}`,
          format: "JSONEachRow",
        });
        return rows.parse(await result.json());
      } catch (thrown) {
        if (thrown instanceof z.ZodError)
          throw new DriftlineError(
            "store_refused",
            `unexpected row from the store: ${z.prettifyError(thrown)} in ${head(statement.text)}`,
          );
        throw storeError(thrown, head(statement.text));
      }
    },
    async command(statement) {
      try {
        await client.command({ query: statement.text });
      } catch (thrown) {
        throw storeError(thrown, head(statement.text));
      }
    },
    async insertBlock(table, columns) {
      if ((columns[0]?.values.length ?? 0) === 0) return;
      try {
        await insertBytes(table, columns, nativeBlock(columns));
      } catch (thrown) {
        throw storeError(thrown, `insert into ${table}`);
      }
    },
    async insertRows(table, rows) {
      if (rows.length === 0) return;
      try {
        await client.insert({ table: name(table).text, values: [...rows], format: "JSONEachRow" });
      } catch (thrown) {
        throw storeError(thrown, `insert into ${table}`);
      }
    },
    async text(statement, format, options) {
      try {
        const result = await client.exec({
          query: `${statement}\nSETTINGS ${limits(options)}${options?.readOnly === true ? ", readonly = 2" : ""}\nFORMAT ${format}`,
        });
        return await readAll(result.stream);
      } catch (thrown) {
        throw storeError(thrown, head(statement));
      }
    },
  };
}

/** The column list of an insert. */
export function columnList(columns: readonly { readonly name: string }[]): Sql {
  return join(columns.map((column) => name(column.name)));
}

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** The first words of a statement, for messages. */
function head(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > 160 ? `${line.slice(0, 160)}…` : line;
}
