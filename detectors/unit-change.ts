/** The same values in another unit: what a changed upstream service does without a word, and no model survives. */
import { z } from "zod";
import { defineDetector, insufficient, minRowsOption } from "../src/core/detector.ts";
import { total } from "../src/math/total.ts";
import { unitChange as changeOfUnit, type UnitConversion } from "../src/math/unit-change.ts";

export const unitChange = defineDetector({
  name: "unit-change",
  title: "Change of unit",
  description:
    "How likely it is that all of the window's values are the reference's in another unit: times 10, 100, 1000, a million, 60, 3600, 24, 86,400, 1.609, 0.4536, 2.54, 0.3048 or 3.785, one over them, or between Celsius, Fahrenheit and Kelvin. `detail` has the factor and an example. Mean and standard deviation must both be what the unit makes of the reference's, and the bins must allow it; the rival explanations are an ordinary shift, a change of the spread, and values that have all grown by some other factor. So factors near 1 need many rows, or values that vary little against their mean, while a factor of 1000 is plain from a few hundred. An ordinary change that happens to be one of these factors can't be told from a change of unit. Where only a part of the events has changed its unit this says nothing: see out-of-range-rate.",
  citation:
    "Kass, R. E. & Raftery, A. E. (1995). Bayes factors. JASA 90, 773-795. Shape: Kolmogorov, A. N. (1933). G. Ist. Ital. Attuari 4, 83-91.",
  subjectKinds: ["feature"],
  featureKinds: ["numeric"],
  byDefault: true,
  range: [0, 1],
  unit: "probability",
  options: z.strictObject({
    threshold: z.number().min(0).max(1).default(0.95).describe("Probability above which the unit has changed."),
    min_rows: minRowsOption("Rows with a value"),
  }),
  examples: [
    {
      reference: numeric(500, 70, 15),
      window: { bins: [0, 0, 0, 400], mean: 70_000, standardDeviation: 15_000, minimum: 30_000, maximum: 110_000 },
      value: 1,
      source: "by hand: mean and standard deviation are 1000 times the reference's to the last digit",
    },
    {
      reference: numeric(500, 70, 15),
      window: { bins: [0, 200, 200, 0], mean: 70, standardDeviation: 15, minimum: 30, maximum: 110 },
      value: 0,
      source: "by hand: the reference's own mean and standard deviation",
    },
  ],

  compare(reference, window, { threshold, min_rows }) {
    const m = total(window.bins);
    const lacking = insufficient(total(reference.bins), m, min_rows);
    if (lacking !== undefined) return lacking;
    const { mean, standardDeviation } = window;
    if (mean === null || standardDeviation === null)
      return { status: "insufficient", rows: m, needed: min_rows, reason: "The window has no mean." };
    const { probability, conversion } = changeOfUnit(reference, { bins: window.bins, mean, standardDeviation });
    const isLikely = conversion !== null && probability >= LEAST_NAMED;
    return {
      status: "ok",
      // What is not worth naming is none, and more than three decimals would be pretence.
      value: isLikely ? Number(probability.toFixed(3)) : 0,
      noise: { expected: 0, upper99: LEAST_NAMED },
      least: threshold,
      ...(isLikely
        ? { detail: { factor: conversion.factor, offset: conversion.offset, found: foundText(conversion) } }
        : {}),
    };
  },
});

/** A conversion less likely than this is not told: without a change even one in a hundred windows has less. */
const LEAST_NAMED = 0.5;

/** "1000 times the reference's, as grams for kilograms". */
function foundText({ factor, offset, example }: UnitConversion): string {
  if (offset !== 0) return `as ${example}`;
  const times =
    factor > 1 ? `${number(factor)} times the reference's` : `the reference's divided by ${number(1 / factor)}`;
  return `${times}, as ${example}`;
}

const number = (value: number): string => String(Number(value.toPrecision(5)));

/** Four bins about the mean, for the examples. */
function numeric(half: number, mean: number, standardDeviation: number) {
  return {
    kind: "numeric",
    edges: [mean - 40, mean, mean + 40],
    bins: [1, half, half, 0],
    means: [mean - 40, mean - standardDeviation, mean + standardDeviation, mean + 40],
    mean,
    standardDeviation,
    minimum: mean - 40,
    maximum: mean + 40,
  } as const;
}
