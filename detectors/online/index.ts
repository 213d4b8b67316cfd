// Written by scripts/generate.mjs from the files of this folder: do not edit.
import type { SequentialDetector } from "../../src/core/sequential-detector.ts";
import { adwin } from "./adwin.ts";
import { cusum } from "./cusum.ts";
import { ddm } from "./ddm.ts";
import { ewma } from "./ewma.ts";
import { pageHinkley } from "./page-hinkley.ts";

export const onlineDetectors: readonly [SequentialDetector, ...SequentialDetector[]] = [
  adwin,
  cusum,
  ddm,
  ewma,
  pageHinkley,
];
