/** Halves as pairing finds them in the store, out of the rows that ingestion would store. */
import { z } from "zod";
import { halfSides } from "../../src/core/half.ts";
import { parseLossless } from "../../src/core/lossless-json.ts";
import type { HalfRows } from "../../src/ingest/events/event-rows.ts";

const body = z.object({
  event: z.record(z.string(), z.unknown()),
  rows: z.array(z.record(z.string(), z.unknown())),
  plainId: z.boolean(),
});

export const halfOfStored = (halves: HalfRows) =>
  Array.from({ length: halves.rows }, (_, row) => ({
    id: halves.id[row] ?? "",
    exchange: halves.exchange[row] ?? "",
    side: z.enum(halfSides).parse(halves.side[row]),
    timestamp: halves.timestamp[row] ?? 0,
    body: body.parse(parseLossless(halves.body[row] ?? "")),
  }));
