/** `format:`: `kserve`, or `{ use: kserve, features: [...] }`; the choices come from the folder's index. */
import { z } from "zod";
import type { Format } from "../core/format.ts";
import { formats } from "../ingest/formats/index.ts";

const option = (format: Format) =>
  format.options
    .extend({ use: z.literal(format.name).describe("The format.") })
    .meta({ id: `format-${format.name}`, title: format.title, description: format.description });

const [first, ...rest] = formats;

/** A name alone stands for its defaults. The last step changes nothing but the type: `use` is text, the rest is the format's own. */
export const formatSchema = z
  .preprocess(
    (value) => (typeof value === "string" ? { use: value } : value),
    z.discriminatedUnion("use", [option(first), ...rest.map(option)]),
  )
  .pipe(z.looseObject({ use: z.string() }))
  .meta({ id: "wire-format", short: { enum: formats.map((format) => format.name) } });
export type FormatConfig = z.output<typeof formatSchema>;

/** The plug-in of a `format:`. */
export function formatOf({ use }: FormatConfig): Format {
  const format = formats.find((candidate) => candidate.name === use);
  if (format === undefined) throw new TypeError(`there is no format ${use}`);
  return format;
}
