/** CloudEvents whose data is an event as JSON: Knative eventing through any broker, channel or KafkaSink, or whoever else sends them. */
import { z } from "zod";
import { defineFormat } from "../../core/format.ts";
import { type CloudEvent, isCloudEvent, readCloudEvent, timeOf } from "./envelope/cloud-event.ts";

export const cloudevents = defineFormat({
  name: "cloudevents",
  title: "CloudEvents",
  description:
    "CloudEvents (Knative eventing) over HTTP or Kafka, binary, structured or in batches, whose data is one event as JSON that `events:` maps; its id and time are those of the CloudEvent where the data has none. What is no CloudEvent is read as native JSON.",
  options: z.strictObject({
    types: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe("Types of CloudEvents that are events for Driftline; others are passed over. Left out: all are."),
  }),
  open: ({ types }) => ({
    isPlain: (message) => !isCloudEvent(message),
    decode(message) {
      const event = readCloudEvent(message);
      if (types !== undefined && !types.includes(event.attributes["type"] ?? "")) return { kind: "none" };
      return jsonOf(event, message.receivedMs);
    },
  }),
});

/** The data as an event, with the id and the time of its envelope. */
export function jsonOf(event: CloudEvent, brokerMs: number | undefined) {
  const { id } = event.attributes;
  const receivedMs = timeOf(event, brokerMs);
  return {
    kind: "json" as const,
    value: event.data,
    ...(id === undefined || id === "" ? {} : { identity: id }),
    ...(receivedMs === undefined ? {} : { receivedMs }),
  };
}
