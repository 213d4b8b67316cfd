/** The commands that know the configuration and the store. */
import type { Command } from "commander";
import { auditCommand } from "./audit.ts";
import { backtestCommand } from "./backtest.ts";
import { checkCommand } from "./check.ts";
import { decisionCommands } from "./decisions.ts";
import { demoCommand } from "./demo.ts";
import { forgetCommand } from "./forget.ts";
import { referenceCommand } from "./reference.ts";
import { replayCommand } from "./replay.ts";
import { reportCommand } from "./report.ts";
import { serveCommand } from "./serve.ts";
import { sqlCommand } from "./sql.ts";

export const serviceCommands = (): Command[] => [
  demoCommand(),
  serveCommand(),
  replayCommand(),
  checkCommand(),
  backtestCommand(),
  reportCommand(),
  referenceCommand(),
  auditCommand(),
  forgetCommand(),
  sqlCommand(),
  ...decisionCommands(),
];
