/** One request to Driftline over a kept connection. Node's own client, since `fetch` costs twice the memory of what the sidecar is. */
import http from "node:http";
import https from "node:https";

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** The beginning of the body. */
  readonly body: string;
}

export interface Client {
  /** @throws Error where the connection fails or `signal` aborts */
  ask(
    url: URL,
    request: {
      readonly method: "GET" | "POST";
      readonly headers: Readonly<Record<string, string>>;
      readonly body?: Buffer;
    },
    signal: AbortSignal,
  ): Promise<Answer>;
  close(): void;
}

const ANSWER_BYTES_MAX = 1024 * 1024;

/** @param connections how many are open to one host at most */
export function createClient(connections: number): Client {
  const options = { keepAlive: true, maxSockets: connections, scheduling: "lifo" } as const;
  const agents = { "http:": new http.Agent(options), "https:": new https.Agent(options) };
  return {
    ask: (url, { method, headers, body }, signal) =>
      new Promise((resolve, reject) => {
        const secure = url.protocol === "https:";
        const request = (secure ? https : http).request(url, {
          method,
          headers: { ...headers, ...(body === undefined ? {} : { "content-length": String(body.length) }) },
          agent: agents[secure ? "https:" : "http:"],
          signal,
        });
        request.once("error", reject);
        request.once("response", (response) => {
          const parts: Buffer[] = [];
          let bytes = 0;
          response.on("data", (part: Buffer) => {
            if (bytes < ANSWER_BYTES_MAX) parts.push(part);
            bytes += part.length;
          });
          response.once("error", reject);
          response.once("close", () => {
            if (!response.complete) return reject(new Error("the answer was cut off"));
            const { statusCode = 0 } = response;
            resolve({ status: statusCode, headers: response.headers, body: Buffer.concat(parts).toString("utf8") });
          });
        });
        request.end(body);
      }),
    close() {
      agents["http:"].destroy();
      agents["https:"].destroy();
    },
  };
}
