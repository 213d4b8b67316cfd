/**
 * Seldon Core 2's topics: `<prefix>.<namespace>.<model|pipeline>.<name>.<inputs|outputs>`, V2 as protobuf or JSON, with or without the prefix
 * of Confluent's registry (the service falls back to none, so that one topic may hold both). Paired by the header `x-request-id`.
 */
import { z } from "zod";
import { defineFormat } from "../../core/format.ts";
import { Refusal } from "../../core/refusal.ts";
import { readBody } from "./inference/body.ts";
import { halfOf } from "./inference/call-halves.ts";
import { readCall } from "./inference/calls.ts";
import { readModelInfer } from "./inference/model-infer.ts";
import { callOptions, template } from "./inference/options.ts";

const TOPIC = /(?:^|\.)([^.]+)\.(model|pipeline)\.([^.]+)\.(inputs|outputs)$/;
const OPEN_OBJECT = 123;

export const seldon2 = defineFormat({
  name: "seldon-2",
  title: "Seldon Core 2 topics",
  description:
    "The Kafka topics of Seldon Core 2's models and pipelines (list both `….inputs` and `….outputs`): protobuf or JSON of the Open Inference Protocol, paired by the header `x-request-id`.",
  kafkaOnly: true,
  options: z.strictObject({
    model: template()
      .default("{name}")
      .describe(
        "Name of the model: text in which {name}, {namespace} and {kind} (model or pipeline) of the topic, {model_name} and {route} may stand.",
      ),
    version: template().default("{model_version}").describe("Version, likewise."),
    variant: template()
      .default("")
      .describe(
        "Variant, likewise; {route} is the header `x-seldon-route`, which names what of an experiment answered.",
      ),
    ...callOptions,
  }),
  open(options, { topic }) {
    const [, namespace = "", kind = "", name = "", side] = TOPIC.exec(topic ?? "") ?? [];
    return {
      decode(message) {
        if (side === undefined)
          throw new Refusal(
            "format_unreadable",
            `the topic ${JSON.stringify(topic)} is not named like one of Seldon Core 2`,
          );
        const { headers = {}, value, receivedMs } = message;
        const of = side === "inputs" ? "request" : "response";
        const data = Buffer.isBuffer(value) ? value : Buffer.from(value ?? "");
        const body = data[0] === OPEN_OBJECT ? readBody(data) : readModelInfer(withoutPrefix(data), of);
        const envelope = {
          exchange: `seldon-2 ${namespace}.${kind}.${name}`,
          id: headers["x-request-id"] ?? "",
          side: of,
          timestampMs: receivedMs,
          values: { namespace, kind, name, route: (headers["x-seldon-route"] ?? "").replace(/^[:\s]+|[:\s]+$/g, "") },
        } as const;
        return { kind: "half", half: halfOf(readCall(body), envelope, options) };
      },
    };
  },
});

/** Without what the registry puts before the message: 0, four bytes of the schema's id, and 0 for the first message of the schema. */
function withoutPrefix(data: Buffer): Buffer {
  // No protobuf begins with a zero: it would be the tag of field 0, which there is none.
  return data[0] === 0 ? data.subarray(6) : data;
}
