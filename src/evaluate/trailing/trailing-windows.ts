/** Windows of a model that has a trailing reference: what each is compared with, and its counts over those bins. */
import type { ReferenceSubject } from "../../core/summary.ts";
import type { Lane } from "../../store/store.ts";
import type { SeriesWindow } from "../drift-rows.ts";
import { paneName, readLedger, readLedgerOfAll, summarisePanes } from "../panes.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { subjectKey } from "../references/load-reference.ts";
import type { StoredSummary } from "../summarise.ts";
import { seriesKey } from "../window-series.ts";
import type { TrailingReference } from "./trailing-references.ts";

export interface TrailingInWindow {
  readonly trailing: TrailingReference;
  /** By subject key; empty where there were too few events. */
  readonly subjects: ReadonlyMap<string, ReferenceSubject>;
  readonly summaries: ReadonlyMap<string, StoredSummary>;
}

/** null: with the reference. */
export type TrailingOfWindow = (window: SeriesWindow) => TrailingInWindow | null;

/** @param read the summaries of windows, by their starts, under the reference of their step */
export async function trailingInWindows(
  prepared: PreparedModel,
  windows: readonly SeriesWindow[],
  read: (own: PreparedModel, windows: readonly SeriesWindow[]) => Promise<readonly StoredSummary[]>,
): Promise<TrailingOfWindow> {
  const { trailing } = prepared;
  if (trailing === null) return () => null;
  const keyOf = (start: number, series: Pick<SeriesWindow, "version" | "variant">) => `${start} ${seriesKey(series)}`;
  const found = new Map<string, TrailingInWindow>();
  for (const step of new Set(windows.map(({ start }) => trailing.stepOf(start)))) {
    const mine = windows.filter(({ start }) => trailing.stepOf(start) === step);
    const reference = await trailing.ofStep(prepared, step);
    const { own } = reference;
    const subjects = new Map((own?.reference?.subjects ?? []).map((subject) => [subjectKey(subject), subject]));
    const bySeries = new Map<string, Map<string, StoredSummary>>();
    for (const summary of own === null ? [] : await read(own, mine)) {
      const at = keyOf(summary.slice, summary);
      const known = bySeries.get(at) ?? new Map<string, StoredSummary>();
      known.set(subjectKey(summary), summary);
      bySeries.set(at, known);
    }
    for (const window of mine) {
      const at = keyOf(window.start, window);
      found.set(at, { trailing: reference, subjects, summaries: bySeries.get(at) ?? new Map() });
    }
  }
  return (window) => found.get(keyOf(window.start, window)) ?? null;
}

/** Rows of a pane, about: only so that one statement does not read too many. */
const ROWS_OF_A_PANE = 5000;

/** Summarises the panes of windows by time over the bins of their step's reference: those that have none, or whose events may have changed. */
export async function summariseTrailing(
  lane: Lane,
  prepared: PreparedModel,
  own: PreparedModel,
  windows: readonly SeriesWindow[],
  touched: ReadonlySet<number>,
): Promise<void> {
  const span = {
    from: Math.min(...windows.map(({ start }) => start)),
    to: Math.max(...windows.map(({ end }) => end)),
  };
  const known = await readLedger(lane, own, paneName(own), span);
  const wanted = [...(await readLedgerOfAll(lane, prepared, span))].filter(
    (pane) => (touched.has(pane) || !known.has(pane)) && windows.some(({ start, end }) => pane >= start && pane < end),
  );
  await summarisePanes(lane, own, wanted, () => ROWS_OF_A_PANE);
}
