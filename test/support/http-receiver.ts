/** A local HTTP server that keeps every request and answers as it is told: for webhooks, and for whatever else posts. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Of the body. */
  readonly bytes: number;
}

/** What to answer the n-th request (from 0) with. */
export type Answer =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  /** Cuts the connection without an answer. */
  | "reset"
  /** Never answers. */
  | "hang";

export interface HttpReceiver extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly ReceivedRequest[];
  /** Resolves once that many requests have come; rejects after `ms`. */
  waitFor(count: number, ms?: number): Promise<void>;
}

export async function startHttpReceiver(
  answer: (request: ReceivedRequest, index: number) => Answer = () => ({ status: 200 }),
): Promise<HttpReceiver> {
  const requests: ReceivedRequest[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      const received = {
        method: request.method ?? "",
        path: request.url ?? "",
        headers: request.headers,
        body: body.toString("utf8"),
        bytes: body.length,
      };
      const index = requests.push(received) - 1;
      reply(response, answer(received, index));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the receiver has no port");
  return {
    url: `http://127.0.0.1:${address.port}/hook`,
    requests,
    waitFor: (count, ms = 20_000) =>
      until(
        () => requests.length >= count,
        ms,
        () => `${count} requests; there were ${requests.length}`,
      ),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function reply(response: ServerResponse, answer: Answer): void {
  if (answer === "hang") return;
  if (answer === "reset") {
    response.socket?.resetAndDestroy();
    return;
  }
  response.writeHead(answer.status, { ...answer.headers });
  response.end(answer.body ?? "");
}

/** Looks every few milliseconds until something is so. */
export async function until(isSo: () => boolean, ms: number, what: () => string): Promise<void> {
  const end = Date.now() + ms;
  while (!isSo()) {
    if (Date.now() > end) throw new Error(`waited ${ms} ms for ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
