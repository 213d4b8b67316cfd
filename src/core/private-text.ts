/** Names of people and the like as keyed hashes: the same text stays the same, and nobody reads it back without the key. */
import { createHmac } from "node:crypto";

/** Values that are remembered: categories come again and again, ids don't. */
const REMEMBERED_MAX = 10_000;
const DIGITS = 32;

/** Stands before a hash in something that is read once more, so that it is not taken for a text that is still to be hashed. */
const MARK = "hmac-sha256:";
const MARKED = new RegExp(`^${MARK}([0-9a-f]{${DIGITS}})$`);

export const marked = (hash: string): string => MARK + hash;

/** As `hash`, but a marked hash is that hash already. For what this program itself has written alone: anybody can write a mark. */
export const hashedOnce =
  (hash: (text: string) => string): ((text: string) => string) =>
  (text) =>
    MARKED.exec(text)?.[1] ?? hash(text);

/** HMAC-SHA-256 of the text under the key, its first 32 hexadecimal digits. */
export function privateText(key: string): (text: string) => string {
  const known = new Map<string, string>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    const hash = createHmac("sha256", key).update(text).digest("hex").slice(0, DIGITS);
    if (known.size < REMEMBERED_MAX) known.set(text, hash);
    return hash;
  };
}
