/** A back-test through the service that holds the store: the configuration's text goes to it with the variables that it names. */
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { z } from "zod";
import { type BacktestReport, backtestReportSchema } from "./backtest-report.ts";
import { loadConfig } from "./config/load.ts";
import type { Config } from "./config/schema.ts";
import { type Environment, lookUp, substitute } from "./config/substitution.ts";
import { DriftlineError, messageOf } from "./core/errors.ts";

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

/** @throws DriftlineError with what the service answers */
export async function askBacktest(
  url: string,
  token: string | undefined,
  { file, text, from, to }: BacktestRequest,
  environment: Environment,
): Promise<BacktestReport> {
  const { variables } = substitute(text, environment);
  const named = variables.flatMap((name) => {
    const value = lookUp(environment, name);
    return value === undefined ? [] : [[name, value] as const];
  });
  const body = JSON.stringify({ file, text, environment: Object.fromEntries(named), from, to });
  const answer = await post(new URL("/v1/backtest", url), token, body);
  const failure = z.object({ error: z.object({ message: z.string() }) }).safeParse(answer);
  if (failure.success) throw new DriftlineError("request_invalid", failure.data.error.message);
  return backtestReportSchema.parse(answer);
}

/** Not `fetch`, which gives up after five minutes without an answer: a long history may take longer. */
function post(url: URL, token: string | undefined, body: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const headers = { "content-type": "application/json", ...authorization };
    const away = (thrown: unknown) =>
      reject(
        new DriftlineError("store_unavailable", `the service at ${url.origin} gave no answer: ${messageOf(thrown)}`),
      );
    const asked = request(url, { method: "POST", headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", away);
      response.on("end", () => {
        try {
          resolve(JSON.parse(Buffer.concat(chunks).toString("utf8")));
        } catch (thrown) {
          away(thrown);
        }
      });
    });
    asked.on("error", away);
    asked.end(body);
  });
}
