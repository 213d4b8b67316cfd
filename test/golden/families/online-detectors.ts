/** The online detectors' kinds: ADWIN, PageHinkley, KSWIN, DDM, EDDM, HDDMA, HDDMW, FHDDM, cusum_ewma. */
import type { Family } from "../golden-function.ts";

/** From kind to the online detectors. */
export const onlineDetectors: Family = {};
