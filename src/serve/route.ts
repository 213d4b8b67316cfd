/**
 * One route: its method, path and input schemas, and what answers it. The server, the OpenAPI document and the tests all read
 * the same table of these.
 */
import { z } from "zod";
import { DriftlineError, type ErrorCode } from "../core/errors.ts";
import type { ServeContext } from "./context.ts";

/** What a route answers, before the server adds the headers that all answers share. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request as it came in, nothing of it checked. Repeated query parameters: the first counts. */
export interface RawInput {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Headers;
  readonly body: Buffer;
}

interface RouteDescription {
  readonly method: "GET" | "POST" | "DELETE";
  /** Parts of a path that begin with a colon are parameters. */
  readonly path: string;
  readonly summary: string;
  /** `page` is for people and stays out of the OpenAPI document; `open` needs no token. */
  readonly audience: "api" | "page" | "open";
  /** The request carries a credential of its own, which the route checks: it needs no token of the server. */
  readonly ownToken?: true;
  /** Media type of the answer, for the OpenAPI document. */
  readonly produces: string;
}

export interface Route extends RouteDescription {
  readonly params: z.ZodObject;
  readonly query: z.ZodObject;
  /** null where a request has no body; `raw` bodies are read by the route itself. */
  readonly body: z.ZodType | "raw" | null;
  answer(context: ServeContext, raw: RawInput): Promise<Answer>;
}

interface Input<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly raw: RawInput;
}

/** For routes without parameters in their path, or without a query. */
export const noInput = z.object({});

/** A route without a body. Its handler sees checked parameters only. */
export const getRoute = <Params extends z.ZodObject, Query extends z.ZodObject>(
  route: BodylessRoute<Params, Query>,
): Route => bodylessRoute("GET", route);

/** A route that takes away what its path names; guarded like all that change something. */
export const deleteRoute = <Params extends z.ZodObject, Query extends z.ZodObject>(
  route: BodylessRoute<Params, Query>,
): Route => bodylessRoute("DELETE", route);

interface BodylessRoute<Params extends z.ZodObject, Query extends z.ZodObject>
  extends Omit<RouteDescription, "method"> {
  readonly params: Params;
  readonly query: Query;
  handle(context: ServeContext, input: Input<z.output<Params>, z.output<Query>, null>): Promise<Answer> | Answer;
}

function bodylessRoute<Params extends z.ZodObject, Query extends z.ZodObject>(
  method: "GET" | "DELETE",
  route: BodylessRoute<Params, Query>,
): Route {
  return {
    ...route,
    method,
    body: null,
    answer: async (context, raw) =>
      route.handle(context, {
        params: checked(route.params, raw.params, "path"),
        query: checked(route.query, raw.query, "query"),
        body: null,
        raw,
      }),
  };
}

interface BodyRoute<Params extends z.ZodObject, Body> extends Omit<RouteDescription, "method"> {
  readonly params: Params;
  readonly body: z.ZodType<Body>;
  handle(context: ServeContext, input: Input<z.output<Params>, unknown, Body>): Promise<Answer> | Answer;
}

function bodyRoute<Params extends z.ZodObject, Body>(
  route: BodyRoute<Params, Body>,
  read: (body: Buffer) => unknown,
  where: string,
): Route {
  return {
    ...route,
    method: "POST",
    query: noInput,
    answer: async (context, raw) =>
      route.handle(context, {
        params: checked(route.params, raw.params, "path"),
        query: {},
        body: checked(route.body, read(raw.body), where),
        raw,
      }),
  };
}

/** A route whose body is JSON and is checked, as are the parameters of its path. */
export const postToRoute = <Params extends z.ZodObject, Body>(route: BodyRoute<Params, Body>): Route =>
  bodyRoute(route, json, "body");

/** The same without parameters in its path. */
export function postRoute<Body>(
  route: Omit<RouteDescription, "method"> & {
    readonly body: z.ZodType<Body>;
    handle(context: ServeContext, input: Input<unknown, unknown, Body>): Promise<Answer> | Answer;
  },
): Route {
  return postToRoute({ ...route, params: noInput, handle: (context, input) => route.handle(context, input) });
}

/** A form that a page sends; its fields are checked. */
export const formRoute = <Params extends z.ZodObject, Body>(route: BodyRoute<Params, Body>): Route =>
  bodyRoute(route, (body) => Object.fromEntries(new URLSearchParams(body.toString("utf8"))), "form");

/** A route that reads the bytes of its body itself. */
export function rawRoute(
  route: Omit<RouteDescription, "method"> & { handle(context: ServeContext, raw: RawInput): Promise<Answer> },
): Route {
  return {
    ...route,
    method: "POST",
    params: noInput,
    query: noInput,
    body: "raw",
    answer: (context, raw) => route.handle(context, raw),
  };
}

function checked<Schema extends z.ZodType>(schema: Schema, value: unknown, where: string): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.map((issue) => `${[where, ...issue.path].join(".")}: ${issue.message}`);
  throw new DriftlineError("request_invalid", issues.join("; "));
}

function json(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch (thrown) {
    throw new DriftlineError("request_invalid", "body: not JSON", { cause: thrown });
  }
}

/** Strict JSON. Numbers that JSON lacks must have become null before. */
export function jsonAnswer(body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, type: "application/json; charset=utf-8", body: JSON.stringify(body), headers };
}

export function errorAnswer(
  status: number,
  code: ErrorCode,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return jsonAnswer({ error: { code, message } }, status, headers);
}

const STATUS_OF: Readonly<Partial<Record<ErrorCode, number>>> = {
  not_found: 404,
  forbidden: 403,
  request_invalid: 400,
  config_invalid: 400,
  config_unreadable: 400,
  reference_refused: 400,
  store_unavailable: 503,
  store_refused: 400,
};

/** The HTTP status that an error of ours answers with; 500 for what no request can cause. */
export const statusOf = (error: DriftlineError): number => STATUS_OF[error.code] ?? 500;
