/**
 * JSON without loss: `JSON.parse` rounds 9007199254740993 and forgets the zero of 1.10. Ids and versions are text digit by
 * digit, so where one came as a number its spelling is looked up here; and arrays of events are cut without being parsed.
 */

/** A string, or a number outside one. The text is known to be JSON, so nothing else needs to be told apart. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;

/** The same value with every number replaced by the text that spelt it. `text` must be valid JSON. */
export function parseWithNumbersAsText(text: string): unknown {
  return JSON.parse(text.replace(TOKEN, (token) => (token.startsWith('"') ? token : `"${token}"`)));
}

const QUOTE = 34;
const COMMA = 44;
const OPEN_ARRAY = 91;
const BACKSLASH = 92;
const CLOSE_ARRAY = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

const isSpace = (byte: number | undefined): boolean => byte === 32 || byte === 9 || byte === 10 || byte === 13;

/**
 * The elements of a JSON array as slices of its bytes, each untouched; null where the brackets do not match. The elements are
 * not looked into: a broken one is the reader's to refuse, and does not take its neighbours with it. Ends early with one element
 * more than `most`, since a slice takes a hundred times the memory of the comma that makes it.
 */
export function splitArray(bytes: Buffer, most = Number.POSITIVE_INFINITY): Buffer[] | null {
  let start = 0;
  let end = bytes.length;
  while (isSpace(bytes[start])) start++;
  while (end > start && isSpace(bytes[end - 1])) end--;
  if (bytes[start] !== OPEN_ARRAY || bytes[end - 1] !== CLOSE_ARRAY || end - start < 2) return null;
  const items: Buffer[] = [];
  let depth = 0;
  let from = start + 1;
  for (let at = start + 1; at < end - 1; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) at = endOfString(bytes, at, end - 1);
    else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) depth++;
    else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) depth--;
    else if (byte === COMMA && depth === 0) {
      items.push(trimmed(bytes.subarray(from, at)));
      if (items.length > most) return items;
      from = at + 1;
    }
    if (depth < 0 || at >= end - 1) return null;
  }
  if (depth !== 0) return null;
  const last = trimmed(bytes.subarray(from, end - 1));
  if (last.length > 0 || items.length > 0) items.push(last);
  return items;
}

function endOfString(bytes: Buffer, open: number, end: number): number {
  for (let at = open + 1; at < end; at++) {
    if (bytes[at] === BACKSLASH) at++;
    else if (bytes[at] === QUOTE) return at;
  }
  return end;
}

/** The bytes without white space around them. */
export function trimmed(bytes: Buffer): Buffer {
  let start = 0;
  let end = bytes.length;
  while (start < end && isSpace(bytes[start])) start++;
  while (end > start && isSpace(bytes[end - 1])) end--;
  return bytes.subarray(start, end);
}
