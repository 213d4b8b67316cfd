/**
 * An episode: the time in which one rule fires on one series (subject, version, variant, window). A pure fold over the series' windows
 * in their order finds them, so when and how often it is done changes nothing.
 *
 * It begins at a window that breaches when at least N of the last M windows have breached; windows that decide nothing count
 * among the M as not breached. It ends after `clear_after` good windows, and `keep_firing` after the last breach: windows that decide
 * nothing are passed over, those that breach or lie between the limits begin the counting anew. Want of data therefore never ends it.
 * Where nobody has set `clear_after`, each relapse of the last day doubles it: what flaps is one episode.
 */
import { z } from "zod";
import { severities } from "../core/incident.ts";
import { memberSchema } from "../core/incident-schema.ts";
import { subjectKinds } from "../core/summary.ts";
import { type EffectiveRule, type JudgedRow, limitOf, verdictOf } from "./rules.ts";

/** The numbers of one window that people are shown. */
const evidenceSchema = memberSchema.pick({
  value: true,
  threshold: true,
  direction: true,
  window_start: true,
  window_end: true,
  n: true,
});
export type Evidence = z.output<typeof evidenceSchema>;

export const episodeSchema = z.object({
  rule: z.string(),
  severity: z.enum(severities),
  model: z.string(),
  window: z.string(),
  metric: z.string(),
  subject_kind: z.enum(subjectKinds),
  subject: z.string(),
  version: z.string(),
  variant: z.string(),
  /** '' is the whole. */
  segment: z.string(),
  /** Start of the first breached window among the M at which it fired. */
  onset: z.number(),
  /** The interval that the onset lies in, where the page tier has found it. */
  onset_from: z.number().optional(),
  onset_to: z.number().optional(),
  fired: evidenceSchema,
  /** null while it goes on. */
  cleared: evidenceSchema.nullable(),
  /** The newest window that breached. */
  last_breach: z.object({ start: z.number(), end: z.number() }),
  /** Starts of the windows of the last day that breached after a good one. */
  relapses: z.array(z.number()),
  /** Good windows in a row so far. */
  good: z.number(),
  /** Whether the newest window decides nothing; `error` where it could not be computed. */
  data_missing: z.boolean(),
  error: z.boolean(),
  /** A person has accepted it as the new normal: it counts as ended while that holds. */
  accepted: z.boolean().exactOptional(),
  /** What has changed, in words, where the page tier or a detector has found it. */
  finding: z.string().optional(),
});
export type Episode = z.output<typeof episodeSchema>;

type SeriesOfRule = Pick<
  Episode,
  "rule" | "model" | "window" | "metric" | "subject_kind" | "subject" | "version" | "variant" | "segment"
>;

/** Text that tells apart what has episodes of its own. */
export function memberKey(of: SeriesOfRule): string {
  const { rule, metric, subject_kind, subject, version, variant, window, model, segment } = of;
  return JSON.stringify([rule, metric, subject_kind, subject, version, variant, window, model, segment]);
}

/** End of an episode for comparisons: infinity while it goes on; of an accepted one its newest breach. */
export const endOf = ({ cleared, accepted, last_breach }: Episode): number =>
  cleared?.window_end ?? (accepted === true ? last_breach.end : Number.POSITIVE_INFINITY);

/** Whether two episodes touch: sharing one window's end is enough. */
export function overlap(one: Episode, other: Episode): boolean {
  return one.fired.window_end <= endOf(other) && other.fired.window_end <= endOf(one);
}

/** A rule that has breached, but not yet often enough. */
export interface PendingBreach {
  /** Key of the episode that it would begin. */
  readonly key: string;
  readonly window: string;
  readonly rule: EffectiveRule;
  readonly row: JudgedRow;
  readonly onset: number;
  readonly breached: number;
}

export interface EpisodeFold {
  /** A window before the first that is judged: it counts among the last M, and as good, but neither begins nor ends anything. */
  warm(row: JudgedRow): void;
  /** The next window, in the order of window_start. */
  push(row: JudgedRow): void;
  /** The episodes that went on or began in the judged windows. */
  episodes(): readonly Episode[];
  /** null where it fires, or none of the last windows has breached. */
  pending(): PendingBreach | null;
}

/** Each relapse doubles what is asked for, up to this many times. */
const DOUBLINGS_MAX = 3;
const DAY = 86_400_000;
/** Relapses are remembered for a day; of long windows for so many of them. */
const REMEMBERED_WINDOWS = 24;

/** Good windows in a row that end an episode. */
export function neededGood(rule: EffectiveRule, episode: Pick<Episode, "relapses">): number {
  return rule.clearAfter * (rule.dampens ? 2 ** Math.min(DOUBLINGS_MAX, episode.relapses.length) : 1);
}
/** Windows that a fold may have to look back on. */
export const windowsRemembered = (rule: EffectiveRule): number =>
  Math.max(rule.of, rule.clearAfter * (rule.dampens ? 2 ** DOUBLINGS_MAX : 1));

/**
 * @param place model and window of the series
 * @param open the episode that went on before the first judged window, if any
 * @param since start of the first judged window
 */
export function foldEpisodes(
  rule: EffectiveRule,
  place: { readonly model: string; readonly window: string },
  open: Episode | null,
  since: number,
): EpisodeFold {
  const recent: { readonly row: JudgedRow; readonly breached: boolean }[] = [];
  const done: Episode[] = [];
  let current = open === null ? null : reopened(open, since);
  /** Whether a good window has come since the last breach. */
  let isCalm = false;

  const judge = (row: JudgedRow) => {
    const verdict = verdictOf(rule, row);
    recent.push({ row, breached: verdict === "breach" });
    if (recent.length > rule.of) recent.shift();
    if (current !== null && row.window_start > current.fired.window_start) {
      const { good } = current;
      if (verdict !== "undecided") current.good = verdict === "good" ? good + 1 : 0;
      if (verdict === "breach") current.last_breach = { start: row.window_start, end: row.window_end };
      current.data_missing = verdict === "undecided";
      current.error = row.status === "error";
    }
    return verdict;
  };
  const relapse = (row: JudgedRow) => {
    if (current === null || row.window_start <= current.fired.window_start) return;
    const forget = row.window_start - Math.max(DAY, REMEMBERED_WINDOWS * (row.window_end - row.window_start));
    current.relapses = [...current.relapses.filter((start) => start > forget), row.window_start].slice(-DOUBLINGS_MAX);
  };
  const isOver = (row: JudgedRow) =>
    current !== null &&
    current.good >= neededGood(rule, current) &&
    row.window_end - current.last_breach.end >= rule.keepFiringMs;

  return {
    warm(row) {
      const verdict = judge(row);
      if (verdict === "good" || verdict === "breach") isCalm = verdict === "good";
    },
    push(row) {
      const verdict = judge(row);
      if (verdict === "breach" && isCalm) relapse(row);
      if (verdict === "good" || verdict === "breach") isCalm = verdict === "good";
      if (current !== null && verdict === "good" && isOver(row)) {
        const cleared = evidence(rule, row, current.fired);
        done.push({ ...current, cleared, data_missing: false, error: false });
        current = null;
      } else if (current === null && verdict === "breach") {
        const breached = recent.filter((window) => window.breached);
        if (breached.length >= rule.needed)
          current = begin(rule, place, row, row.onset ?? breached[0]?.row.window_start ?? row.window_start);
      }
    },
    episodes: () => (current === null ? done : [...done, current]),
    pending() {
      const breached = recent.filter((window) => window.breached);
      const first = breached[0];
      const last = breached.at(-1);
      if (current !== null || first === undefined || last === undefined || breached.length >= rule.needed) return null;
      // As many good windows as end an episode end what has not become one.
      if (recent.length - 1 - recent.indexOf(last) >= rule.clearAfter) return null;
      const key = memberKey(seriesOf(rule, place, last.row));
      return {
        key,
        window: place.window,
        rule,
        row: last.row,
        onset: first.row.window_start,
        breached: breached.length,
      };
    },
  };
}

/** What is known of an episode that goes on, without what the judged windows say of it. */
function reopened(open: Episode, since: number): Episode {
  const { start, end } = open.last_breach;
  const { window_start, window_end } = open.fired;
  return {
    ...open,
    good: 0,
    cleared: null,
    last_breach: start < since ? { start, end } : { start: window_start, end: window_end },
    relapses: open.relapses.filter((relapsed) => relapsed < since),
  };
}

function seriesOf(rule: EffectiveRule, place: { readonly model: string; readonly window: string }, row: JudgedRow) {
  const { metric, subject_kind, subject, version, variant, segment = "" } = row;
  const { model, window } = place;
  return { rule: rule.name, model, window, metric, subject_kind, subject, version, variant, segment };
}

/** Key of the episodes of a rule on a row's series. */
export const keyOfRow = (
  rule: EffectiveRule,
  place: { readonly model: string; readonly window: string },
  row: JudgedRow,
): string => memberKey(seriesOf(rule, place, row));

function begin(
  rule: EffectiveRule,
  place: { readonly model: string; readonly window: string },
  row: JudgedRow,
  onset: number,
): Episode {
  return {
    ...seriesOf(rule, place, row),
    severity: rule.severity,
    onset,
    fired: evidence(rule, row, null),
    cleared: null,
    last_breach: { start: row.window_start, end: row.window_end },
    relapses: [],
    good: 0,
    data_missing: false,
    error: false,
    ...(row.onset_from === undefined ? {} : { onset_from: row.onset_from }),
    ...(row.onset_to === undefined ? {} : { onset_to: row.onset_to }),
    ...(row.finding === undefined ? {} : { finding: row.finding }),
  };
}

/** The limit of a clearing window is the one that had been passed. */
export function evidence(rule: EffectiveRule, row: JudgedRow, fired: Evidence | null): Evidence {
  const { value, window_start, window_end, n } = row;
  const limit = limitOf(rule, row);
  const direction = fired?.direction ?? limit.direction;
  const threshold = fired !== null && (rule.above !== null || rule.below !== null) ? fired.threshold : limit.threshold;
  return { value, threshold, direction, window_start, window_end, n };
}
