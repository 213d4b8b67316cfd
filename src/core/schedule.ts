/**
 * When a scheduled evaluation, or a digest, is due. A cron expression names local wall-clock times, and across daylight saving a local time may
 * not exist or exist twice; a ticker alone then fires not at all or twice. So the due instants are computed: one for each local
 * time that the expression names, at the first instant that shows it, or, where it is skipped, as long after the gap's start as it
 * lies in the gap.
 */
import { DriftlineError } from "./errors.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

export interface CronExpression {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly days: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  readonly weekdays: ReadonlySet<number>;
  /** Where both are restricted a day matches by either, as in Vixie cron. */
  readonly anyDay: boolean;
  readonly anyWeekday: boolean;
}

/** @throws DriftlineError `config_invalid` that names the field */
export function parseCron(text: string): CronExpression {
  const fields = text.trim().split(/\s+/);
  const [minute, hour, day, month, weekday] = fields;
  if (
    fields.length !== 5 ||
    minute === undefined ||
    hour === undefined ||
    day === undefined ||
    month === undefined ||
    weekday === undefined
  )
    throw new DriftlineError(
      "config_invalid",
      `"${text}" has ${fields.length} fields where five are expected: minute hour day month weekday`,
    );
  const weekdays = new Set([...parseField(weekday, "weekday", 0, 7, WEEKDAYS, 0)].map((value) => value % 7));
  return {
    minutes: parseField(minute, "minute", 0, 59),
    hours: parseField(hour, "hour", 0, 23),
    days: parseField(day, "day", 1, 31),
    months: parseField(month, "month", 1, 12, MONTHS, 1),
    weekdays,
    anyDay: day === "*",
    anyWeekday: weekday === "*",
  };
}

function parseField(
  text: string,
  field: string,
  least: number,
  most: number,
  names: readonly string[] = [],
  base = 0,
): Set<number> {
  const number = (part: string): number => {
    const named = names.indexOf(part.toLowerCase());
    const value = named >= 0 ? named + base : /^\d+$/.test(part) ? Number(part) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new DriftlineError(
      "config_invalid",
      `"${part}" is no ${field} of a cron expression; expected ${least} to ${most}`,
    );
  };
  const values = new Set<number>();
  for (const part of text.split(",")) {
    const [range = "", step] = part.split("/");
    const stride = step === undefined ? 1 : number(step);
    if (stride < 1) throw new DriftlineError("config_invalid", `"${part}" has a step of 0; expected 1 or more`);
    const [from, to] = range === "*" ? [least, most] : range.split("-").map(number);
    const start = from ?? least;
    const end = to ?? (step === undefined ? start : most);
    for (let value = start; value <= end; value += stride) values.add(value);
  }
  return values;
}

/** The instants after `from` and up to `to` (milliseconds UTC) at which the expression is due in the time zone, ascending. */
export function dueTimes(cron: CronExpression, timezone: string, from: number, to: number): number[] {
  const offsetAt = zoneOffset(timezone);
  const due = new Set<number>();
  // Local days from one before to one after, since a zone lies up to 14 hours off.
  for (let day = Math.floor((from - DAY) / DAY) * DAY; day <= to + DAY; day += DAY) {
    if (!matchesDay(cron, new Date(day))) continue;
    for (const hour of cron.hours) {
      for (const minute of cron.minutes) {
        const instant = firstInstantOf(day + hour * 60 * MINUTE + minute * MINUTE, offsetAt);
        if (instant > from && instant <= to) due.add(instant);
      }
    }
  }
  return [...due].sort((a, b) => a - b);
}

function matchesDay(cron: CronExpression, date: Date): boolean {
  if (!cron.months.has(date.getUTCMonth() + 1)) return false;
  const day = cron.days.has(date.getUTCDate());
  const weekday = cron.weekdays.has(date.getUTCDay());
  return cron.anyDay || cron.anyWeekday ? day && weekday : day || weekday;
}

/** The first instant that shows a local time (given as if it were UTC); for a skipped one the instant the same time after the gap began. */
export function firstInstantOf(local: number, offsetAt: (instant: number) => number): number {
  const before = offsetAt(local - DAY);
  const after = offsetAt(local + DAY);
  const candidates = [local - before, local - after].filter((instant) => instant + offsetAt(instant) === local);
  return candidates.length > 0 ? Math.min(...candidates) : local - before;
}

/** What clocks in a time zone show at an instant: "2026-03-29 08:00". */
export const localTime = (instant: number, timezone: string): string =>
  new Date(instant + zoneOffset(timezone)(instant)).toISOString().slice(0, 16).replace("T", " ");

/** The calendar date in a time zone at an instant: "2026-03-29". */
export const localDate = (instant: number, timezone: string): string => localTime(instant, timezone).slice(0, 10);

/** Milliseconds that local time is ahead of UTC at an instant. */
export function zoneOffset(timezone: string): (instant: number) => number {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: timezone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  return (instant) => {
    const parts = new Map(format.formatToParts(instant).map((part) => [part.type, Number(part.value)]));
    const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
    const local = Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second"));
    return local - Math.floor(instant / 1000) * 1000;
  };
}
