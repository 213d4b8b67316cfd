/** Addresses of the page's views. Names of features are hostile: they may be `..`, contain slashes, quotes and per cent signs. */
import type { SubjectKind } from "../../core/summary.ts";
import type { SeriesKey } from "../queries/rows.ts";

export interface ViewChoice {
  readonly window?: string | undefined;
  readonly at?: number | null | undefined;
  readonly version?: string | undefined;
  readonly variant?: string | undefined;
}

function queryOf(choice: ViewChoice, more: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams(more);
  if (choice.window !== undefined) query.set("window", choice.window);
  if (choice.at !== undefined && choice.at !== null) query.set("at", new Date(choice.at).toISOString());
  if (choice.version !== undefined && choice.version !== "") query.set("version", choice.version);
  if (choice.variant !== undefined && choice.variant !== "") query.set("variant", choice.variant);
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

export const modelLink = (model: string, choice: ViewChoice = {}): string =>
  `/models/${encodeURIComponent(model)}${queryOf(choice)}`;

/** A browser folds the path segments `.` and `..`, so such names go into the query. */
export function subjectLink(series: SeriesKey, kind: SubjectKind, subject: string, choice: ViewChoice = {}): string {
  const full = { version: series.version, variant: series.variant, ...choice };
  const base = `/models/${encodeURIComponent(series.model)}/${kind === "feature" ? "features" : "outputs"}`;
  if (/^\.{0,2}$/.test(subject)) return `${base}${queryOf(full, { name: subject })}`;
  return `${base}/${encodeURIComponent(subject)}${queryOf(full)}`;
}

export const incidentLink = (incidentId: string): string => `/incidents/${encodeURIComponent(incidentId)}`;
