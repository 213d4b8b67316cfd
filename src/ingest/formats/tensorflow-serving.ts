/** Bodies of TensorFlow Serving's REST interface (V1), rows and columns; it logs none itself: whoever stands before it does. */
import { z } from "zod";
import { defineFormat } from "../../core/format.ts";
import { decodeCallMessage, messageOptions } from "./inference/call-messages.ts";

export const tensorflowServing = defineFormat({
  name: "tensorflow-serving",
  title: "TensorFlow Serving (V1)",
  description:
    "Bodies of TensorFlow Serving's REST interface, rows (`instances`, `predictions`) and columns (`inputs`, `outputs`), classify and regress: records that hold both sides of a call, or a side each, paired by the header `x-request-id` or the record's key.",
  options: z.strictObject(messageOptions),
  open: (options) => ({ decode: (message) => decodeCallMessage(message, options, "tensorflow-serving") }),
});
