/** Sends a CloudEvent to a Knative broker, a sink, or an Argo Events webhook. Who receives it tells copies apart by source and id. */
import { z } from "zod";
import { secret } from "../../core/secret.ts";
import { defineHttpAction } from "./http-target/http-target.ts";
import { bearerOrNone } from "./http-target/options.ts";

const options = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .describe(
      "Address of the broker or sink, for example http://broker-ingress.knative-eventing.svc.cluster.local/NAMESPACE/BROKER.",
    ),
  token: secret().optional().describe("Bearer token; left out: none is sent."),
  source: z.string().min(1).default("driftline").describe("The event's `source` (a URI reference)."),
  type: z
    .string()
    .min(1)
    .default("io.driftline.retraining.requested")
    .describe("The event's `type`, which triggers filter by."),
});

export const knative = defineHttpAction({
  name: "knative",
  title: "Knative CloudEvent",
  description:
    "Sends a CloudEvent 1.0 in structured mode. Its `id` is the trigger id, the same over retries; its `subject` the model; its `data` the evidence.",
  options,
  kind: "run",
  specification: (chosen) => ({
    credentials: bearerOrNone(chosen.token),
    request: {
      method: "POST",
      url: chosen.url,
      headers: {},
      body: {
        kind: "json",
        type: "application/cloudevents+json",
        value: {
          specversion: "1.0",
          id: "{{trigger_id}}",
          source: chosen.source,
          type: chosen.type,
          subject: "{{model}}",
          time: "{{to}}",
          datacontenttype: "application/json",
          data: "{{evidence}}",
        },
      },
    },
    success: null,
    duplicate: [],
    run: null,
    find: null,
    poll: null,
  }),
});
