/** `driftline replay`: reads files and topics to where they end, evaluates every window, and ends. */
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { Command } from "commander";
import type { Config } from "../config/schema.ts";
import { DriftlineError } from "../core/errors.ts";
import { createApp } from "../service/app.ts";
import { configOption, readConfig } from "./options.ts";
import { progressView, summaryJson, summaryTable } from "./progress.ts";

export const replayCommand = (): Command =>
  new Command("replay")
    .description(
      "Read the configuration's files and topics to where they end now, evaluate all windows including the last incomplete one, and exit.",
    )
    .addOption(configOption())
    .option("--json", "print the summary as JSON")
    .option("--keep", "write into the configured store and keep it; without it a temporary folder is used and removed")
    .addHelpText(
      "after",
      "\nAlerts are computed but nobody is told: no channel or action is called. Topics are read without a consumer group.\n\nExample:\n  driftline replay -c examples/census/driftline.yaml --json",
    )
    .action(async (options: { config: string; json?: true; keep?: true }) => {
      const config = readConfig(options.config);
      if (config.sources.length === 0)
        throw new DriftlineError("config_invalid", `${options.config} has no sources, so there is nothing to replay`);
      const folder = options.keep === true ? null : await mkdtemp(path.join(os.tmpdir(), "driftline-replay-"));
      try {
        await run(folder === null ? config : { ...config, store: { embedded: folder } }, options.json === true);
      } finally {
        if (folder !== null) await rm(folder, { recursive: true, force: true });
      }
    });

async function run(config: Config, json: boolean): Promise<void> {
  const app = await createApp(config, { roles: [], quiet: true });
  const view = progressView(process.stderr);
  try {
    const result = await app.replay((progress) => view.show(progress));
    view.end();
    process.stdout.write(json ? summaryJson(result) : summaryTable(result));
  } finally {
    await app.stop();
  }
}
