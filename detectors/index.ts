// Written by scripts/generate.mjs from the files of this folder: do not edit.
import type { Detector } from "../src/core/detector.ts";
import { chiSquared } from "./chi-squared.ts";
import { invalidRate } from "./invalid-rate.ts";
import { jensenShannon } from "./jensen-shannon.ts";
import { kolmogorovSmirnov } from "./kolmogorov-smirnov.ts";
import { missingRate } from "./missing-rate.ts";
import { newCategoryRate } from "./new-category-rate.ts";
import { psi } from "./psi.ts";
import { totalVariation } from "./total-variation.ts";
import { volume } from "./volume.ts";
import { wasserstein } from "./wasserstein.ts";

export const detectors: readonly [Detector, ...Detector[]] = [
  chiSquared,
  invalidRate,
  jensenShannon,
  kolmogorovSmirnov,
  missingRate,
  newCategoryRate,
  psi,
  totalVariation,
  volume,
  wasserstein,
];
