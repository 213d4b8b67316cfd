/** Why a message is no event, in the words of its dead letter. */
import { messageOf } from "./errors.ts";
import { type DeadLetterReason, keptBytes, type RawMessage } from "./event.ts";

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

/** The refusal that was thrown; of anything else, that the payload can't be read. */
export function refusalOf(thrown: unknown): { readonly reason: DeadLetterReason; readonly detail: string } {
  if (thrown instanceof Refusal) return { reason: thrown.reason, detail: thrown.detail };
  return { reason: "field_invalid", detail: `the payload can't be read: ${messageOf(thrown)}` };
}

/**
 * What a dead letter says and keeps. What can't be read can't be redacted, and the words of a refusal quote values: so of what may be private
 * neither is kept.
 *
 * @param limit bytes that may be kept; null: nothing may
 */
export function letterOf(
  thrown: unknown,
  value: RawMessage["value"],
  limit: number | null,
): { readonly reason: DeadLetterReason; readonly detail: string; readonly raw: Buffer | string } {
  const { reason, detail } = refusalOf(thrown);
  return limit === null
    ? { reason, detail: withheld(reason), raw: "" }
    : { reason, detail, raw: keptBytes(value, limit) };
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
