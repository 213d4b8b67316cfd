/** Sets the share of traffic that the newest revision of a KServe InferenceService gets; 0 is a rollback to the last good one. */
import { z } from "zod";
import { defineHttpAction } from "./http-target/http-target.ts";
import { kubernetesCredentials, kubernetesOptions, segment } from "./http-target/options.ts";

const options = z.strictObject({
  ...kubernetesOptions,
  service: segment().describe("Name of the InferenceService."),
  canary_traffic_percent: z
    .int()
    .min(0)
    .max(100)
    .default(0)
    .describe("Share of the traffic for the newest revision; 0 sends everything to the last good one."),
});

export const kserve = defineHttpAction({
  name: "kserve",
  title: "KServe canary traffic",
  description:
    "Patches `spec.predictor.canaryTrafficPercent` of an InferenceService (serverless mode only). The same patch twice is once.",
  options,
  kind: "immediate",
  does: "roll_back",
  specification: (chosen) => ({
    credentials: kubernetesCredentials(chosen),
    request: {
      method: "PATCH",
      url: `${chosen.api_url}/apis/serving.kserve.io/v1beta1/namespaces/${chosen.namespace}/inferenceservices/${chosen.service}`,
      headers: {},
      body: {
        kind: "json",
        type: "application/merge-patch+json",
        value: { spec: { predictor: { canaryTrafficPercent: chosen.canary_traffic_percent } } },
      },
    },
    success: null,
    // The resource was changed at the same moment: the patch is sent again.
    duplicate: [409],
    run: { path: "metadata.name", expected: decodeURIComponent(chosen.service) },
    find: null,
    poll: null,
  }),
});
