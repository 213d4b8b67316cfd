/** Makes the calls of one target: fills in the places, adds the credentials, and keeps a fetched token for the next call. */
import { readFile } from "node:fs/promises";
import type { Delivery } from "../../../core/delivery.ts";
import {
  exchangeOnce,
  failureOf,
  type HttpAnswer,
  type HttpExchange,
  isSuccess,
  networkReason,
} from "../../../core/http-delivery.ts";
import { valueAtPath } from "./answer-path.ts";
import { awsHeaders } from "./aws-signature.ts";
import type { Call, Credentials } from "./specification.ts";
import { type Json, renderHeader, renderJson, renderText, renderUrl, type Values } from "./template.ts";

/** Lists of runs may be long; what is looked for stands in the first entry. */
const ANSWER_BYTES_MAX = 256 * 1024;

export type Failure = Delivery & { readonly status: "failed" };
export type Outcome = { readonly answer: HttpAnswer } | { readonly failure: Failure };

export interface Caller {
  /** A text without the credentials: a receiver may echo what it was sent. */
  hide(text: string): string;
  /** Never throws. */
  call(call: Call, values: Values, signal: AbortSignal): Promise<Outcome>;
}

export function createCaller(credentials: Credentials, fetchOnce: typeof fetch, now: () => number): Caller {
  let fetched: string | null = null;

  const login = async (call: Call, path: string, values: Values, signal: AbortSignal): Promise<Failure | null> => {
    const answer = await exchangeOnce(fetchOnce, rendered(call, values), signal, ANSWER_BYTES_MAX);
    fetched = isSuccess(answer.status) ? valueAtPath(answer, path) : null;
    if (fetched !== null) return null;
    if (!isSuccess(answer.status)) {
      const failure = failureOf(answer);
      return { ...failure, reason: `the token was refused: ${failure.reason}` };
    }
    // What answers here is some other page; its text may hold anything.
    return { status: "failed", retryable: true, reason: `HTTP ${answer.status}, but no token at ${path}` };
  };

  const attempt = async (call: Call, values: Values, signal: AbortSignal): Promise<Outcome> => {
    if (credentials.kind === "login" && fetched === null) {
      const failure = await login(credentials.call, credentials.token, values, signal);
      if (failure !== null) return { failure };
    }
    const request = rendered(call, values);
    const headers = { ...request.headers, ...(await authorization(credentials, request, fetched, now())) };
    return { answer: await exchangeOnce(fetchOnce, { ...request, headers }, signal, ANSWER_BYTES_MAX) };
  };

  return {
    hide,
    async call(call, values, signal) {
      try {
        const first = await attempt(call, values, signal);
        if (credentials.kind !== "login" || "failure" in first || first.answer.status !== 401) return first;
        // The token has expired: once more with a new one.
        fetched = null;
        return await attempt(call, values, signal);
      } catch (thrown) {
        if (thrown instanceof TokenUnreadable)
          return { failure: { status: "failed", retryable: true, reason: thrown.message } };
        return { failure: { status: "failed", retryable: true, reason: networkReason(thrown, signal) } };
      }
    },
  };

  function hide(text: string): string {
    const secrets = [fetched ?? "", ...secretsOf(credentials)].filter((secret) => secret.length >= 4);
    return secrets.reduce((safe, secret) => safe.replaceAll(secret, "[secret]"), text);
  }
}

class TokenUnreadable extends Error {}

function secretsOf(credentials: Credentials): string[] {
  if (credentials.kind === "basic") return [credentials.password];
  if (credentials.kind === "bearer") return [credentials.token];
  if (credentials.kind === "login") return sentBy(credentials.call);
  if (credentials.kind === "aws") return [credentials.key.secretAccessKey, credentials.key.sessionToken ?? ""];
  return [];
}

/** Every text that a call for a token holds: a user's name is hidden too, which does no harm. */
function sentBy({ headers, body }: Call): string[] {
  const texts = Object.values(headers);
  const collect = (value: Json): void => {
    if (typeof value === "string") texts.push(value);
    else if (typeof value === "object" && value !== null) for (const item of Object.values(value)) collect(item);
  };
  if (body !== null) collect(body.kind === "json" ? body.value : body.fields);
  return texts;
}

async function authorization(
  credentials: Credentials,
  request: HttpExchange,
  fetched: string | null,
  now: number,
): Promise<Record<string, string>> {
  switch (credentials.kind) {
    case "none":
      return {};
    case "basic": {
      const pair = Buffer.from(`${credentials.user}:${credentials.password}`).toString("base64");
      return { authorization: `Basic ${pair}` };
    }
    case "bearer":
      return { authorization: `Bearer ${credentials.token}` };
    case "bearer_file":
      return { authorization: `Bearer ${await tokenOf(credentials.file)}` };
    case "login":
      return { authorization: `Bearer ${fetched ?? ""}` };
    case "aws":
      return awsHeaders(request, credentials.key, now);
  }
}

async function tokenOf(file: string): Promise<string> {
  try {
    const token = (await readFile(file, "utf8")).trim();
    if (token === "") throw new TokenUnreadable(`the token file ${file} is empty`);
    return token;
  } catch (thrown) {
    if (thrown instanceof TokenUnreadable) throw thrown;
    throw new TokenUnreadable(`the token file ${file} can't be read`);
  }
}

function rendered(call: Call, values: Values): HttpExchange {
  const headers = Object.fromEntries(
    Object.entries(call.headers).map(([name, text]) => [name.toLowerCase(), renderHeader(text, values)]),
  );
  const { method, body } = call;
  const url = renderUrl(call.url, values);
  if (body === null) return { method, url, headers, body: null };
  if (body.kind === "form") {
    const fields = Object.entries(body.fields).map(([name, text]): [string, string] => [
      name,
      renderText(text, values),
    ]);
    const type = { "content-type": "application/x-www-form-urlencoded" };
    return { method, url, headers: { ...type, ...headers }, body: new URLSearchParams(fields).toString() };
  }
  const type = { "content-type": body.type ?? "application/json" };
  return { method, url, headers: { ...type, ...headers }, body: JSON.stringify(renderJson(body.value, values)) };
}
