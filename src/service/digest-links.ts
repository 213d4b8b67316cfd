/** Where a digest's lines lead to on the page. */
import type { DigestLinks } from "../digest/compose.ts";
import { incidentLink, modelLink, subjectLink } from "../serve/page/links.ts";

/** @param base address of the page without a slash at its end, '' where people can't reach it */
export function digestLinks(base: () => string): DigestLinks {
  const within = (path: string) => (base() === "" ? "" : `${base()}${path}`);
  return {
    page: base,
    incident: (incidentId) => within(incidentLink(incidentId)),
    model: (model, window) => within(modelLink(model, { window })),
    subject: (series, kind, subject, at) => {
      // What is of the model as a whole has no page of its own.
      if (kind === "model" || kind === "kpi") return within(modelLink(series.model, { window: at?.window }));
      return within(subjectLink(series, kind, subject, { window: at?.window, at: at?.start }));
    },
  };
}
