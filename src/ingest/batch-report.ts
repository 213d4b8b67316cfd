/** What metrics and the log are told of a batch that was stored. */
import type { Log } from "../telemetry/log.ts";
import type { IngestMetrics } from "../telemetry/metrics.ts";
import type { Batch } from "./batch.ts";
import type { StoredRange } from "./store-batch.ts";

/** Characters of a dead letter's detail that a log line carries. */
const LONGEST_DETAIL = 300;

/** Counts the events and dead letters of each range, and logs what was dropped and the first dead letter. */
export function tellStored(
  { rows }: Batch,
  ranges: readonly StoredRange[],
  log: Log,
  metrics: Pick<IngestMetrics, "events" | "deadLetters"> | undefined,
): void {
  for (const { source, predictions, labels, halves, dead } of ranges) {
    if (predictions > 0) metrics?.events(source, "prediction", predictions);
    if (labels > 0) metrics?.events(source, "label", labels);
    if (halves > 0) metrics?.events(source, "half", halves);
    for (const { format, reason, count } of dead.values()) metrics?.deadLetters(source, format, reason, count);
  }
  if (rows.droppedExtras > 0)
    log.warn("events carried more unknown features than are kept; the rest was dropped", {
      dropped: rows.droppedExtras,
    });
  const [letter] = rows.dead;
  if (letter === undefined) return;
  const { source, partition, offset, reason, detail } = letter;
  log.warn(`dead letters, the first for ${reason}`, {
    count: rows.dead.length,
    source,
    partition,
    offset,
    detail: detail.slice(0, LONGEST_DETAIL),
  });
}
