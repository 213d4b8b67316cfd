#!/usr/bin/env -S node --max-semi-space-size=8
/**
 * The command line: thin. Each command has a file in commands/, and app.ts builds what they run.
 *
 * Node's option in the first line bounds the space of young objects: fetched messages are let go sooner, which keeps some 40 MB less.
 */
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { z } from "zod";
import { auditCommand } from "./commands/audit.ts";
import { backtestCommand } from "./commands/backtest.ts";
import { checkCommand } from "./commands/check.ts";
import { decisionCommands } from "./commands/decisions.ts";
import { demoCommand } from "./commands/demo.ts";
import { forgetCommand } from "./commands/forget.ts";
import { replayCommand } from "./commands/replay.ts";
import { reportCommand } from "./commands/report.ts";
import { serveCommand } from "./commands/serve.ts";
import { sqlCommand } from "./commands/sql.ts";
import { DriftlineError, messageOf } from "./core/errors.ts";

const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")));

const program = new Command("driftline")
  .description("Watches machine-learning models: drift and performance per window, alerts and retrain webhooks.")
  .version(version)
  .showHelpAfterError()
  .addCommand(demoCommand())
  .addCommand(serveCommand())
  .addCommand(replayCommand())
  .addCommand(checkCommand())
  .addCommand(backtestCommand())
  .addCommand(reportCommand())
  .addCommand(auditCommand())
  .addCommand(forgetCommand())
  .addCommand(sqlCommand());
for (const command of decisionCommands()) program.addCommand(command);

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
