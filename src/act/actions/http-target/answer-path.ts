/** A value of an answer by its path: `state`, `runs[0].run_id`, or `header location`. */
import type { HttpAnswer } from "../../../core/http-delivery.ts";

const PATH = /^(?:header [A-Za-z0-9-]+|[^.[\]\s]+(?:\[\d+\])*(?:\.[^.[\]\s]+(?:\[\d+\])*)*)$/;

export const isAnswerPath = (path: string): boolean => PATH.test(path);

/** The text or number at a path; null where there is none, or the answer is no JSON. */
export function valueAtPath(answer: HttpAnswer, path: string): string | null {
  if (path.startsWith("header ")) return answer.headers.get(path.slice("header ".length));
  let value: unknown;
  try {
    value = JSON.parse(answer.text);
  } catch {
    return null;
  }
  for (const [, name, index] of path.matchAll(/([^.[\]]+)|\[(\d+)\]/g)) {
    const key = name ?? index ?? "";
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return null;
    value = Reflect.get(value, key);
  }
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value !== "" ? value : null;
}
