/** The golden streams of online detectors: River's change points, and those of plain recursions, with the options that differ from defaults. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { series } from "./golden.ts";
import { projectFile } from "./project-file.ts";

const file = z.object({
  default_tol: z.number(),
  cases: z.array(
    z.object({
      id: z.string(),
      kind: z.string(),
      params: z.record(z.string(), z.unknown()),
      inputs: z.object({ x: z.unknown() }),
      expected: z.record(z.string(), z.unknown()),
      tol: z.number().optional(),
    }),
  ),
});

export interface GoldenStream {
  readonly id: string;
  readonly kind: string;
  /** By the names that River gives them. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly values: readonly number[];
  readonly expected: Readonly<Record<string, unknown>>;
  readonly tolerance: number;
}

export function goldenStreams(kind?: string): readonly GoldenStream[] {
  const { cases, default_tol } = file.parse(
    JSON.parse(readFileSync(projectFile("test/fixtures/golden/online-detectors.json"), "utf8")),
  );
  return cases
    .filter((one) => kind === undefined || one.kind === kind)
    .map(({ id, kind, params, inputs, expected, tol }) => ({
      id,
      kind,
      parameters: params,
      values: series(inputs.x),
      expected,
      tolerance: tol ?? default_tol,
    }));
}
