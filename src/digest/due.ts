/** When a digest is due: once a local date, whatever the clocks do and whenever somebody looks. */
import { type DigestConfig, digestCron } from "../config/digests.ts";
import { dueTimes, localDate, parseCron } from "../core/schedule.ts";

/** The newest digest that was queued; `date` '' where it was none so far, and `dueAt` since when it is known. */
export interface LastDigest {
  readonly date: string;
  /** ms */
  readonly dueAt: number;
}

export interface DueDigest {
  readonly date: string;
  /** The end of what it covers, ms. */
  readonly dueAt: number;
  readonly from: number;
}

const DAY_MS = 86_400_000;
/** However long nobody was told. */
const LONGEST_MS = 14 * DAY_MS;

/**
 * The digest to be sent now, or null. Of several that were missed only the newest comes; it covers the time since the last one, two weeks
 * at most.
 */
export function dueDigest(
  digest: Pick<DigestConfig, "every" | "weekday" | "at" | "timezone">,
  last: LastDigest,
  now: number,
): DueDigest | null {
  const cron = parseCron(digestCron(digest));
  const { timezone } = digest;
  // Another time of day, or zone, does not make a second one of a date.
  const dueAt = dueTimes(cron, timezone, last.dueAt, now).findLast(
    (instant) => localDate(instant, timezone) > last.date,
  );
  if (dueAt === undefined) return null;
  const [before = dueAt - DAY_MS] = dueTimes(cron, timezone, dueAt - 9 * DAY_MS, dueAt - 1).reverse();
  const from = last.date === "" ? before : Math.max(last.dueAt, dueAt - LONGEST_MS);
  return { date: localDate(dueAt, timezone), dueAt, from };
}
