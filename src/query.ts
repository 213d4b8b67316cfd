/** One read-only query on the configured store: through the running service where one holds the folder, else by opening it. */
import { z } from "zod";
import type { Config } from "./config/schema.ts";
import { DriftlineError, messageOf } from "./core/errors.ts";
import { findService } from "./service-file.ts";
import { openStore } from "./store/open.ts";
import { checkFormat, checkReadOnly } from "./store/read-only.ts";

/** @throws DriftlineError with the engine's own message */
export async function runQuery(config: Config, query: string, format: string): Promise<string> {
  const statement = checkReadOnly(query);
  checkFormat(format);
  const service = "embedded" in config.store ? findService(config.store.embedded) : null;
  const answer = service === null ? null : await askService(service.url, config.server.token, statement, format);
  if (answer !== null) return answer;
  const store = await openStore(config.store);
  try {
    return await store.lane("serve").text(statement, format, { readOnly: true });
  } finally {
    await store.close();
  }
}

/** null where nobody listens: a killed service leaves its announcement behind, and its process id may be another's by now. */
async function askService(
  url: string,
  token: string | undefined,
  query: string,
  format: string,
): Promise<string | null> {
  const response = await fetch(new URL("/v1/sql", url), {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ query, format }),
  }).catch((thrown: unknown) => {
    if (isRefused(thrown)) return null;
    throw new DriftlineError("store_unavailable", `the service at ${url} gave no answer: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  });
  if (response === null) return null;
  const text = await response.text();
  if (response.ok) return text;
  const failure = z.object({ error: z.object({ message: z.string() }) }).safeParse(safeJson(text));
  throw new DriftlineError(
    "store_refused",
    failure.success ? failure.data.error.message : `the service answered ${response.status}`,
  );
}

function isRefused(thrown: unknown): boolean {
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  return cause instanceof Error && "code" in cause && cause.code === "ECONNREFUSED";
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
