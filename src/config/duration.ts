/** Durations and windows as people write them: `90s`, `5m`, `1h`, `30d`, `20000 events`. */
import { z } from "zod";

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Longer than any monitoring; keeps sums of times far from where numbers lose their last digit. */
const LONGEST_MS = 100 * 366 * 86_400_000;

/** Milliseconds of `90s`, `5m`, `1h`, `30d`; null where the text is no duration. */
export function parseDuration(text: string): number | null {
  const match = /^(\d+)\s*(ms|s|m|h|d|w)$/.exec(text.trim());
  const unit = UNITS[match?.[2] ?? ""];
  return match === null || unit === undefined ? null : Number(match[1]) * unit;
}

/** `90s`, `1h`, `30d`: the shortest way to write a number of milliseconds. */
export function durationText(ms: number): string {
  const [unit, size] = Object.entries(UNITS).reduce(
    (best, candidate) => (ms !== 0 && candidate[0] !== "w" && ms % candidate[1] === 0 ? candidate : best),
    ["ms", 1],
  );
  return ms === 0 ? "0s" : `${ms / size}${unit}`;
}

/** A duration in YAML, in milliseconds once parsed. `least` is the shortest allowed, in milliseconds. */
export const duration = ({ least = 0 }: { least?: number } = {}) =>
  z
    .string()
    .transform((text, context) => {
      const ms = parseDuration(text);
      if (ms === null)
        context.addIssue({ code: "custom", message: `"${text}" is no duration; write for example 30s, 5m, 1h or 7d` });
      else if (ms < least)
        context.addIssue({ code: "custom", message: `"${text}" is too short; at least ${durationText(least)}` });
      else if (ms > LONGEST_MS)
        context.addIssue({ code: "custom", message: `"${text}" is too long; at most 100 years` });
      else return ms;
      return z.NEVER;
    })
    .meta({ duration: true });

/** A tumbling window: by event time, or by a number of events counted in the order of (timestamp, id). */
export type WindowSpec =
  | { readonly name: string; readonly kind: "time"; readonly ms: number }
  | { readonly name: string; readonly kind: "count"; readonly events: number };

/** The greatest number of events of a window. */
const MOST_EVENTS = 1_000_000_000;

export const windowSpec = () =>
  z
    .string()
    .transform((text, context): WindowSpec => {
      const name = text.trim().replace(/\s+/g, " ");
      const events = Number(/^([1-9]\d*) events?$/.exec(name)?.[1] ?? 0);
      if (events > 0 && events <= MOST_EVENTS) return { name: `${events} events`, kind: "count", events };
      const ms = parseDuration(name);
      if (ms !== null && ms > 0 && ms <= LONGEST_MS) return { name: name.replace(" ", ""), kind: "time", ms };
      context.addIssue({
        code: "custom",
        message: `"${text}" is no window; write for example 5m, 1h, 30d or 20000 events`,
      });
      return z.NEVER;
    })
    .meta({ window: true });
