/** How a retraining system is asked over HTTP, as data: the generic action fills it in from its options, a preset from fewer. */
import type { SigningKey } from "./aws-signature.ts";
import type { Json } from "./template.ts";

/** A request with places (`{{trigger_id}}`) in its texts. */
export interface Call {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body | null;
}

export type Body =
  | { readonly kind: "json"; readonly value: Json; readonly type?: string }
  | { readonly kind: "form"; readonly fields: Readonly<Record<string, string>> };

export type Credentials =
  | { readonly kind: "none" }
  | { readonly kind: "basic"; readonly user: string; readonly password: string }
  | { readonly kind: "bearer"; readonly token: string }
  /** Read anew at each attempt: mounted tokens are replaced every hour. */
  | { readonly kind: "bearer_file"; readonly file: string }
  /** A token is fetched first, kept, and fetched anew once it is refused. */
  | { readonly kind: "login"; readonly call: Call; readonly token: string }
  | { readonly kind: "aws"; readonly key: SigningKey };

/** Where in an answer the run's id stands, and what it must be where we name it ourselves. */
export interface RunPlace {
  /** `dag_run_id`, `runs[0].run_id`, or `header location`. */
  readonly path: string;
  /** A text with places; null where the receiver makes the id. */
  readonly expected: string | null;
}

export interface Poll {
  readonly call: Call;
  /** Where in the answer the state stands. */
  readonly state: string;
  readonly waiting: readonly string[];
  readonly succeeded: readonly string[];
  readonly failed: readonly string[];
}

export interface Specification {
  readonly credentials: Credentials;
  readonly request: Call;
  /** null: any 2xx. */
  readonly success: readonly number[] | null;
  /** Statuses that may mean that our own run is there already. */
  readonly duplicate: readonly number[];
  /** null where an answer names no run. */
  readonly run: RunPlace | null;
  /** Asked before the request, where the receiver would start a second run for a second request. */
  readonly find: { readonly call: Call; readonly path: string } | null;
  readonly poll: Poll | null;
}

/** A call without a body. */
export const get = (url: string, headers: Readonly<Record<string, string>> = {}): Call => ({
  method: "GET",
  url,
  headers,
  body: null,
});

export const postJson = (url: string, value: Json): Call => ({
  method: "POST",
  url,
  headers: {},
  body: { kind: "json", value },
});
