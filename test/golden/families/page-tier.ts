/** The page tier's kinds: numeric_reference, categorical_reference, tilt_esr, rate_esr, bound_sr, model_page and their like. */
import type { Family } from "../golden-function.ts";

/** From kind to the functions of src/sequential. */
export const pageTier: Family = {};
