// Written by scripts/generate.mjs from the files of this folder: do not edit.
import type { Format } from "../../core/format.ts";
import { auto } from "./auto.ts";
import { cloudevents } from "./cloudevents.ts";
import { json } from "./json.ts";
import { kserve } from "./kserve.ts";

export const formats: readonly [Format, ...Format[]] = [auto, cloudevents, json, kserve];
