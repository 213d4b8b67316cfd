/**
 * One strict reading of event times. JavaScript's Date takes 30 February for 2 March and reads text without a zone as
 * local time, so dates are read here: the same on every machine, or refused.
 */

/** `ms` since 1970 UTC, or the sentence that says what is wrong. */
export type TimestampResult =
  | { readonly ms: number; readonly problem: null }
  | { readonly ms: null; readonly problem: string };

/** Numbers below are no time: 1e8 s is March 1973. */
const LEAST_NUMBER = 1e8;
/** Seconds, then milliseconds, microseconds and nanoseconds; each reaches to the year 5138. */
const SECONDS_END = 1e11;
const MILLISECONDS_END = 1e14;
const MICROSECONDS_END = 1e17;
const NANOSECONDS_END = 1e20;
/** A fraction of a second that a double can't hold exactly must not lose its last millisecond. */
const ROUNDING = 0.0005;

const EXPECTED = "expected ISO 8601 (2026-01-31T12:00:00Z) or a number of s, ms, µs or ns since 1970";
const ISO = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,12}))?)?\s?(Z|z|[+-]\d\d(?::?\d\d)?)?)?$/;
const NUMBER = /^\d{1,20}(?:\.\d{1,12})?$/;
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const wrong = (problem: string): TimestampResult => ({ ms: null, problem });
const right = (ms: number): TimestampResult => ({ ms, problem: null });

/**
 * Reads a time: a number (or a text that spells one) of seconds, milliseconds, microseconds or nanoseconds since 1970, told
 * apart by size; or ISO 8601 with `T` or a space, any number of decimals, and a zone, without which it is UTC. A date alone is
 * its midnight. What is finer than a millisecond is cut off.
 */
export function parseTimestamp(value: unknown): TimestampResult {
  if (typeof value === "number") return fromNumber(value);
  if (typeof value !== "string") return wrong(value === null ? `is null; ${EXPECTED}` : EXPECTED);
  const fast = fromFixedUtc(value);
  if (fast !== null) return right(fast);
  if (value === "") return wrong(`is empty; ${EXPECTED}`);
  const match = ISO.exec(value);
  if (match !== null) return fromIso(match);
  return NUMBER.test(value) ? fromNumber(Number(value)) : wrong(EXPECTED);
}

function fromNumber(value: number): TimestampResult {
  if (!(value >= LEAST_NUMBER)) return wrong("as a number of seconds it lies before 1973: too small to be a time");
  if (value < SECONDS_END) return right(Math.floor(value * 1000 + ROUNDING));
  if (value < MILLISECONDS_END) return right(Math.floor(value));
  if (value < MICROSECONDS_END) return right(Math.floor(value / 1e3));
  if (value < NANOSECONDS_END) return right(Math.floor(value / 1e6));
  return wrong("too great to be a time, even in nanoseconds");
}

const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;

function fromIso(match: RegExpExecArray): TimestampResult {
  const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map((group) => Number(match[group] ?? 0));
  if (
    year === undefined ||
    month === undefined ||
    day === undefined ||
    hour === undefined ||
    minute === undefined ||
    second === undefined
  )
    return wrong(EXPECTED);
  const days = month === 2 && isLeap(year) ? 29 : MONTH_DAYS[month - 1];
  if (days === undefined) return wrong("there is no such month");
  if (day < 1 || day > days) return wrong("there is no such day in the calendar");
  if (hour > 23 || minute > 59 || second > 59) return wrong("there is no such time of day");
  const offset = zoneMinutes(match[8]);
  if (offset === null) return wrong("there is no such time zone");
  const fraction = Number((match[7] ?? "0").slice(0, 3).padEnd(3, "0"));
  const ms = utcMs(year, month, day) + ((hour * 60 + minute - offset) * 60 + second) * 1000 + fraction;
  return ms < 0 ? wrong("lies before 1970") : right(ms);
}

/** Date.UTC takes the years 0 to 99 for 1900 to 1999. */
function utcMs(year: number, month: number, day: number): number {
  return year < 100 ? -1 : Date.UTC(year, month - 1, day);
}

function zoneMinutes(zone: string | undefined): number | null {
  if (zone === undefined || zone === "Z" || zone === "z") return 0;
  const digits = zone.slice(1).replace(":", "");
  const hours = Number(digits.slice(0, 2));
  const minutes = Number(digits.slice(2) || "0");
  if (hours > 14 || minutes > 59) return null;
  return (zone.startsWith("-") ? -1 : 1) * (hours * 60 + minutes);
}

/** The day before, kept: events come in the order of time, so a day's midnight is worked out once for many events. */
let lastDay = "";
let lastMidnight = 0;

const ZERO = 48;
const digit = (text: string, at: number): number => {
  const value = text.charCodeAt(at) - ZERO;
  return value >= 0 && value <= 9 ? value : Number.NaN;
};
const two = (text: string, at: number): number => digit(text, at) * 10 + digit(text, at + 1);

/** `YYYY-MM-DD?HH:MM:SS[.fff][Z]` without a regular expression; null where the text is anything else. */
function fromFixedUtc(text: string): number | null {
  const { length } = text;
  const zoned = text.charCodeAt(length - 1) === 90;
  const end = zoned ? length - 1 : length;
  if (end !== 19 && end !== 23) return null;
  const separator = text.charCodeAt(10);
  if ((separator !== 84 && separator !== 32) || text.charCodeAt(13) !== 58 || text.charCodeAt(16) !== 58) return null;
  if (end === 23 && text.charCodeAt(19) !== 46) return null;
  const hour = two(text, 11);
  const minute = two(text, 14);
  const second = two(text, 17);
  const fraction = end === 23 ? digit(text, 20) * 100 + two(text, 21) : 0;
  if (!(hour < 24 && minute < 60 && second < 60 && fraction < 1000)) return null;
  if (!text.startsWith(lastDay) || lastDay === "") {
    const day = text.slice(0, 10);
    const match = ISO.exec(day);
    const midnight = match === null ? null : fromIso(match).ms;
    if (midnight === null) return null;
    lastDay = day;
    lastMidnight = midnight;
  }
  return lastMidnight + ((hour * 60 + minute) * 60 + second) * 1000 + fraction;
}
