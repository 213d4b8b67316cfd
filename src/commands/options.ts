/** What several commands share: how a configuration is named and read. */
import path from "node:path";
import { InvalidArgumentError, Option } from "commander";
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";

export const configOption = (): Option =>
  new Option("-c, --config <file>", "configuration file").default("driftline.yaml").env("DRIFTLINE_CONFIG");

export const ownerOption = (): Option =>
  new Option("--owner <name>", "who decides").makeOptionMandatory().env("DRIFTLINE_OWNER");

export const readConfig = (file: string): Config => loadConfig(path.resolve(file), { environment: process.env });

/** A time of the command line in ms; one without a zone is UTC. @throws InvalidArgumentError */
export function timeOf(text: string): number {
  const zoned = /[zZ]$|[+-]\d{2}:?\d{2}$/.test(text) || !text.includes("T") ? text : `${text}Z`;
  const ms = Date.parse(zoned);
  if (Number.isNaN(ms)) throw new InvalidArgumentError("expected a time such as 2026-03-01 or 2026-03-01T10:00:00Z");
  return ms;
}
