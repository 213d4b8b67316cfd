/**
 * What a subject's window was compared with, for those who explain or draw it: the reference, what was accepted as the new normal, or the
 * trailing reference.
 */
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
  /** Whether that is the reference itself. */
  readonly isReference: boolean;
  /** Events before this are not compared with it, ms; -Infinity for the reference. */
  readonly from: number;
}

/** A subject of the whole, of a series, in what begins at `start` (ms). */
export type FindCompared = (
  of: { readonly subjectKind: SubjectKind; readonly subject: string },
  series: Series,
  start: number,
) => Promise<ComparedSubject | null>;

/**
 * null where the reference lacks the subject, or what stands in its place has too few rows.
 *
 * @param isOfWindow false for the page tier, which has no trailing reference
 */
export async function comparedSubjects(
  lane: Lane,
  prepared: PreparedModel,
  isOfWindow: boolean,
): Promise<FindCompared> {
  const { reference, referenceId, config } = prepared;
  const subjects = new Map((reference?.subjects ?? []).map((subject) => [subjectKey(subject), subject]));
  const baselines = reference === null ? [] : await readBaselines(lane, config.name, referenceId);
  const trailing = isOfWindow ? prepared.trailing : null;
  const fixed = { prepared, isReference: true, from: Number.NEGATIVE_INFINITY };
  return async (of, series, start) => {
    const known = subjects.get(subjectKey(of));
    if (known === undefined) return null;
    const accepted = acceptedAt(baselines, { ...of, segment: "" }, series, start);
    if (accepted === null) {
      if (trailing === null) return { ...fixed, reference: known };
      const { own } = await trailing.ofStep(prepared, trailing.stepOf(start));
      const found = own?.reference?.subjects.find((subject) => subjectKey(subject) === subjectKey(of));
      return own === null || found === undefined
        ? null
        : { ...fixed, prepared: own, reference: found, isReference: false };
    }
    const from = accepted.series.baseline?.from;
    if (accepted.reference === null || from === undefined) return null;
    const under = preparedOn(prepared, accepted.baseline);
    return { prepared: under, reference: accepted.reference, isReference: false, from };
  };
}

/** The subject's counts in a span of panes, or in a window by number of events; undefined without any. */
export async function comparedSummary(
  lane: Lane,
  { prepared, reference, isReference }: ComparedSubject,
  { version, variant }: Series,
  pane: string,
  span: Span,
): Promise<StoredSummary | undefined> {
  const [found] = await mergedSummaries(
    lane,
    sql`toInt64(0)`,
    sql`${isReference ? newestSummaries(prepared, pane, span) : newestOf(prepared, pane, span)} AND version = ${version} AND variant = ${variant}
      AND segment = '' AND subject_kind = ${reference.subjectKind} AND subject = ${reference.subject}`,
  );
  return found;
}

/** Windows by number of events have no entry in the ledger under what stands in for the reference. */
function newestOf(prepared: PreparedModel, pane: string, span: Span): Sql {
  const { config, referenceId } = prepared;
  if (!config.windows.some(({ kind, name }) => kind === "count" && name === pane))
    return newestSummaries(prepared, pane, span);
  const rows = sql`model = ${config.name} AND reference_id = ${referenceId} AND pane = ${pane}
    AND toUnixTimestamp64Milli(pane_start) >= ${span.from} AND toUnixTimestamp64Milli(pane_start) < ${span.to}`;
  return sql`${rows} AND (pane_start, revision) IN (SELECT pane_start, max(revision) FROM pane_summaries WHERE ${rows} GROUP BY pane_start)`;
}
