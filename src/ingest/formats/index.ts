// Written by scripts/generate.mjs from the files of this folder: do not edit.
import type { Format } from "../../core/format.ts";
import { auto } from "./auto.ts";
import { avro } from "./avro.ts";
import { cloudevents } from "./cloudevents.ts";
import { json } from "./json.ts";
import { jsonSchema } from "./json-schema.ts";
import { kserve } from "./kserve.ts";
import { openInference } from "./open-inference.ts";
import { protobuf } from "./protobuf.ts";
import { seldon1 } from "./seldon-1.ts";
import { seldon2 } from "./seldon-2.ts";
import { tensorflowServing } from "./tensorflow-serving.ts";

export const formats: readonly [Format, ...Format[]] = [
  auto,
  avro,
  cloudevents,
  json,
  jsonSchema,
  kserve,
  openInference,
  protobuf,
  seldon1,
  seldon2,
  tensorflowServing,
];
