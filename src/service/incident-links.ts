/** Where an incident's message leads to on the page, beside the incident itself. */
import { plainName } from "../alert/incident-text.ts";
import { PAGE_TIER } from "../core/evidence.ts";
import type { Incident } from "../core/incident.ts";
import type { Link } from "../core/message.ts";
import { modelLink, subjectLink } from "../serve/page/links.ts";

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
  const choice = (of: string) => (of === PAGE_TIER ? {} : { window: of });
  return [
    ...subjects.slice(0, SUBJECTS_MAX).map((member) => {
      const { subject_kind, subject, version, variant, window_start } = member;
      const chosen = choice(member.window ?? window);
      const series = { model: member.model ?? model, version, variant };
      const at = "window" in chosen ? { ...chosen, at: window_start } : {};
      return { label: `See ${plainName(subject)}`, url: `${base}${subjectLink(series, subject_kind, subject, at)}` };
    }),
    { label: "See the model", url: `${base}${modelLink(model, choice(window))}` },
  ];
}
