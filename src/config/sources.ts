/** `sources:`: one schema per kind of source. */
import { z } from "zod";
import { kafkaConnectionOptions } from "../core/kafka-connection.ts";
import { duration } from "./duration.ts";
import { eventMappingSchema } from "./event-mapping.ts";
import { formatSchema } from "./formats.ts";

const kafka = z.strictObject({
  use: z.literal("kafka").describe("Topics of a Kafka cluster."),
  ...kafkaConnectionOptions,
  topics: z.array(z.string()).min(1).describe("Topics to read."),
  group: z.string().default("driftline").describe("Consumer group."),
  from_beginning: z.boolean().default(true).describe("Where to begin a partition that the store has no position of."),
  session_timeout: duration()
    .default(10_000)
    .describe("How long the group waits for a process that has died before others read its partitions."),
  dead_letter_topic: z.string().optional().describe("Topic that dead letters are also sent to."),
  format: formatSchema.optional().describe("What the messages of these topics are; left out: as the `format` of all."),
  events: eventMappingSchema.optional(),
});

const file = z.strictObject({
  use: z.literal("file").describe("A file that is read once, from its first row to its last."),
  path: z.string().min(1).describe("Parquet, CSV or NDJSON file, relative to the configuration file."),
  format: z
    .enum(["Parquet", "CSVWithNames", "JSONEachRow"])
    .optional()
    .describe("Where the file's ending does not tell."),
  messages: formatSchema
    .optional()
    .describe(
      'What the lines of an NDJSON file are, where they are recorded messages of a wire format and not events: one of the formats of a topic. A line is `{"headers": {…}, "body": …}`, a record as `kcat -J` prints it, a structured CloudEvent, or the message itself.',
    ),
  events: eventMappingSchema.optional(),
});

export const sourceSchema = z.discriminatedUnion("use", [kafka, file]);
export type KafkaSourceConfig = z.output<typeof kafka>;
export type FileSourceConfig = z.output<typeof file>;
