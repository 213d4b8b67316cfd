// Written by scripts/generate.mjs from the files of this folder: do not edit.
import type { Format } from "../../core/format.ts";
import { auto } from "./auto.ts";
import { cloudevents } from "./cloudevents.ts";
import { json } from "./json.ts";
import { kserve } from "./kserve.ts";
import { openInference } from "./open-inference.ts";
import { seldon1 } from "./seldon-1.ts";
import { tensorflowServing } from "./tensorflow-serving.ts";

export const formats: readonly [Format, ...Format[]] = [
  auto,
  cloudevents,
  json,
  kserve,
  openInference,
  seldon1,
  tensorflowServing,
];
