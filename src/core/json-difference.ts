/** Where two pieces of plain data differ. */

/** Paths of the values that differ ("models.0.alerts.channels"), down to `depth` keys, in the order of keys; at most 20. */
export function differingPaths(before: unknown, after: unknown, depth = 4): string[] {
  return [...walk(before, after, depth, "")].slice(0, 20);
}

function* walk(before: unknown, after: unknown, depth: number, path: string): Generator<string> {
  if (JSON.stringify(before) === JSON.stringify(after)) return;
  const [one, other] = [before, after].map(entriesOf);
  if (depth === 0 || one === null || other === null || one === undefined || other === undefined) {
    yield path;
    return;
  }
  for (const key of [...new Set([...one.keys(), ...other.keys()])].sort())
    yield* walk(one.get(key), other.get(key), depth - 1, path === "" ? key : `${path}.${key}`);
}

const entriesOf = (data: unknown): ReadonlyMap<string, unknown> | null =>
  typeof data === "object" && data !== null ? new Map(Object.entries(data)) : null;
