/** What a rebuild has done, or would do, as JSON, as the route and `--json` give it, and in words for the terminal. */
import { z } from "zod";
import { type Rebuild, rebuildSentence } from "../core/rebuild.ts";
import type { Comparison } from "../evaluate/rebuild/publish.ts";

const comparisonSchema = z.object({
  /** Windows of a version and variant that are computed again. */
  windows: z.number(),
  rows: z.number(),
  /** Rows with another value, limit or status than before; rows that there were not, and that there are no more. */
  changed: z.number(),
  added: z.number(),
  removed: z.number(),
  breached_before: z.number(),
  breached_after: z.number(),
});

export const rebuildReportSchema = z.object({
  model: z.string(),
  /** `rehearsed`: nothing was changed. `asked`: the process that evaluates takes it up. */
  state: z.enum(["rehearsed", "asked", "done"]),
  epoch: z.number().nullable(),
  /** Start of the first window and end of the last that were computed again, ISO 8601. */
  first_window_start: z.string().nullable(),
  last_window_end: z.string().nullable(),
  sentence: z.string(),
  comparison: comparisonSchema.nullable(),
});
export type RebuildReport = z.output<typeof rebuildReportSchema>;

export const rehearsalReport = (model: string, comparison: Comparison): RebuildReport => ({
  model,
  state: "rehearsed",
  epoch: null,
  first_window_start: null,
  last_window_end: null,
  sentence: `Model ${model} would be computed again; nothing was changed.`,
  comparison,
});

export const askedReport = ({ model, epoch }: Rebuild): RebuildReport => ({
  model,
  state: "asked",
  epoch,
  first_window_start: null,
  last_window_end: null,
  sentence: `Model ${model} is to be computed again: the process that evaluates takes it up.`,
  comparison: null,
});

export const doneReport = (rebuild: Rebuild, comparison: Comparison): RebuildReport => {
  const iso = (ms: number) => (rebuild.rows === 0 ? null : new Date(ms).toISOString());
  return {
    model: rebuild.model,
    state: "done",
    epoch: rebuild.epoch,
    first_window_start: iso(rebuild.first_at),
    last_window_end: iso(rebuild.last_at),
    sentence: rebuildSentence(rebuild),
    comparison,
  };
};

/** For the terminal. */
export function textOf({
  sentence,
  comparison,
  first_window_start: first,
  last_window_end: last,
}: RebuildReport): string {
  if (comparison === null) return `${sentence}\n`;
  const { windows, rows, changed, added, removed, breached_before, breached_after } = comparison;
  const span = first === null || last === null ? "" : `, ${first.slice(0, 16)} to ${last.slice(0, 16)}`;
  return [
    sentence,
    `${windows} windows, ${rows} numbers${span}`,
    `changed ${changed}, new ${added}, gone ${removed}`,
    `beyond their limit ${breached_before} before, ${breached_after} now`,
    "Incidents stay as they were; nobody is told of the past.",
    "",
  ].join("\n");
}
