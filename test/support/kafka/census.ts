/** The census example as a stream: its events as Kafka messages with malformed and repeated ones among them, and its configuration. */

import { readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { query } from "chdb";
import { type Message, Partitioners } from "kafkajs";
import { parse } from "yaml";
import { z } from "zod";
import { kafkaClient } from "../produce.ts";
import { projectRoot } from "./service.ts";

export const topics = { predictions: "census.predictions", labels: "census.labels" } as const;
export const partitions = { predictions: 4, labels: 3 } as const;

const exampleSchema = z.looseObject({
  sources: z.tuple([z.looseObject({ events: z.unknown() }), z.looseObject({ events: z.unknown() })]),
  models: z.tuple([z.looseObject({ reference: z.looseObject({ file: z.string() }) })]),
});

/** The example's configuration with other sources and another store, and without channels. */
export function censusConfig(given: {
  store: unknown;
  kafka: Record<string, unknown> | null;
}): Record<string, unknown> {
  const folder = exampleFolder();
  const example = exampleSchema.parse(parse(readFileSync(path.join(folder, "driftline.yaml"), "utf8")));
  const [model] = example.models;
  const reference = { ...model.reference, file: path.join(folder, model.reference.file) };
  const [predictions, labels] = example.sources;
  const file = (name: string) => ({ use: "file", path: path.join(folder, `${name}.parquet`) });
  const source = (name: "predictions" | "labels") =>
    given.kafka === null ? file(name) : { use: "kafka", topics: [topics[name]], ...given.kafka };
  return {
    store: given.store,
    sources: [
      { ...source("predictions"), events: predictions.events },
      { ...source("labels"), events: labels.events },
    ],
    models: [{ ...model, reference, alerts: {} }],
    evaluation: { every: "1s" },
  };
}

function exampleFolder(): string {
  return path.join(projectRoot(), "examples", "census");
}

export interface CensusStream {
  readonly predictions: Message[];
  readonly labels: Message[];
  /** How many of the messages can't be understood. */
  readonly malformed: number;
  readonly events: number;
}

/** All events in the order of the files, 1 % malformed and 1 % repeated messages mixed in by a seed. */
export function censusStream(random: () => number): CensusStream {
  let malformed = 0;
  const stream = (name: "predictions" | "labels") => {
    const messages: Message[] = [];
    const lines = linesOf(name);
    for (const line of lines) {
      const key = line.slice(7, line.indexOf('"', 7));
      messages.push({ key, value: line });
      if (random() < 0.01) {
        messages.push({ key: `malformed-${malformed}`, value: malformedValue(line, malformed) });
        malformed += 1;
      }
      if (random() < 0.01) {
        const again = lines[Math.max(0, Math.floor(messages.length * random()) - 1)] ?? line;
        messages.push({ key: again.slice(7, again.indexOf('"', 7)), value: again });
      }
    }
    return { messages, events: lines.length };
  };
  const predictions = stream("predictions");
  const labels = stream("labels");
  return {
    predictions: predictions.messages,
    labels: labels.messages,
    malformed,
    events: predictions.events + labels.events,
  };
}

function linesOf(name: "predictions" | "labels"): string[] {
  const file = path.join(exampleFolder(), `${name}.parquet`).replaceAll("'", "\\'");
  const text = query(
    `SELECT * FROM file('${file}') ORDER BY timestamp, id SETTINGS date_time_output_format = 'iso'`,
    "JSONEachRow",
  );
  return text.split("\n").filter((line) => line !== "");
}

/** One of the ways in which a message is broken, in turn. */
function malformedValue(line: string, index: number): string | Buffer {
  const ways: (() => string | Buffer)[] = [
    () => line.slice(0, Math.floor(line.length / 2)),
    () => "",
    () => Buffer.from([0xff, 0xfe, 0x00, 0x7b]),
    () => `[${line}]`,
    () => line.replace(/"timestamp":"[^"]*"/, '"timestamp":"2016-02-30T00:00:00Z"'),
    () => "null",
  ];
  return ways[index % ways.length]?.() ?? "";
}

/** Sends messages in slices with pauses, so that a consumer has to keep up for `seconds`. */
export async function produceOver(
  brokers: string[],
  topic: string,
  messages: readonly Message[],
  seconds: number,
  signal: AbortSignal,
): Promise<void> {
  const slice = 2_000;
  const pauseMs = (seconds * 1_000) / Math.ceil(messages.length / slice);
  const producer = kafkaClient(brokers).producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    idempotent: true,
  });
  await producer.connect();
  try {
    for (let from = 0; from < messages.length && !signal.aborted; from += slice) {
      const began = Date.now();
      await producer.send({ topic, messages: messages.slice(from, from + slice) });
      await sleep(Math.max(0, pauseMs - (Date.now() - began)));
    }
  } finally {
    await producer.disconnect();
  }
}
