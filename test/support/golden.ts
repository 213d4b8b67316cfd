/** The golden values of test/fixtures/golden (its README.md has the format): reading them, drawing their series, comparing. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { z } from "zod";
import { projectFile } from "./project-file.ts";

const segment = z.object({
  n: z.number(),
  dist: z.string(),
  p: z.number().optional(),
  k: z.number().optional(),
  probs: z.array(z.number()).optional(),
  scale: z.number().optional(),
  shift: z.number().optional(),
  floor: z.number().optional(),
  zero: z.number().optional(),
});
export const seriesSchema = z.union([
  z.object({ values: z.array(z.number()) }),
  z.object({ lcg: z.number(), segments: z.array(segment) }),
]);
const goldenCase = z.object({
  id: z.string(),
  kind: z.string(),
  params: z.record(z.string(), z.unknown()).default({}),
  inputs: z.record(z.string(), z.unknown()),
  expected: z.record(z.string(), z.unknown()),
  tol: z.number().optional(),
});
const goldenFile = z.object({ default_tol: z.number(), cases: z.array(goldenCase) });
export type GoldenCase = z.output<typeof goldenCase> & { readonly tolerance: number };

/** All cases of a kind, from all files. */
export function goldenCases(kind: string): readonly GoldenCase[] {
  return allGoldenCases().filter((one) => one.kind === kind);
}

export function allGoldenCases(): readonly GoldenCase[] {
  return ["golden.json", "golden-2.json", "online-detectors.json"].flatMap((file) =>
    readGoldenFile(projectFile(`test/fixtures/golden/${file}`)),
  );
}

/** The cases of a file; throws where it is no such file. */
export function readGoldenFile(file: string): readonly GoldenCase[] {
  const read = goldenFile.parse(JSON.parse(readFileSync(file, "utf8")));
  return read.cases.map((one) => ({ ...one, tolerance: one.tol ?? read.default_tol }));
}

/** The repository's linear congruential generator of uniform numbers in [0, 1). */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

/** The series that an input describes. */
export function series(input: unknown): number[] {
  const described = seriesSchema.parse(input);
  if ("values" in described) return described.values;
  const draw = uniform(described.lcg);
  return described.segments.flatMap((part) => Array.from({ length: part.n }, () => drawn(part, draw)));
}

function drawn(part: z.output<typeof segment>, draw: () => number): number {
  const zero = part.zero === undefined ? false : draw() < part.zero;
  let value = plain(part, draw);
  if (part.scale !== undefined) value *= part.scale;
  if (part.shift !== undefined) value += part.shift;
  if (part.floor !== undefined) value = Math.floor(value / part.floor) * part.floor;
  return zero ? 0 : value;
}

function plain({ dist, p = 0, k = 0, probs = [] }: z.output<typeof segment>, draw: () => number): number {
  let value = draw();
  if (dist === "uniform") return value;
  if (dist === "bernoulli") return value < p ? 1 : 0;
  if (dist === "int") return Math.floor(value * k);
  if (dist === "square") return value * value;
  if (dist === "normal") {
    for (let i = 0; i < 11; i++) value += draw();
    return value - 6;
  }
  assert.equal(dist, "cat");
  let below = 0;
  const index = probs.findIndex((probability) => {
    below += probability;
    return value < below;
  });
  return index < 0 ? probs.length - 1 : index;
}

/** Relative above 1, absolute below. */
export function assertClose(actual: number, expected: unknown, tolerance: number, what: string): void {
  assert.ok(typeof expected === "number", `${what}: the golden value is ${String(expected)}`);
  const error = Math.abs(actual - expected) / Math.max(1, Math.abs(expected));
  assert.ok(error <= tolerance, `${what}: ${actual} instead of ${expected} (tolerance ${tolerance})`);
}
