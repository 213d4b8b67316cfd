/** Leaves out and hashes fields of a row that has just been read, before it counts: see config/privacy.ts. */
import type { Privacy, Way } from "../../config/privacy.ts";
import type { Pairs, PredictionRows } from "./event-rows.ts";

/** @returns a function that makes row `row` as private as is asked for */
export function createRedaction(privacy: Privacy): (rows: PredictionRows, row: number) => void {
  const { hash } = privacy;
  return (rows, row) => {
    for (const feature of rows.features) {
      const way = privacy.feature(feature.feature.name);
      if (way === null) continue;
      const text = feature.categorical ? feature.texts[row] : null;
      // A hash is no number and no vector: what the reference takes for one is left out instead.
      if (way === "hash" && typeof text === "string") feature.texts[row] = hash(text);
      else feature.setMissing(row);
    }
    rows.segments[row] = changed(rows.segments[row] ?? [], (name) => privacy.segment(name), hash);
    rows.extra[row] = changed(
      rows.extra[row] ?? [],
      (name) => privacy.feature(name),
      (json) => JSON.stringify(hash(plainText(json))),
    );
    rows.attributions[row] = (rows.attributions[row] ?? []).filter(([name]) => privacy.attribution(name) === null);
    const invalid = rows.invalid[row] ?? [];
    if (invalid.length === 0) return;
    const reasons = rows.features
      .filter(({ feature }) => feature.kind === "vector" && privacy.feature(feature.name) === "drop")
      .map(({ feature }) => `${feature.name}: `);
    rows.invalid[row] = invalid.filter(
      (name) => privacy.feature(name) !== "drop" && !reasons.some((reason) => name.startsWith(reason)),
    );
  };
}

function changed(
  pairs: Pairs<string>,
  wayOf: (name: string) => Way | null,
  hash: (text: string) => string,
): Pairs<string> {
  if (!pairs.some(([name]) => wayOf(name) !== null)) return pairs;
  return pairs.flatMap(([name, value]) => {
    const way = wayOf(name);
    if (way === "drop") return [];
    return [[name, way === "hash" ? hash(value) : value] as const];
  });
}

/** A text without its quotes, so that it has the hash that it has as a category. */
function plainText(json: string): string {
  const value: unknown = JSON.parse(json);
  return typeof value === "string" ? value : json;
}
