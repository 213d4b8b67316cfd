/**
 * The HTTP server: takes the table of routes, guards every request the same way, and turns what goes wrong into
 * `{ error: { code, message } }`.
 */
import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import type { Config, ModelConfig } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import { DriftlineError, messageOf } from "../core/errors.ts";
import type { Store } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { type ByteBudget, createByteBudget } from "./byte-budget.ts";
import type {
  AskBacktest,
  AskRebuild,
  AskRedrive,
  AskStatus,
  DetectorWords,
  HealthProvider,
  HttpIngest,
  ReferenceDesk,
  ServeContext,
} from "./context.ts";
import { checkBind, isAuthorized, isHostAllowed, isOriginAllowed, securityHeaders } from "./guard.ts";
import { type Answer, errorAnswer, type Route, statusOf } from "./route.ts";
import { errorPage } from "./routes/pages.tsx";
import { routes } from "./routes/table.ts";

export interface ServerOptions {
  readonly store: Store;
  readonly models: readonly ModelConfig[];
  readonly detectors: readonly DetectorWords[];
  /** `server:` of the configuration. */
  readonly server: Config["server"];
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Log;
  readonly health?: readonly HealthProvider[];
  /** Left out where this process does not ingest: `POST /v1/events` then answers 503. */
  readonly ingest?: HttpIngest;
  /** Left out: `POST /v1/backtest` answers 503. */
  readonly backtest?: AskBacktest;
  /** Left out: `POST /v1/rebuild` answers 503. */
  readonly rebuild?: AskRebuild;
  /** Left out: `GET /v1/status` answers 503. */
  readonly status?: AskStatus;
  /** Left out: `POST /v1/dead-letters/redrive` answers 503. */
  readonly redrive?: AskRedrive;
  /** Left out: the routes of references answer 503. */
  readonly references?: ReferenceDesk;
  /** False where this process has not the role `web`: only /health, /ready, /metrics and /v1/events are served. */
  readonly web?: boolean;
  /** Longest request body in bytes; default 32 MiB. */
  readonly maxBodyBytes?: number;
}

export interface HttpServer {
  /** @throws DriftlineError `config_invalid` where the address can't be bound or needs a token */
  start(): Promise<{ readonly url: string }>;
  /** Answers from now on by what is given; host and port stay. */
  show(options: ServerOptions): void;
  /** Takes no new requests, lets running ones end within two seconds, then cuts them. */
  stop(): Promise<void>;
}

/** Longest request body unless told otherwise. */
export const MAX_BODY_BYTES = 32 * 1024 * 1024;
/** Bytes of bodies held at once, and how long a body waits until there is room for it. */
const BODIES_BYTES = 128 * 1024 * 1024;
const BODY_WAIT_MS = 20_000;
/** Bodies up to this long do not wait behind longer ones. */
const SMALL_BODY_BYTES = 64 * 1024;
/** How long a client may take to send a request: a slow one holds its share of the bytes. */
const REQUEST_TIMEOUT_MS = 120_000;
const STOP_WITHIN_MS = 2000;
/** What a process without the role `web` still serves. */
const ALWAYS_SERVED = new Set(["/health", "/ready", "/metrics", "/v1/events"]);

export function createServer(options: ServerOptions): HttpServer {
  const { host, port, token } = options.server;
  checkBind(host, token);
  let server: Server | null = null;
  const state = { url: "" };
  let app = createApp(options, () => state.url);
  return {
    show(changed) {
      app = createApp(changed, () => state.url);
    },
    async start() {
      const listening = createAdaptorServer({
        fetch: (...request) => app.fetch(...request),
        overrideGlobalObjects: false,
      }) as Server;
      listening.requestTimeout = REQUEST_TIMEOUT_MS;
      await listen(listening, host, port);
      server = listening;
      const address = listening.address();
      const bound = typeof address === "object" && address !== null ? address.port : port;
      state.url = `http://${host.includes(":") ? `[${host}]` : host}:${bound}`;
      return { url: state.url };
    },
    async stop() {
      const stopping = server;
      server = null;
      if (stopping !== null) await close(stopping);
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (thrown: Error) =>
      reject(
        new DriftlineError(
          "config_invalid",
          `can't listen on ${host}:${port} (${thrown.message}); choose another server.port`,
          {
            cause: thrown,
          },
        ),
      );
    server.once("error", failed);
    server.listen(port, host, () => {
      server.off("error", failed);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), STOP_WITHIN_MS);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}

/** The application without a socket. `url` is where it turned out to listen. */
function createApp(options: ServerOptions, url: () => string): Hono {
  const context: ServeContext = {
    store: options.store,
    models: options.models,
    detectors: new Map(options.detectors.map((detector) => [detector.name, detector])),
    ingest: options.ingest ?? null,
    backtest: options.backtest ?? null,
    rebuild: options.rebuild ?? null,
    status: options.status ?? null,
    redrive: options.redrive ?? null,
    references: options.references ?? null,
    health: options.health ?? [],
    clock: options.clock,
    metrics: options.metrics,
    log: options.log,
    get publicUrl() {
      return (options.server.public_url ?? url()).replace(/\/+$/, "");
    },
  };
  const app = new Hono();
  const maxSize = options.maxBodyBytes ?? MAX_BODY_BYTES;
  const bodies = createByteBudget({
    bytes: Math.max(BODIES_BYTES, maxSize),
    waitMs: BODY_WAIT_MS,
    clock: options.clock,
  });
  for (const route of routes) {
    if (options.web === false && !ALWAYS_SERVED.has(route.path)) continue;
    app.on(route.method, route.path, async (c) => {
      const headers = c.req.raw.headers;
      const refused = refuse(headers, route, options);
      if (refused !== null) return respond(refused);
      const answer = async (body: Buffer): Promise<Answer> => {
        try {
          return await route.answer(context, { params: c.req.param(), query: c.req.query(), headers, body });
        } catch (thrown) {
          return failure(context, route, thrown);
        }
      };
      return respond(
        route.body === null ? await answer(Buffer.alloc(0)) : await withBody(c.req.raw, { maxSize, bodies }, answer),
      );
    });
  }
  app.notFound((c) => {
    const here = `${c.req.method} ${c.req.path}`;
    return respond(errorAnswer(404, "not_found", `there is no ${here}; GET /v1/openapi.json lists what there is`));
  });
  app.onError((thrown) => {
    if (isGone(thrown)) return respond(errorAnswer(400, "request_invalid", "the request was cut off"));
    options.log.error("request failed", { error: thrown });
    return respond(errorAnswer(500, "store_refused", "the request failed; the log says why"));
  });
  return app;
}

/** Reads a body once there is room for it, and holds the room until it is answered. */
async function withBody(
  request: Request,
  limits: { readonly maxSize: number; readonly bodies: ByteBudget },
  answer: (body: Buffer) => Promise<Answer>,
): Promise<Answer> {
  const { maxSize, bodies } = limits;
  // A body of unknown length counts as the longest that may be.
  const length = Number(request.headers.get("content-length") ?? maxSize);
  if (length > maxSize) return tooLarge(maxSize);
  const release = length <= SMALL_BODY_BYTES ? () => undefined : await bodies.take(length);
  if (release === null)
    return errorAnswer(503, "store_unavailable", "too many long requests at once; send again in a moment", {
      "Retry-After": "5",
    });
  try {
    const body = await readBody(request, maxSize);
    return body === null ? tooLarge(maxSize) : await answer(body);
  } finally {
    release();
  }
}

const tooLarge = (maxSize: number): Answer =>
  errorAnswer(413, "request_invalid", `the body is longer than ${maxSize} bytes; send less at a time`);

/** null where the body is longer than `maxSize`; what is beyond is not read. */
async function readBody(request: Request, maxSize: number): Promise<Buffer | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // A reader, since leaving a loop over the stream half-way would cancel it before the request is answered.
  const reader = request.body?.getReader();
  for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
    size += part.value.length;
    if (size > maxSize) return null;
    chunks.push(part.value);
  }
  return Buffer.concat(chunks);
}

/** The client went away in the middle of its request: nothing of ours has failed. */
function isGone(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === "ECONNRESET";
}

/** Why a request is not answered; null where it is. */
function refuse(headers: Headers, route: Route, options: ServerOptions): Answer | null {
  const { host, token, public_url: publicUrl } = options.server;
  if (!isHostAllowed(headers.get("host"), host, publicUrl))
    return errorAnswer(
      403,
      "forbidden",
      "the Host header names another host; use 127.0.0.1 or localhost, or set server.public_url",
    );
  if (route.method !== "GET" && !isOriginAllowed(headers.get("origin"), headers.get("host"), publicUrl))
    return errorAnswer(403, "forbidden", "the request comes from a page of another site");
  if (
    token === undefined ||
    route.audience === "open" ||
    route.ownToken ||
    isAuthorized(headers.get("authorization"), token)
  )
    return null;
  return route.audience === "page"
    ? errorAnswer(401, "forbidden", "sign in with any user name and the token as the password", {
        "WWW-Authenticate": 'Basic realm="Driftline", charset="UTF-8"',
      })
    : errorAnswer(401, "forbidden", "send the header Authorization: Bearer <token>", { "WWW-Authenticate": "Bearer" });
}

function failure(context: ServeContext, route: Route, thrown: unknown): Answer {
  const known = thrown instanceof DriftlineError;
  const status = known ? statusOf(thrown) : 500;
  if (!known || status >= 500) context.log.warn("request failed", { path: route.path, error: thrown });
  const code = known ? thrown.code : "store_refused";
  const message = known ? messageOf(thrown) : "the request failed; the log says why";
  return route.audience === "page" ? errorPage(status, code, message) : errorAnswer(status, code, message);
}

function respond(answer: Answer): Response {
  // "Not modified" has no body, not even an empty one.
  return new Response(answer.status === 304 ? null : answer.body, {
    status: answer.status,
    headers: { "Content-Type": answer.type, "Cache-Control": "no-store", ...securityHeaders, ...answer.headers },
  });
}
