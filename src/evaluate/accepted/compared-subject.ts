/** What a subject's window was compared with, for those who explain or draw it: the reference, or what was accepted as the new normal. */
import type { ReferenceSubject, SubjectKind } from "../../core/summary.ts";
import { type Sql, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import type { Span } from "../kept-rows.ts";
import { newestSummaries } from "../panes.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { subjectKey } from "../references/load-reference.ts";
import { mergedSummaries, type StoredSummary } from "../summarise.ts";
import type { Series } from "../window-series.ts";
import { acceptedAt } from "./accepted-baseline.ts";
import { preparedOn } from "./accepted-evaluation.ts";
import { readBaselines } from "./baseline-store.ts";

export interface ComparedSubject {
  /** The model under what it is compared with. */
  readonly prepared: PreparedModel;
  readonly reference: ReferenceSubject;
  /** Events before this are not compared with it, ms; -Infinity for the reference. */
  readonly from: number;
}

/** A subject of the whole, of a series, in what begins at `start` (ms). */
export type FindCompared = (
  of: { readonly subjectKind: SubjectKind; readonly subject: string },
  series: Series,
  start: number,
) => ComparedSubject | null;

/** null where the reference lacks the subject, or what was accepted has too few rows yet. */
export async function comparedSubjects(lane: Lane, prepared: PreparedModel): Promise<FindCompared> {
  const { reference, referenceId, config } = prepared;
  const subjects = new Map((reference?.subjects ?? []).map((subject) => [subjectKey(subject), subject]));
  const baselines = reference === null ? [] : await readBaselines(lane, config.name, referenceId);
  return (of, series, start) => {
    const known = subjects.get(subjectKey(of));
    if (known === undefined) return null;
    const accepted = acceptedAt(baselines, { ...of, segment: "" }, series, start);
    if (accepted === null) return { prepared, reference: known, from: Number.NEGATIVE_INFINITY };
    const from = accepted.series.baseline?.from;
    if (accepted.reference === null || from === undefined) return null;
    return { prepared: preparedOn(prepared, accepted.baseline), reference: accepted.reference, from };
  };
}

/** The subject's counts in a span of panes, or in a window by number of events; undefined without any. */
export async function comparedSummary(
  lane: Lane,
  { prepared, reference }: ComparedSubject,
  { version, variant }: Series,
  pane: string,
  span: Span,
): Promise<StoredSummary | undefined> {
  const [found] = await mergedSummaries(
    lane,
    sql`toInt64(0)`,
    sql`${newestOf(prepared, pane, span)} AND version = ${version} AND variant = ${variant}
      AND segment = '' AND subject_kind = ${reference.subjectKind} AND subject = ${reference.subject}`,
  );
  return found;
}

/** Windows by number of events have no entry in the ledger under an accepted baseline. */
function newestOf(prepared: PreparedModel, pane: string, span: Span): Sql {
  const { config, referenceId, references } = prepared;
  const isOfReference = references.some((one) => one.referenceId === referenceId);
  if (isOfReference || !config.windows.some(({ kind, name }) => kind === "count" && name === pane))
    return newestSummaries(prepared, pane, span);
  const rows = sql`model = ${config.name} AND reference_id = ${referenceId} AND pane = ${pane}
    AND toUnixTimestamp64Milli(pane_start) >= ${span.from} AND toUnixTimestamp64Milli(pane_start) < ${span.to}`;
  return sql`${rows} AND (pane_start, revision) IN (SELECT pane_start, max(revision) FROM pane_summaries WHERE ${rows} GROUP BY pane_start)`;
}
