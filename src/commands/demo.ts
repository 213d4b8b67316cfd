/** `npm start`: the census example replayed as a stream, then served. */
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Command, Option } from "commander";
import { createApp } from "../service/app.ts";
import { roleNames } from "../service/app-options.ts";
import { readConfig } from "./options.ts";
import { progressView, summaryJson, summaryTable } from "./progress.ts";
import { untilStopped } from "./until-stopped.ts";

/** The example lies beside dist/ in the package. */
const example = (): string => {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(folder, "examples")) && path.dirname(folder) !== folder) folder = path.dirname(folder);
  return path.join(folder, "examples", "census", "driftline.yaml");
};

export const demoCommand = (): Command =>
  new Command("demo")
    .description(
      "Replay the census example: 208,892 predictions of a real model and, 30 days later, their labels; then serve the page.",
    )
    .option("--once", "end after the replay")
    .option("--json", "print the summary as JSON")
    .addOption(new Option("--port <port>", "port of the page; default: the example's").argParser(Number))
    .addHelpText("after", "\nA second start resumes where the first one ended.")
    .action(async (options: { once?: true; json?: true; port?: number }) => {
      const stopped = untilStopped();
      const read = readConfig(example());
      const config = { ...read, server: { ...read.server, port: options.port ?? read.server.port } };
      const app = await createApp(config, {
        roles: options.once === true ? [] : roleNames,
        replayFirst: true,
        quiet: true,
      });
      const view = progressView(process.stderr);
      try {
        if (options.once !== true) await app.start();
        const result = await Promise.race([app.replay((progress) => view.show(progress)), stopped.then(() => null)]);
        view.end();
        if (result === null) return;
        process.stdout.write(options.json === true ? summaryJson(result) : summaryTable(result));
        if (options.once === true) return;
        process.stderr.write(`\nDriftline serves ${app.url()}  (Ctrl-C ends it)\n`);
        await stopped;
      } finally {
        await app.stop();
      }
    });
