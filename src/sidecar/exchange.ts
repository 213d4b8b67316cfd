/** Pairs the requests and responses of one connection and keeps the bodies of those that are wanted, within limits. */
import type { ByteAllowance } from "./byte-allowance.ts";
import { fieldOf, type MessageHead, MessageReader } from "./http-framing.ts";

/** What is known of a request once its head has come. */
export interface RequestHead {
  readonly method: string;
  /** As it was sent, the query included. */
  readonly target: string;
  readonly head: MessageHead;
}

export interface CapturedMessage {
  readonly head: MessageHead;
  /** Content codings still on it. */
  readonly body: Buffer;
  /** Milliseconds since 1970: when the head of the request, the end of the response came. */
  readonly at: number;
}

/** Why an exchange that was wanted gave no events. */
export type NotCaptured = "status" | "body_too_large" | "buffer_full" | "aborted" | "not_understood";

/** Decides about a request; the ticket is handed back with what comes of it. */
export interface ExchangeListener<Ticket> {
  /** null: not wanted. */
  want(request: RequestHead): Ticket | null;
  captured(ticket: Ticket, request: CapturedMessage, response: CapturedMessage): void;
  notCaptured(ticket: Ticket, reason: NotCaptured): void;
  /** The connection speaks something that is not followed: HTTP/2, TLS, a protocol it was upgraded to. */
  unfollowed(): void;
}

export interface ExchangeLimits {
  /** Bytes of one body at most. */
  readonly bodyBytes: number;
  /** Shared by all connections: bytes of bodies that are still under way. */
  readonly underWay: ByteAllowance;
}

interface Half {
  head: MessageHead | null;
  at: number;
  parts: Buffer[];
  bytes: number;
  ended: boolean;
}

interface Exchange<Ticket> {
  readonly ticket: Ticket | null;
  readonly method: string;
  readonly expectsContinue: boolean;
  readonly request: Half;
  readonly response: Half;
  continued: boolean;
  status: number;
  failed: NotCaptured | null;
}

export class ExchangeObserver<Ticket> {
  readonly #listener: ExchangeListener<Ticket>;
  readonly #limits: ExchangeLimits;
  readonly #now: () => number;
  readonly #requests: MessageReader;
  readonly #responses: MessageReader;
  /** Requests that have no whole answer yet, the oldest first. */
  readonly #unanswered: Exchange<Ticket>[] = [];
  /** The request that is being read, the last that was read in between. */
  #current: Exchange<Ticket> | null = null;
  #followed = true;
  #requestsUnclear = false;

  constructor(listener: ExchangeListener<Ticket>, limits: ExchangeLimits, now: () => number) {
    this.#listener = listener;
    this.#limits = limits;
    this.#now = now;
    this.#requests = new MessageReader("request", {
      head: (head) => this.#requestHead(head),
      body: (part) => this.#keep(this.#current, "request", part),
      end: () => this.#requestEnd(),
      lost: () => this.#requestsLost(),
    });
    this.#responses = new MessageReader("response", {
      head: (head) => this.#responseHead(head),
      body: (part) => this.#keep(this.#unanswered[0] ?? null, "response", part),
      end: () => this.#responseEnd(),
      lost: () => this.#unfollow(),
    });
  }

  /** True where the connection could be closed without cutting anything off. */
  get idle(): boolean {
    return this.#followed && !this.#requestsUnclear && this.#unanswered.length === 0 && this.#requests.betweenMessages;
  }

  fromClient(bytes: Buffer): void {
    if (this.#followed) this.#requests.push(bytes);
  }

  fromService(bytes: Buffer): void {
    if (this.#followed) this.#responses.push(bytes);
  }

  /** The service has said all that it will. */
  serviceEnded(): void {
    if (this.#followed) this.#responses.finish();
  }

  /** The connection is gone; what was under way is not captured. */
  closed(): void {
    this.#giveUpAll("aborted");
    this.#followed = false;
  }

  /** What was asked before can still be answered; nothing after it is read along. */
  #requestsLost(): void {
    this.#requestsUnclear = true;
    if (this.#unanswered.length === 0) this.#unfollow();
  }

  #requestHead(head: MessageHead): "framed" {
    const [method = "", target = ""] = head.startLine.split(" ");
    const exchange: Exchange<Ticket> = {
      ticket: this.#listener.want({ method, target, head }),
      method,
      expectsContinue: /100-continue/i.test(fieldOf(head, "expect") ?? ""),
      request: { head, at: this.#now(), parts: [], bytes: 0, ended: false },
      response: { head: null, at: 0, parts: [], bytes: 0, ended: false },
      continued: false,
      status: 0,
      failed: null,
    };
    this.#current = exchange;
    this.#unanswered.push(exchange);
    return "framed";
  }

  #requestEnd(): void {
    const exchange = this.#current;
    this.#current = null;
    if (exchange === null) return;
    exchange.request.ended = true;
    this.#settle(exchange);
  }

  #responseHead(head: MessageHead): "framed" | "no-body" | "tunnel" {
    const [exchange] = this.#unanswered;
    const status = Number(head.startLine.split(" ")[1]);
    if (exchange === undefined || !Number.isInteger(status)) {
      // An answer to nothing, such as the 408 of a server that has waited long enough.
      this.#unfollow();
      return "tunnel";
    }
    if (status === 101 || (exchange.method === "CONNECT" && status >= 200 && status < 300)) {
      this.#unfollow();
      return "tunnel";
    }
    exchange.status = status;
    if (status < 200) {
      exchange.continued ||= status === 100;
      return "no-body";
    }
    exchange.response.head = head;
    if (status !== 200) this.#giveUp(exchange, "status");
    return exchange.method === "HEAD" || status === 204 || status === 304 ? "no-body" : "framed";
  }

  #responseEnd(): void {
    const [exchange] = this.#unanswered;
    // Before the final response there may be several that are not.
    if (exchange === undefined || exchange.status < 200) return;
    this.#unanswered.shift();
    exchange.response.ended = true;
    exchange.response.at = this.#now();
    if (exchange.expectsContinue && !exchange.continued && !exchange.request.ended && exchange.request.bytes === 0) {
      // Whether the body still comes is the client's choice, so that what follows can't be told from it.
      this.#settle(exchange);
      this.#unfollow();
      return;
    }
    this.#settle(exchange);
    if (this.#requestsUnclear && this.#unanswered.length === 0) this.#unfollow();
  }

  #keep(exchange: Exchange<Ticket> | null, side: "request" | "response", part: Buffer): void {
    if (exchange === null) return;
    const half = exchange[side];
    half.bytes += part.length;
    if (exchange.ticket === null || exchange.failed !== null) return;
    if (half.bytes > this.#limits.bodyBytes) this.#giveUp(exchange, "body_too_large");
    else if (this.#limits.underWay.take(part.length)) half.parts.push(part);
    else this.#giveUp(exchange, "buffer_full");
  }

  #settle(exchange: Exchange<Ticket>): void {
    const { ticket, request, response } = exchange;
    if (!request.ended || !response.ended || ticket === null || exchange.failed !== null) return;
    if (request.head === null || response.head === null) return;
    this.#listener.captured(
      ticket,
      { head: request.head, body: joined(request), at: request.at },
      { head: response.head, body: joined(response), at: response.at },
    );
    this.#release(exchange);
  }

  #giveUp(exchange: Exchange<Ticket>, reason: NotCaptured): void {
    if (exchange.ticket === null || exchange.failed !== null) return;
    exchange.failed = reason;
    this.#release(exchange);
    this.#listener.notCaptured(exchange.ticket, reason);
  }

  #giveUpAll(reason: NotCaptured): void {
    const current = this.#current;
    this.#current = null;
    for (const exchange of this.#unanswered.splice(0)) this.#giveUp(exchange, reason);
    // Answered before it was whole: it is no longer among the unanswered.
    if (current !== null) this.#giveUp(current, reason);
  }

  #release({ request, response }: Exchange<Ticket>): void {
    for (const half of [request, response]) {
      this.#limits.underWay.give(half.parts.reduce((sum, part) => sum + part.length, 0));
      half.parts = [];
    }
  }

  #unfollow(): void {
    if (!this.#followed) return;
    this.#followed = false;
    this.#requests.tunnel();
    this.#responses.tunnel();
    this.#giveUpAll("not_understood");
    this.#listener.unfollowed();
  }
}

/** A copy, so that a small body does not keep the whole read that it came with. */
const joined = ({ parts }: Half): Buffer => Buffer.concat(parts);
