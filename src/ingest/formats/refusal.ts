/** Why a message is no event, in the words of its dead letter. */
import type { DeadLetterReason } from "../../core/event.ts";

const MAX_SHOWN = 100;

/** Thrown within a decode for a message that is no event, and caught there. */
export class Refusal {
  readonly reason: DeadLetterReason;
  readonly detail: string;

  constructor(reason: DeadLetterReason, detail: string) {
    this.reason = reason;
    this.detail = detail;
  }
}

/** What is said of a message of which nothing may be kept: a refusal's own words quote values. */
export const withheld = (reason: DeadLetterReason): string =>
  `${reason.replaceAll("_", " ")}; privacy is configured for what this message may be, so nothing of it is kept`;

/** What a value is, for a message: `null`, `an array`, `a number`. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** A value for a message, short and escaped. */
export function show(value: unknown): string {
  if (typeof value === "object") return kindOf(value);
  if (typeof value !== "string")
    return typeof value === "number" || typeof value === "boolean" ? String(value) : kindOf(value);
  const text = JSON.stringify(value.slice(0, MAX_SHOWN));
  return value.length > MAX_SHOWN ? `${text} …` : text;
}
