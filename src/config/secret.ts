/** Secrets: text that is taken from the environment or a file and printed nowhere. */
import { z } from "zod";

/** A non-empty secret. The mark `secret` hides its value wherever a configuration is shown. */
export const secret = () => z.string().min(1).meta({ secret: true });
