/**
 * An episode: the time in which one rule fires on one series (subject, version, variant). A pure fold over the series' windows
 * in their order finds them, so when and how often it is done changes nothing.
 *
 * It begins at a window that breaches when at least N of the last M windows have breached; windows that decide nothing count
 * among the M as not breached. It ends after `clear_after` good windows: those that decide nothing are passed over, those that
 * breach or lie between the limits begin the counting anew. Want of data therefore never ends it.
 */
import { z } from "zod";
import { severities } from "../core/incident.ts";
import { subjectKinds } from "../core/summary.ts";
import { type EffectiveRule, type JudgedRow, limitOf, verdictOf } from "./rules.ts";

/** The numbers of one window that people are shown. */
const evidenceSchema = z.object({
  value: z.number().nullable(),
  threshold: z.number().nullable(),
  direction: z.enum(["above", "below"]),
  window_start: z.number(),
  window_end: z.number(),
  n: z.number(),
});
export type Evidence = z.output<typeof evidenceSchema>;

export const episodeSchema = z.object({
  rule: z.string(),
  severity: z.enum(severities),
  metric: z.string(),
  subject_kind: z.enum(subjectKinds),
  subject: z.string(),
  version: z.string(),
  variant: z.string(),
  /** Left out: the whole. */
  segment: z.string().optional(),
  /** Start of the first breached window among the M at which it fired. */
  onset: z.number(),
  /** The interval that the onset lies in, where the page tier has found it. */
  onset_from: z.number().optional(),
  onset_to: z.number().optional(),
  fired: evidenceSchema,
  /** null while it goes on. */
  cleared: evidenceSchema.nullable(),
  /** Good windows in a row so far. */
  good: z.number(),
  /** Whether the newest window decides nothing. */
  data_missing: z.boolean(),
  /** What has changed, in words, where the page tier has found it. */
  finding: z.string().optional(),
});
export type Episode = z.output<typeof episodeSchema>;

/** Text that tells apart what has episodes of its own. */
export function memberKey(
  member: Pick<Episode, "rule" | "metric" | "subject_kind" | "subject" | "version" | "variant" | "segment">,
): string {
  return JSON.stringify([
    member.rule,
    member.metric,
    member.subject_kind,
    member.subject,
    member.version,
    member.variant,
    ...(member.segment === undefined ? [] : [member.segment]),
  ]);
}

/** End of an episode for comparisons: infinity while it goes on. */
export const endOf = (episode: Episode): number => episode.cleared?.window_end ?? Number.POSITIVE_INFINITY;

/** Whether two episodes touch: sharing one window's end is enough. */
export function overlap(one: Episode, other: Episode): boolean {
  return one.fired.window_end <= endOf(other) && other.fired.window_end <= endOf(one);
}

export interface EpisodeFold {
  /** A window before the first that is judged: it counts among the last M, and as good, but neither begins nor ends anything. */
  warm(row: JudgedRow): void;
  /** The next window, in the order of window_start. */
  push(row: JudgedRow): void;
  /** The episodes that went on or began in the judged windows. */
  episodes(): readonly Episode[];
}

/** @param open the episode that went on before the first judged window, if any */
export function foldEpisodes(rule: EffectiveRule, open: Episode | null): EpisodeFold {
  const recent: { readonly start: number; readonly breached: boolean }[] = [];
  const done: Episode[] = [];
  let current = open === null ? null : { ...open, good: 0, cleared: null };

  const judge = (row: JudgedRow) => {
    const verdict = verdictOf(rule, row);
    recent.push({ start: row.window_start, breached: verdict === "breach" });
    if (recent.length > rule.of) recent.shift();
    if (current !== null && row.window_start > current.fired.window_start) {
      if (verdict !== "undecided") current.good = verdict === "good" ? current.good + 1 : 0;
      current.data_missing = verdict === "undecided";
    }
    return verdict;
  };

  return {
    warm: (row) => void judge(row),
    push(row) {
      const verdict = judge(row);
      if (current !== null && verdict === "good" && current.good >= rule.clearAfter) {
        done.push({ ...current, cleared: evidence(rule, row, current.fired), data_missing: false });
        current = null;
      } else if (current === null && verdict === "breach") {
        const breached = recent.filter((window) => window.breached);
        if (breached.length >= rule.needed)
          current = begin(rule, row, row.onset ?? breached[0]?.start ?? row.window_start);
      }
    },
    episodes: () => (current === null ? done : [...done, current]),
  };
}

function begin(rule: EffectiveRule, row: JudgedRow, onset: number): Episode & { cleared: null } {
  const { metric, subject_kind, subject, version, variant, segment } = row;
  return {
    rule: rule.name,
    severity: rule.severity,
    metric,
    subject_kind,
    subject,
    version,
    variant,
    ...(segment === undefined ? {} : { segment }),
    onset,
    fired: evidence(rule, row, null),
    cleared: null,
    good: 0,
    data_missing: false,
    ...(row.onset_from === undefined ? {} : { onset_from: row.onset_from }),
    ...(row.onset_to === undefined ? {} : { onset_to: row.onset_to }),
    ...(row.finding === undefined ? {} : { finding: row.finding }),
  };
}

/** The limit of a clearing window is the one that had been passed. */
function evidence(rule: EffectiveRule, row: JudgedRow, fired: Evidence | null): Evidence {
  const { value, window_start, window_end, n } = row;
  const limit = limitOf(rule, row);
  const direction = fired?.direction ?? limit.direction;
  const threshold = fired !== null && (rule.above !== null || rule.below !== null) ? fired.threshold : limit.threshold;
  return { value, threshold, direction, window_start, window_end, n };
}
