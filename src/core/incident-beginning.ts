/** With what an incident began: where to look first, and from where to read a stream again. Keys are those of its JSON. */
import { z } from "zod";

export const incidentBeginningSchema = z.object({
  /** The window of the model that holds the onset: of a rule the first that breached, else the shortest; null where none holds it. */
  window: z.object({ name: z.string(), window_start: z.number(), window_end: z.number() }).nullable(),
  /** The earliest event at or after the onset of what fired; null where the store has none, such as after its retention. */
  event: z
    .object({
      /** As in the store: `kafka:<topic>:<topic id>`, a file, `http`. */
      source: z.string(),
      partition: z.number(),
      offset: z.number(),
      timestamp: z.number(),
    })
    .nullable(),
});
export type IncidentBeginning = z.output<typeof incidentBeginningSchema>;
