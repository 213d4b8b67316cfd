/** `driftline sql`: asks the store, through the running service where one holds the folder. */
import { Command } from "commander";
import { runQuery } from "../requests/query.ts";
import { configOption, readConfig } from "./options.ts";

export const sqlCommand = (): Command =>
  new Command("sql")
    .description("Run a read-only query on the store and print what ClickHouse prints.")
    .argument("<query>", 'for example "select * from metrics final limit 5"')
    .addOption(configOption())
    .option("--format <name>", "ClickHouse output format", "PrettyCompact")
    .addHelpText(
      "after",
      '\nExample:\n  driftline sql "select metric, count() from metrics final group by metric" --format JSONEachRow',
    )
    .action(async (query: string, options: { config: string; format: string }) => {
      process.stdout.write(await runQuery(readConfig(options.config), query, options.format));
    });
