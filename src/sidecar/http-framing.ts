/**
 * Reads along where HTTP/1 messages begin and end in a stream of bytes (RFC 9112), without touching the bytes: the relay has
 * forwarded them already. What it can't follow it says (`lost`) and then keeps silent about; nothing is refused or repaired here.
 */

export interface MessageHead {
  /** Without the line's end. */
  readonly startLine: string;
  /** Names in lower case, values as they came, in their order. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** How a message goes on after its head: `framed` by its own fields, without a body, or not as HTTP at all (101, CONNECT). */
export type AfterHead = "framed" | "no-body" | "tunnel";

export interface MessageListener {
  head(head: MessageHead): AfterHead;
  /** A part of the body with the transfer coding taken off; content codings stay. The bytes are the stream's own. */
  body(part: Buffer): void;
  end(): void;
  /** The stream is not, or no longer, understood. Nothing follows. */
  lost(): void;
}

type State =
  | "head"
  | "length"
  | "until-close"
  | "chunk-size"
  | "chunk-data"
  | "chunk-end"
  | "trailers"
  | "tunnel"
  | "lost";

const CR = 13;
const LF = 10;
const HEAD_END = Buffer.from("\r\n\r\n");
/** Longer heads than servers take (Node: 16 KiB, nginx: 32 KiB) are not looked at. */
const HEAD_BYTES_MAX = 64 * 1024;
const LINE_BYTES_MAX = 16 * 1024;
/** More digits than a length of 2^48. */
const LENGTH_DIGITS_MAX = 15;
const NONE = Buffer.alloc(0);

export class MessageReader {
  readonly #kind: "request" | "response";
  readonly #listener: MessageListener;
  #state: State = "head";
  /** The part of a head or of a line that has come so far. */
  #pending: Buffer = NONE;
  /** Bytes of the body or of the chunk that are still to come. */
  #left = 0;

  constructor(kind: "request" | "response", listener: MessageListener) {
    this.#kind = kind;
    this.#listener = listener;
  }

  /** True between two messages, when nothing of the next has come. */
  get betweenMessages(): boolean {
    return this.#state === "head" && this.#pending.length === 0;
  }

  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) at = this.#step(bytes, at);
  }

  /** The stream has ended: that ends a message whose length only its end tells. */
  finish(): void {
    if (this.#state !== "until-close") return;
    this.#state = "lost";
    this.#listener.end();
  }

  /** No longer read as HTTP: another reader of the same connection saw it become something else. */
  tunnel(): void {
    this.#state = "tunnel";
    this.#pending = NONE;
  }

  /** Takes what it can from `at` on, and says up to where. */
  #step(bytes: Buffer, at: number): number {
    switch (this.#state) {
      case "head":
        return this.#readHead(bytes, at);
      case "length":
      case "chunk-data":
        return this.#readCounted(bytes, at);
      case "until-close":
        this.#listener.body(at === 0 ? bytes : bytes.subarray(at));
        return bytes.length;
      case "chunk-size":
      case "chunk-end":
      case "trailers":
        return this.#readLine(bytes, at);
      case "tunnel":
      case "lost":
        return bytes.length;
    }
  }

  #readHead(bytes: Buffer, at: number): number {
    // Empty lines before a message are passed over (RFC 9112, 2.2).
    if (this.#pending.length === 0) {
      let from = at;
      while (bytes[from] === CR || bytes[from] === LF) from++;
      if (from > at) return from;
    }
    const before = this.#pending.length;
    const all = before === 0 ? bytes.subarray(at) : Buffer.concat([this.#pending, bytes.subarray(at)]);
    const end = all.indexOf(HEAD_END, Math.max(0, before - HEAD_END.length));
    if (end > HEAD_BYTES_MAX || (end === -1 && all.length > HEAD_BYTES_MAX)) return this.#loseAt(bytes.length);
    if (end === -1) {
      // The first bytes tell HTTP/2, TLS and the like, which would otherwise be kept until the limit.
      if (before === 0 && !looksLikeHttp1(all, this.#kind)) return this.#loseAt(bytes.length);
      this.#pending = Buffer.from(all);
      return bytes.length;
    }
    this.#pending = NONE;
    const head = parseHead(all.toString("latin1", 0, end));
    if (head === null || !looksLikeHttp1(all, this.#kind)) return this.#loseAt(bytes.length);
    this.#begin(head, this.#listener.head(head));
    return at + end + HEAD_END.length - before;
  }

  #begin(head: MessageHead, after: AfterHead): void {
    // The listener may have made a tunnel of it in the meantime.
    if (this.#state === "tunnel") return;
    if (after === "tunnel") return this.tunnel();
    const framing = after === "no-body" ? 0 : framingOf(head, this.#kind);
    if (framing === null) this.#lose();
    else if (framing === 0) this.#endMessage();
    else if (framing === "chunked") this.#state = "chunk-size";
    else if (framing === "until-close") this.#state = "until-close";
    else {
      this.#state = "length";
      this.#left = framing;
    }
  }

  #readCounted(bytes: Buffer, at: number): number {
    const to = Math.min(bytes.length, at + this.#left);
    this.#left -= to - at;
    this.#listener.body(bytes.subarray(at, to));
    if (this.#left > 0) return to;
    if (this.#state === "length") this.#endMessage();
    else this.#state = "chunk-end";
    return to;
  }

  #readLine(bytes: Buffer, at: number): number {
    const newline = bytes.indexOf(LF, at);
    const to = newline === -1 ? bytes.length : newline + 1;
    const line =
      this.#pending.length === 0 ? bytes.subarray(at, to) : Buffer.concat([this.#pending, bytes.subarray(at, to)]);
    if (line.length > LINE_BYTES_MAX) return this.#loseAt(bytes.length);
    if (newline === -1) {
      this.#pending = Buffer.from(line);
      return to;
    }
    this.#pending = NONE;
    this.#takeLine(line.toString("latin1", 0, line.length - (line[line.length - 2] === CR ? 2 : 1)));
    return to;
  }

  #takeLine(line: string): void {
    if (this.#state === "trailers") {
      if (line === "") this.#endMessage();
    } else if (this.#state === "chunk-end") {
      if (line === "") this.#state = "chunk-size";
      else this.#lose();
    } else {
      const digits = /^([0-9A-Fa-f]{1,12})[\t ]*(?:;|$)/.exec(line)?.[1];
      if (digits === undefined) return this.#lose();
      this.#left = Number.parseInt(digits, 16);
      this.#state = this.#left === 0 ? "trailers" : "chunk-data";
    }
  }

  #endMessage(): void {
    this.#state = "head";
    this.#listener.end();
  }

  #lose(): void {
    this.#state = "lost";
    this.#pending = NONE;
    this.#listener.lost();
  }

  #loseAt(end: number): number {
    this.#lose();
    return end;
  }
}

/** The value of a field, those of several joined by commas; null where there is none. `name` in lower case. */
export function fieldOf({ fields }: MessageHead, name: string): string | null {
  const values = fields.filter(([one]) => one === name).map(([, value]) => value);
  return values.length === 0 ? null : values.join(", ");
}

function looksLikeHttp1(start: Buffer, kind: "request" | "response"): boolean {
  const text = start.toString("latin1", 0, 24);
  if (kind === "response") return "HTTP/1.".startsWith(text.slice(0, 7));
  // The preface of HTTP/2 has the form of a request.
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,24}(?: |$)/.test(text) && !text.startsWith("PRI * HTTP/2");
}

function parseHead(text: string): MessageHead | null {
  const [startLine = "", ...lines] = text.split("\r\n");
  const fields: (readonly [string, string])[] = [];
  for (const line of lines) {
    const last = fields.at(-1);
    if (/^[\t ]/.test(line) && last !== undefined) {
      fields[fields.length - 1] = [last[0], `${last[1]} ${line.trim()}`];
      continue;
    }
    const colon = line.indexOf(":");
    if (colon < 1) return null;
    fields.push([line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]);
  }
  return { startLine, fields };
}

/** Bytes of the body, or how else its end shows (RFC 9112, 6.3); null where it can't be told. */
function framingOf(head: MessageHead, kind: "request" | "response"): number | "chunked" | "until-close" | null {
  const coding = fieldOf(head, "transfer-encoding");
  if (coding !== null) {
    if (/(?:^|,)\s*chunked\s*$/i.test(coding)) return "chunked";
    return kind === "request" ? null : "until-close";
  }
  const lengths = new Set((fieldOf(head, "content-length") ?? "").split(",").map((one) => one.trim()));
  const [length = ""] = lengths;
  if (lengths.size > 1) return null;
  if (length !== "") return /^\d+$/.test(length) && length.length <= LENGTH_DIGITS_MAX ? Number(length) : null;
  return kind === "request" ? 0 : "until-close";
}
