/** What a process is asked to be, beside its configuration. */
import type { Clock } from "../core/clock.ts";
import { type Log, type LogLevel, logLevels } from "../telemetry/log.ts";

export const roleNames = ["ingest", "evaluate", "deliver", "web"] as const;
export type Role = (typeof roleNames)[number];

export interface AppOptions {
  /** What this process does. None: only what is asked of it (`replay`), and nobody is told of incidents. */
  readonly roles: readonly Role[];
  readonly clock?: Clock;
  /** Files are left to `replay`, and the regular evaluation begins after it: the demo. */
  readonly replayFirst?: boolean;
  /** Warnings and errors only: the terminal belongs to something else. */
  readonly quiet?: boolean;
  readonly log?: Log;
}

/** What DRIFTLINE_LOG says; else, of a process that is to be quiet, warnings and errors. */
export function logLevelOf({ quiet = false }: Pick<AppOptions, "quiet">): LogLevel {
  const wanted = process.env["DRIFTLINE_LOG"];
  return logLevels.find((level) => level === wanted) ?? (quiet ? "warn" : "info");
}
