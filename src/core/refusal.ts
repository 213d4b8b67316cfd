/** Why a message is no event, in the words of its dead letter. */
import { messageOf } from "./errors.ts";
import type { DeadLetterReason } from "./event.ts";

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
