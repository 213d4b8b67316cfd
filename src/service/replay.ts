/**
 * A replay: the file sources are read to their end, merged in the order of event time, through the same ingestion as a live stream,
 * and windows are evaluated on the way, so that incidents open when they would have.
 */
import type { Clock } from "../core/clock.ts";
import type { Incident } from "../core/incident.ts";

/** What a replay needs of the application. */
export interface ReplayParts {
  readonly clock: Clock;
  /** How many models there are. */
  readonly models: number;
  /** Batches of messages in event-time order, from where the store ends; each pushed when yielded has been awaited. */
  messages(): AsyncIterable<{ readonly rows: number }>;
  /** Rows of all file sources, and how many of them the store holds already. */
  size(): Promise<{ readonly total: number; readonly stored: number }>;
  /** Resolves when everything pushed is stored. */
  flush(): Promise<void>;
  /** Computes what is due and judges it; `final` closes the last windows too. */
  evaluate(final: boolean): Promise<void>;
  summary(): Promise<StoreSummary>;
}

/** What the store holds. */
export interface StoreSummary {
  readonly predictions: number;
  readonly labels: number;
  readonly deadLetters: number;
  readonly windows: number;
  /** The newest closed window's KPIs. */
  readonly kpis: readonly { readonly model: string; readonly metric: string; readonly value: number | null }[];
  /** Features that breached in the newest closed window. */
  readonly drifted: readonly string[];
  readonly incidents: readonly Incident[];
}

export interface ReplayProgress extends StoreSummary {
  readonly done: number;
  readonly total: number;
  readonly eventsPerSecond: number;
}

export interface ReplayResult extends StoreSummary {
  readonly events: number;
  readonly seconds: number;
  readonly eventsPerSecond: number;
}

/** Rows between two evaluations: some ten in the demo, one for each of its windows. */
const EVALUATE_EVERY_ROWS = 40_000;
/** The same for each of many models: an evaluation costs by the model, however few rows have come of it. */
const EVALUATE_EVERY_ROWS_OF_MODEL = 4_000;

/** Reads everything that the store lacks; `progress` is told after each evaluation. */
export async function replay(parts: ReplayParts, progress: (progress: ReplayProgress) => void): Promise<ReplayResult> {
  const started = parts.clock.now();
  const { total, stored } = await parts.size();
  let read = 0;
  let evaluatedAt = 0;
  const everyRows = Math.max(EVALUATE_EVERY_ROWS, EVALUATE_EVERY_ROWS_OF_MODEL * parts.models);
  const rate = () => read / Math.max(0.001, (parts.clock.now() - started) / 1000);
  for await (const batch of parts.messages()) {
    read += batch.rows;
    if (read - evaluatedAt < everyRows) continue;
    evaluatedAt = read;
    await parts.flush();
    await parts.evaluate(false);
    progress({ ...(await parts.summary()), done: stored + read, total, eventsPerSecond: rate() });
  }
  await parts.flush();
  await parts.evaluate(true);
  const summary = await parts.summary();
  const seconds = (parts.clock.now() - started) / 1000;
  progress({ ...summary, done: stored + read, total, eventsPerSecond: rate() });
  return { ...summary, events: summary.predictions + summary.labels, seconds, eventsPerSecond: rate() };
}
