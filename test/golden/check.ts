/** One golden case against the library: every number of `expected` within the tolerance, relative above 1 and absolute below. */
import type { GoldenCase } from "../support/golden.ts";
import { goldenFunctions, skippedKinds } from "./table.ts";

export type Outcome =
  | { readonly status: "passed" }
  | { readonly status: "skipped"; readonly reason: string }
  | { readonly status: "failed"; readonly reason: string };

/** Never throws: what a function throws is the reason of the failure. */
export function checkCase({ kind, inputs, params, expected, tolerance }: GoldenCase): Outcome {
  const skipped = skippedKinds.get(kind);
  if (skipped !== undefined) return { status: "skipped", reason: skipped };
  const compute = goldenFunctions.get(kind);
  if (compute === undefined) return { status: "failed", reason: `there is no function for the kind "${kind}"` };
  try {
    const differences = differencesOf(compute({ inputs, params }), expected, tolerance, "");
    return differences.length === 0 ? { status: "passed" } : { status: "failed", reason: differences.join("; ") };
  } catch (error) {
    return { status: "failed", reason: error instanceof Error ? error.message : String(error) };
  }
}

const nonFinite: ReadonlyMap<unknown, number> = new Map([
  ["nan", Number.NaN],
  ["inf", Number.POSITIVE_INFINITY],
  ["-inf", Number.NEGATIVE_INFINITY],
]);

/** What differs, each with its path; empty if nothing does. */
export function differencesOf(actual: unknown, wanted: unknown, tolerance: number, path: string): string[] {
  const at = path === "" ? "the result" : path;
  const expected = nonFinite.get(wanted) ?? wanted;
  if (typeof expected === "number") {
    return typeof actual === "number" && isClose(actual, expected, tolerance)
      ? []
      : [`${at} is ${String(actual)} instead of ${expected} (tolerance ${tolerance})`];
  }
  if (Array.isArray(expected)) {
    if (!isList(actual)) return [`${at} is no list`];
    const short =
      actual.length === expected.length ? [] : [`${at} has ${actual.length} entries instead of ${expected.length}`];
    const wrong = expected.flatMap((value: unknown, index) =>
      index < actual.length ? differencesOf(actual[index], value, tolerance, `${path}[${index}]`) : [],
    );
    return [...short, ...wrong.slice(0, 3)];
  }
  if (isRecord(expected)) {
    if (!isRecord(actual)) return [`${at} is no object`];
    return Object.entries(expected).flatMap(([key, value]) =>
      key in actual
        ? differencesOf(actual[key], value, tolerance, path === "" ? key : `${path}.${key}`)
        : [`${at} has no "${key}"`],
    );
  }
  return actual === expected ? [] : [`${at} is ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`];
}

function isClose(actual: number, expected: number, tolerance: number): boolean {
  if (Number.isNaN(expected)) return Number.isNaN(actual);
  if (!Number.isFinite(expected)) return actual === expected;
  return Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected));
}

/** Typed arrays too. */
function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || ArrayBuffer.isView(value);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
