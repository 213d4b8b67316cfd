/**
 * Texts with places: `{{trigger_id}}` stands for a value of the request. A value is escaped for where it stands; names that there are not
 * are refused when the configuration is read.
 */
import { z } from "zod";
import type { Notification } from "../../../core/delivery.ts";
import { incidentSpan, retrainingEvidence } from "../../../core/retraining-evidence.ts";

export type Json = z.core.util.JSONType;
export type Values = ReadonlyMap<string, Json>;

/** What may stand between the braces, and what it stands for. */
export const templateValues = {
  trigger_id: "id of this request, the same over retries and restarts (a UUID)",
  model: "name of the model",
  version: "version of the incident's first member",
  title: "the incident in one sentence",
  severity: "info, ticket or page",
  window: "window of the incident",
  from: "start of the first window that breached",
  to: "end of the last one",
  incident_id: "id of the incident",
  incident_url: "its page",
  report_url: "where the outcome is reported to",
  evidence: "everything that is known, as an object",
  evidence_json: "the same as text",
} as const;
const names: ReadonlySet<string> = new Set(Object.keys(templateValues));

const PLACE = /\{\{\s*([^{}]*?)\s*\}\}/g;
const WHOLE = /^\{\{\s*([^{}]*?)\s*\}\}$/;
/** Some receivers keep a note or a title in a column of limited length. */
const TITLE_CHARACTERS_MAX = 500;

/** A text with places. `more`: further names, such as `run_id` once there is a run. */
export const template = (...more: readonly string[]) =>
  z.string().superRefine((text, context) => {
    const wrong = unknownNames(text, more);
    if (wrong.length > 0) context.addIssue({ code: "custom", message: unknownText(wrong, more) });
  });

/** JSON whose texts may have places. */
export const jsonTemplate = (...more: readonly string[]) =>
  z.record(z.string(), z.json()).superRefine((value, context) => {
    const wrong = unknownNames(JSON.stringify(value), more);
    if (wrong.length > 0) context.addIssue({ code: "custom", message: unknownText(wrong, more) });
  });

function unknownNames(text: string, more: readonly string[]): string[] {
  return [...text.matchAll(PLACE)].flatMap(([, name = ""]) => (names.has(name) || more.includes(name) ? [] : [name]));
}

const unknownText = (wrong: readonly string[], more: readonly string[]) =>
  `{{${wrong[0] ?? ""}}} is none of ${[...names, ...more].map((name) => `{{${name}}}`).join(", ")}`;

/** The values of a request: a function of the notification alone, so that a retry sends the same bytes. */
export function valuesOf(notification: Notification): Values {
  const { incident, idempotencyKey, link } = notification;
  const evidence = retrainingEvidence(notification);
  const values: Readonly<Record<keyof typeof templateValues, Json>> = {
    trigger_id: idempotencyKey,
    model: incident.model,
    version: incident.members[0]?.version ?? "",
    title: evidence.incident.title.slice(0, TITLE_CHARACTERS_MAX),
    severity: incident.severity,
    window: incident.window,
    ...incidentSpan(notification),
    incident_id: incident.incident_id,
    incident_url: link,
    report_url: evidence.report_url,
    evidence,
    evidence_json: JSON.stringify(evidence),
  };
  return new Map(Object.entries(values));
}

const textOf = (value: Json | undefined): string =>
  value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value);

export const renderText = (text: string, values: Values): string =>
  text.replace(PLACE, (_, name: string) => textOf(values.get(name)));

/** A text that is one place and nothing else becomes the value itself, an object too. */
export function renderJson(value: Json, values: Values): Json {
  if (typeof value === "string") {
    const name = WHOLE.exec(value)?.[1];
    return name === undefined ? renderText(value, values) : (values.get(name) ?? null);
  }
  if (Array.isArray(value)) return value.map((item) => renderJson(item, values));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, renderJson(item, values)]));
}

/** Values are one segment, or one value of the query, whatever is in them. */
export const renderUrl = (text: string, values: Values): string =>
  text.replace(PLACE, (_, name: string) => {
    const value = textOf(values.get(name));
    // A segment of dots would mean another folder, also where it is percent-encoded.
    return /^\.{1,2}$/.test(value) ? "-" : encodeURIComponent(value);
  });

/** Printable ASCII only, so that no value adds a line. */
export const renderHeader = (text: string, values: Values): string =>
  renderText(text, values).replace(/[^\t\x20-\x7e]+/g, "?");
