/** What the `incidents` table holds of an incident: the incident as people see it, and what the machine needs to carry on. */
import { z } from "zod";
import { type Incident, severities } from "../core/incident.ts";
import { incidentSchema } from "../core/incident-schema.ts";
import { episodeSchema } from "./episode.ts";

/** The JSON in the column `body` of `incidents`. */
export const incidentRecordSchema = z.object({
  incident: incidentSchema,
  sequence: z.number(),
  episodes: z.array(episodeSchema),
  /** True once late data have shown that it should never have opened. */
  withdrawn: z.boolean(),
  /** The severity that people were told of; null while nobody was. */
  told: z.enum(severities).nullable(),
  /** The severity with which people were last told that late data add to it, once it was over; left out: not yet. */
  revised: z.enum(severities).exactOptional(),
  /** How many subjects people were told of, and the event time up to which; 0 while nobody was. */
  told_subjects: z.number(),
  told_through: z.number(),
  /** Key of the episode that a pending incident waits for; '' of others. */
  pending_key: z.string(),
  /** Metrics whose labels have confirmed an estimate. */
  confirmed: z.array(z.string()),
  /** Clock time since which no firing member has had data enough; null while one has. */
  data_missing_since: z.number().nullable(),
  /** Whether people have been told that data are missing: once per incident at most. */
  data_missing_told: z.boolean(),
  /** Number of the newest reminder. */
  reminders: z.number(),
  /** Clock time of the opening, from which reminders count. */
  recorded_at: z.number(),
});

export interface IncidentRecord extends Omit<z.output<typeof incidentRecordSchema>, "incident"> {
  readonly incident: Incident;
}

/** Records of versions that knew neither windows of episodes nor silences. */
export function parseIncidentRecord(body: string): IncidentRecord {
  return incidentRecordSchema.parse(withDefaults(JSON.parse(body)));
}

const earlier = z.looseObject({
  incident: z.looseObject({ model: z.string(), window: z.string(), severity: z.string() }),
  episodes: z.array(z.looseObject({ fired: z.looseObject({ window_start: z.number(), window_end: z.number() }) })),
});

function withDefaults(body: unknown): unknown {
  const parsed = earlier.safeParse(body);
  if (!parsed.success) return body;
  const { incident, episodes, ...rest } = parsed.data;
  const { model, window } = incident;
  return {
    told: incident.severity,
    confirmed: [],
    pending_key: "",
    told_subjects: 0,
    told_through: 0,
    ...rest,
    incident,
    episodes: episodes.map(({ fired, ...episode }) => ({
      model,
      window,
      segment: "",
      last_breach: { start: fired.window_start, end: fired.window_end },
      relapses: [],
      error: false,
      ...episode,
      fired,
    })),
  };
}
