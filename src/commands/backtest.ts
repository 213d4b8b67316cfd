/** `driftline backtest`: which incidents a changed configuration would have opened. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { Command, Option } from "commander";
import { systemClock } from "../core/clock.ts";
import { backtest } from "../requests/backtest.ts";
import { type BacktestReport, backtestReportSchema, reportOf, tableOf } from "../requests/backtest-report.ts";
import { backtestCall } from "../requests/backtest-request.ts";
import { throughService } from "../requests/service-call.ts";
import { createReferenceResolver } from "../service/reference-resolver.ts";
import { openLocalReader } from "../store/local-reader.ts";
import { configOption, readConfig, timeOf } from "./options.ts";

interface Options {
  readonly config: string;
  readonly from?: number;
  readonly to?: number;
  readonly json?: true;
}

export const backtestCommand = (): Command =>
  new Command("backtest")
    .description(
      "Run a changed configuration over what is stored, and show beside today's incidents which would have opened, when, and how many deliveries. Nothing is sent, and nothing in the store is changed.",
    )
    .addOption(configOption())
    .addOption(new Option("--from <time>", "incidents that opened at or after this (ISO 8601, UTC)").argParser(timeOf))
    .addOption(new Option("--to <time>", "incidents that opened before this").argParser(timeOf))
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      "\nThe configuration names the store; a service that holds it is asked. What is stored now is judged: late labels count from the start.\n\nExample:\n  driftline backtest -c changed.yaml --from 2017-01-01 --to 2018-01-01",
    )
    .action(async (options: Options) => {
      const report = await run(options);
      process.stdout.write(options.json === true ? `${JSON.stringify(report)}\n` : tableOf(report));
    });

async function run({ config: file, from, to }: Options): Promise<BacktestReport> {
  const config = readConfig(file);
  const absolute = path.resolve(file);
  const text = readFileSync(absolute, "utf8");
  return await throughService(
    config,
    backtestCall({ file: absolute, text, from, to }, process.env),
    (answer) => backtestReportSchema.parse(JSON.parse(answer)),
    async (store) => {
      const reader = await openLocalReader(store, "embedded" in config.store ? config.store.embedded : null);
      const references = createReferenceResolver(store.lane("control"), systemClock);
      try {
        const span = { from: from ?? Number.NEGATIVE_INFINITY, to: to ?? Number.POSITIVE_INFINITY };
        const models = await Promise.all(config.models.map((model) => references.resolve(model)));
        return reportOf(await backtest(store, { models }, span, systemClock, reader.lane));
      } finally {
        await references.close();
        await reader.close();
      }
    },
  );
}
