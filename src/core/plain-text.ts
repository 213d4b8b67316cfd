/** Cutting plain text to what a medium takes. */

/** At most `longest` UTF-16 units, the last of them an ellipsis where something was cut; never half of a surrogate pair. */
export function cutText(text: string, longest: number): string {
  if (text.length <= longest) return text;
  return `${text.slice(0, Math.max(0, longest - 1)).replace(/[\ud800-\udbff]$/, "")}…`;
}

/** One line without control characters and line breaks. */
export const oneLine = (text: string): string => text.replace(/[\s\p{Cc}]+/gu, " ").trim();
