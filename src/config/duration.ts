/** Durations and windows as people write them: `90s`, `5m`, `1h`, `30d`, `20000 events`. */
import { z } from "zod";

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Milliseconds of `90s`, `5m`, `1h`, `30d`; null where the text is no duration. */
export function parseDuration(text: string): number | null {
  const match = /^(\d+)\s*(ms|s|m|h|d|w)$/.exec(text.trim());
  const unit = UNITS[match?.[2] ?? ""];
  return match === null || unit === undefined ? null : Number(match[1]) * unit;
}

/** A duration in YAML, in milliseconds once parsed. */
export const duration = () =>
  z.string().transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== null) return ms;
    context.addIssue({ code: "custom", message: `"${text}" is no duration; write for example 30s, 5m, 1h or 7d` });
    return z.NEVER;
  });

/** A tumbling window: by event time, or by a number of events counted in the order of (timestamp, id). */
export type WindowSpec =
  | { readonly name: string; readonly kind: "time"; readonly ms: number }
  | { readonly name: string; readonly kind: "count"; readonly events: number };

export const windowSpec = () =>
  z.string().transform((text, context): WindowSpec => {
    const name = text.trim().replace(/\s+/g, " ");
    const count = /^(\d+) events$/.exec(name);
    if (count !== null && Number(count[1]) > 0) return { name, kind: "count", events: Number(count[1]) };
    const ms = parseDuration(name);
    if (ms !== null && ms > 0) return { name, kind: "time", ms };
    context.addIssue({ code: "custom", message: `"${text}" is no window; write for example 5m, 1h, 30d or 20000 events` });
    return z.NEVER;
  });
