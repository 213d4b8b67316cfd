/** Every golden kind that the library answers, and those that are left alone. */
import { comparators } from "./families/comparators.ts";
import { counts } from "./families/counts.ts";
import { estimates } from "./families/estimates.ts";
import { onlineDetectors } from "./families/online-detectors.ts";
import { pageTier } from "./families/page-tier.ts";
import { performance } from "./families/performance.ts";
import { samples } from "./families/samples.ts";
import { special } from "./families/special.ts";
import type { GoldenFunction } from "./golden-function.ts";

const families = [samples, counts, performance, special, comparators, estimates, onlineDetectors, pageTier];

/** By kind; a kind that two families claim is a mistake. */
export const goldenFunctions: ReadonlyMap<string, GoldenFunction> = new Map(
  families.flatMap((family) => Object.entries(family)),
);

/** Kinds that no part of the library answers, and why. */
export const skippedKinds: ReadonlyMap<string, string> = new Map([
  ["esr", "an earlier form of the sequential test, which tilt_esr has replaced"],
]);
