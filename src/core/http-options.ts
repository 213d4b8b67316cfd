/** Options that targets over HTTP share. */
import { z } from "zod";

/** An address that may hold a token, and so is shown nowhere. */
export const secretUrl = (description: string) =>
  z
    .url({ protocol: /^https?$/ })
    .meta({ secret: true })
    .describe(description);

/** Further headers of a request; their values are secrets. */
export const headersOption = () =>
  z
    .record(
      z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, "a header name"),
      z
        .string()
        .regex(/^[\t\x20-\x7e]*$/, "printable ASCII")
        .meta({ secret: true }),
    )
    .default({})
    .describe("Further headers, for example an Authorization.");
