// Written by scripts/generate.mjs from the files of this folder: do not edit.
import type { SampleDetector } from "../../src/core/sample-detector.ts";
import { correlation } from "./correlation.ts";
import { domainClassifier } from "./domain-classifier.ts";

export const sampleDetectors: readonly [SampleDetector, ...SampleDetector[]] = [correlation, domainClassifier];
