/** Starts a run of Kubeflow Pipelines. The server makes the run's id, so ours is its name, and is looked for first. */
import { z } from "zod";
import { secret } from "../../core/secret.ts";
import { defineHttpAction } from "./http-target/http-target.ts";
import { baseUrl, bearerOrNone, jsonParameters } from "./http-target/options.ts";
import { get, postJson } from "./http-target/specification.ts";

const options = z.strictObject({
  url: baseUrl().describe("Address of the API server (v2beta1), without /apis."),
  experiment_id: z.string().min(1).describe("Id of the experiment that runs belong to."),
  pipeline_id: z.string().min(1).describe("Id of the pipeline."),
  pipeline_version_id: z.string().min(1).optional().describe("Id of its version; left out: the newest."),
  pipeline_root: z.string().min(1).optional().describe("Where artifacts are put; left out: the pipeline's own."),
  service_account: z.string().min(1).optional().describe("Kubernetes service account of the run."),
  token: secret().optional().describe("Bearer token; left out: none is sent."),
  parameters: jsonParameters(),
  evidence_parameter: z
    .string()
    .min(1)
    .optional()
    .describe("Name of a parameter (a string) that is given the evidence as JSON; left out: it is not sent."),
});

const NAME = "driftline-{{trigger_id}}";
const WAITING = ["PENDING", "PAUSED", "RUNTIME_STATE_UNSPECIFIED"];

export const kubeflowPipelines = defineHttpAction({
  name: "kubeflow-pipelines",
  title: "Kubeflow Pipelines run",
  description:
    "Starts a run of a pipeline (API v2beta1) named `driftline-<trigger id>`. The API has no idempotency key, so a run of that name is looked for before each attempt.",
  options,
  kind: "run",
  specification: (chosen) => {
    const runs = `${chosen.url}/apis/v2beta1/runs`;
    const { pipeline_version_id: version, pipeline_root: root, service_account: account } = chosen;
    const evidence = chosen.evidence_parameter;
    const filter = JSON.stringify({
      predicates: [{ operation: "EQUALS", key: "display_name", string_value: "NAME" }],
    });
    // The name is put in after escaping: its place must stay readable as one.
    const query = `experiment_id=${encodeURIComponent(chosen.experiment_id)}&filter=${encodeURIComponent(filter).replace("NAME", NAME)}`;
    return {
      credentials: bearerOrNone(chosen.token),
      request: postJson(runs, {
        display_name: NAME,
        description: "{{title}}",
        experiment_id: chosen.experiment_id,
        pipeline_version_reference: {
          pipeline_id: chosen.pipeline_id,
          ...(version === undefined ? {} : { pipeline_version_id: version }),
        },
        runtime_config: {
          parameters: {
            ...chosen.parameters,
            ...(evidence === undefined ? {} : { [evidence]: "{{evidence_json}}" }),
          },
          ...(root === undefined ? {} : { pipeline_root: root }),
        },
        ...(account === undefined ? {} : { service_account: account }),
      }),
      success: null,
      duplicate: [],
      run: { path: "run_id", expected: null },
      find: { call: get(`${runs}?${query}`), path: "runs[0].run_id" },
      poll: {
        call: get(`${runs}/{{run_id}}`),
        state: "state",
        waiting: WAITING,
        succeeded: ["SUCCEEDED", "SKIPPED"],
        failed: ["FAILED", "CANCELED"],
      },
    };
  },
});
