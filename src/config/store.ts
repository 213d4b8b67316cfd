/** `store:`: the embedded engine in a folder, or a ClickHouse server by its address. */
import { z } from "zod";
import { duration } from "./duration.ts";
import { secret } from "./secret.ts";

export const storeSchema = z
  .union([
    z.strictObject({
      embedded: z.string().min(1).describe("Folder of the embedded engine, relative to the configuration file."),
    }),
    z.strictObject({
      url: z.url().describe("ClickHouse over HTTP, for example http://clickhouse:8123."),
      database: z.string().default("driftline").describe("Database; made if it is missing."),
      username: z.string().default("default").describe("User."),
      password: secret().optional().describe("Password."),
      request_timeout: duration({ least: 100 }).prefault("1m").describe("A request that takes longer has failed."),
    }),
  ])
  .prefault({ embedded: "./data" })
  .describe("Where everything is kept.");
