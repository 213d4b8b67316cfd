/**
 * Stores one batch: rows first, its commit record last, so that a record never speaks of rows that are not there. Every step may
 * be repeated: rows collapse by identity, the record by its offsets.
 */
import type { Clock } from "../core/clock.ts";
import type { DriftlineError } from "../core/errors.ts";
import { messageOf } from "../core/errors.ts";
import { type DeadLetterReason, keptBytes } from "../core/event.ts";
import { withheld } from "../core/refusal.ts";
import { predictionsTable } from "../store/model-tables.ts";
import type { Column } from "../store/native-block.ts";
import type { Lane } from "../store/store.ts";
import type { Batch, BatchRange } from "./batch.ts";
import {
  deadLetterColumns,
  halfColumns,
  labelColumns,
  piecesByMonth,
  predictionColumns,
  type RowChoice,
} from "./batch-columns.ts";
import type { DeadRow, EventRows, HalfRows } from "./events/event-rows.ts";

/** What a batch held of one (source, partition), once it is stored. */
export interface StoredRange {
  readonly source: string;
  readonly partition: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  predictions: number;
  labels: number;
  /** Halves of calls, which become predictions once they are paired. */
  halves: number;
  /** By format and reason. */
  readonly dead: Map<string, DeadCount>;
}

export interface DeadCount {
  readonly format: string;
  readonly reason: DeadLetterReason;
  count: number;
}

export interface StoreBatchOptions {
  readonly lane: Lane;
  /** Says when halves are stored: they wait for each other from then on. */
  readonly clock: Clock;
  /** Milliseconds of a pane of a model. */
  readonly paneMs: (model: string) => number;
  /** Bytes kept of a row that the store refuses; null: neither them nor what the engine says of it, which quotes values. */
  readonly deadLetterBytes: number | null;
}

/**
 * One attempt.
 *
 * @throws DriftlineError where the store is away; the same call goes on where this one ended
 */
export async function storeBatch(batch: Batch, options: StoreBatchOptions): Promise<StoredRange[]> {
  const { rows, progress } = batch;
  for (const [model, predictions] of rows.predictions) {
    if (predictions.rows === 0) continue;
    const columns = (choice: RowChoice) => predictionColumns(predictions, choice);
    for (const [piece, choice] of piecesByMonth(predictions.timestamp, predictions.rows).entries()) {
      const block = {
        key: `${model} ${piece}`,
        group: model,
        table: predictionsTable(model),
        columns,
        message: predictions.message,
        choice,
      };
      await insertBlock(block, batch, options);
    }
  }
  for (const { table, group, key, of } of LABEL_TABLES) {
    const labels = of(rows);
    if (labels.rows === 0) continue;
    const columns = (choice: RowChoice) => labelColumns(labels, choice, key);
    await insertBlock(
      { key: table, group, table, columns, message: labels.message, choice: labels.rows },
      batch,
      options,
    );
  }
  const { halves } = rows;
  if (halves.rows > 0) {
    const columns = (choice: RowChoice) => halfColumns(halves, choice, options.clock.now());
    await insertBlock(
      { key: "halves", group: HALVES, table: "halves", columns, message: halves.message, choice: halves.rows },
      batch,
      options,
    );
  }
  if (rows.dead.length > 0 && !progress.done.has("dead letters")) {
    await options.lane.insertBlock("dead_letters", deadLetterColumns(rows.dead));
    progress.done.add("dead letters");
  }
  return await writeRecord(batch, options);
}

/** No model has the name of these groups: names of models begin with a letter or a digit. */
const HALVES = " halves";
const LABEL_TABLES = [
  { table: "labels", group: " labels", key: "id", of: (rows: EventRows) => rows.labels },
  { table: "entity_labels", group: " entity labels", key: "entity", of: (rows: EventRows) => rows.entityLabels },
] as const;

interface Block {
  readonly key: string;
  readonly group: string;
  readonly table: string;
  readonly columns: (choice: RowChoice) => Column[];
  readonly message: readonly number[];
  readonly choice: RowChoice;
}

async function insertBlock(block: Block, batch: Batch, options: StoreBatchOptions): Promise<void> {
  const { progress } = batch;
  if (progress.done.has(block.key)) return;
  const refused = await insertOrHalve(block, block.choice, options.lane);
  for (const { row, problem } of refused) {
    const index = block.message[row] ?? 0;
    const message = batch.messages[index];
    if (message === undefined) continue;
    const item = row - block.message.indexOf(index);
    const kept =
      options.deadLetterBytes === null
        ? { detail: withheld("store_refused"), raw: "" }
        : { detail: problem, raw: keptBytes(message.value, options.deadLetterBytes) };
    batch.rows.bury(message, index, { item, format: "", reason: "store_refused", ...kept });
    const group = progress.refused.get(block.group) ?? new Set();
    progress.refused.set(block.group, group.add(row));
  }
  progress.done.add(block.key);
}

interface Refused {
  readonly row: number;
  readonly problem: string;
}

/** Inserts rows; where the store refuses them, halves them until the bad ones are alone. */
async function insertOrHalve(block: Block, choice: RowChoice, lane: Lane): Promise<Refused[]> {
  try {
    await lane.insertBlock(block.table, block.columns(choice));
    return [];
  } catch (thrown) {
    if (!isFaultOfRows(thrown)) throw thrown;
    const rows = typeof choice === "number" ? Array.from({ length: choice }, (_, row) => row) : choice;
    const [only] = rows;
    if (rows.length === 1 && only !== undefined) return [{ row: only, problem: messageOf(thrown).slice(0, 1000) }];
    const middle = rows.length >> 1;
    const first = await insertOrHalve(block, rows.slice(0, middle), lane);
    return [...first, ...(await insertOrHalve(block, rows.slice(middle), lane))];
  }
}

/**
 * Engine errors that no row can be blamed for: a missing table, column or right, a full disk, a body that was cut. To take rows
 * out for them would turn one operator's mistake into a million dead letters; the batch waits instead.
 */
const NOT_OF_ROWS = new Set(
  "8 16 20 32 33 46 47 48 53 60 62 73 74 75 76 81 107 115 164 192 193 194 218 225 236 285 286 291 319 394 497 516 1002".split(
    " ",
  ),
);

export function isFaultOfRows(thrown: unknown): boolean {
  if (!(thrown instanceof Error) || !("code" in thrown) || (thrown as DriftlineError).code !== "store_refused")
    return false;
  const cause = thrown.cause;
  const code =
    cause instanceof Error && "code" in cause && typeof cause.code === "string" && /^\d+$/.test(cause.code)
      ? cause.code
      : /\bCode: (\d+)\b/.exec(messageOf(thrown))?.[1];
  return code !== undefined && !NOT_OF_ROWS.has(code);
}

/** The commit record: one row per (source, partition), all in one insert. */
async function writeRecord(batch: Batch, options: StoreBatchOptions): Promise<StoredRange[]> {
  const { progress } = batch;
  const tallies = new Tallies(batch.ranges.values());
  for (const [model, predictions] of batch.rows.predictions) {
    const refused = progress.refused.get(model);
    tallies.count("prediction", predictions, () => model, options.paneMs, refused);
  }
  for (const { group, of } of LABEL_TABLES) {
    const labels = of(batch.rows);
    tallies.count("label", labels, (row) => labels.model[row] ?? "", options.paneMs, progress.refused.get(group));
  }
  tallies.countHalves(batch.rows.halves, progress.refused.get(HALVES));
  for (const letter of batch.rows.dead) tallies.bury(letter);
  await options.lane.insertRows("batches", tallies.records());
  return tallies.ranges();
}

interface CountedRows {
  readonly rows: number;
  readonly source: readonly string[];
  readonly partition: readonly number[];
  readonly timestamp: readonly number[];
}

interface Tally {
  readonly range: StoredRange;
  maxTimestamp: number;
  /** Events by model and kind, then by the start of their pane. */
  readonly touched: Map<
    string,
    { readonly model: string; readonly kind: "prediction" | "label"; readonly panes: Map<number, number> }
  >;
}

/** Counts of a batch by (source, partition). */
class Tallies {
  readonly #tallies = new Map<string, Tally>();

  constructor(ranges: Iterable<BatchRange>) {
    for (const { source, partition, firstOffset, lastOffset } of ranges) {
      const range: StoredRange = {
        source,
        partition,
        firstOffset,
        lastOffset,
        predictions: 0,
        labels: 0,
        halves: 0,
        dead: new Map(),
      };
      this.#tallies.set(`${partition} ${source}`, { range, maxTimestamp: 0, touched: new Map() });
    }
  }

  count(
    kind: "prediction" | "label",
    rows: CountedRows,
    modelOf: (row: number) => string,
    paneMs: (model: string) => number,
    refused: ReadonlySet<number> | undefined,
  ): void {
    let source = "";
    let partition = -1;
    let model = "";
    let pane = 1;
    let tally: Tally | undefined;
    let panes = new Map<number, number>();
    for (let row = 0; row < rows.rows; row++) {
      if (refused?.has(row) === true) continue;
      const rowModel = modelOf(row);
      if (
        tally === undefined ||
        rows.source[row] !== source ||
        rows.partition[row] !== partition ||
        rowModel !== model
      ) {
        source = rows.source[row] ?? "";
        partition = rows.partition[row] ?? 0;
        model = rowModel;
        pane = paneMs(model);
        tally = this.#tallies.get(`${partition} ${source}`);
        if (tally === undefined) continue;
        panes = panesOf(tally, model, kind);
      }
      const ms = rows.timestamp[row] ?? 0;
      if (ms > tally.maxTimestamp) tally.maxTimestamp = ms;
      const start = Math.floor(ms / pane) * pane;
      panes.set(start, (panes.get(start) ?? 0) + 1);
      if (kind === "prediction") tally.range.predictions++;
      else tally.range.labels++;
    }
  }

  countHalves({ rows, source, partition }: HalfRows, refused: ReadonlySet<number> | undefined): void {
    for (let row = 0; row < rows; row++) {
      const tally = this.#tallies.get(`${partition[row]} ${source[row]}`);
      if (tally !== undefined && refused?.has(row) !== true) tally.range.halves++;
    }
  }

  bury({ source, partition, format, reason }: DeadRow): void {
    const dead = this.#tallies.get(`${partition} ${source}`)?.range.dead;
    const key = `${format} ${reason}`;
    const known = dead?.get(key);
    if (known === undefined) dead?.set(key, { format, reason, count: 1 });
    else known.count++;
  }

  ranges(): StoredRange[] {
    return [...this.#tallies.values()].map((tally) => tally.range);
  }

  records(): Record<string, unknown>[] {
    return [...this.#tallies.values()].map(({ range, maxTimestamp, touched }) => ({
      source: range.source,
      partition: range.partition,
      first_offset: range.firstOffset,
      last_offset: range.lastOffset,
      max_timestamp: maxTimestamp,
      rows: range.predictions + range.labels,
      halves: range.halves,
      dead: [...range.dead.values()].reduce((sum, { count }) => sum + count, 0),
      touched: [...touched.values()].flatMap(({ model, kind, panes }) =>
        [...panes].map(([pane, n]) => ({ model, kind, pane, n })),
      ),
    }));
  }
}

function panesOf(tally: Tally, model: string, kind: "prediction" | "label"): Map<number, number> {
  const key = `${kind} ${model}`;
  let touched = tally.touched.get(key);
  if (touched === undefined) {
    touched = { model, kind, panes: new Map() };
    tally.touched.set(key, touched);
  }
  return touched.panes;
}
