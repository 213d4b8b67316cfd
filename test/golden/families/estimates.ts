/** Kinds of performance without labels and of fairness: cbpe, cbpe_sampling_error, isotonic, fairness, ranking. */
import type { Family } from "../golden-function.ts";

/** From kind to the functions of src/math. */
export const estimates: Family = {};
