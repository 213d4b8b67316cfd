/** Why an incident came about, as far as the data tell: one ranked list, kept with the incident. Keys are those of its JSON. */
import { z } from "zod";
import { subjectKinds } from "./summary.ts";

/** The rows that a condition picks: those of one value, or of one range of values, of a subject. */
const conditionSchema = z.object({
  /** `segment`: a key of the events' own `segments`. */
  subject_kind: z.enum([...subjectKinds, "segment"]),
  subject: z.string(),
  value: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("category"), name: z.string() }),
    /** above < x <= up_to; null is without an end. */
    z.object({ kind: z.literal("range"), above: z.number().nullable(), up_to: z.number().nullable() }),
    /** `other`: the rare values together. */
    z.object({ kind: z.enum(["other", "new", "missing", "invalid"]) }),
  ]),
});
export type CauseCondition = z.output<typeof conditionSchema>;

const causeSchema = z.object({
  /** One, or two that hold at once. */
  conditions: z.array(conditionSchema).min(1).max(2),
  /** Share of all rows, 0..1, before and in the window. */
  share_before: z.number(),
  share_after: z.number(),
  /** The first window of the unbroken run up to this one in which the share had moved, ms; null where that was not looked for, or it has not. */
  first_window_start: z.number().nullable(),
  first_window_end: z.number().nullable(),
  /** Its part in the distance that breached; parts of one subject sum to 1. */
  drift: z.object({ metric: z.string(), part: z.number() }).nullable(),
  /** Its part in the change of the KPI: mix (its share changed) and rate (it does worse itself), both in the unit of the KPI. */
  effect: z
    .object({
      mix: z.number(),
      rate: z.number(),
      /** (mix + rate) / the KPI's change. */
      part: z.number(),
      /** The KPI among these rows; null where it has none. */
      kpi_before: z.number().nullable(),
      kpi_after: z.number().nullable(),
      /** Holm-adjusted over all segments that were compared. */
      p_value: z.number(),
    })
    .nullable(),
});
export type IncidentCause = z.output<typeof causeSchema>;

export const causeReportSchema = z.object({
  /** The rows that were looked at: of one window of one version and variant. */
  version: z.string(),
  variant: z.string(),
  window_start: z.number(),
  window_end: z.number(),
  /** What they were compared with: the reference, or an earlier window that was good. */
  baseline: z.object({
    kind: z.enum(["reference", "window"]),
    window_start: z.number().nullable(),
    window_end: z.number().nullable(),
  }),
  /** The KPI whose change is told apart; null where none changed for the worse beyond chance, or it can't be. */
  kpi: z
    .object({
      metric: z.string(),
      before: z.number(),
      after: z.number(),
      rows_before: z.number(),
      rows_after: z.number(),
      /** Segments that were compared: the p-values hold for all of them together. */
      segments: z.number(),
    })
    .nullable(),
  /** The most telling first. They overlap: their parts don't add up. */
  causes: z.array(causeSchema),
  /** Features whose drift is likely to cost most first: the change of the mean loss, with its 95 % interval. */
  features: z.array(z.object({ subject: z.string(), loss_change: z.number(), lower: z.number(), upper: z.number() })),
  /** 'error': share of wrong predictions; 'absolute error': of predicted numbers. */
  loss: z.enum(["error", "absolute error"]),
});
export type CauseReport = z.output<typeof causeReportSchema>;
