// Written by scripts/generate.mjs from the files of this folder: do not edit.
import type { Action } from "../../core/action.ts";
import { airflow } from "./airflow.ts";
import { argoWorkflows } from "./argo-workflows.ts";
import { http } from "./http.ts";
import { knative } from "./knative.ts";
import { kserve } from "./kserve.ts";
import { kubeflowPipelines } from "./kubeflow-pipelines.ts";
import { seldon } from "./seldon.ts";
import { webhook } from "./webhook.ts";

export const actions: readonly [Action, ...Action[]] = [
  airflow,
  argoWorkflows,
  http,
  knative,
  kserve,
  kubeflowPipelines,
  seldon,
  webhook,
];
