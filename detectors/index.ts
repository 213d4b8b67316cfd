// Written by scripts/generate.mjs from the files of this folder: do not edit.
import type { Detector } from "../src/core/detector.ts";
import { chiSquared } from "./chi-squared.ts";
import { constantValue } from "./constant-value.ts";
import { cramerVonMises } from "./cramer-von-mises.ts";
import { duplicateRate } from "./duplicate-rate.ts";
import { energy } from "./energy.ts";
import { freshness } from "./freshness.ts";
import { hellinger } from "./hellinger.ts";
import { invalidRate } from "./invalid-rate.ts";
import { jensenShannon } from "./jensen-shannon.ts";
import { kolmogorovSmirnov } from "./kolmogorov-smirnov.ts";
import { kullbackLeibler } from "./kullback-leibler.ts";
import { lInfinity } from "./l-infinity.ts";
import { labelDelay } from "./label-delay.ts";
import { meanShift } from "./mean-shift.ts";
import { missingRate } from "./missing-rate.ts";
import { newCategoryRate } from "./new-category-rate.ts";
import { outOfRangeRate } from "./out-of-range-rate.ts";
import { psi } from "./psi.ts";
import { totalVariation } from "./total-variation.ts";
import { typeChange } from "./type-change.ts";
import { unitChange } from "./unit-change.ts";
import { volume } from "./volume.ts";
import { wasserstein } from "./wasserstein.ts";

export const detectors: readonly [Detector, ...Detector[]] = [
  chiSquared,
  constantValue,
  cramerVonMises,
  duplicateRate,
  energy,
  freshness,
  hellinger,
  invalidRate,
  jensenShannon,
  kolmogorovSmirnov,
  kullbackLeibler,
  lInfinity,
  labelDelay,
  meanShift,
  missingRate,
  newCategoryRate,
  outOfRangeRate,
  psi,
  totalVariation,
  typeChange,
  unitChange,
  volume,
  wasserstein,
];
