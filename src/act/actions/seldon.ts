/** Sets how a Seldon Core 2 Experiment divides the traffic between its candidates: a rollback gives all of it to the old model. */
import { z } from "zod";
import { defineHttpAction } from "./http-target/http-target.ts";
import { kubernetesCredentials, kubernetesOptions, segment } from "./http-target/options.ts";

const options = z.strictObject({
  ...kubernetesOptions,
  experiment: segment().describe("Name of the Experiment."),
  weights: z
    .record(z.string().min(1), z.int().min(0).max(100))
    .refine((weights) => Object.values(weights).some((weight) => weight > 0), "one candidate must get traffic")
    .describe("Traffic of each candidate, by the model's or pipeline's name; all candidates must be named."),
});

export const seldon = defineHttpAction({
  name: "seldon",
  title: "Seldon experiment weights",
  description:
    "Patches `spec.candidates` of an Experiment (mlops.seldon.io/v1alpha1), which replaces the whole list. The same patch twice is once.",
  options,
  kind: "immediate",
  does: "roll_back",
  specification: (chosen) => ({
    credentials: kubernetesCredentials(chosen),
    request: {
      method: "PATCH",
      url: `${chosen.api_url}/apis/mlops.seldon.io/v1alpha1/namespaces/${chosen.namespace}/experiments/${chosen.experiment}`,
      headers: {},
      body: {
        kind: "json",
        type: "application/merge-patch+json",
        value: { spec: { candidates: Object.entries(chosen.weights).map(([name, weight]) => ({ name, weight })) } },
      },
    },
    success: null,
    duplicate: [409],
    run: { path: "metadata.name", expected: decodeURIComponent(chosen.experiment) },
    find: null,
    poll: null,
  }),
});
