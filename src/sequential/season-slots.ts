/**
 * Seasons: a reference by hour of the day or of the week. A pane belongs to the slot of its start, and is compared with what the reference held
 * in that slot; the evidence is common to all slots, since a tilt means the same in each.
 */
import { total } from "../math/total.ts";
import type { StreamReference } from "./stream-reference.ts";

export const seasons = ["hour_of_day", "hour_of_week"] as const;
export type Season = (typeof seasons)[number];

/** Rows of the reference that a slot should have at the least. */
export const LEAST_SLOT_ROWS = 200;

export interface StreamSeason {
  readonly season: Season;
  /** IANA time zone of the hours. */
  readonly timeZone: string;
  /** Slot of each hour of the season. */
  readonly slots: readonly number[];
  /** Weights per bin of each slot. */
  readonly weights: readonly (readonly number[])[];
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** 1 January 1970 was a Thursday; weeks begin on Monday. */
const FIRST_WEEKDAY = 3;

export const hoursOf = (season: Season): number => (season === "hour_of_day" ? 24 : 168);

/** Where an instant lies in its time zone. */
export interface LocalHour {
  /** Days since 1 January 1970. */
  readonly day: number;
  /** 0 to 23. */
  readonly hour: number;
}

/** Reads the wall clock of a time zone, by whole hours; UTC by arithmetic. Throws RangeError for a zone that does not exist. */
export function localHours(timeZone: string): (ms: number) => LocalHour {
  if (timeZone === "UTC")
    return (ms) => ({
      day: Math.floor(ms / DAY_MS),
      hour: Math.floor((ms - Math.floor(ms / DAY_MS) * DAY_MS) / HOUR_MS),
    });
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
  });
  // Many streams ask for the same pane.
  let last: { readonly ms: number; readonly at: LocalHour } | null = null;
  return (ms) => {
    if (last?.ms === ms) return last.at;
    const parts = new Map(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
    const midnight = Date.UTC(parts.get("year") ?? 1970, (parts.get("month") ?? 1) - 1, parts.get("day") ?? 1);
    const at = { day: midnight / DAY_MS, hour: parts.get("hour") ?? 0 };
    last = { ms, at };
    return at;
  };
}

/** Monday 0. */
export const weekdayOf = (day: number): number => (((day + FIRST_WEEKDAY) % 7) + 7) % 7;

/** 0 to 23, or 0 to 167 from Monday midnight on. */
export const hourOfSeason = (season: Season, { day, hour }: LocalHour): number =>
  season === "hour_of_day" ? hour : weekdayOf(day) * 24 + hour;

/** The slot of a pane by its start. Without a season all panes are of slot 0. `local`: of the season's time zone. */
export function slotClock(
  season: StreamSeason | null,
  local: (ms: number) => LocalHour,
): (paneStart: number) => number {
  if (season === null) return () => 0;
  return (paneStart) => season.slots[hourOfSeason(season.season, local(paneStart))] ?? 0;
}

/**
 * Slots of at least `least` rows each: an hour with fewer, or with none, is taken together with those that follow, and the last ones with the slot
 * before.
 *
 * @param rows of the reference by hour of the season
 */
export function slotsOfHours(rows: readonly number[], least = LEAST_SLOT_ROWS): readonly number[] {
  const slots: number[] = [];
  let slot = 0;
  let inSlot = 0;
  for (const count of rows) {
    if (inSlot >= least) {
      slot++;
      inSlot = 0;
    }
    slots.push(slot);
    inSlot += count;
  }
  return inSlot >= least ? slots : slots.map((one) => Math.min(one, Math.max(0, slot - 1)));
}

/**
 * The weights of each slot over the stream's bins, which are common to all slots. A bin without rows in a slot weighs as much as in the whole
 * reference, though one row at most: what is rare everywhere is rare there too, and what a slot lacks altogether may still come. What was
 * never seen has the share that it has in the whole (Good and Turing's estimate, see `categoricalStream`).
 *
 * @param counts per bin of the stream, by hour of the season
 */
export function slotWeights(
  stream: StreamReference,
  slots: readonly number[],
  counts: readonly ArrayLike<number>[],
): readonly (readonly number[])[] {
  const sums = Array.from({ length: Math.max(0, ...slots) + 1 }, () => stream.weights.map(() => 0));
  for (const [hour, slot] of slots.entries()) {
    const sum = sums[slot];
    const ofHour = counts[hour];
    if (sum === undefined || ofHour === undefined) continue;
    for (let bin = 0; bin < sum.length; bin++) sum[bin] = (sum[bin] ?? 0) + (ofHour[bin] ?? 0);
  }
  const all = total(stream.weights);
  const newBin = stream.bins.findIndex(({ role }) => role === "new");
  return sums.map((rows) => {
    const part = total(rows) / all;
    const unseen = part * (stream.weights[newBin] ?? 0);
    return rows.map((count, bin) => {
      const expected = part * (stream.weights[bin] ?? 0);
      if (bin === newBin) return Math.max(count, expected);
      // As in the whole reference, what was seen once moves from the tail to what was never seen.
      const kept = stream.bins[bin]?.role === "tail" ? count - unseen : count;
      return Math.max(kept, Math.min(1, expected));
    });
  });
}
