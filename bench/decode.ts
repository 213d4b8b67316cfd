/**
 * What decoding and encoding cost above JSON.parse alone, in µs of CPU per event: `node dist/bench/decode.js`.
 * Events of 8 features (about 280 bytes) and of 20 (about 490), as the service receives them.
 */
import { configSchema } from "../src/config/schema.ts";
import { systemClock } from "../src/core/clock.ts";
import type { RawMessage } from "../src/core/event.ts";
import type { ModelSchema } from "../src/core/model-schema.ts";
import { Batch } from "../src/ingest/batch.ts";
import { predictionColumns } from "../src/ingest/batch-columns.ts";
import { createDecoders } from "../src/ingest/decoders.ts";
import { nativeBlock } from "../src/store/native-block.ts";

const EVENTS = 20_000;
const ROUNDS = 12;
const START = Date.UTC(2026, 0, 1);
const COUNTRIES = ["DE", "FR", "IT", "ES", "PL", "NL"];

function schemaOf(numeric: number, categorical: number): ModelSchema {
  const features = [
    ...Array.from({ length: numeric }, (_, index) => ({ name: `amount_${index}`, kind: "numeric" as const })),
    ...Array.from({ length: categorical }, (_, index) => ({ name: `country_${index}`, kind: "categorical" as const })),
  ];
  return { model: "fraud", task: "binary", classes: ["0", "1"], features };
}

function eventsOf(schema: ModelSchema): RawMessage[] {
  return Array.from({ length: EVENTS }, (_, index) => {
    const features = Object.fromEntries(
      schema.features.map(({ name, kind }, place) => [
        name,
        kind === "numeric"
          ? Math.round(((index * 7919 + place * 104_729) % 100_003) * 1.37) / 100
          : (COUNTRIES[(index + place) % 6] ?? ""),
      ]),
    );
    const event = {
      type: "prediction",
      id: `evt-${String(index).padStart(12, "0")}`,
      model: "fraud",
      version: "7",
      timestamp: new Date(START + index * 40).toISOString(),
      features,
      prediction: index % 2,
      score: (index % 1000) / 1000,
    };
    return { source: "kafka:ml:id", partition: 0, offset: index, value: Buffer.from(JSON.stringify(event)) };
  });
}

/** Median over rounds of the CPU time per event, in µs. */
function measure(work: () => void): number {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / EVENTS);
  }
  return times.sort((a, b) => a - b)[ROUNDS >> 1] ?? Number.NaN;
}

for (const schema of [schemaOf(6, 2), schemaOf(15, 5)]) {
  const messages = eventsOf(schema);
  // As the service reads a source that names no format.
  const config = configSchema.parse({ store: { embedded: "-" }, models: [{ name: "fraud", task: "binary" }] });
  const models = [{ schema, maxFutureMs: 3_600_000 }];
  const decoder = createDecoders({ config, models, clock: systemClock }).of("kafka:ml:id");
  const batch = new Batch([schema]);
  let seen = 0;
  const parse = measure(() => {
    for (const { value } of messages) if (JSON.parse(String(value)) !== null) seen++;
  });
  const fill = () => {
    batch.clear();
    for (const message of messages) decoder.decode(message, batch.add(message), batch.rows);
  };
  const decode = measure(fill);
  const rows = batch.rows.predictions.get(schema.model);
  if (rows === undefined || rows.rows !== EVENTS || seen === 0) throw new Error("not every event was decoded");
  let bytes = 0;
  const encode = measure(() => {
    bytes = nativeBlock(predictionColumns(rows, rows.rows)).length;
  });
  const size = Math.round(messages.reduce((sum, { value }) => sum + (value?.length ?? 0), 0) / EVENTS);
  const shown = [parse, decode, encode, decode + encode].map((time) => time.toFixed(2));
  console.log(
    `${schema.features.length} features, ${size} bytes: JSON.parse ${shown[0]} µs, decode with it ${shown[1]}, encode ${shown[2]}, together ${shown[3]} (${Math.round(bytes / EVENTS)} bytes a row)`,
  );
}
