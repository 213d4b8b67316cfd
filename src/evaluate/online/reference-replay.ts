/**
 * How often an online detector would have found a change in the reference's own errors, in the order of time: a false alarm each, as far as
 * nothing had changed there. It says more about a stream than any rate from a book, since real errors are neither bounded nor independent.
 */
import { z } from "zod";
import { ERROR_STREAM, onlineDetectorsOf } from "../../config/detectors.ts";
import type { ModelConfig } from "../../config/schema.ts";
import { classLabel } from "../../core/class-label.ts";
import { watchStream } from "../../sequential/watched-stream.ts";
import { type Sql, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { timeOf } from "../page-tier/reference-panes.ts";
import { openModelReference } from "../references/private-columns.ts";
import { type ReferenceColumn } from "../references/reference-table.ts";
import { textOrEmpty } from "../value-expressions.ts";
import { errorOf } from "./error-values.ts";
import { boundDetector } from "./plan.ts";

export interface ReferenceReplay {
  readonly detector: string;
  readonly alarms: number;
  /** Labelled rows that it was fed with. */
  readonly rows: number;
}

/** The first ones in time. */
const MOST_ROWS = 1_000_000;
/** Spellings of classes that are told apart. */
const MOST_SPELLINGS = 1000;

/** One of each detector on errors; none where the model has no such or the reference lacks times, predictions or labels. */
export async function replayReference(lane: Lane, config: ModelConfig): Promise<ReferenceReplay[]> {
  const watching = onlineDetectorsOf(config).filter(({ on }) => on === ERROR_STREAM);
  if (watching.length === 0 || config.reference === undefined) return [];
  const errors = await referenceErrors(lane, config, config.reference);
  if (errors.length === 0) return [];
  return watching.map((written) => {
    const { detector, options, unit } = boundDetector(config, written);
    const stream = watchStream(detector, options, unit);
    for (const [index, error] of errors.entries()) stream.take(error, index);
    return { detector: written.use, alarms: stream.endWindow().changeCount, rows: errors.length };
  });
}

/** "adwin 2 times, ddm never in 10000 labelled rows". */
export function replayText(replays: readonly ReferenceReplay[]): string {
  const often = replays.map(({ detector, alarms }) => `${detector} ${timesText(alarms)}`);
  return `${often.join(", ")} in its own ${replays[0]?.rows ?? 0} labelled rows`;
}

const timesText = (alarms: number): string => (alarms === 0 ? "never" : alarms === 1 ? "once" : `${alarms} times`);

async function referenceErrors(
  lane: Lane,
  model: ModelConfig,
  reference: NonNullable<ModelConfig["reference"]>,
): Promise<readonly number[]> {
  const { task } = model;
  const names = [reference.timestamp, reference.prediction, reference.label];
  const table = await openModelReference(lane, model, reference, names);
  try {
    const [times, prediction, label] = names.map((name) => table.columns.find((column) => column.name === name));
    if (times === undefined || prediction === undefined || label === undefined) return [];
    if (prediction.from.text !== times.from.text || label.from.text !== times.from.text) return [];
    const values =
      task === "regression"
        ? sql`${prediction.number} AS prediction, ${label.number} AS label`
        : sql`${await canonical(lane, prediction)} AS prediction_text, ${await canonical(lane, label)} AS label_text`;
    // Rows of one time in the order of the file: by one thread, so that their numbers are those of the file.
    const [found] = await lane.query(
      sql`SELECT arrayMap(e -> e.3, arraySort(groupArray((t, r, assumeNotNull(error))))) AS errors, uniq(t) AS times FROM (
          SELECT t, r, ${errorOf(task)} AS error FROM (SELECT ${timeOf(times)} AS t, rowNumberInAllBlocks() AS r, ${values} FROM ${times.from})
          WHERE isNotNull(t) AND isNotNull(error) ORDER BY t, r LIMIT ${MOST_ROWS}) SETTINGS max_threads = 1`,
      z.object({ errors: z.array(z.number()), times: z.number() }),
    );
    return found === undefined || found.times < 2 ? [] : found.errors;
  } finally {
    await table.close();
  }
}

/** String: the class as it compares, '' where there is none. */
async function canonical(lane: Lane, { text, from, present }: ReferenceColumn): Promise<Sql> {
  const found = await lane.query(
    sql`SELECT DISTINCT ${textOrEmpty(text)} AS v FROM ${from} WHERE ${present} ORDER BY v LIMIT ${MOST_SPELLINGS}`,
    z.object({ v: z.string() }),
  );
  const spelt = found.map(({ v }) => [v, classLabel(v) ?? ""] as const);
  if (spelt.length === 0) return sql`''`;
  const written = spelt.map(([v]) => v);
  return sql`if(${present}, transform(${textOrEmpty(text)}, ${written}, ${spelt.map(([, canon]) => canon)}, ''), '')`;
}
