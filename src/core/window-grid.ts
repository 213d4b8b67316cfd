/**
 * Where windows by time begin. Windows of whole days begin at midnight by the clocks of a time zone, so that one across a change of the clocks is
 * an hour shorter or longer than the others; all other windows, and those of days in UTC, are counted from 1 January 1970 UTC in equal lengths.
 * A pure function of its arguments and of the time zone database of the running Node.
 */
import { firstInstantOf, zoneOffset } from "./schedule.ts";

const DAY = 86_400_000;
const WEEK = 7 * DAY;
/** 5 January 1970, the first Monday. */
const FIRST_MONDAY = 4 * DAY;
/** The years whose clocks a pane has to fit. */
const CHECKED_FROM = Date.UTC(1980, 0);
const CHECKED_TO = Date.UTC(2050, 0);

/** Windows that follow each other without a gap. All times are in milliseconds since 1970 UTC. */
export interface WindowGrid {
  /** The length that they are named by; of those across a change of the clocks not their own. */
  readonly ms: number;
  /** Whether all are of that length and begin at its multiples. */
  readonly isRegular: boolean;
  /** Start of the window that holds an instant. */
  readonly startOf: (instant: number) => number;
  /** End of the window that holds an instant, which is the start of the next. */
  readonly endOf: (instant: number) => number;
  /** Start of the window so many after (or, negative, before) the one that holds an instant. */
  readonly shift: (instant: number, windows: number) => number;
}

/** Whether windows of this length (ms) begin at another time where the time zone is another one. */
export const isLocal = (ms: number, timezone: string): boolean => timezone !== "UTC" && ms >= DAY && ms % DAY === 0;

/**
 * The windows of a length. In a time zone other than UTC weeks, and multiples of them, begin on Monday; other lengths are counted from the
 * local 1 January 1970, as those of UTC are.
 *
 * @param ms a positive whole number
 * @param timezone IANA name
 * @throws RangeError for a time zone that does not exist
 */
export const windowGrid = (ms: number, timezone: string): WindowGrid =>
  isLocal(ms, timezone) ? localGrid(ms, timezone) : regularGrid(ms);

function regularGrid(ms: number): WindowGrid {
  const startOf = (instant: number) => Math.floor(instant / ms) * ms;
  return {
    ms,
    isRegular: true,
    startOf,
    endOf: (instant) => startOf(instant) + ms,
    shift: (instant, windows) => startOf(instant) + windows * ms,
  };
}

function localGrid(ms: number, timezone: string): WindowGrid {
  const offsetAt = zoneOffset(timezone);
  const phase = ms % WEEK === 0 ? FIRST_MONDAY : 0;
  // A clock is slow to ask, and neighbours are asked for again and again.
  const starts = new Map<number, number>();
  const startAt = (index: number): number => {
    const known = starts.get(index);
    if (known !== undefined) return known;
    const start = firstInstantOf(index * ms + phase, offsetAt);
    starts.set(index, start);
    return start;
  };
  /** Of the last window that begins by then: a day that a zone has left out begins with the one after it. */
  const indexOf = (instant: number): number => {
    let index = Math.floor((instant - phase) / ms) + 1;
    while (startAt(index) > instant) index--;
    while (startAt(index + 1) <= instant) index++;
    return index;
  };
  const step = (index: number, direction: 1 | -1): number => {
    let next = index + direction;
    while (direction === 1 ? startAt(next) === startAt(index) : startAt(next) === startAt(next + 1)) next += direction;
    return next;
  };
  const shift = (instant: number, windows: number): number => {
    let index = indexOf(instant);
    for (let left = Math.abs(windows); left > 0; left--) index = step(index, windows > 0 ? 1 : -1);
    return startAt(index);
  };
  return {
    ms,
    isRegular: false,
    startOf: (instant) => startAt(indexOf(instant)),
    endOf: (instant) => shift(instant, 1),
    shift,
  };
}

/** Windows of one length that follow each other, from the start of the first on. */
export interface EvenStretch {
  readonly start: number;
  readonly ms: number;
}

/** The windows that a span of time touches, as stretches of equal lengths in their order; each ends where the next one begins. */
export function evenStretches(grid: WindowGrid, span: { readonly from: number; readonly to: number }): EvenStretch[] {
  const stretches: EvenStretch[] = [];
  let start = grid.startOf(span.from);
  do {
    const end = grid.endOf(start);
    if (stretches[stretches.length - 1]?.ms !== end - start) stretches.push({ start, ms: end - start });
    start = end;
  } while (start < span.to);
  return stretches;
}

/** How far the clocks of a time zone were or will be ahead of UTC between 1980 and 2050 by what is known today, distinct, ms. */
export function offsetsOf(timezone: string): number[] {
  const offsetAt = zoneOffset(timezone);
  const offsets = new Set<number>();
  for (let at = CHECKED_FROM; at < CHECKED_TO; at += WEEK) offsets.add(offsetAt(at));
  return [...offsets];
}
