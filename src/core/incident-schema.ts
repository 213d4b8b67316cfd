/** The JSON of an incident. Its types, and what each field means, stand in incident.ts; that both say the same is checked where it is parsed. */
import { z } from "zod";
import { explanationKinds, incidentStates, severities } from "./incident.ts";
import { incidentBeginningSchema } from "./incident-beginning.ts";
import { causeReportSchema } from "./incident-cause.ts";
import { subjectKinds } from "./summary.ts";

export const memberSchema = z.object({
  rule: z.string(),
  severity: z.enum(severities),
  model: z.string().exactOptional(),
  window: z.string().exactOptional(),
  segment: z.string().exactOptional(),
  version: z.string(),
  variant: z.string(),
  subject_kind: z.enum(subjectKinds),
  subject: z.string(),
  metric: z.string(),
  value: z.number().nullable(),
  threshold: z.number().nullable(),
  direction: z.enum(["above", "below"]),
  window_start: z.number(),
  window_end: z.number(),
  n: z.number(),
  fired_at: z.number(),
  cleared_at: z.number().nullable(),
  firing: z.boolean(),
  data_missing: z.boolean(),
  error: z.boolean().exactOptional(),
  muted: z.string().exactOptional(),
  weight: z.number().exactOptional(),
  onset: z.number().exactOptional(),
  onset_from: z.number().exactOptional(),
  onset_to: z.number().exactOptional(),
  finding: z.string().exactOptional(),
});

export const explanationSchema = z.object({
  kind: z.enum(explanationKinds),
  model: z.string(),
  subject: z.string(),
  segment: z.string().exactOptional(),
  rebased: z.number().exactOptional(),
  rebasedSegments: z.record(z.string(), z.number()).exactOptional(),
  version: z.string(),
  variant: z.string(),
  since: z.number(),
  until: z.number(),
  earliest: z.number().exactOptional(),
  text: z.string(),
});

const retrainedSchema = z.object({
  model: z.string().exactOptional(),
  retraining_id: z.string(),
  version: z.string(),
  since: z.number(),
  until: z.number(),
  count: z.number(),
  outcome: z.enum(["recovered", "not_recovered"]).nullable(),
});

export const actionDecisionSchema = z.object({
  action: z.string(),
  model: z.string().exactOptional(),
  requested: z.boolean(),
  asked: z.boolean().exactOptional(),
  reason: z.string(),
});

/** An incident as JSON: the `incident` of a stored record, and of a notification as it waits in the outbox. */
export const incidentSchema = z.object({
  incident_id: z.string(),
  model: z.string(),
  models: z.array(z.string()).exactOptional(),
  window: z.string(),
  owner: z.string().exactOptional(),
  labels: z.record(z.string(), z.string()).exactOptional(),
  severity: z.enum(severities),
  state: z.enum(incidentStates),
  onset: z.number(),
  opened_at: z.number(),
  resolved_at: z.number().nullable(),
  members: z.array(memberSchema),
  title: z.string(),
  actions: z.array(actionDecisionSchema).exactOptional(),
  causes: causeReportSchema.exactOptional(),
  beginning: incidentBeginningSchema.exactOptional(),
  explanations: z.array(explanationSchema).exactOptional(),
  reason: z.string().exactOptional(),
  retrained: retrainedSchema.exactOptional(),
  retrained_others: z.array(retrainedSchema).exactOptional(),
});
