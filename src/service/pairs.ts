/**
 * Wires pairing together: the halves of calls that ingestion has stored, and a writer of batches for what they make, in the process that
 * evaluates. Its events have the names of native JSON.
 */
import { hashedOnce } from "../core/private-text.ts";
import { createPairing, formatOfPairs, type Pairing } from "../evaluate/pairs/pairing.ts";
import type { PreparedModel } from "../evaluate/prepare-model.ts";
import { createBatchWriter } from "../ingest/batch-writer.ts";
import { nativeMapping } from "../ingest/decoders.ts";
import { createJsonDecoder, type DecoderModel } from "../ingest/events/json-events.ts";
import { decoderModel, type IngestionOptions, limitsOf } from "./ingestion.ts";

export interface Pairs extends Pairing {
  /** Ends at once a run that waits for a store that is away; what was not stored is paired again. */
  close(): Promise<void>;
}

/** What a stop gives pairs that are being stored. */
const DRAIN_MS = 2_000;

export function createPairs(options: Omit<IngestionOptions, "reader" | "onCaughtUp">): Pairs {
  const { config, models, store, clock, log, metrics } = options;
  const lane = store.lane("evaluate");
  const limits = limitsOf(config, models);
  const writer = createBatchWriter({
    ...limits,
    lane,
    clock,
    log,
    decoderOf: (source) =>
      createJsonDecoder({
        mapping: nativeMapping,
        format: formatOfPairs(source),
        models: models.map(halvesModel),
        clock,
        // The halves were short enough; what they make together is not a message that anyone sent.
        maxMessageBytes: Number.POSITIVE_INFINITY,
        deadLetterBytes: config.ingest.dead_letter_bytes,
      }),
    metrics: metrics.ingest,
  });
  const pairing = createPairing({
    lane,
    sink: writer,
    clock,
    withinMs: config.ingest.pair_within,
    deadLetterBytes: config.ingest.dead_letter_bytes,
    keepsRedactedAlone: limits.deadLetterBytes === null,
    metrics: metrics.ingest,
  });
  return { run: (how) => pairing.run(how), close: () => writer.close(DRAIN_MS) };
}

/** Halves were made private before they were stored: what is hashed in them is not hashed again. */
function halvesModel(model: PreparedModel): DecoderModel {
  const { privacy, ...rest } = decoderModel(model);
  return { ...rest, privacy: privacy === null ? null : { ...privacy, hash: hashedOnce(privacy.hash) } };
}
