/**
 * KServe's payload logger (`spec.predictor.logger`), which posts a request and its answer as two CloudEvents with one id; straight over HTTP, or
 * through a Knative broker or a KafkaSink. Its answers carry the content type of the request, and are logged for status 200 alone.
 */
import { z } from "zod";
import { defineFormat } from "../../core/format.ts";
import type { HalfSide } from "../../core/half.ts";
import { isCloudEvent, readCloudEvent, timeOf } from "./envelope/cloud-event.ts";
import { readBody } from "./inference/body.ts";
import { halfOf } from "./inference/call-halves.ts";
import { readCall } from "./inference/calls.ts";
import { callOptions, template } from "./inference/options.ts";

const SIDES: Readonly<Record<string, HalfSide>> = {
  "org.kubeflow.serving.inference.request": "request",
  "org.kubeflow.serving.inference.response": "response",
};

export const isKserveType = (type: string | undefined): boolean => type !== undefined && Object.hasOwn(SIDES, type);

/** The Knative revision within the name of a pod: `churn-predictor-00003-deployment-5d9f-abcde`. */
const REVISION = /-(\d{5})-deployment-/;

export const kserve = defineFormat({
  name: "kserve",
  title: "KServe payload logger",
  description:
    "CloudEvents of KServe's payload logger over HTTP or Kafka, V1 and V2 bodies: request and answer are paired by their id, each row of a call is a prediction. Other types of CloudEvents are passed over; what is no CloudEvent is read as native JSON.",
  options: z.strictObject({
    model: template()
      .default("{inferenceservicename}")
      .describe(
        "Name of the model: text in which {namespace}, {inferenceservicename}, {component}, {endpoint}, {model_name} (of a V2 answer) and any other attribute of the event may stand.",
      ),
    version: template()
      .default("{model_version}")
      .describe(
        "Version, likewise; {model_version} is that of a V2 answer, or else what the event says as `modelversion`, {revision} the Knative revision of the pod.",
      ),
    variant: template().default("{endpoint}").describe("Variant, likewise."),
    components: z
      .array(z.string())
      .default(["predictor"])
      .describe(
        "Components whose calls count: a transformer before a predictor logs the same call a second time. An event that names none counts.",
      ),
    ...callOptions,
  }),
  open: (options) => ({
    isPlain: (message) => !isCloudEvent(message),
    decode(message) {
      const event = readCloudEvent(message);
      const { attributes } = event;
      const side = SIDES[attributes["type"] ?? ""];
      const { component = "", namespace = "", inferenceservicename = "", endpoint = "" } = attributes;
      if (side === undefined || (component !== "" && !options.components.includes(component))) return { kind: "none" };
      const revision = REVISION.exec(attributes["source"] ?? "")?.[1] ?? "";
      const envelope = {
        exchange: `kserve ${namespace}/${inferenceservicename}/${component}/${endpoint}`,
        id: attributes["id"] ?? "",
        side,
        timestampMs: timeOf(event, message.receivedMs),
        values: { ...attributes, revision, model_version: attributes["modelversion"] ?? "" },
      };
      return { kind: "half", half: halfOf(readCall(readBody(event.data)), envelope, options) };
    },
  }),
});
