/** Reads the sample through the decoders of the service, as the configuration says that they are: what that gives is what is shown. */
import { z } from "zod";
import type { Config } from "../config/schema.ts";
import { systemClock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import { halfSides } from "../core/half.ts";
import { parseLossless } from "../core/lossless-json.ts";
import { callsOf, pairedEvents } from "../evaluate/pairs/paired-events.ts";
import { schemaOf } from "../evaluate/prepare-model.ts";
import { createDecoders, nativeMapping } from "../ingest/decoders.ts";
import { EventRows } from "../ingest/events/event-rows.ts";
import { createJsonDecoder } from "../ingest/events/json-events.ts";
import type { Tried } from "../onboarding/explain.ts";
import type { Sample } from "./samples.ts";

export interface TriedSample {
  readonly rows: EventRows;
  readonly tried: Tried;
}

/** @param source index of the sample's entry in `config.sources` */
export async function tryConfig(config: Config, sample: Sample, source: number | null): Promise<TriedSample> {
  const models = config.models.map((model) => ({ schema: schemaOf(model, null), maxFutureMs: model.max_future }));
  const decoders = createDecoders({ config, models, clock: systemClock });
  const [first] = sample.messages;
  const name = first?.source ?? "";
  const entry = source === null ? undefined : config.sources[source];
  if (entry?.use === "file") decoders.register(name, entry, sample.textNumbers);
  const decoder = decoders.of(name);
  const rows = new EventRows(models.map(({ schema }) => schema));
  await decoder.prepare?.(sample.messages);
  for (const [index, message] of sample.messages.entries()) decoder.decode(message, index, rows);
  const native = createJsonDecoder({
    mapping: nativeMapping,
    models,
    clock: systemClock,
    maxMessageBytes: Number.POSITIVE_INFINITY,
    deadLetterBytes: 0,
  });
  const halves = halvesOf(rows);
  const calls = callsOf(halves);
  for (const { request, response } of calls) {
    try {
      // At the place of the answer, so that rows of calls come in the order of the sample too.
      for (const value of pairedEvents(request, response))
        native.decode({ ...place(name, response.message), value }, response.message, rows);
    } catch (thrown) {
      const why = { item: 0, format: "", reason: "halves_disagree", detail: messageOf(thrown), raw: "" } as const;
      rows.bury(place(name, response.message), response.message, why);
    }
  }
  return { rows, tried: triedOf(sample, rows, halves.length - 2 * calls.length) };
}

const place = (source: string, offset: number) => ({ source, partition: 0, offset });

function triedOf(sample: Sample, rows: EventRows, unpaired: number): Tried {
  const refused = new Map<string, { reason: string; count: number; detail: string }>();
  for (const { reason, detail } of rows.dead) {
    const known = refused.get(reason);
    if (known === undefined) refused.set(reason, { reason, count: 1, detail });
    else known.count++;
  }
  return {
    sampled: sample.messages.length,
    predictions: [...rows.predictions.values()].reduce((sum, model) => sum + model.rows, 0),
    labels: rows.labels.rows,
    refused: [...refused.values()].sort((a, b) => b.count - a.count),
    unpaired,
  };
}

const body = z.object({
  event: z.record(z.string(), z.unknown()),
  rows: z.array(z.record(z.string(), z.unknown())),
  plainId: z.boolean(),
});

function halvesOf({ halves }: EventRows) {
  return Array.from({ length: halves.rows }, (_, row) => ({
    message: halves.message[row] ?? 0,
    id: halves.id[row] ?? "",
    exchange: halves.exchange[row] ?? "",
    side: z.enum(halfSides).parse(halves.side[row]),
    timestamp: halves.timestamp[row] ?? 0,
    body: body.parse(parseLossless(halves.body[row] ?? "")),
  }));
}
