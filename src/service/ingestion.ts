/** Wires ingestion together: one batch writer that all sources share, a decoder per source with its own field mapping. */
import { hostname } from "node:os";
import type { EventMapping } from "../config/event-mapping.ts";
import { privacyOf } from "../config/privacy.ts";
import type { Config } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import type { RawMessage } from "../core/event.ts";
import { parseTimestamp } from "../core/timestamp.ts";
import type { PreparedModel } from "../evaluate/prepare-model.ts";
import { type BatchWriter, type BatchWriterStatus, createBatchWriter } from "../ingest/batch-writer.ts";
import { createDecoders, type Decoders } from "../ingest/decoders.ts";
import { openFileReader } from "../ingest/file.ts";
import { createHttpIngest } from "../ingest/http.ts";
import { createKafkaSource } from "../ingest/kafka.ts";
import { createDeadLetterProducer, type DeadLetterProducer } from "../ingest/kafka-dead-letters.ts";
import { openTopics } from "../ingest/kafka-topic.ts";
import { mergeByTime } from "../ingest/merge-by-time.ts";
import { recordedTime } from "../ingest/recorded-messages.ts";
import type { SourceStatus } from "../ingest/source.ts";
import type { HttpIngest } from "../serve/context.ts";
import { MAX_BODY_BYTES } from "../serve/server.ts";
import type { LocalReader } from "../store/local-reader.ts";
import type { Store } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { type RedriveFilter, type RedriveResult, redrive } from "./redrive.ts";

export interface IngestionOptions {
  readonly config: Config;
  readonly models: readonly PreparedModel[];
  readonly store: Store;
  readonly reader: LocalReader;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** The sources have no more at the moment, and all that they had is stored. */
  readonly onCaughtUp: () => void;
}

export interface Ingestion {
  readonly writer: BatchWriter;
  readonly http: HttpIngest;
  /** Begins to read Kafka and, if asked, the file sources once to their end. */
  start(options: { readonly files: boolean }): Promise<void>;
  stop(): Promise<void>;
  sources(): readonly SourceStatus[];
  writerStatus(): BatchWriterStatus;
  /**
   * What the store lacks of the file sources, and with `topics` of Kafka's topics as far as they reach now, merged in the order of event time;
   * each chunk has been pushed when it is yielded.
   */
  pastMessages(topics: boolean): AsyncIterable<{ readonly rows: number }>;
  pastSize(topics: boolean): Promise<{ readonly total: number; readonly stored: number }>;
  /** Resolves when everything pushed is stored. */
  flush(): Promise<void>;
  /** One after the other: two at once would take the same places. */
  redrive(filter: RedriveFilter): Promise<RedriveResult>;
}

/** A second that a stop gives what is buffered; the rest is read again from its source. */
const DRAIN_MS = 2_000;

export function createIngestion(options: IngestionOptions): Ingestion {
  const { config, models, store, clock, log, metrics } = options;
  const decoders = createDecoders({ config, models: models.map(decoderModel), clock });
  const kafka = config.sources.filter((source) => source.use === "kafka");
  const producers = kafka
    .map(createDeadLetterProducer)
    .filter((producer): producer is DeadLetterProducer => producer !== null);
  const writer = createBatchWriter({
    lane: store.lane("ingest"),
    clock,
    log,
    ...limitsOf(config, models),
    decoderOf: (source) => decoders.of(source),
    metrics: metrics.ingest,
    onCaughtUp: options.onCaughtUp,
    onBatch: (_ranges, batch) => {
      // A copy for people's tools; the table `dead_letters` is what counts, so a broker that is away holds up nothing.
      for (const producer of producers)
        producer
          .send(batch.rows.dead)
          .catch((thrown: unknown) => log.warn("dead letters were not copied to their topic", { error: thrown }));
    },
  });
  const sources = kafka.map((source) =>
    createKafkaSource({ config: source, sink: writer, clock, log, metrics: metrics.ingest }),
  );
  const files = createFiles(options, writer, decoders);
  const http = createHttpIngest({
    writer,
    clock,
    instance: `${hostname()}:${config.server.port}`,
    maxBodyBytes: MAX_BODY_BYTES,
  });
  let reading: Promise<void> = Promise.resolve();
  let redriving: Promise<unknown> = Promise.resolve();
  return {
    writer,
    http,
    async start({ files: readThem }) {
      for (const source of sources) await source.start();
      if (readThem) reading = readFiles(files, log);
    },
    async stop() {
      files.stop();
      await Promise.all(sources.map((source) => source.stop()));
      await writer.close(DRAIN_MS);
      await reading;
      await Promise.all(producers.map((producer) => producer.close()));
    },
    sources: () => sources.map((source) => source.status()),
    writerStatus: () => writer.status(),
    pastMessages: (topics) => files.messages(topics),
    pastSize: (topics) => files.size(topics),
    flush: () => writer.flush(),
    redrive(filter) {
      const schemas = models.map(({ schema }) => schema);
      const next = redriving.then(() =>
        redrive({ lane: store.lane("control"), writer, decoders, schemas, clock }, filter),
      );
      redriving = next.catch(() => undefined);
      return next;
    },
  };
}

/** A model as decoders need it. */
export const decoderModel = ({ schema, config }: PreparedModel) => ({
  schema,
  maxFutureMs: config.max_future,
  privacy: privacyOf(config),
});

/** What all writers of batches have in common. */
export const limitsOf = ({ ingest }: Config, models: readonly PreparedModel[]) => ({
  models: models.map((model) => ({ schema: model.schema, paneMs: model.config.pane })),
  batchRows: ingest.batch_rows,
  batchBytes: ingest.batch_bytes,
  batchWaitMs: ingest.batch_wait,
  deadLetterBytes: models.some((model) => model.config.privacy !== undefined) ? null : ingest.dead_letter_bytes,
});

interface Files {
  messages(topics: boolean): AsyncIterable<{ readonly rows: number }>;
  size(topics: boolean): Promise<{ readonly total: number; readonly stored: number }>;
  stop(): void;
}

/** Something that is read from an offset to its end. */
interface Past {
  readonly source: string;
  readonly partition: number;
  readonly start: number;
  readonly end: number;
  messages(from: number): AsyncIterable<readonly RawMessage[]>;
  readonly timeOf: (message: RawMessage) => number;
}

/** Messages of one file that are pushed at a time. */
const LONGEST_RUN = 5_000;

function createFiles({ config, reader }: IngestionOptions, writer: BatchWriter, decoders: Decoders): Files {
  let files: Promise<readonly Past[]> | null = null;
  let topics: Promise<readonly Past[]> | null = null;
  let stopped = false;
  const openFiles = async (): Promise<Past[]> => {
    const opened: Past[] = [];
    for (const source of config.sources) {
      if (source.use !== "file") continue;
      const file = await openFileReader(reader, source);
      decoders.register(file.source, source, file.format === "CSVWithNames");
      const timeOf = source.messages === undefined ? eventTime(source.events ?? config.events) : recordedHour;
      opened.push({ ...file, partition: 0, start: 0, end: file.rows, timeOf });
    }
    return opened;
  };
  const openPartitions = async (): Promise<Past[]> => {
    const opened: Past[] = [];
    for (const source of config.sources) {
      if (source.use !== "kafka") continue;
      for (const partition of await openTopics(source)) opened.push({ ...partition, timeOf: brokerTime });
    }
    return opened;
  };
  const all = async (withTopics: boolean): Promise<readonly Past[]> => {
    files ??= openFiles();
    if (withTopics) topics ??= openPartitions();
    return [...(await files), ...(withTopics ? ((await topics) ?? []) : [])];
  };
  const storedOf = async ({ source, partition, start }: Past) =>
    Math.max(start, (await writer.position(source, partition)) ?? 0);
  return {
    stop: () => {
      stopped = true;
    },
    async size(withTopics) {
      let total = 0;
      let stored = 0;
      for (const past of await all(withTopics)) {
        total += past.end - past.start;
        stored += Math.min(past.end, await storedOf(past)) - past.start;
      }
      return { total, stored };
    },
    async *messages(withTopics) {
      const streams = [];
      for (const past of await all(withTopics)) {
        const from = await storedOf(past);
        if (from < past.end) streams.push({ chunks: past.messages(from), timeOf: past.timeOf });
      }
      for await (const run of mergeByTime(streams, LONGEST_RUN)) {
        if (stopped) return;
        await writer.push(run);
        yield { rows: run.length };
      }
    },
  };
}

/** Records of a topic come in the order in which they were sent, labels as late as they were. */
const brokerTime = ({ receivedMs }: RawMessage): number =>
  receivedMs === undefined ? Number.NEGATIVE_INFINITY : Math.floor(receivedMs / MERGE_GRAIN_MS);

/**
 * The event time of a raw row, for the order of a replay alone; what is wrong with it is the decoder's to say. The field is looked for in
 * the bytes, since parsing every row twice would cost a third of a replay.
 */
function eventTime(mapping: EventMapping): (message: RawMessage) => number {
  const field = mapping.timestamp;
  if (typeof field !== "string") return () => Number.NEGATIVE_INFINITY;
  const key = Buffer.from(`${JSON.stringify(field)}:`);
  return ({ value }) => {
    if (!Buffer.isBuffer(value)) return Number.NEGATIVE_INFINITY;
    const at = value.indexOf(key);
    if (at === -1) return Number.NEGATIVE_INFINITY;
    const text = /^\s*(?:"([^"\\]*)"|(-?[\d.eE+]+))/.exec(
      value.toString("latin1", at + key.length, at + key.length + TIMESTAMP_CHARACTERS),
    );
    const ms = parseTimestamp(text?.[1] ?? text?.[2]).ms;
    return ms === null ? Number.NEGATIVE_INFINITY : Math.floor(ms / MERGE_GRAIN_MS);
  };
}

const recordedHour = (message: RawMessage): number => Math.floor(recordedTime(message) / MERGE_GRAIN_MS);

/** Files are merged hour by hour: event by event would hand over runs of one. */
const MERGE_GRAIN_MS = 3_600_000;
/** No spelling of a time is longer. */
const TIMESTAMP_CHARACTERS = 64;

async function readFiles(files: Files, log: Log): Promise<void> {
  try {
    for await (const { rows } of files.messages(false)) log.debug("read from files", { rows });
  } catch (thrown) {
    log.error("a file source can't be read", { error: thrown });
  }
}
