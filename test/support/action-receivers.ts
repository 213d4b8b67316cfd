/** Stand-ins for the systems that actions ask: each answers as the real one does, or as a test wants it to fail. */
import { z } from "zod";
import { type Answer, type HttpReceiver, type ReceivedRequest, startHttpReceiver } from "./http-receiver.ts";

export const ACTION_TOKEN = "token-that-nobody-sees";

/** How one system is asked and answers. */
interface System {
  /** Options of the action against a server at `url`. */
  options(url: string): Readonly<Record<string, unknown>>;
  /** True for the request that starts something; false for what goes before it (a token, a list). */
  isTrigger(request: ReceivedRequest): boolean;
  /** What the real system answers. */
  answer(request: ReceivedRequest): Answer;
  /** Our own id in the request. */
  key(request: ReceivedRequest): string;
}

const json = (status: number, value: unknown): Answer => ({
  status,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(value),
});
const record = z.record(z.string(), z.unknown());
const bodyOf = (request: ReceivedRequest) => record.parse(JSON.parse(request.body));
const text = (value: unknown) => z.string().parse(value);
const isPost = (request: ReceivedRequest) => request.method === "POST";
/** A patch names no id: the same patch is the same request. */
const patchKey = (expected: string) => (request: ReceivedRequest) =>
  request.body === expected ? "7f000000-0000-8000-8000-000000000001" : request.body;

const submitted = z.object({ submitOptions: z.object({ name: z.string() }) });
const airflowRuns = /^\/api\/v[12]\/dags\/retrain\/dagRuns/;

export const systems: Readonly<Record<string, System>> = {
  http: {
    options: (url) => ({
      url: `${url}/start?key=${ACTION_TOKEN}`,
      headers: { authorization: `Bearer ${ACTION_TOKEN}` },
      body: { idempotency_token: "{{trigger_id}}", parameters: { model: "{{model}}", drift: "{{evidence}}" } },
      run_id: "run_id",
      poll: { url: `${url}/runs/{{run_id}}`, state: "state", waiting: ["QUEUED"], done: ["DONE"], failed: ["FAILED"] },
    }),
    isTrigger: isPost,
    answer: (request) => json(200, isPost(request) ? { run_id: 41 } : { run_id: 41, state: "QUEUED" }),
    key: (request) => text(bodyOf(request)["idempotency_token"]),
  },
  airflow: {
    options: (url) => ({
      url,
      dag: "retrain",
      username: "driftline",
      password: ACTION_TOKEN,
      conf: { branch: "main" },
    }),
    isTrigger: (request) => isPost(request) && airflowRuns.test(request.path),
    answer: (request) =>
      request.path === "/auth/token"
        ? json(201, { access_token: "jwt-that-nobody-sees" })
        : isPost(request)
          ? json(200, { dag_run_id: bodyOf(request)["dag_run_id"], state: "queued" })
          : json(200, { dag_run_id: decodeURIComponent(request.path.split("/").at(-1) ?? ""), state: "running" }),
    key: (request) => text(bodyOf(request)["dag_run_id"]).replace("driftline__", ""),
  },
  "kubeflow-pipelines": {
    options: (url) => ({
      url,
      experiment_id: "e1",
      pipeline_id: "p1",
      pipeline_version_id: "v1",
      token: ACTION_TOKEN,
      parameters: { model: "{{model}}", epochs: 3 },
      evidence_parameter: "drift",
    }),
    isTrigger: isPost,
    answer: (request) =>
      isPost(request)
        ? json(200, { run_id: "0c5e", state: "PENDING" })
        : json(200, request.path.includes("?") ? {} : { run_id: "0c5e", state: "PENDING" }),
    key: (request) => text(bodyOf(request)["display_name"]).replace("driftline-", ""),
  },
  "argo-workflows": {
    options: (url) => ({
      url,
      namespace: "ml",
      template: "retrain",
      token: ACTION_TOKEN,
      parameters: { model: "{{model}}" },
      evidence_parameter: "drift",
    }),
    isTrigger: isPost,
    answer: (request) =>
      json(200, {
        metadata: {
          name: isPost(request)
            ? submitted.parse(JSON.parse(request.body)).submitOptions.name
            : request.path.split("/").at(-1),
        },
        status: { phase: "Running" },
      }),
    key: (request) => submitted.parse(JSON.parse(request.body)).submitOptions.name.replace("driftline-", ""),
  },
  knative: {
    options: (url) => ({ url: `${url}/ml/default`, token: ACTION_TOKEN }),
    isTrigger: isPost,
    answer: () => ({ status: 202 }),
    key: (request) => text(bodyOf(request)["id"]),
  },
  kserve: {
    options: (url) => ({ api_url: url, namespace: "prod", service: "churn", token: ACTION_TOKEN }),
    isTrigger: (request) => request.method === "PATCH",
    answer: () => json(200, { kind: "InferenceService", metadata: { name: "churn" } }),
    key: patchKey('{"spec":{"predictor":{"canaryTrafficPercent":0}}}'),
  },
  seldon: {
    options: (url) => ({
      api_url: url,
      namespace: "prod",
      experiment: "churn-ab",
      weights: { "churn-1": 100, "churn-2": 0 },
      token: ACTION_TOKEN,
    }),
    isTrigger: (request) => request.method === "PATCH",
    answer: () => json(200, { kind: "Experiment", metadata: { name: "churn-ab" } }),
    key: patchKey('{"spec":{"candidates":[{"name":"churn-1","weight":100},{"name":"churn-2","weight":0}]}}'),
  },
};

export interface SystemReceiver extends AsyncDisposable {
  readonly options: Readonly<Record<string, unknown>>;
  readonly url: string;
  readonly requests: readonly ReceivedRequest[];
  /** The requests that ask for something to start, without those for tokens and lists. */
  triggers(): readonly ReceivedRequest[];
  keys(): readonly string[];
}

/** @param outcome what the n-th trigger is answered with, undefined for what the real system answers */
export async function startSystem(
  name: string,
  outcome: (index: number, request: ReceivedRequest) => Answer | undefined = () => undefined,
): Promise<SystemReceiver> {
  const system = systems[name];
  if (system === undefined) throw new Error(`there is no stand-in for ${name}`);
  let triggers = 0;
  const server: HttpReceiver = await startHttpReceiver((request) =>
    system.isTrigger(request) ? (outcome(triggers++, request) ?? system.answer(request)) : system.answer(request),
  );
  const url = server.url.replace(/\/hook$/, "");
  const wanted = () => server.requests.filter((request) => system.isTrigger(request));
  return {
    options: system.options(url),
    url,
    requests: server.requests,
    triggers: wanted,
    keys: () => wanted().map((request) => system.key(request)),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
