/** Why a message is not JSON: in words, where it is what Python and others write for numbers that JSON does not have. */
import { messageOf } from "../../core/errors.ts";
import { Refusal } from "../../core/refusal.ts";

const NOT_A_NUMBER = /[:[,]\s*-?(NaN|Infinity)\b/;

/** @param thrown what the parser threw */
export function notJson(text: string, thrown: unknown): Refusal {
  const special = NOT_A_NUMBER.exec(text)?.[1];
  if (special !== undefined)
    return new Refusal(
      "not_json",
      `the message holds ${special}, which is not JSON; send null where there is no value`,
    );
  return new Refusal("not_json", messageOf(thrown).slice(0, 300));
}
