/** `detectors:`: `psi`, or `{ use: psi, threshold: 0.25 }`; the choices come from the folder's index. */
import { z } from "zod";
import { detectors } from "../../detectors/index.ts";
import { sampleDetectors } from "../../detectors/multivariate/index.ts";
import type { Detector } from "../core/detector.ts";

const subjects = z
  .array(z.string())
  .optional()
  .describe("Features (or prediction, score) to watch; left out: all that it suits.");

type Choice = Pick<Detector, "name" | "title" | "description" | "options" | "byDefault">;

/** What may stand in the list: detectors of one subject, and those of several features together. */
export const detectorChoices: readonly [Choice, ...Choice[]] = [...detectors, ...sampleDetectors];

const option = (detector: Choice) =>
  detector.options
    .extend({ use: z.literal(detector.name).describe("The detector."), subjects })
    .meta({ id: detector.name, title: detector.title, description: detector.description });

const [first, ...rest] = detectorChoices;
const written = z.discriminatedUnion("use", [option(first), ...rest.map(option)]);

/**
 * Preprocessed, not a union, so that a typing error names the choices. The last step changes nothing: it gives the keys that all
 * detectors share their types, which a list of schemas known at run time only has lost.
 */
export const detectorSchema = z
  .preprocess((value) => (typeof value === "string" ? { use: value } : value), written)
  .pipe(z.looseObject({ use: z.string(), subjects: z.array(z.string()).optional() }))
  .meta({ short: { enum: detectorChoices.map((detector) => detector.name) } });
export type DetectorConfig = z.output<typeof detectorSchema>;

const hasRows = new Set(
  detectorChoices
    .filter((detector) => Object.hasOwn(detector.options.shape, "min_rows"))
    .map((detector) => detector.name),
);

/** A model as written, with its `min_rows` handed to those of its detectors that say nothing themselves. */
export function withRowsOfModel(model: unknown): unknown {
  if (!isGroup(model) || !Array.isArray(model["detectors"]) || !z.int().min(1).safeParse(model["min_rows"]).success)
    return model;
  const { min_rows, detectors: list } = model;
  return {
    ...model,
    detectors: list.map((detector: unknown) => {
      const written = typeof detector === "string" ? { use: detector } : detector;
      if (!isGroup(written) || Object.hasOwn(written, "min_rows") || !hasRows.has(String(written["use"])))
        return detector;
      return { ...written, min_rows };
    }),
  };
}

const isGroup = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
