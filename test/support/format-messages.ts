/** Messages through a format and its decoder, halves paired, as plain rows: what the conformance suite of formats compares. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { formatSchema } from "../../src/config/formats.ts";
import { configSchema } from "../../src/config/schema.ts";
import type { RawMessage } from "../../src/core/event.ts";
import { refusalOf } from "../../src/core/refusal.ts";
import { callsOf, pairedEvents } from "../../src/evaluate/pairs/paired-events.ts";
import { createDecoders, nativeMapping } from "../../src/ingest/decoders.ts";
import { EventRows } from "../../src/ingest/events/event-rows.ts";
import { createJsonDecoder } from "../../src/ingest/events/json-events.ts";
import { halfOfStored } from "./halves.ts";
import { projectFile } from "./project-file.ts";

export const clock = { now: () => Date.parse("2026-11-25T00:00:00Z"), sleep: () => Promise.resolve() };

const message = z.strictObject({
  headers: z.record(z.string(), z.string()).optional(),
  /** Text, or an object that is sent as JSON. */
  value: z.unknown().optional(),
  base64: z.string().optional(),
  receivedMs: z.number().optional(),
});

export const formatCase = z.strictObject({
  name: z.string(),
  /** What the messages are by, and where that was read. */
  source: z.string(),
  format: z.unknown(),
  topic: z.string().default("ml.predictions"),
  events: z.unknown().optional(),
  models: z.array(
    z.strictObject({
      model: z.string(),
      task: z.enum(["binary", "multiclass", "regression"]),
      classes: z.array(z.string()).default([]),
      features: z.array(z.strictObject({ name: z.string(), kind: z.enum(["numeric", "categorical", "vector"]) })),
    }),
  ),
  messages: z.array(message),
  predictions: z.array(z.record(z.string(), z.unknown())).default([]),
  labels: z.array(z.record(z.string(), z.unknown())).default([]),
  dead: z.array(z.string()).default([]),
  unpaired: z.array(z.string()).default([]),
});
export type FormatCase = z.output<typeof formatCase>;

/** All cases of `test/fixtures/messages/formats`. */
export function formatCases(): FormatCase[] {
  const folder = projectFile("test/fixtures/messages/formats");
  return readdirSync(folder)
    .sort()
    .flatMap((file) => z.array(formatCase).parse(JSON.parse(readFileSync(path.join(folder, file), "utf8"))));
}

export function messagesOf({ messages, topic }: Pick<FormatCase, "messages" | "topic">): RawMessage[] {
  return messages.map(({ headers, value, base64, receivedMs }, offset) => ({
    source: `kafka:${topic}:id`,
    partition: 0,
    offset,
    value:
      base64 !== undefined
        ? Buffer.from(base64, "base64")
        : Buffer.from(typeof value === "string" ? value : JSON.stringify(value)),
    ...(headers === undefined ? {} : { headers }),
    ...(receivedMs === undefined ? {} : { receivedMs }),
  }));
}

export interface Read {
  readonly predictions: Record<string, unknown>[];
  readonly labels: Record<string, unknown>[];
  /** `reason: detail` */
  readonly dead: string[];
  readonly unpaired: string[];
}

/** Reads messages as the service does: decoder, then pairing, then the decoder of native JSON. */
export async function readMessages(
  { format, events, models, topic }: Pick<FormatCase, "format" | "events" | "models" | "topic">,
  messages: readonly RawMessage[],
): Promise<Read> {
  const config = configSchema.parse({
    store: { embedded: "data" },
    sources: [{ use: "kafka", brokers: ["kafka:9092"], topics: [topic], format: formatSchema.parse(format), events }],
    models: models.map(({ model, task, classes }) => ({
      name: model,
      task,
      ...(classes.length === 0 ? {} : { classes }),
    })),
  });
  const decoderModels = models.map((schema) => ({ schema, maxFutureMs: 3_600_000 }));
  const decoder = createDecoders({ config, models: decoderModels, clock }).of(`kafka:${topic}:id`);
  const rows = new EventRows(models);
  await decoder.prepare?.(messages);
  for (const [index, one] of messages.entries()) decoder.decode(one, index, rows);
  const halves = halfOfStored(rows.halves);
  const native = createJsonDecoder({
    mapping: nativeMapping,
    models: decoderModels,
    clock,
    maxMessageBytes: Number.POSITIVE_INFINITY,
    deadLetterBytes: 1000,
  });
  const calls = callsOf(halves);
  for (const { request, response } of calls) {
    try {
      for (const value of pairedEvents(request, response))
        native.decode({ source: "pairs", partition: 0, offset: 0, value }, 0, rows);
    } catch (thrown) {
      rows.bury({ source: "pairs", partition: 0, offset: 0 }, 0, {
        item: 0,
        format: "",
        ...refusalOf(thrown),
        raw: "",
      });
    }
  }
  const paired = new Set(calls.flatMap(({ request, response }) => [request, response]));
  return {
    predictions: [...rows.predictions.values()].flatMap(predictionsOf),
    labels: labelsOf(rows),
    dead: rows.dead.map(({ reason, detail }) => `${reason}: ${detail}`),
    unpaired: halves.filter((half) => !paired.has(half)).map(({ side, id, exchange }) => `${side} ${id} ${exchange}`),
  };
}

/** Rows as people write them: what is empty is left out. */
function predictionsOf(rows: EventRows["predictions"] extends ReadonlyMap<string, infer Rows> ? Rows : never) {
  return Array.from({ length: rows.rows }, (_, row) => {
    const features = Object.fromEntries(
      rows.features.flatMap(({ feature, numeric, numbers, texts, vectors }): [string, unknown][] => {
        if (feature.kind === "vector") return vectors[row]?.length ? [[feature.name, [...(vectors[row] ?? [])]]] : [];
        const value = numeric ? numbers[row] : texts[row];
        return value === null || value === undefined || Number.isNaN(value) ? [] : [[feature.name, value]];
      }),
    );
    const number = rows.prediction[row] ?? Number.NaN;
    const score = rows.score[row] ?? Number.NaN;
    return withoutEmpty({
      id: rows.id[row],
      model: rows.schema.model,
      version: rows.version[row],
      variant: rows.variant[row],
      timestamp: new Date(rows.timestamp[row] ?? 0).toISOString(),
      features,
      prediction: rows.predictionText[row] === "" ? number : rows.predictionText[row],
      ...(Number.isNaN(score) ? {} : { score }),
      probabilities: Object.fromEntries(rows.probabilities[row] ?? []),
      invalid: rows.invalid[row] ?? [],
      extra: Object.fromEntries(rows.extra[row] ?? []),
    });
  });
}

function labelsOf({ labels }: EventRows): Record<string, unknown>[] {
  return Array.from({ length: labels.rows }, (_, row) =>
    withoutEmpty({
      id: labels.id[row],
      model: labels.model[row],
      version: labels.version[row],
      timestamp: new Date(labels.timestamp[row] ?? 0).toISOString(),
      label: labels.labelText[row] === "" ? labels.label[row] : labels.labelText[row],
    }),
  );
}

const withoutEmpty = (row: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(row).filter(([, value]) =>
      typeof value === "object" && value !== null ? Object.keys(value).length > 0 : value !== "" && value !== undefined,
    ),
  );
