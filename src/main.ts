#!/usr/bin/env -S node --max-semi-space-size=8
/**
 * The command line: thin. Each command has a file in commands/, and app.ts builds what they run.
 *
 * Node's option in the first line bounds the space of young objects: fetched messages are let go sooner, which keeps some 40 MB less.
 */
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { z } from "zod";
import { sidecarCommand } from "./commands/sidecar.ts";
import { DriftlineError, messageOf } from "./core/errors.ts";

const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")));

const program = new Command("driftline")
  .description("Watches machine-learning models: drift and performance per window, alerts and retrain webhooks.")
  .version(version)
  .showHelpAfterError()
  // `--version` after a command is the version of a model.
  .enablePositionalOptions()
  .addCommand(sidecarCommand());

// A sidecar loads neither the engine nor the configuration: it is to be small, and up at once.
if (process.argv[2] !== "sidecar") {
  const { serviceCommands } = await import("./commands/service-commands.ts");
  for (const command of serviceCommands()) program.addCommand(command);
}

try {
  await program.parseAsync();
} catch (thrown) {
  // An error of ours says all that helps; the stack of anything else is needed to mend it.
  const text =
    thrown instanceof DriftlineError
      ? thrown.message
      : thrown instanceof Error
        ? (thrown.stack ?? thrown.message)
        : messageOf(thrown);
  process.stderr.write(`driftline: ${text}\n`);
  process.exitCode = 1;
}
