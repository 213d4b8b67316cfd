/** `driftline report`: what a model did, for its risk file. */
import { writeFile } from "node:fs/promises";
import { Command, Option } from "commander";
import { systemClock } from "../core/clock.ts";
import { reportOfModel } from "../requests/report-request.ts";
import { configOption, readConfig, timeOf } from "./options.ts";

export const reportCommand = (): Command =>
  new Command("report")
    .description(
      "Write a model's report as one HTML file: KPIs, drift, fairness, incidents, actions, references, and what attests them.",
    )
    .argument("<model>", "name of the model")
    .addOption(configOption())
    .addOption(new Option("--from <time>", "windows that begin at or after this (ISO 8601, UTC)").argParser(timeOf))
    .addOption(new Option("--to <time>", "windows that begin before this").argParser(timeOf))
    .option("-o, --output <file>", "where to write it; left out: the terminal")
    .addHelpText("after", "\nExample:\n  driftline report census --from 2017-01-01 --to 2018-01-01 -o census-2017.html")
    .action(async (model: string, options: { config: string; from?: number; to?: number; output?: string }) => {
      const span = { from: options.from ?? Number.NEGATIVE_INFINITY, to: options.to ?? Number.POSITIVE_INFINITY };
      const text = await reportOfModel(readConfig(options.config), model, span, systemClock);
      if (options.output === undefined) process.stdout.write(text);
      else await writeFile(options.output, text);
    });
