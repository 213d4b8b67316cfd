/** Windows of subjects whose drift is accepted: which of them are compared with the new normal, and their counts over its bins. */
import type { SeriesWindow } from "../drift-rows.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { subjectKey } from "../references/load-reference.ts";
import type { StoredSummary } from "../summarise.ts";
import { seriesKey } from "../window-series.ts";
import { type AcceptedAt, type AcceptedBaseline, acceptedAt } from "./accepted-baseline.ts";
import { preparedOn } from "./accepted-evaluation.ts";

export interface AcceptedInWindow extends AcceptedAt {
  /** undefined where no row of the window has been seen. */
  readonly summary: StoredSummary | undefined;
}

/** By subject key; what is not in it is compared with the reference. */
export type AcceptedOfWindow = (window: SeriesWindow) => ReadonlyMap<string, AcceptedInWindow>;

const none: AcceptedOfWindow = () => new Map();

/** @param read the summaries of the windows, by their starts, under a baseline's id */
export async function acceptedInWindows(
  prepared: PreparedModel,
  baselines: readonly AcceptedBaseline[],
  windows: readonly SeriesWindow[],
  read: (own: PreparedModel) => Promise<readonly StoredSummary[]>,
): Promise<AcceptedOfWindow> {
  // Windows are of the whole.
  const used = baselines.filter(
    (one) => one.segment === "" && windows.some((window) => acceptedAt([one], one, window, window.start) !== null),
  );
  if (used.length === 0) return none;
  const summaries = new Map<string, StoredSummary>();
  const keyOf = (baselineId: string, start: number, series: Pick<SeriesWindow, "version" | "variant">) =>
    `${baselineId} ${start} ${seriesKey(series)}`;
  for (const baseline of used) {
    if (baseline.bins === null) continue;
    for (const summary of await read(preparedOn(prepared, baseline)))
      if (summary.subjectKind === baseline.subjectKind)
        summaries.set(keyOf(baseline.baselineId, summary.slice, summary), summary);
  }
  const subjects = new Map(used.map((baseline) => [subjectKey(baseline), baseline]));
  return (window) => {
    const found = new Map<string, AcceptedInWindow>();
    for (const [key, subject] of subjects) {
      const at = acceptedAt(used, subject, window, window.start);
      if (at !== null)
        found.set(key, { ...at, summary: summaries.get(keyOf(at.baseline.baselineId, window.start, window)) });
    }
    return found;
  };
}
