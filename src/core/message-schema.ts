/**
 * The JSON of what waits in the outbox: news of an incident, and digests. Types, and what each field means, stand in delivery.ts, message.ts and
 * digest.ts; that both say the same is checked where it is parsed.
 */
import { z } from "zod";
import { incidentStates, incidentTransitions, severities } from "./incident.ts";
import { incidentSchema } from "./incident-schema.ts";
import { subjectKinds } from "./summary.ts";

const linkSchema = z.object({ label: z.string(), url: z.string() });

const pictureSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("histogram"),
    title: z.string(),
    from: z.number(),
    to: z.number(),
    reference: z.array(z.number()),
    window: z.array(z.number()),
  }),
  z.object({
    kind: z.literal("categories"),
    title: z.string(),
    rows: z.array(z.object({ label: z.string(), reference: z.number(), window: z.number() })),
  }),
  z.object({
    kind: z.literal("series"),
    title: z.string(),
    points: z.array(z.object({ at: z.number(), value: z.number().nullable() })),
    limit: z.number().nullable(),
    reference: z.number().nullable(),
    estimated: z.boolean(),
    onset: z.number().nullable(),
  }),
]);

const contentSchema = z.object({
  summary: z.string(),
  facts: z.array(z.object({ label: z.string(), value: z.string() })),
  moved: z.array(
    z.object({
      name: z.string(),
      value: z.string(),
      limit: z.string(),
      part: z.number().nullable(),
      sentence: z.string(),
      firing: z.boolean(),
    }),
  ),
  movedCount: z.number(),
  changed: z.array(z.object({ what: z.string(), before: z.number(), after: z.number() })),
  why: z.array(z.string()),
  links: z.array(linkSchema),
  // Better without its pictures than not at all: no picture is worth an outbox that stands still.
  pictures: z.array(pictureSchema).catch([]),
});

export const notificationSchema = z.object({
  idempotencyKey: z.string(),
  transition: z.enum(incidentTransitions),
  incident: incidentSchema.extend({ test: z.literal(true).exactOptional() }),
  title: z.string(),
  lines: z.array(z.string()),
  link: z.string(),
  content: contentSchema.exactOptional(),
  retraining: z
    .object({
      retraining_id: z.string(),
      report_url: z.string(),
      reference: z.object({ reference_id: z.string(), file: z.string() }).nullable(),
      data: z.object({ store: z.string(), predictions_table: z.string(), labels_table: z.string() }),
    })
    .exactOptional(),
});

const listed = <Item extends z.ZodType>(item: Item) => z.object({ items: z.array(item), count: z.number() });
const told = { sentence: z.string(), link: z.string() };
const series = { version: z.string(), variant: z.string() };
const subject = { segment: z.string(), subject_kind: z.enum(subjectKinds), subject: z.string() };

const digestModelSchema = z.object({
  model: z.string(),
  link: z.string(),
  predictions: z.number(),
  predictions_before: z.number(),
  incidents: listed(
    z.object({
      ...told,
      incident_id: z.string(),
      severity: z.enum(severities),
      state: z.enum(incidentStates),
      opened: z.boolean(),
      resolved: z.boolean(),
      title: z.string(),
    }),
  ),
  kpis: listed(
    z.object({
      ...told,
      ...series,
      window: z.string(),
      metric: z.string(),
      window_end: z.number(),
      value: z.number(),
      lower: z.number().nullable(),
      upper: z.number().nullable(),
      limit: z.number().nullable(),
      breached: z.boolean(),
      before: z.number().nullable(),
    }),
  ),
  breaches: listed(
    z.object({
      ...told,
      ...series,
      ...subject,
      window: z.string(),
      metric: z.string(),
      value: z.number().nullable(),
      threshold: z.number().nullable(),
      breaches: z.number(),
      windows: z.number(),
      also: z.array(z.string()),
    }),
  ),
  notices: listed(z.object({ ...told, ...series, ...subject, finding: z.string(), since: z.number().nullable() })),
  notes: z.array(z.string()),
});

export const digestMessageSchema = z.object({
  idempotencyKey: z.string(),
  digest: z.object({
    name: z.string(),
    every: z.enum(["day", "week"]),
    date: z.string(),
    timezone: z.string(),
    from: z.number(),
    to: z.number(),
    summary: z.string(),
    models: listed(digestModelSchema),
    quiet: listed(z.string()),
    dead_letters: listed(z.object({ reason: z.string(), count: z.number() })),
    audit_heads: z.array(z.object({ writer: z.string(), sequence: z.number(), hash: z.string() })),
    links: z.array(linkSchema),
  }),
  title: z.string(),
  period: z.string(),
  link: z.string(),
});
