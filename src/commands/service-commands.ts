/** The commands that know the configuration and the store. */
import type { Command } from "commander";
import { auditCommand } from "./audit.ts";
import { backtestCommand } from "./backtest.ts";
import { checkCommand } from "./check.ts";
import { deadLettersCommand } from "./dead-letters.ts";
import { decisionCommands } from "./decisions.ts";
import { demoCommand } from "./demo.ts";
import { forgetCommand } from "./forget.ts";
import { initCommand } from "./init.ts";
import { rebuildCommand } from "./rebuild.ts";
import { referenceCommand } from "./reference.ts";
import { replayCommand } from "./replay.ts";
import { reportCommand } from "./report.ts";
import { serveCommand } from "./serve.ts";
import { sqlCommand } from "./sql.ts";
import { statusCommand } from "./status.ts";
import { testCommand } from "./test.ts";

export const serviceCommands = (): Command[] => [
  demoCommand(),
  initCommand(),
  serveCommand(),
  replayCommand(),
  checkCommand(),
  testCommand(),
  statusCommand(),
  deadLettersCommand(),
  backtestCommand(),
  rebuildCommand(),
  reportCommand(),
  referenceCommand(),
  auditCommand(),
  forgetCommand(),
  sqlCommand(),
  ...decisionCommands(),
];
