/** Where an incident's message leads to on the page, beside the incident itself. */
import { plainName } from "./alert/incident-text.ts";
import { PAGE_TIER } from "./core/evidence.ts";
import type { Incident } from "./core/incident.ts";
import type { Link } from "./core/message.ts";
import { modelLink, subjectLink } from "./serve/page/links.ts";

/** Subjects that are linked by name. */
const SUBJECTS_MAX = 2;

/** @param base address of the page without a slash at its end, '' where people can't reach it */
export function incidentLinks(base: string, { model, window, members }: Incident): Link[] {
  if (base === "") return [];
  const seen = new Set<string>();
  const subjects = members.filter(({ subject_kind: kind, subject }) => {
    if (kind !== "feature" && kind !== "prediction" && kind !== "score") return false;
    return !seen.has(`${kind}/${subject}`) && seen.add(`${kind}/${subject}`);
  });
  const windowed = window !== PAGE_TIER;
  return [
    ...subjects.slice(0, SUBJECTS_MAX).map(({ subject_kind, subject, version, variant, window_start }) => ({
      label: `See ${plainName(subject)}`,
      url: `${base}${subjectLink({ model, version, variant }, subject_kind, subject, windowed ? { window, at: window_start } : {})}`,
    })),
    { label: "See the model", url: `${base}${modelLink(model, windowed ? { window } : {})}` },
  ];
}
