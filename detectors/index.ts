import type { Detector } from "../src/core/detector.ts";
import { totalVariation } from "./total-variation.ts";

export const detectors: readonly [Detector, ...Detector[]] = [totalVariation];
