/** `owner` and `labels` of a model: whose it is, and what it is sorted by. They go along with its incidents. */
import { z } from "zod";

/** Names that an incident has already, or Alertmanager; a label of one of them would hide what it means. */
const reservedLabels: ReadonlySet<string> = new Set(["alertname", "incident", "model", "owner", "severity", "window"]);

const LONGEST = 200;

export const ownerSchema = z
  .string()
  .min(1)
  .max(LONGEST)
  .optional()
  .describe(
    "Whose model it is: a team, a person, an address. It stands in messages, on the page and in what webhooks, PagerDuty and Alertmanager get.",
  );

const labelName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/, "a label's name has letters, digits and _, and begins with no digit")
  .refine((name) => !reservedLabels.has(name), "is taken: every incident has one of its own");

export const labelsSchema = z
  .record(labelName, z.string().min(1).max(LONGEST).describe("Value of the label."))
  .refine((labels) => Object.keys(labels).length <= 30, "at most 30 labels")
  .prefault({})
  .describe(
    "What the model is sorted by, for example `team: risk`: `routes` match them, and they go along with its incidents to messages, the page, webhooks, PagerDuty and Alertmanager.",
  );
