/** What the HTTP side is given by the application, and the small interfaces through which it asks the other parts. */
import type { ModelConfig } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import type { Store } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { DeadLetterFilter } from "./queries/dead-letters.ts";

/** Takes the body of `POST /v1/events`; answers only after the rows are stored. */
export interface HttpIngest {
  accept(request: {
    readonly contentType: string;
    readonly body: Buffer;
    /** Value of the `Idempotency-Key` header, null where there is none. */
    readonly idempotencyKey: string | null;
    /** The headers that say what the body is: `ce-…` and `x-request-id`, by lower-case name; left out where there are none. */
    readonly headers?: Readonly<Record<string, string>>;
  }): Promise<{ readonly status: number; readonly body: unknown; readonly headers?: Readonly<Record<string, string>> }>;
}

/** One part of the service as `/ready` shows it. */
export interface HealthPart {
  /** "store", "kafka ml.predictions", "evaluation of fraud". */
  readonly name: string;
  readonly ok: boolean;
  /** One sentence: why it is not ready, or what it is doing. Must hold no secret. */
  readonly reason: string;
}

/** Asked at every `/ready`; one that throws or takes longer than two seconds counts as not ready. */
export interface HealthProvider {
  readonly name: string;
  check(): Promise<readonly HealthPart[]> | readonly HealthPart[];
}

/** What the page knows of a detector: from the detectors' index, which the HTTP side does not import itself. */
export interface DetectorWords {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
}

/** A changed configuration's text, and which incidents are of interest; gives the body of the answer. */
export type AskBacktest = (request: {
  readonly file: string;
  readonly text: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}) => Promise<unknown>;

/** The readiness that was found; gives the body of the answer. */
export type AskStatus = (found: { readonly ready: boolean; readonly parts: readonly HealthPart[] }) => Promise<unknown>;

/** Which dead letters are read again; gives the body of the answer. */
export type AskRedrive = (filter: Omit<DeadLetterFilter, "redriven">) => Promise<unknown>;

export interface ServeContext {
  readonly store: Store;
  readonly models: readonly ModelConfig[];
  readonly detectors: ReadonlyMap<string, DetectorWords>;
  /** null where this process does not ingest. */
  readonly ingest: HttpIngest | null;
  readonly backtest: AskBacktest | null;
  readonly status: AskStatus | null;
  /** null where this process does not ingest. */
  readonly redrive: AskRedrive | null;
  readonly health: readonly HealthProvider[];
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
  /** How people reach the page, without a slash at the end. */
  readonly publicUrl: string;
}
