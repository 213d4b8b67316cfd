/** What the HTTP side is given by the application, and the small interfaces through which it asks the other parts. */
import { z } from "zod";
import { referenceSchema } from "../config/references.ts";
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

/** Which windows are computed again, who asks and why. */
export const rebuildRequest = z
  .strictObject({
    model: z.string().min(1).describe("Name of the model."),
    from: z.number().optional().describe("Windows that begin at or after this, ms since 1970; left out: all."),
    to: z.number().optional().describe("Windows that end at or before this, ms since 1970; left out: all."),
    owner: z.string().trim().min(1).max(200).describe("Who asks."),
    reason: z.string().trim().max(1000).default("").describe("Why, in a few words; shown beside the numbers."),
    dry_run: z.boolean().default(false).describe("`true`: only says what would change."),
  })
  .refine(({ from, to }) => from === undefined || to === undefined || from < to, {
    message: "`from` must be before `to`",
    path: ["to"],
  });
export type RebuildBody = z.output<typeof rebuildRequest>;

/** Gives the body of the answer, once the numbers are in force. */
export type AskRebuild = (request: RebuildBody) => Promise<unknown>;

/** The readiness that was found; gives the body of the answer. */
export type AskStatus = (found: { readonly ready: boolean; readonly parts: readonly HealthPart[] }) => Promise<unknown>;

/** Which dead letters are read again; gives the body of the answer. */
export type AskRedrive = (filter: Omit<DeadLetterFilter, "redriven">) => Promise<unknown>;
const modelName = z.string().min(1).describe("Name of the model.");

/** Which events a build is made of: `first`, or `from` and `to`, or `version`, which goes with either. */
export const buildRequest = z.strictObject({
  model: modelName,
  ...referenceSchema.pick({ first: true, from: true, to: true, version: true }).shape,
});
export type BuildRequest = z.output<typeof buildRequest>;

export const useRequest = z.strictObject({
  model: modelName,
  build: z.string().min(1).max(100).describe("Id of the build, or `configured` for the configured reference again."),
  version: z.string().optional().describe("In the place of this version's own reference (`references`)."),
  owner: z.string().trim().min(1).max(200).describe("Who decides."),
  reason: z.string().trim().min(1).max(1000).describe("Why, in a sentence."),
});
export type UseRequest = z.output<typeof useRequest>;

export interface VersionReferenceState {
  /** '' without one. */
  readonly reference_id: string;
  /** In words: "the first 20000 events". */
  readonly origin: string;
  readonly rows: number;
  /** Why there is none yet: "no reference yet: …"; null where there is one, or none is wanted. */
  readonly waiting: string | null;
}

/** The model's reference, and those of versions that have one of their own. */
export interface ReferenceState extends VersionReferenceState {
  readonly versions: Readonly<Record<string, VersionReferenceState>>;
}

/** References as they are asked about; each gives the body of an answer. */
export interface ReferenceDesk {
  /** What is in force in the running service; null where none runs. */
  state(model: string): ReferenceState | null;
  list(model?: string): Promise<unknown>;
  show(model: string, build: string): Promise<unknown>;
  build(request: BuildRequest): Promise<unknown>;
  use(request: UseRequest): Promise<unknown>;
}

export interface ServeContext {
  readonly store: Store;
  readonly models: readonly ModelConfig[];
  readonly detectors: ReadonlyMap<string, DetectorWords>;
  /** null where this process does not ingest. */
  readonly ingest: HttpIngest | null;
  readonly backtest: AskBacktest | null;
  /** null where this server has none to ask. */
  readonly rebuild: AskRebuild | null;
  readonly status: AskStatus | null;
  /** null where this process does not ingest. */
  readonly redrive: AskRedrive | null;
  /** null where this process keeps none. */
  readonly references: ReferenceDesk | null;
  readonly health: readonly HealthProvider[];
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
  /** How people reach the page, without a slash at the end. */
  readonly publicUrl: string;
}
