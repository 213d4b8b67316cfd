/** Asks the running service, as the command line does where one holds the embedded folder. */
import { z } from "zod";
import { DriftlineError, messageOf } from "./core/errors.ts";

/**
 * The body of the answer; null where nobody listens: a killed service leaves its announcement behind, and its process id may be another's
 * by now.
 *
 * @throws DriftlineError with the service's own message
 */
export async function postToService(
  url: string,
  token: string | undefined,
  route: string,
  body: unknown,
): Promise<string | null> {
  const response = await fetch(new URL(route, url), {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
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
