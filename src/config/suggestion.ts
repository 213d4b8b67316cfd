/** "Did you mean": the nearest of the possible names by edit distance. */

/** Levenshtein's distance, with a swap of neighbours counted as one edit (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (beforeLast[j - 2] ?? 0) + 1);
      row.push(least);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

const LONGEST = 100;
const plain = (text: string) => text.toLowerCase().replace(/[\s_.-]+/g, "");

/** The choice that was probably meant; null where none is near. Case, `-`, `_` and spaces count for nothing. */
export function nearest(written: string, choices: readonly string[]): string | null {
  if (written.length > LONGEST) return null;
  const target = plain(written);
  let best: { choice: string; distance: number } | null = null;
  for (const choice of choices) {
    const distance = editDistance(target, plain(choice));
    if (best === null || distance < best.distance) best = { choice, distance };
  }
  const allowed = Math.max(1, Math.floor(target.length / 3));
  return best !== null && best.distance <= allowed ? best.choice : null;
}

/** `; did you mean "threshold"? Possible: a, b` — the tail of an error about a name. */
export function suggestionText(written: string | null, choices: readonly string[], noun: string): string {
  const near = written === null ? null : nearest(written, choices);
  const list = choices.length === 0 ? "" : `${noun}: ${choices.join(", ")}`;
  return `${near === null ? "" : `; did you mean "${near}"?`}${list === "" ? "" : near === null ? `; ${list}` : ` ${list[0]?.toUpperCase()}${list.slice(1)}`}`;
}
