/**
 * JSON as data, where `JSON.parse` would lose or refuse some of it: whole numbers that a double can't hold become bigint, and the bare NaN and
 * Infinity that Python's json writes become those numbers. Written again, a bigint has its digits, and what is not finite becomes `[]`: a value
 * that is invalid wherever a number or a category is expected, and so never taken for a missing one.
 */

const MARK = "\u0000n";
const LONG_DIGITS = /\d{16}/;
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*|-?\b(?:NaN|Infinity)\b/g;
const WHOLE = /^-?\d+$/;
const SPELT = /^(?:-?\d+|NaN|-?Infinity)$/;
const WRITTEN = /"\\u0000n(-?\d+)"/g;

/** @throws SyntaxError where the text is no JSON, NaN and Infinity aside */
export function parseLossless(text: string): unknown {
  if (!LONG_DIGITS.test(text)) {
    try {
      return JSON.parse(text);
    } catch (thrown) {
      if (!/\b(?:NaN|Infinity)\b/.test(text)) throw thrown;
    }
  }
  return JSON.parse(text.replace(TOKEN, marked), (_, value: unknown) => revived(value));
}

function marked(token: string): string {
  if (token.startsWith('"')) return token;
  if (WHOLE.test(token) ? Number.isSafeInteger(Number(token)) : !/[NI]/.test(token)) return token;
  return JSON.stringify(MARK + token);
}

function revived(value: unknown): unknown {
  if (typeof value !== "string" || !value.startsWith(MARK)) return value;
  const number = value.slice(MARK.length);
  if (!SPELT.test(number)) return value;
  return WHOLE.test(number) ? BigInt(number) : Number(number);
}

export function losslessText(value: unknown): string {
  const text = JSON.stringify(value, (_, item: unknown) => {
    if (typeof item === "bigint") return MARK + String(item);
    return typeof item === "number" && !Number.isFinite(item) ? [] : item;
  });
  return text.includes("\\u0000n") ? text.replace(WRITTEN, "$1") : text;
}
