/** Secrets: text that is taken from the environment or a file and printed nowhere. Here, because plug-ins have secrets too. */
import { z } from "zod";

/**
 * A non-empty secret. The mark `secret` hides its value wherever a configuration is shown, keeps it out of errors, and lets the
 * configuration file say `{ env: NAME }` or `{ file: PATH }` instead of the text.
 */
export const secret = () => z.string().min(1).meta({ secret: true });
