/** What a command asks of the configured store: of the running service where one holds the embedded folder, else of the store, opened for it. */
import { request } from "node:http";
import { z } from "zod";
import type { Config } from "../config/schema.ts";
import { DriftlineError, messageOf } from "../core/errors.ts";
import { findService } from "../service/service-file.ts";
import { openStore } from "../store/open.ts";
import type { Store } from "../store/store.ts";

/** A request to the service: where it names no method, a POST if it has a body. */
export interface ServiceCall {
  /** Path, with its query. */
  readonly route: string;
  readonly body?: unknown;
  readonly method?: "DELETE";
}

/**
 * @param read takes the body of the service's answer
 * @param direct asks the store itself
 * @throws DriftlineError with the service's own message
 */
export async function throughService<Result>(
  config: Config,
  call: ServiceCall,
  read: (answer: string) => Result,
  direct: (store: Store) => Promise<Result>,
): Promise<Result> {
  const answer = await askService(config, call);
  if (answer !== null) return read(answer);
  const store = await openStore(config.store);
  try {
    return await direct(store);
  } finally {
    await store.close();
  }
}

/** The answer of the service that holds the embedded folder; null where none runs, or the store lies on a server. @throws DriftlineError */
export async function askService(config: Config, call: ServiceCall): Promise<string | null> {
  const service = "embedded" in config.store ? findService(config.store.embedded) : null;
  return service === null ? null : await ask(service.url, config.server.token, call);
}

/** null where nobody listens: a killed service leaves its announcement behind, and its process id may be another's by now. */
async function ask(url: string, token: string | undefined, call: ServiceCall): Promise<string | null> {
  const answer = await send(new URL(call.route, url), token, call).catch((thrown: unknown) => {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ECONNREFUSED") return null;
    throw new DriftlineError("store_unavailable", `the service at ${url} gave no answer: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  });
  if (answer === null) return null;
  const { status, text } = answer;
  if (status >= 200 && status < 300) return text;
  const failure = z.object({ error: z.object({ message: z.string() }) }).safeParse(safeJson(text));
  throw new DriftlineError(
    "store_refused",
    failure.success ? failure.data.error.message : `the service answered ${status}`,
  );
}

/** Not `fetch`, which gives up after five minutes without an answer: a back-test of a long history may take longer. */
function send(url: URL, token: string | undefined, call: ServiceCall): Promise<{ status: number; text: string }> {
  const { body } = call;
  const method = call.method ?? (body === undefined ? "GET" : "POST");
  const headers = {
    ...(body === undefined ? {} : { "content-type": "application/json" }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }),
      );
    });
    asked.on("error", reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
