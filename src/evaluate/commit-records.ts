/**
 * What ingestion has stored since an evaluation last looked: the commit records past the model's mark in each partition. They say
 * which panes were touched and which offsets hold new labels, and no clock is in them.
 */
import { z } from "zod";
import { join, list, type Sql, sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";

export interface Partition {
  readonly source: string;
  readonly partition: number;
}

/** One batch as far as it concerns one model. */
export interface CommitRecord extends Partition {
  readonly firstOffset: number;
  readonly lastOffset: number;
  /** Starts of panes that predictions of this batch fell into; ms. */
  readonly predictionPanes: readonly number[];
  /** Whether the batch holds labels. */
  readonly labels: number;
  readonly predictions: number;
  /** Start of the earliest pane that labels of this batch carry the time of, ms; Infinity without labels. */
  readonly labelsFrom: number;
}

export const partitionKey = ({ source, partition }: Partition): string => `${partition}/${source}`;

/** Next offset to read, by partition key. */
export type Marks = Map<string, Partition & { nextOffset: number }>;

export async function readMarks(lane: Lane, model: string): Promise<Marks> {
  const rows = await lane.query(
    sql`SELECT source, partition, next_offset FROM evaluated FINAL WHERE model = ${model}`,
    z.object({ source: z.string(), partition: z.number(), next_offset: z.number() }),
  );
  return new Map(
    rows.map((row) => [
      partitionKey(row),
      { source: row.source, partition: row.partition, nextOffset: row.next_offset },
    ]),
  );
}

export async function writeMarks(lane: Lane, model: string, marks: Marks): Promise<void> {
  const rows = [...marks.values()];
  await lane.insertBlock("evaluated", [
    { name: "model", type: "LowCardinality(String)", values: rows.map(() => model) },
    { name: "source", type: "LowCardinality(String)", values: rows.map((row) => row.source) },
    { name: "partition", type: "UInt32", values: rows.map((row) => row.partition) },
    { name: "next_offset", type: "UInt64", values: rows.map((row) => row.nextOffset) },
  ]);
}

const record = z.object({
  source: z.string(),
  partition: z.number(),
  first_offset: z.number(),
  last_offset: z.number(),
  panes: z.array(z.number()),
  predictions: z.number(),
  labels: z.number(),
  label_panes: z.array(z.number()),
});

/** Records at or past the marks, in the order of (source, partition, offset); those that don't touch the model have no panes and no labels. */
export async function readCommitRecords(lane: Lane, model: string, marks: Marks): Promise<CommitRecord[]> {
  const rows = await lane.query(
    sql`SELECT source, partition, first_offset, last_offset,
        arrayMap(t -> toUnixTimestamp64Milli(t.pane), arrayFilter(t -> t.kind = 'prediction', mine)) AS panes,
        arraySum(arrayMap(t -> t.n, arrayFilter(t -> t.kind = 'prediction', mine))) AS predictions,
        arraySum(arrayMap(t -> t.n, arrayFilter(t -> t.kind = 'label', mine))) AS labels,
        arrayMap(t -> toUnixTimestamp64Milli(t.pane), arrayFilter(t -> t.kind = 'label', mine)) AS label_panes
      FROM (SELECT source, partition, first_offset, last_offset, arrayFilter(t -> t.model = ${model}, touched) AS mine FROM batches FINAL WHERE ${past(marks)})
      ORDER BY source, partition, last_offset`,
    record,
  );
  return rows.map((row) => ({
    source: row.source,
    partition: row.partition,
    firstOffset: row.first_offset,
    lastOffset: row.last_offset,
    predictionPanes: row.panes,
    predictions: row.predictions,
    labels: row.labels,
    labelsFrom: row.label_panes.reduce((least, pane) => Math.min(least, pane), Number.POSITIVE_INFINITY),
  }));
}

/** Picks, of `batches`, the records at or past the marks. */
export function past(marks: Marks): Sql {
  const known = [...marks.values()];
  if (known.length === 0) return sql`true`;
  const sources = [...new Set(known.map((mark) => mark.source))];
  const pieces = known.map(
    (mark) => sql`(source = ${mark.source} AND partition = ${mark.partition} AND last_offset >= ${mark.nextOffset})`,
  );
  const unknown = sources.map((source) => {
    const partitions = known.filter((mark) => mark.source === source).map((mark) => mark.partition);
    return sql`(source = ${source} AND partition NOT IN ${list(partitions)})`;
  });
  return join([...pieces, ...unknown, sql`(source NOT IN ${list(sources)})`], " OR ");
}

/** Where rows of these records lie in a table that has source, partition and offset. */
export function inRecords(records: readonly CommitRecord[]): Sql {
  if (records.length === 0) return sql`false`;
  // Neighbouring batches of one partition become one range, so that the condition stays short.
  const ranges: { source: string; partition: number; from: number; to: number }[] = [];
  for (const { source, partition, firstOffset, lastOffset } of records) {
    const last = ranges[ranges.length - 1];
    if (last !== undefined && last.source === source && last.partition === partition && firstOffset <= last.to + 1)
      last.to = Math.max(last.to, lastOffset);
    else ranges.push({ source, partition, from: firstOffset, to: lastOffset });
  }
  return sql`(${join(
    ranges.map(
      (range) =>
        sql`(source = ${range.source} AND partition = ${range.partition} AND offset >= ${range.from} AND offset <= ${range.to})`,
    ),
    " OR ",
  )})`;
}

/** Labels, or predictions, joined by one statement, about. */
const EVENTS_AT_ONCE = 500_000;
/** Commit records that one statement names, several times. */
const RECORDS_AT_ONCE = 200;

/** Records for one statement each, by the number of their events. */
export function* recordChunks(
  records: readonly CommitRecord[],
  sizeOf: (record: CommitRecord) => number,
): Generator<CommitRecord[]> {
  let chunk: CommitRecord[] = [];
  let events = 0;
  for (const record of records) {
    if (chunk.length > 0 && (events + sizeOf(record) > EVENTS_AT_ONCE || chunk.length >= RECORDS_AT_ONCE)) {
      yield chunk;
      chunk = [];
      events = 0;
    }
    chunk.push(record);
    events += sizeOf(record);
  }
  if (chunk.length > 0) yield chunk;
}
