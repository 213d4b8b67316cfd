/**
 * The sidecar's own address, apart from the service's so that nothing of the service's paths is taken: health, metrics, events that a
 * service posts itself, and the state of models. What changes or tells something about models is for this machine (the pod) alone,
 * or for whoever has the token.
 */
import { randomUUID } from "node:crypto";
import http from "node:http";
import { DriftlineError } from "../core/errors.ts";
import { isLoopbackPeer, isTokenOf } from "./admin-guard.ts";
import type { ModelStateCache } from "./model-state-cache.ts";
import type { OutgoingMessage } from "./outgoing-message.ts";
import type { Refused } from "./outgoing-queue.ts";

export interface AdminOptions {
  readonly host: string;
  readonly port: number;
  /** Admits to events and states from other machines; null: only this machine. */
  readonly token: () => string | null;
  /** Why requests should not come any more; null while they should. */
  readonly notReady: () => string | null;
  readonly metrics: { readonly contentType: string; expose(): Promise<string> };
  readonly post: (message: OutgoingMessage) => Refused | null;
  /** null where no Driftline was named. */
  readonly states: ModelStateCache | null;
}

export interface AdminServer {
  /** @throws DriftlineError `config_invalid` where the address can't be bound */
  start(): Promise<{ readonly port: number }>;
  stop(): Promise<void>;
}

interface Reply {
  readonly status: number;
  readonly body: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const BODY_BYTES_MAX = 16 * 1024 * 1024;
/** Older than this a state says `stale`: Driftline has missed several questions. */
const STALE_MS = 30_000;
const STATE = /^\/v1\/models\/([^/]+)\/state$/;

export function createAdminServer(options: AdminOptions): AdminServer {
  const server = http.createServer((request, response) => {
    answer(request, options).then(
      (reply) => send(response, reply),
      () => send(response, failure(500, "source_failed", "the sidecar could not answer")),
    );
  });
  return {
    start: () =>
      new Promise((resolve, reject) => {
        server.once("error", (thrown) =>
          reject(
            new DriftlineError(
              "config_invalid",
              `can't listen on ${options.host}:${options.port} (${thrown.message})`,
              {
                cause: thrown,
              },
            ),
          ),
        );
        server.listen(options.port, options.host, () => {
          const address = server.address();
          resolve({ port: typeof address === "object" && address !== null ? address.port : options.port });
        });
      }),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function send(response: http.ServerResponse, { status, body, type, headers }: Reply): void {
  response.writeHead(status, {
    "content-type": type ?? "application/json",
    "content-length": Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
}

async function answer(request: http.IncomingMessage, options: AdminOptions): Promise<Reply> {
  const path = (request.url ?? "/").replace(/\?.*$/, "");
  if (path === "/health") return json(200, { status: "ok" });
  if (path === "/ready") {
    const reason = options.notReady();
    return reason === null ? json(200, { status: "ready" }) : json(503, { status: "not ready", reason });
  }
  if (path === "/metrics")
    return { status: 200, body: await options.metrics.expose(), type: options.metrics.contentType };
  const state = STATE.exec(path);
  if (path !== "/v1/events" && state === null) return failure(404, "not_found", "there is nothing at this path");
  const forbidden = whyForbidden(request, options);
  if (forbidden !== null) return failure(403, "forbidden", forbidden);
  if (state !== null) return await stateOf(decodeURIComponent(state[1] ?? ""), request, options.states);
  if (request.method !== "POST") return failure(405, "request_invalid", "events are sent with POST");
  return await takeEvents(request, options);
}

function whyForbidden(request: http.IncomingMessage, options: AdminOptions): string | null {
  // A page in a browser on this machine is not the service.
  if (request.headers.origin !== undefined) return "a browser's page may not ask the sidecar";
  const token = options.token();
  if (token !== null && isTokenOf(request.headers.authorization, token)) return null;
  if (isLoopbackPeer(request.socket.remoteAddress)) return null;
  return "from another machine the sidecar's token is needed (--admin-token-file)";
}

async function takeEvents(request: http.IncomingMessage, options: AdminOptions): Promise<Reply> {
  const body = await bodyOf(request);
  if (body === null)
    return {
      ...failure(413, "request_invalid", `a post may have ${BODY_BYTES_MAX} bytes; send fewer events at a time`),
      headers: { connection: "close" },
    };
  if (body.length === 0) return failure(400, "request_invalid", "the body is empty; events are expected");
  const refused = options.post(messageOfPost(request, body));
  if (refused === null) return json(202, { status: "accepted" });
  return { ...failure(503, "source_failed", `not taken: ${refused}`), headers: { "retry-after": "1" } };
}

function messageOfPost({ headers }: http.IncomingMessage, body: Buffer): OutgoingMessage {
  const contentType = headers["content-type"] ?? "application/json";
  const contentEncoding = headers["content-encoding"] ?? "";
  const attributes: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (name.startsWith("ce-") && typeof value === "string") attributes[name.slice(3)] = value;
  if (attributes["specversion"] !== undefined && attributes["id"] !== undefined)
    return { kind: "cloudevent", attributes, contentType, contentEncoding, body };
  const given = headers["idempotency-key"];
  const idempotencyKey = typeof given === "string" && given !== "" ? given : randomUUID();
  return { kind: "posted", contentType, idempotencyKey, body };
}

/** null where it is too long. */
async function bodyOf(request: http.IncomingMessage): Promise<Buffer | null> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request) {
    if (!Buffer.isBuffer(part)) continue;
    bytes += part.length;
    if (bytes > BODY_BYTES_MAX) return null;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

async function stateOf(model: string, request: http.IncomingMessage, states: ModelStateCache | null): Promise<Reply> {
  if (states === null) return failure(404, "not_found", "no Driftline was named to ask for states (--state-from)");
  const known = await states.read(model);
  if (known === null)
    return failure(
      503,
      "source_failed",
      `nothing is known of ${JSON.stringify(model)}: Driftline has not answered yet`,
    );
  const headers: Record<string, string> = {
    age: String(Math.floor(known.ageMs / 1000)),
    "cache-control": "no-cache",
    "driftline-state": known.ageMs > STALE_MS ? "stale" : "fresh",
    ...(known.etag === null ? {} : { etag: known.etag }),
  };
  const asked = (request.headers["if-none-match"] ?? "").split(",").map((tag) => tag.trim());
  if (known.status === 200 && known.etag !== null && asked.includes(known.etag))
    return { status: 304, body: "", headers };
  return { status: known.status, body: known.body, headers };
}

const json = (status: number, body: unknown): Reply => ({ status, body: JSON.stringify(body) });
const failure = (status: number, code: string, message: string): Reply => json(status, { error: { code, message } });
