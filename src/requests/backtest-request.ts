/** A back-test through the service that holds the store: the configuration's text goes to it with the variables that it names. */
import { readFileSync } from "node:fs";
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { type Environment, lookUp, substitute } from "../config/substitution.ts";
import type { ServiceCall } from "./service-call.ts";

export interface BacktestRequest {
  /** Where the configuration lies: its relative paths are meant from there. */
  readonly file: string;
  readonly text: string;
  /** ms; left out for all. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

/** The configuration of a request, as the service reads it. @throws DriftlineError `config_invalid` */
export function configOfRequest(file: string, text: string, environment: Environment): Config {
  return loadConfig(file, { environment, readFile: (asked) => (asked === file ? text : readFileSync(asked, "utf8")) });
}

/** The request to the service, with the values of the variables that the text names and of no others. */
export function backtestCall({ file, text, from, to }: BacktestRequest, environment: Environment): ServiceCall {
  const { variables } = substitute(text, environment);
  const named = variables.flatMap((name) => {
    const value = lookUp(environment, name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return { route: "/v1/backtest", body: { file, text, environment: Object.fromEntries(named), from, to } };
}
