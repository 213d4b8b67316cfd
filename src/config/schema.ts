/** The configuration's schema: the single source of its types, its validation, its documentation and its JSON Schema. */
import { z } from "zod";
import { severities } from "../core/incident.ts";
import { actionSchema } from "./actions.ts";
import { channelSchema } from "./channels.ts";
import { compareSchema } from "./compare.ts";
import { defaultsSchema } from "./defaults.ts";
import { detectorSchema, withRowsOfModel } from "./detectors.ts";
import { digestSchema } from "./digests.ts";
import { duration, windowSpec } from "./duration.ts";
import { eventMappingSchema } from "./event-mapping.ts";
import { fairnessSchema } from "./fairness.ts";
import { falseAlarmsSchema, ignoreBelowSchema, ignoreRareBelowSchema } from "./false-alarms.ts";
import { featureSchema } from "./features.ts";
import { formatSchema } from "./formats.ts";
import { withPlannedActions } from "./kpi-plans.ts";
import { kpiSchema } from "./kpis.ts";
import { joinLabelsSchema } from "./label-join.ts";
import { labelsSchema, ownerSchema } from "./labels.ts";
import { privacySchema } from "./privacy.ts";
import { includeSchema } from "./read-files.ts";
import { referenceSchema } from "./references.ts";
import { routeSchema } from "./routes.ts";
import { ruleSchema } from "./rules.ts";
import { secret } from "./secret.ts";
import { sourceSchema } from "./sources.ts";
import { storeSchema } from "./store.ts";

const written = z.strictObject({
  name: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/,
      "letters, digits, '.', '_' and '-', at most 100, beginning with a letter or digit",
    )
    .describe("Name of the model, as its events carry it."),
  owner: ownerSchema,
  labels: labelsSchema,
  task: z.enum(["binary", "multiclass", "regression"]).describe("What the model predicts."),
  classes: z
    .array(z.union([z.string(), z.number(), z.boolean()]))
    .optional()
    .describe("Class labels; for `binary` the negative then the positive one. Default for binary: 0, 1."),
  reference: referenceSchema
    .optional()
    .describe("What the model's inputs looked like when it was trained or accepted."),
  references: z
    .record(z.string().min(1), referenceSchema)
    .prefault({})
    .describe(
      "References of versions of their own, by version. The newest version that has events is what the model is compared by: its own reference where it has one here, else `reference`.",
    ),
  features: z.record(z.string(), featureSchema).prefault({}).describe("Kinds of features, where they must be pinned."),
  privacy: privacySchema,
  pane: duration({ least: 1000 }).prefault("1m").describe("Smallest slice of event time that is summarised."),
  windows: z
    .array(windowSpec())
    .min(1)
    .prefault(["1h", "1d"])
    .describe("Tumbling windows, by duration (multiples of the pane) or by number of events."),
  timezone: z
    .string()
    .default("UTC")
    .describe(
      "IANA time zone by whose clocks windows of whole days (`1d`, `7d`) begin, at midnight and weeks on Monday, for example Europe/Berlin. Shorter windows are the same in all zones; in UTC weeks begin on Thursday, as did 1970.",
    ),
  anchor: z
    .enum(["day", "month", "year", "never"])
    .default("month")
    .describe("Where the counting of windows by number of events starts anew (UTC)."),
  allowed_lateness: duration().prefault("1m").describe("How long after its end a window waits for late events."),
  max_future: duration().prefault("1h").describe("An event stamped further ahead of the clock is a dead letter."),
  dedupe_within: duration()
    .prefault("1d")
    .describe("Copies of an id within this time are one event; 0s: only equal timestamps."),
  label_horizon: duration().prefault("90d").describe("How long after a prediction its label may come."),
  join_labels: joinLabelsSchema
    .prefault({ by: "id" })
    .describe("How a label finds its prediction: by the id alone, or by whom it is about where it carries no id."),
  retention: duration()
    .optional()
    .describe("How far back from the newest event time events are kept; left out: for ever."),
  min_rows: z
    .int()
    .min(1)
    .default(200)
    .describe("Rows below which a window is not judged, where a detector or KPI says nothing else."),
  detectors: z
    .array(detectorSchema)
    .optional()
    .describe(
      "Detectors of windows, and online ones, which read a stream value by value. A list replaces the defaults: those of windows for each kind of feature, and no online one.",
    ),
  false_alarms: falseAlarmsSchema
    .prefault("1 per 30d")
    .describe(
      "The page tier's promise: at most so many false alarms of each version in that time, over all features, predictions and KPIs together, however many there are. `off` turns it off.",
    ),
  notices: falseAlarmsSchema
    .prefault("1 per 7d")
    .describe(
      "The notice tier: smaller changes, sooner, shown on the page and told to nobody; at most so many false ones of each version in that time. `off` turns it off, as does `false_alarms: off`.",
    ),
  ignore_below: ignoreBelowSchema
    .default(0.03)
    .describe("Page tier: share of the events that may change without anyone being told (0.03 is 3 %)."),
  ignore_rare_below: ignoreRareBelowSchema
    .optional()
    .describe(
      "The same for what is rare and matters sooner: tails, missing and invalid values, new categories. Left out: a sixth of `ignore_below`.",
    ),
  season: z
    .enum(["auto", "hour_of_day", "hour_of_week", "off"])
    .default("auto")
    .describe(
      "Page tier and notices: whether events are compared with the reference of the same hour of the day or of the week. `auto` does so for what has a daily or weekly rhythm in the reference itself.",
    ),
  season_timezone: z
    .string()
    .default("UTC")
    .describe(
      "IANA time zone of the hours of `season`, for example Europe/Berlin: rhythms follow the clocks of people.",
    ),
  kpis: z.array(kpiSchema).prefault([]).describe("Performance metrics, computed once labels arrive."),
  estimates: z
    .boolean()
    .default(true)
    .describe(
      "Whether KPIs are also estimated before labels come (`estimated_accuracy`, `estimated_mae`, …), where the reference has predictions and labels, and scores for the KPIs of classes.",
    ),
  weigh_labels_by: z
    .string()
    .optional()
    .describe(
      "A categorical feature or a segment of the events: where labels come sooner for some rows than for others, KPIs are also shown weighted by it and the score, as if all had their labels. Left out: by the score alone.",
    ),
  compare: compareSchema
    .optional()
    .describe(
      "Champion and challenger: whether one version or variant is worse than another, within the same budget of false alarms.",
    ),
  fairness: fairnessSchema.optional().describe("Groups between which decisions are compared; left out: none."),
  segments: z
    .array(z.string().min(1))
    .max(50)
    .optional()
    .describe(
      "Features, or keys of the events' `segments`. The page tier watches each of their values by itself: the ten most frequent of the reference with 200 rows or more each, all others together, and events without one; the model's KPIs are computed for each of them too. Their values, singly and in pairs, are also where an incident says that a KPI fell; left out: nothing is watched by segment, and KPIs are told apart by the groups of `fairness` and the features of the reference, 16 at most.",
    ),
  alerts: z
    .strictObject({
      channels: z.array(z.string()).default([]).describe("Names of channels that are told of this model's incidents."),
      rules: z.array(ruleSchema).prefault([]).describe("Thresholds on metrics that open incidents."),
      renotify_every: duration({ least: 60_000 })
        .optional()
        .describe("Remind of an incident that is still open after this time; left out: never."),
      page_tier: z
        .strictObject({
          drift: z.enum(severities).default("ticket").describe("Of a feature, prediction or score that has changed."),
          kpi: z.enum(severities).default("page").describe("Of a KPI, or the estimate of one, that has fallen."),
        })
        .prefault({})
        .describe("Severity of what the page tier finds (`false_alarms`)."),
      send_resolved: z.boolean().default(true).describe("Tell the channels when an incident has resolved."),
    })
    .prefault({})
    .describe("Who is told, and of what."),
  actions: z.array(actionSchema).prefault([]).describe("What machines are asked to do when an incident opens."),
  on_state_change: z
    .array(z.string())
    .default([])
    .describe(
      "Names of channels (`webhook`, `cloudevents`, `kafka`) that get the model's state, `healthy`, `degraded` or `failing`, whenever it changes.",
    ),
  schedule: z
    .strictObject({
      cron: z.string().describe("Five fields: minute, hour, day of month, month, day of week."),
      timezone: z.string().default("UTC").describe("IANA time zone, for example Europe/Berlin."),
    })
    .optional()
    .describe("Evaluate by the clock instead of as soon as windows close."),
});

/**
 * What one key takes from another is settled here, so that nobody need guess which was meant: a detector without a `min_rows` of its own has
 * the model's, an action that a KPI's plan asks for and that has no `on` waits for plans alone.
 */
export const modelSchema = z.preprocess(
  (model) => withPlannedActions(withRowsOfModel(model)),
  written.meta({ id: "model" }),
);

export const configSchema = z.strictObject({
  store: storeSchema,
  sources: z.array(sourceSchema).prefault([]).describe("Where events come from."),
  events: eventMappingSchema
    .prefault({})
    .describe("Field mapping of sources that have none of their own, and of HTTP."),
  format: formatSchema
    .prefault("auto")
    .describe("What the messages of HTTP are, and of Kafka sources that have no `format` of their own."),
  models: z.array(modelSchema).min(1).describe("The models to watch."),
  channels: z.record(z.string(), channelSchema).prefault({}).describe("Named channels to people."),
  routes: z
    .array(routeSchema)
    .prefault([])
    .describe(
      "Which channels are told, by the labels of the model and by severity: the first route that fits, beside what the model's own `alerts.channels` name.",
    ),
  digests: z
    .array(digestSchema)
    .prefault([])
    .describe("Summaries of a day or a week: what breached without a rule, KPIs, incidents, and what is missing."),
  server: z
    .strictObject({
      host: z.string().default("127.0.0.1").describe("Address to bind; any but a loopback address needs a token."),
      port: z.int().min(0).max(65535).default(8686).describe("Port; 0 picks a free one."),
      token: secret().optional().describe("Bearer token asked of every request but /health and /ready."),
      public_url: z.url().optional().describe("How people reach the page; links in messages begin with it."),
    })
    .prefault({})
    .describe("The HTTP server."),
  heartbeat: z
    .strictObject({
      url: secret().describe(
        "Address that is called with GET, such as that of a check of healthchecks.io or Uptime Kuma.",
      ),
      every: duration({ least: 1000 }).prefault("1m").describe("How often it is called."),
    })
    .optional()
    .describe(
      "A dead man's switch: called only while ingestion, evaluation and deliveries of this process go on; left out: none.",
    ),
  evaluation: z
    .strictObject({
      every: duration({ least: 100 })
        .prefault("5s")
        .describe(
          "How often closed windows are looked for: this long after the last look, or at once when new events are there that long after it began.",
        ),
    })
    .prefault({})
    .describe("When windows are computed."),
  ingest: z
    .strictObject({
      batch_rows: z.int().min(1).max(1_000_000).default(40_000).describe("Rows of a batch at most."),
      batch_bytes: z
        .int()
        .min(1024)
        .default(32 * 1024 * 1024)
        .describe("Bytes of raw messages of a batch at most."),
      batch_wait: duration({ least: 1 })
        .prefault("1s")
        .describe(
          "A batch is stored after this time even if it is not full; after a quiet time and at the end of a burst sooner, with events of more than forty models later (25 ms a model).",
        ),
      max_message_bytes: z
        .int()
        .min(1024)
        .default(1024 * 1024)
        .describe("A longer message is a dead letter (its first bytes are kept)."),
      pair_within: duration({ least: 1000 })
        .prefault("1h")
        .describe(
          "How long one half of a call (a request, or its answer) waits for the other before it is a dead letter. One that comes later is still paired.",
        ),
      dead_letter_bytes: z
        .int()
        .min(0)
        .default(1024 * 1024)
        .describe("Raw bytes kept of a dead letter at most."),
    })
    .prefault({})
    .describe("Batches and limits of ingestion."),
});

/** What may be written into the main file: `include` and `defaults` are resolved before the rest is checked. */
export const fileSchema = configSchema.extend({ include: includeSchema, defaults: defaultsSchema });

export type Config = z.output<typeof configSchema>;
export type ModelConfig = Config["models"][number];
