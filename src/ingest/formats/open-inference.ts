/**
 * The Open Inference Protocol (V2) on Kafka: MLServer's topics (`kafka_topic_input` and `kafka_topic_output`, the model in the header
 * `mlserver-model`, the id as the record's key), and whatever else hands V2 bodies on, Triton's included.
 */
import { z } from "zod";
import { defineFormat } from "../../core/format.ts";
import { decodeCallMessage, messageOptions } from "./inference/call-messages.ts";

export const openInference = defineFormat({
  name: "open-inference",
  title: "Open Inference Protocol (V2): MLServer, Triton",
  description:
    "Bodies of the Open Inference Protocol, as MLServer's Kafka topics carry them: requests and answers, in one topic or two, are paired by the record's key, else by the header `x-request-id`, else by the id of the body. A record may also hold both sides.",
  options: z.strictObject(messageOptions),
  open: (options) => ({ decode: (message) => decodeCallMessage(message, options, "open-inference") }),
});
