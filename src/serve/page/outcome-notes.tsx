/** What a reader must know of the performance by window: estimates that have missed their labels, and labels that are not like the rest. */
import { z } from "zod";
import type { MetricRow } from "../../core/metric.ts";
import type { Grid } from "../queries/grid.ts";
import { detailOf } from "../queries/rows.ts";
import { decimal, kpiName, percent, plural, range, valueText, whole } from "./format.ts";
import { Icon } from "./parts.tsx";

/** Windows that are spoken of, the newest. */
const MOST_NOTES = 4;

export function OutcomeNotes({ grid }: { readonly grid: Grid }) {
  const rows = grid.kpis.flatMap(({ cells }) => cells.filter((cell) => cell !== null));
  const notes = [...unreliable(grid), ...unlikeLabels(rows)];
  if (notes.length === 0) return null;
  return (
    <ul class="sentences notes">
      {notes.map((note) => (
        <li>
          <Icon state="attention" />
          <span class="what">{note.what}</span>
          <span class="todo">{note.todo}</span>
        </li>
      ))}
    </ul>
  );
}

interface Note {
  readonly what: string;
  readonly todo: string;
}

const reliabilitySchema = z.object({
  verdict: z.string(),
  windows: z.number(),
  missed: z.number(),
  worst: z.number(),
});

/** Of each estimate in its newest window. */
function unreliable(grid: Grid): Note[] {
  return grid.kpis.flatMap(({ metric, cells }) => {
    const newest = cells.findLast((cell) => cell !== null && cell.value !== null);
    const found = reliabilitySchema.safeParse(
      newest === undefined || newest === null ? null : detailOf(newest.detail).get("reliability"),
    );
    if (!found.success || found.data.verdict !== "unreliable") return [];
    const { missed, windows, worst } = found.data;
    return [
      {
        what: `${kpiName(metric)}: missed the labels in ${missed} of the last ${plural(windows, "window")} with labels, by up to ${valueText(metric, worst)}.`,
        todo: "No rule fires on it until it holds again. The same inputs end differently than in the reference: look at the labels, and refresh the reference or the model.",
      },
    ];
  });
}

const selectionSchema = z.object({
  moved: z.number(),
  effective_rows: z.number(),
  features: z.array(z.string()).default([]),
});
const weightedSchema = z.object({ value: z.number(), lower: z.number(), upper: z.number() });

/** Of each window with labels that are not like the rest, the KPIs beside what they would be for all rows. */
function unlikeLabels(rows: readonly MetricRow[]): Note[] {
  const byWindow = new Map<number, MetricRow[]>();
  for (const row of rows) {
    if (!selectionSchema.safeParse(detailOf(row.detail).get("labelled_unlike")).success) continue;
    byWindow.set(row.window_start, [...(byWindow.get(row.window_start) ?? []), row]);
  }
  return [...byWindow.values()]
    .sort(([a], [b]) => (b?.window_start ?? 0) - (a?.window_start ?? 0))
    .slice(0, MOST_NOTES)
    .flatMap((found) => {
      const [first] = found;
      const selection = selectionSchema.safeParse(
        first === undefined ? null : detailOf(first.detail).get("labelled_unlike"),
      );
      if (first === undefined || !selection.success) return [];
      const weighted = found.flatMap((row) => weightedText(row));
      const { moved, effective_rows, features } = selection.data;
      const where = features.length === 0 ? "" : `, most in ${features.slice(0, 3).join(", ")}`;
      return [
        {
          what: `${range(first.window_start, first.window_end)}: the labelled rows are not like the rest (${percent(moved)} of their scores lie elsewhere${where}).`,
          todo:
            weighted.length === 0
              ? "What is realised holds for the labelled rows alone."
              : `Weighted to be like all rows (they count as ${whole(effective_rows)}): ${weighted.join("; ")}.`,
        },
      ];
    });
}

function weightedText(row: MetricRow): string[] {
  const weighted = weightedSchema.safeParse(detailOf(row.detail).get("weighted"));
  if (!weighted.success || row.value === null) return [];
  const { value, lower, upper } = weighted.data;
  return [
    `${kpiName(row.metric)} ${decimal(value, 3)} (${decimal(lower, 3)}–${decimal(upper, 3)}) instead of ${decimal(row.value, 3)}`,
  ];
}
