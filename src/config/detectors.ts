/** `detectors:`: `psi`, or `{ use: psi, threshold: 0.25 }`; the choices come from the folder's index. */
import { z } from "zod";
import { detectors } from "../../detectors/index.ts";
import { sampleDetectors } from "../../detectors/multivariate/index.ts";
import { onlineDetectors } from "../../detectors/online/index.ts";
import type { Detector } from "../core/detector.ts";
import { type SequentialDetector, takesAnyNumber } from "../core/sequential-detector.ts";

const subjects = z
  .array(z.string())
  .optional()
  .describe("Features (or prediction, score) to watch; left out: all that it suits.");

type Choice = Pick<Detector, "name" | "title" | "description" | "options" | "byDefault">;

/** What compares a window with the reference: detectors of one subject, and those of several features together. */
const windowChoices: readonly [Choice, ...Choice[]] = [...detectors, ...sampleDetectors];

/** What may stand in the list: those, and online ones, which read a stream of numbers one after the other. */
export const detectorChoices: readonly [Choice, ...Choice[]] = [
  ...windowChoices,
  ...onlineDetectors.map((detector) => ({ ...detector, byDefault: false })),
];

/** The stream of a model's errors, event by event. */
export const ERROR_STREAM = "error";

const on = z
  .string()
  .min(1)
  .default(ERROR_STREAM)
  .describe(
    "The stream to watch: `error` is the error of each labelled event in the order of (timestamp, id), 0 or 1 for classes and the absolute error for numbers; the name of a metric of this model (`accuracy`, `jensen-shannon`, …) is its value in each window, by the order of windows.",
  );
const subjectsOfMetric = z
  .array(z.string())
  .optional()
  .describe("Of a metric that features have each: the features (or prediction, score) to watch; left out: all.");
const unit = z
  .number()
  .positive()
  .optional()
  .describe(
    "What the options take for 1, in the unit of the stream. Left out: 1 for an error of 0 or 1; else the standard deviation of the stream's first values, 30 windows or 1,000 errors, which are not judged.",
  );

const isOnline = (use: unknown): boolean => onlineDetectors.some(({ name }) => name === use);

const option = (detector: Choice) =>
  detector.options
    .extend({ use: z.literal(detector.name).describe("The detector."), subjects })
    .meta({ id: detector.name, title: detector.title, description: detector.description });

const onlineOption = (detector: SequentialDetector) =>
  detector.options
    .extend({
      use: z.literal(detector.name).describe("The detector."),
      on,
      subjects: subjectsOfMetric,
      ...(takesAnyNumber(detector) ? { unit } : {}),
    })
    .meta({
      id: detector.name,
      title: detector.title,
      description: `Online. ${detector.description} ${detector.scaleNote}${detector.ofWindows === undefined ? "" : ` ${ofWindowsNote(detector.ofWindows)}`}`,
    });

const ofWindowsNote = (ofWindows: Readonly<Record<string, unknown>>): string =>
  `On a metric, which has one value a window: ${Object.entries(ofWindows)
    .map(([key, value]) => `\`${key}\` ${String(value)}`)
    .join(", ")} where nothing is written.`;

const [first, ...rest] = windowChoices;
const written = z.discriminatedUnion("use", [option(first), ...rest.map(option), ...onlineDetectors.map(onlineOption)]);

/** A name alone stands for its defaults; on a metric of windows an online detector has some of its own. */
function inFull(value: unknown): unknown {
  if (typeof value === "string") return { use: value };
  if (!isGroup(value) || !isOnline(value["use"]) || (value["on"] ?? ERROR_STREAM) === ERROR_STREAM) return value;
  return { ...onlineDetectors.find(({ name }) => name === value["use"])?.ofWindows, ...value };
}

/**
 * Preprocessed, not a union, so that a typing error names the choices. The last step changes nothing: it gives the keys that all
 * detectors share their types, which a list of schemas known at run time only has lost.
 */
export const detectorSchema = z
  .preprocess(inFull, written)
  .pipe(z.looseObject({ use: z.string(), on: z.string().optional(), subjects: z.array(z.string()).optional() }))
  .meta({ short: { enum: detectorChoices.map((detector) => detector.name) } });
export type DetectorConfig = z.output<typeof detectorSchema>;

/** A written online detector; `on` has its default by then. */
export type OnlineDetectorConfig = DetectorConfig & { readonly on: string };

/** Those of a model's list that are online. */
export const onlineDetectorsOf = ({
  detectors: list,
}: {
  readonly detectors?: readonly DetectorConfig[] | undefined;
}): OnlineDetectorConfig[] =>
  (list ?? []).flatMap((detector) =>
    isOnline(detector.use) ? [{ ...detector, on: detector.on ?? ERROR_STREAM }] : [],
  );

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
