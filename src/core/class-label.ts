/**
 * One rule by which class labels compare: 1, 1.0, "1", "1.0", true and "true" are one class, as are their zeros.
 * Text that is no plain number stays as it is, digit by digit ("007" is not 7).
 */

const PLAIN_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;

/**
 * The canonical text of a class label.
 *
 * @returns null where the value cannot be a class: null, empty text, not finite, an object
 */
export function classLabel(value: unknown): string | null {
  if (typeof value === "number") return Number.isFinite(value) ? String(value === 0 ? 0 : value) : null;
  if (typeof value === "bigint") return String(value);
  if (typeof value === "boolean") return value ? "1" : "0";
  if (typeof value !== "string") return null;
  const text = value.trim();
  if (text === "") return null;
  if (PLAIN_NUMBER.test(text) && Math.abs(Number(text)) <= Number.MAX_SAFE_INTEGER) return String(Number(text) + 0);
  const lower = text.toLowerCase();
  if (lower === "true") return "1";
  if (lower === "false") return "0";
  return text;
}
