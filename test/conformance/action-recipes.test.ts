/** The examples of docs/actions.md: each is read as the service reads it, and each recipe is sent to a server that answers as its system does. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { namedActions } from "../../src/act/named-actions.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { Notification } from "../../src/core/delivery.ts";
import { startHttpReceiver } from "../support/http-receiver.ts";
import { exampleNotification } from "../support/notification.ts";
import { projectFile } from "../support/project-file.ts";

const page = readFileSync(projectFile("docs/actions.md"), "utf8");
const blocks = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml = ""]) => yaml);
const recipes = blocks.filter((yaml) => yaml.includes("- use: http\n"));

/** A model's `actions`, as a whole configuration where they are not in one. */
function actionsOf(yaml: string) {
  const environment = Object.fromEntries(
    [...yaml.matchAll(/\$\{(\w+)\}/g)].map(([, name = ""]) => [
      name,
      name.endsWith("SECRET") ? `whsec_${Buffer.from(name).toString("base64")}` : `value-of-${name}`,
    ]),
  );
  const channels = `channels: { oncall: { use: webhook, url: "http://127.0.0.1:9/" } }`;
  const model = `models:\n  - name: fraud\n    task: binary\n    alerts: { channels: [oncall] }\n${yaml.replace(/^/gm, "    ")}`;
  const text = yaml.startsWith("models:") ? yaml : `${model}\n${channels}\n`;
  const config = loadConfig("/etc/driftline/driftline.yaml", { environment, readFile: () => text });
  return config.models.flatMap(namedActions);
}

const asked: Notification = exampleNotification({
  retraining: {
    retraining_id: exampleNotification().idempotencyKey,
    report_url: "https://driftline.example/v1/retrainings/1",
    reference: { reference_id: "a1b2", file: "/data/reference.parquet" },
    data: { store: "./data", predictions_table: "predictions_fraud", labels_table: "labels" },
  },
});

test("every example of actions is accepted as it stands", () => {
  assert.ok(blocks.length >= 7);
  const names = blocks.flatMap((yaml) => actionsOf(yaml).map(({ rules }) => rules.use));
  for (const name of ["airflow", "kubeflow-pipelines", "argo-workflows", "knative", "kserve", "seldon", "http"])
    assert.ok(names.includes(name), name);
});

/** What the recipe's system answers, and what must stand in its request. */
const SYSTEMS: readonly {
  readonly host: string;
  readonly answer: {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  };
  readonly state?: string;
  readonly sent: readonly RegExp[];
}[] = [
  {
    host: "api.github.com",
    answer: { status: 204 },
    sent: [
      /^POST \/repos\/acme\/fraud\/dispatches /,
      /"event_type":"retrain"/,
      /"client_payload":\{"driftline":\{"retraining_id"/,
    ],
  },
  {
    host: "gitlab.example",
    answer: { status: 201, body: '{"id":17,"status":"created"}' },
    state: '{"id":17,"status":"success"}',
    sent: [
      /^POST \/api\/v4\/projects\/42\/trigger\/pipeline\?ref=main token=value-of-GITLAB_TRIGGER_TOKEN&variables%5BDRIFTLINE_ID%5D=7f00/,
    ],
  },
  {
    host: "jenkins.example",
    answer: { status: 201, headers: { location: "https://jenkins.example/queue/item/7/" } },
    sent: [/^POST \/job\/retrain\/buildWithParameters DRIFTLINE_ID=7f00/],
  },
  {
    host: "api.sagemaker.eu-central-1.amazonaws.com",
    answer: {
      status: 200,
      body: '{"PipelineExecutionArn":"arn:aws:sagemaker:eu-central-1:1:pipeline/retrain/execution/x"}',
    },
    state: '{"PipelineExecutionStatus":"Succeeded"}',
    sent: [/"ClientRequestToken":"7f000000-/, /"Name":"ReportUrl","Value":"https:/],
  },
  {
    host: "acme.cloud.databricks.com",
    answer: { status: 200, body: '{"run_id":1061372318834931}' },
    state: '{"state":{"life_cycle_state":"TERMINATED","result_state":"SUCCESS"}}',
    sent: [/^POST \/api\/2\.2\/jobs\/run-now /, /"idempotency_token":"7f000000-/],
  },
];

for (const { host, answer, state, sent } of SYSTEMS) {
  test(`the recipe for ${host} starts a run and knows its end`, async () => {
    const yaml = recipes.find((recipe) => recipe.includes(`https://${host}/`));
    assert.ok(yaml !== undefined);
    let starts = 0;
    await using receiver = await startHttpReceiver(() =>
      starts++ === 0 ? answer : { status: 200, body: state ?? "{}" },
    );
    const local = new URL(receiver.url).origin;
    const [named] = actionsOf(yaml.replaceAll(`https://${host}`, local));
    assert.ok(named !== undefined);
    const signal = AbortSignal.timeout(10_000);
    const delivery = await named.action.open(named.options)(asked, signal);
    assert.equal(delivery.status, "delivered", JSON.stringify(delivery));
    const [request] = receiver.requests;
    const line = `${request?.method ?? ""} ${request?.path ?? ""} ${request?.body ?? ""}`;
    for (const pattern of sent) assert.match(line, pattern);
    assert.ok(!/\{\{|\}\}(?!\})/.test(line.replace(/\}+/g, "}")), line);
    const credentials = JSON.stringify(request?.headers) + line;
    if (!host.includes("sagemaker")) assert.match(credentials, /value-of-\w+/);
    else
      assert.match(
        String(request?.headers["authorization"]),
        /^AWS4-HMAC-SHA256 Credential=value-of-AWS_ACCESS_KEY_ID\/\d{8}\/eu-central-1\/sagemaker\/aws4_request/,
      );
    const follow = named.action.openFollow(named.options);
    assert.equal(follow === null, state === undefined);
    if (follow !== null) assert.equal((await follow(asked, "17", signal)).status, "succeeded");
  });
}
