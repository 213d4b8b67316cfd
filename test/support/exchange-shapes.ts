/**
 * Conversations over raw connections, drawn from a seed: what a client sends byte for byte, what a service answers, and which
 * inferences a reader of both ought to have seen. Neither side parses anything, so that odd shapes are as easy as plain ones.
 */
import { gzipSync } from "node:zlib";
import { seededRandom } from "../../src/math/seeded-random.ts";

export interface Step {
  readonly request: Buffer;
  readonly answer: Buffer;
}

/** What should be captured of a step. */
export interface ExpectedInference {
  readonly id: string;
  readonly request: Buffer;
  readonly response: Buffer;
}

export interface Conversation {
  readonly name: string;
  readonly steps: readonly Step[];
  /** The client sends all requests without waiting for answers. */
  readonly pipelined: boolean;
  /** Who ends the connection: the service after its last byte, or the client by closing its half. */
  readonly endedBy: "service" | "client";
  readonly inferences: readonly ExpectedInference[];
}

type Draw = ReturnType<typeof draws>;

/** Conversations of `requests` requests in all. */
export function conversations(seed: number, requests: number): Conversation[] {
  const draw = draws(seed);
  const all: Conversation[] = [];
  for (let left = requests; left > 0; ) {
    const conversation = converse(draw, all.length, Math.min(left, draw.whole(1, 24)));
    left -= conversation.steps.length;
    all.push(conversation);
  }
  return all;
}

function draws(seed: number) {
  const random = seededRandom(seed);
  const whole = (from: number, to: number) => from + Math.floor(random() * (to - from + 1));
  return {
    whole,
    chance: (share: number) => random() < share,
    of: <Value>(values: readonly [Value, ...Value[]]): Value => values[whole(0, values.length - 1)] ?? values[0],
    bytes: (length: number) => Buffer.from(Array.from({ length }, () => whole(0, 255))),
  };
}

/** Names the conversation in its first request line, which is how the service finds what to answer. */
export const nameIn = (bytes: Buffer): string | null => /c=(\d+);/.exec(bytes.toString("latin1", 0, 200))?.[1] ?? null;

function converse(draw: Draw, index: number, length: number): Conversation {
  const name = String(index);
  const steps: Step[] = [];
  const inferences: ExpectedInference[] = [];
  for (let step = 0; step < length; step++) {
    const last = step === length - 1;
    if (last && draw.chance(0.3)) {
      steps.push(ending(draw, name, step));
      continue;
    }
    const { inference, ...made } = exchange(draw, name, step, last);
    steps.push(made);
    if (inference !== null) inferences.push(inference);
  }
  return { name, steps, inferences, pipelined: draw.chance(0.2), endedBy: draw.of(["service", "client"]) };
}

/** A whole request and a whole answer. */
function exchange(
  draw: Draw,
  name: string,
  step: number,
  last: boolean,
): Step & { inference: ExpectedInference | null } {
  const method = draw.of(["POST", "POST", "POST", "POST", "PUT", "GET", "HEAD", "DELETE", "OPTIONS"]);
  const id = `${name}-${step}`;
  const hasBody = method === "POST" || method === "PUT";
  const body = hasBody ? bodyOf(draw) : { plain: Buffer.alloc(0), coded: Buffer.alloc(0), gzip: false };
  const versionZero = last && draw.chance(0.1);
  const head = [
    `${method} ${target(draw, name)} HTTP/1.${versionZero ? 0 : 1}`,
    ...shuffled(draw, [
      `${draw.of(["Host", "host", "HOST"])}: service.example:80`,
      `${draw.of(["X-Request-Id", "ce-id", "Ce-Id"])}: ${id}`,
      ...(draw.chance(0.5) ? ["X-Tenant: a", "x-tenant:b"] : []),
      ...(draw.chance(0.2) ? ["Cookie: a=\u00e9; b=2"] : []),
      ...(draw.chance(0.1) ? [`X-Long: ${"v".repeat(draw.whole(1, 9000))}`] : []),
      ...(body.gzip ? ["Content-Encoding: gzip"] : []),
      ...(hasBody ? [draw.of(["Content-Type: application/json", "content-type:application/json"])] : []),
    ]),
  ];
  const request = message(draw, head, hasBody ? body.coded : null, !versionZero);
  const answered = answer(draw, method, last);
  const inference =
    method === "POST" &&
    answered.status === 200 &&
    body.plain.length <= BODY_LIMIT &&
    answered.plain.length <= BODY_LIMIT
      ? { id, request: body.plain, response: answered.plain }
      : null;
  return { request, answer: answered.bytes, inference };
}

/** Longest body that the sidecar under test captures. */
export const BODY_LIMIT = 256 * 1024;

function target(draw: Draw, name: string): string {
  const path = draw.of(["/predict", "/v1/models/churn:predict", "/v2/models/churn/versions/3/infer", "/a%20b/"]);
  return `${draw.chance(0.1) ? "http://service.example" : ""}${path}?c=${name};&q=${"x".repeat(draw.whole(0, 40))}`;
}

function bodyOf(draw: Draw): { plain: Buffer; coded: Buffer; gzip: boolean } {
  const kind = draw.whole(0, 99);
  const values = Array.from({ length: draw.whole(0, 30) }, () => draw.whole(0, 1e6) / 1000);
  const plain =
    kind < 4
      ? Buffer.alloc(0)
      : kind < 70
        ? Buffer.from(JSON.stringify({ instances: [values] }))
        : kind < 90
          ? draw.bytes(draw.whole(1, 3000))
          : kind < 99
            ? Buffer.alloc(draw.whole(1, 150_000), "0123456789abcdef\r\n")
            : Buffer.alloc(draw.whole(300_000, 1_000_000), "\r\n\r\nHTTP/1.1 200 OK\r\n");
  const gzip = plain.length > 0 && plain.length < BODY_LIMIT && draw.chance(0.15);
  return { plain, coded: gzip ? gzipSync(plain) : plain, gzip };
}

/** Head, framing and body of a message; `null`: without a body and its framing. */
function message(draw: Draw, head: readonly string[], body: Buffer | null, mayBeChunked: boolean): Buffer {
  if (body === null) return Buffer.from(`${head.join("\r\n")}\r\n\r\n`, "latin1");
  if (mayBeChunked && draw.chance(0.4)) {
    const trailers = draw.chance(0.3) ? "X-Checksum: 1\r\nx-other:2\r\n" : "";
    const field = draw.of(["Transfer-Encoding: chunked", "transfer-encoding:Chunked"]);
    const lines = Buffer.from(`${[...head, field].join("\r\n")}\r\n\r\n`, "latin1");
    return Buffer.concat([lines, ...chunks(draw, body), Buffer.from(`0\r\n${trailers}\r\n`)]);
  }
  const field = `${draw.of(["Content-Length", "content-length"])}:${draw.of([" ", "", "  "])}${body.length}`;
  return Buffer.concat([Buffer.from(`${[...head, field].join("\r\n")}\r\n\r\n`, "latin1"), body]);
}

function* chunks(draw: Draw, body: Buffer): Generator<Buffer> {
  for (let at = 0; at < body.length; ) {
    const to = Math.min(body.length, at + draw.whole(1, Math.max(1, Math.ceil(body.length / 3))));
    const extension = draw.chance(0.1) ? ';name="a b"' : "";
    const size = (to - at).toString(16);
    yield Buffer.from(`${draw.chance(0.2) ? size.toUpperCase().padStart(6, "0") : size}${extension}\r\n`);
    yield body.subarray(at, to);
    yield Buffer.from("\r\n");
    at = to;
  }
}

function answer(draw: Draw, method: string, last: boolean): { bytes: Buffer; status: number; plain: Buffer } {
  const status = draw.of([200, 200, 200, 200, 200, 201, 204, 304, 400, 404, 500, 503]);
  const before = [
    ...(draw.chance(0.1) ? ["HTTP/1.1 100 Continue\r\n\r\n"] : []),
    ...(draw.chance(0.1) ? ["HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"] : []),
  ].join("");
  const head = [
    `HTTP/1.1 ${status} ${draw.of(["OK", "", "Some Reason"])}`,
    ...shuffled(draw, [
      draw.of(["Content-Type: application/json", "content-type: text/plain; charset=utf-8"]),
      ...(draw.chance(0.3) ? ["Set-Cookie: a=1", "Set-Cookie: b=2"] : []),
      ...(draw.chance(0.2) ? ["Connection: keep-alive", "Keep-Alive: timeout=5"] : []),
      ...(draw.chance(0.1) ? ["X-Folded: one\r\n two"] : []),
    ]),
  ];
  if (status === 204 || status === 304 || method === "HEAD") {
    const length = status === 204 ? [] : ["Content-Length: 77"];
    const bytes = Buffer.concat([Buffer.from(before), message(draw, [...head, ...length], null, false)]);
    return { bytes, status, plain: Buffer.alloc(0) };
  }
  const { plain, coded, gzip } = bodyOf(draw);
  if (gzip) head.push("Content-Encoding: gzip");
  if (last && draw.chance(0.2)) {
    // Without a length: the end of the connection ends it. Only the service may end it then.
    const bytes = Buffer.concat([Buffer.from(before), message(draw, head, null, false), coded]);
    return { bytes, status, plain };
  }
  return { bytes: Buffer.concat([Buffer.from(before), message(draw, head, coded, true)]), status, plain };
}

/** The last step of a connection where something ends early, or is no HTTP at all. Nothing of it may be captured. */
function ending(draw: Draw, name: string, step: number): Step {
  const line = (method: string) =>
    `${method} /predict?c=${name}; HTTP/1.1\r\nHost: a\r\nX-Request-Id: ${name}-${step}\r\n`;
  switch (draw.whole(0, 4)) {
    case 0:
      // Cut off in the middle of the answer's body.
      return {
        request: Buffer.from(`${line("POST")}Content-Length: 2\r\n\r\n{}`),
        answer: Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"),
      };
    case 1:
      // Cut off in the middle of a chunk, or before any answer.
      return {
        request: Buffer.from(`${line("POST")}Content-Length: 2\r\n\r\n{}`),
        answer: Buffer.from(draw.of(["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nonly", ""])),
      };
    case 2:
      return {
        request: Buffer.concat([
          Buffer.from(`${line("GET")}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`),
          draw.bytes(draw.whole(0, 500)),
        ]),
        answer: Buffer.concat([
          Buffer.from("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
          draw.bytes(draw.whole(0, 5000)),
        ]),
      };
    case 3:
      // What is no HTTP: neither side.
      return {
        request: Buffer.concat([Buffer.from(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nc=${name};`), draw.bytes(300)]),
        answer: draw.bytes(300),
      };
    default:
      // A request that its client cuts off, answered with an error.
      return {
        request: Buffer.from(`${line("POST")}Content-Length: 1000\r\n\r\n{"instances":`),
        answer: Buffer.from("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
      };
  }
}

function shuffled(draw: Draw, lines: readonly string[]): string[] {
  const left = [...lines];
  const out: string[] = [];
  while (left.length > 0) out.push(...left.splice(draw.whole(0, left.length - 1), 1));
  return out;
}
