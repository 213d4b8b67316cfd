/**
 * The chain of an audit: each entry's hash covers the entry and the hash before it, so that none can be changed, left out or put in between
 * without changing every later one. Whoever has noted a later hash elsewhere can tell.
 */
import { createHash } from "node:crypto";
import { z } from "zod";

/** What was decided, by whom and why. */
export interface Decision {
  /** The table that it lies in, and its key there. */
  readonly kind: string;
  readonly id: string;
  readonly model: string;
  /** When, ms. */
  readonly at: number;
  readonly who: string;
  readonly what: string;
  readonly why: string;
  /** Configuration in force: see `monitors`. '' where it is not known. */
  readonly monitorHash: string;
  /** SHA-256 of the row's content, hexadecimal. */
  readonly contentHash: string;
}

export interface Entry extends Decision {
  readonly writer: string;
  /** 0, 1, 2, … */
  readonly sequence: number;
  /** Hash of the entry before; '' for the first. */
  readonly previous: string;
  readonly hash: string;
}

/** The last entry of a writer's chain, as far as the next one needs it. */
export interface Head {
  readonly writer: string;
  readonly sequence: number;
  readonly hash: string;
}

/** Kind of a chain's first entry; its `why` names the heads of the other chains as they were then. */
export const BEGINNING = "chain";

/** SHA-256, hexadecimal, of the parts as a JSON array in this order. */
export function hashOf(entry: Omit<Entry, "hash">): string {
  const { writer, sequence, at, kind, id, model, who, what, why, monitorHash, contentHash, previous } = entry;
  const parts = [writer, sequence, at, kind, id, model, who, what, why, monitorHash, contentHash, previous];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/** The entries that carry a chain on; `head` null begins one, with the heads of the chains that there are. */
export function extend(
  writer: string,
  head: Head | null,
  decisions: readonly Decision[],
  beginning: { readonly at: number; readonly heads: readonly Head[] },
): readonly Entry[] {
  const first: Decision[] =
    head === null
      ? [
          {
            kind: BEGINNING,
            id: writer,
            model: "",
            at: beginning.at,
            who: writer,
            what: "begins to write",
            why: JSON.stringify(beginning.heads.map(({ writer: other, sequence, hash }) => [other, sequence, hash])),
            monitorHash: "",
            contentHash: "",
          },
        ]
      : [];
  const entries: Entry[] = [];
  let previous = head;
  for (const decision of [...first, ...decisions]) {
    const linked = { ...decision, writer, sequence: (previous?.sequence ?? -1) + 1, previous: previous?.hash ?? "" };
    const entry = { ...linked, hash: hashOf(linked) };
    entries.push(entry);
    previous = entry;
  }
  return entries;
}

/** What is wrong with an entry that follows `previous` in its writer's chain (null: it is the first); null where nothing is. */
export function faultOf(entry: Entry, previous: Head | null): string | null {
  const place = `entry ${entry.sequence} of ${entry.writer}`;
  const expected = (previous?.sequence ?? -1) + 1;
  if (entry.sequence !== expected) return `${place} follows ${expected - 1}: entries are missing or doubled`;
  if (entry.previous !== (previous?.hash ?? "")) return `${place} does not follow from the one before it`;
  if (previous === null && entry.kind !== BEGINNING) return `${place} does not begin the chain`;
  return entry.hash === hashOf(entry) ? null : `${place} (${entry.what}) is not as it was written`;
}

const namedHeads = z.array(
  z
    .tuple([z.string(), z.number(), z.string()])
    .transform(([writer, sequence, hash]): Head => ({ writer, sequence, hash })),
);

/** The heads of the other chains that the `why` of a chain's beginning names. */
export function headsNamedBy(why: string): readonly Head[] {
  try {
    return namedHeads.parse(JSON.parse(why));
  } catch {
    // The entry's own hash tells that it was changed.
    return [];
  }
}

/** The heads that no later chain has named: from these all others follow. */
export function standingHeads(heads: readonly Head[], beginnings: readonly string[]): readonly Head[] {
  const named = new Set(beginnings.flatMap(headsNamedBy).map(({ hash }) => hash));
  return heads.filter(({ hash }) => !named.has(hash));
}
