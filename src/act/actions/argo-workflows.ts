/** Submits an Argo workflow template under a name of ours: a second workflow of that name is refused with a conflict. */
import { z } from "zod";
import { secret } from "../../core/secret.ts";
import { defineHttpAction } from "./http-target/http-target.ts";
import { baseUrl, bearerOrNone, parameters, segment } from "./http-target/options.ts";
import { get, postJson } from "./http-target/specification.ts";

const options = z.strictObject({
  url: baseUrl().describe("Address of the Argo server."),
  namespace: segment().describe("Namespace of the workflow."),
  template: z.string().min(1).describe("Name of the workflow template."),
  kind: z
    .enum(["WorkflowTemplate", "ClusterWorkflowTemplate"])
    .default("WorkflowTemplate")
    .describe("Kind of the template."),
  service_account: z.string().min(1).optional().describe("Service account of the workflow; left out: the template's."),
  token: secret().optional().describe("Bearer token; left out: none is sent."),
  parameters: parameters(),
  evidence_parameter: z
    .string()
    .regex(/^[A-Za-z0-9_-]+$/, "letters, digits, _ and -")
    .optional()
    .describe("Name of a parameter that is given the evidence as JSON; left out: it is not sent."),
});

// A workflow's name is a DNS name of at most 63 characters: this one has 46.
const NAME = "driftline-{{trigger_id}}";

export const argoWorkflows = defineHttpAction({
  name: "argo-workflows",
  title: "Argo workflow",
  description:
    "Submits a workflow template as `driftline-<trigger id>`, so that a request which is repeated starts nothing twice. Templates that need no parameters can also be started by Argo Events; use the action `knative` for that.",
  options,
  kind: "run",
  specification: (chosen) => {
    const workflows = `${chosen.url}/api/v1/workflows/${chosen.namespace}`;
    const evidence = chosen.evidence_parameter;
    const all = Object.entries(chosen.parameters).map(([name, text]) => `${name}=${text}`);
    return {
      credentials: bearerOrNone(chosen.token),
      request: postJson(`${workflows}/submit`, {
        namespace: decodeURIComponent(chosen.namespace),
        resourceKind: chosen.kind,
        resourceName: chosen.template,
        submitOptions: {
          name: NAME,
          ...(chosen.service_account === undefined ? {} : { serviceAccount: chosen.service_account }),
          parameters: [...all, ...(evidence === undefined ? [] : [`${evidence}={{evidence_json}}`])],
        },
      }),
      success: null,
      duplicate: [409],
      run: { path: "metadata.name", expected: NAME },
      find: null,
      poll: {
        call: get(`${workflows}/{{run_id}}`),
        state: "status.phase",
        // A workflow that no controller has seen yet has no phase.
        waiting: ["Pending", ""],
        succeeded: ["Succeeded"],
        failed: ["Failed", "Error"],
      },
    };
  },
});
