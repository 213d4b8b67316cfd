/**
 * Real inference servers, their bytes handed on as KServe's payload logger does: MLServer with two models, and KServe's own Python server with V1
 * and V2. Each call is posted to the service as two CloudEvents; what is monitored is looked for in the store.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { executableOf, startKserve, startMlserver } from "../support/inference-servers.ts";
import { Scenario } from "../support/scenario.ts";
import { sidecarPorts, startSidecar } from "../support/sidecar-process.ts";

const mlserver = executableOf("DRIFTLINE_TEST_MLSERVER", "MLServer");
const kserve = executableOf("DRIFTLINE_TEST_KSERVE", "KServe");
for (const found of [mlserver, kserve])
  if ("missing" in found) process.stdout.write(`inference-servers.test.ts is skipped in part: ${found.missing}\n`);

const NOW = "2026-03-02T10:10:00Z";
const FORMAT = `format:
  use: kserve
  features:
    iris: [sepal_length, sepal_width, petal_length, petal_width]
    width: [sepal_length, sepal_width]
`;
const MODELS = `models:
  - { name: iris, task: multiclass }
  - { name: width, task: regression }
  - { name: churn, task: binary }
`;

/** Calls the server, and posts both sides as the logger of the service would. */
async function call(scenario: Scenario, server: string, service: string, route: string, id: string, body: string) {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(server + route, { method: "POST", headers, body });
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  for (const [side, bytes] of [
    ["request", body],
    ["response", text],
  ] as const) {
    const posted = await scenario.post("/v1/events", bytes, {
      ...headers,
      "ce-specversion": "1.0",
      "ce-id": id,
      "ce-type": `org.kubeflow.serving.inference.${side}`,
      "ce-source": "pod",
      "ce-time": "2026-03-02T10:00:00Z",
      "ce-inferenceservicename": service,
      "ce-component": "predictor",
    });
    assert.equal(posted.status, 200, posted.text);
  }
}

const row = z.object({
  id: z.string(),
  v: z.string(),
  p: z.string(),
  n: z.number().nullable(),
  extra: z.record(z.string(), z.string()),
  chances: z.number(),
});
const rows = (scenario: Scenario, model: string) =>
  scenario.rows(
    `SELECT id, version AS v, prediction_text AS p, prediction AS n, extra, toUInt32(length(probabilities)) AS chances FROM predictions_${model} FINAL ORDER BY id`,
    row,
  );

const numbers = (features: Record<string, string>) =>
  Object.fromEntries(Object.entries(features).map(([name, value]) => [name, Number(value)]));

test("MLServer with two models: flat and nested tensors, predictions and probabilities, versions", {
  skip: "missing" in mlserver ? mlserver.missing : false,
}, async () => {
  assert.ok("path" in mlserver);
  await using server = await startMlserver(mlserver.path);
  await using scenario = await Scenario.open({ config: FORMAT + MODELS, now: NOW });
  const input = (shape: number[], data: unknown) => ({ name: "input-0", shape, datatype: "FP64", data });
  const flowers = {
    inputs: [input([2, 4], [5.1, 3.5, 1.4, 0.2, 6.3, 3.3, 6, 2.5])],
    outputs: [{ name: "predict" }, { name: "predict_proba" }],
  };
  await call(scenario, server.url, "iris", "/v2/models/iris/infer", "a", JSON.stringify(flowers));
  const nested = { inputs: [input([1, 2], [[5.1, 3.5]])] };
  await call(scenario, server.url, "width", "/v2/models/width/infer", "b", JSON.stringify(nested));
  await scenario.evaluate();
  const flower = (values: number[]) =>
    Object.fromEntries(
      ["sepal_length", "sepal_width", "petal_length", "petal_width"].map((name, at) => [name, values[at]]),
    );
  assert.deepEqual(
    (await rows(scenario, "iris")).map(({ id, v, p, extra, chances }) => ({ id, v, p, chances, ...numbers(extra) })),
    [
      { id: "a/0", v: "v1", p: "0", chances: 3, ...flower([5.1, 3.5, 1.4, 0.2]) },
      { id: "a/1", v: "v1", p: "2", chances: 3, ...flower([6.3, 3.3, 6, 2.5]) },
    ],
  );
  const [width, ...more] = await rows(scenario, "width");
  assert.deepEqual(
    [width?.id, width?.v, numbers(width?.extra ?? {}), more],
    ["b/0", "v3", { sepal_length: 5.1, sepal_width: 3.5 }, []],
  );
  assert.ok(width?.n !== null && width !== undefined && width.n > 0 && width.n < 1, String(width?.n));
  assert.deepEqual(await scenario.deadLetters(), []);
});

test("the sidecar before MLServer with two models: what was asked and answered arrives, with the model of the path, as from KServe's agent", {
  skip: "missing" in mlserver ? mlserver.missing : false,
}, async () => {
  assert.ok("path" in mlserver);
  await using server = await startMlserver(mlserver.path);
  await using scenario = await Scenario.open({
    config: FORMAT + MODELS,
    now: new Date(Date.now() + 60_000).toISOString(),
  });
  await using sidecar = await startSidecar(await sidecarPorts(), [`--service=${server.url}`, `--to=${scenario.url}`]);
  const ask = async (model: string, id: string, rows: number, width: number) => {
    const data = Array.from({ length: rows * width }, (_, at) => at + 0.5);
    const body = JSON.stringify({ inputs: [{ name: "input-0", shape: [rows, width], datatype: "FP64", data }] });
    const answer = await fetch(`http://127.0.0.1:${sidecar.port}/v2/models/${model}/infer`, {
      method: "POST",
      headers: { "content-type": "application/json", "ce-id": id },
      body,
    });
    assert.equal(answer.status, 200, await answer.text());
  };
  for (let call = 0; call < 20; call++) {
    await ask("iris", `i${call}`, 3, 4);
    await ask("width", `w${call}`, 2, 2);
  }
  const arrived = async (wanted: number) => {
    for (const end = Date.now() + 20_000; Date.now() < end; ) {
      await scenario.evaluate();
      const found = [...(await rows(scenario, "iris")), ...(await rows(scenario, "width"))];
      if (found.length >= wanted) return found;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return [...(await rows(scenario, "iris")), ...(await rows(scenario, "width"))];
  };
  const found = await arrived(100);
  assert.equal(found.length, 100);
  assert.equal(new Set(found.map(({ id }) => id)).size, 100);
  assert.deepEqual(numbers(found.find(({ id }) => id === "i7/1")?.extra ?? {}), {
    sepal_length: 4.5,
    sepal_width: 5.5,
    petal_length: 6.5,
    petal_width: 7.5,
  });
  assert.deepEqual(numbers(found.find(({ id }) => id === "w7/0")?.extra ?? {}), {
    sepal_length: 0.5,
    sepal_width: 1.5,
  });
  assert.deepEqual([...new Set(found.map(({ v }) => v))].sort(), ["v1", "v3"]);
  assert.deepEqual(await scenario.deadLetters(), []);
});

test("KServe's own Python server: V1 rows with names, V2 tensors with names", {
  skip: "missing" in kserve ? kserve.missing : false,
}, async () => {
  assert.ok("path" in kserve);
  await using server = await startKserve(kserve.path);
  await using scenario = await Scenario.open({ config: FORMAT + MODELS, now: NOW });
  const people = {
    instances: [
      { age: 41, plan: "pro" },
      { age: 29, plan: "free" },
    ],
  };
  await call(scenario, server.url, "churn", "/v1/models/churn:predict", "one", JSON.stringify(people));
  const tensors = {
    id: "x",
    inputs: [
      { name: "age", shape: [2], datatype: "INT64", data: [41, 29] },
      { name: "plan", shape: [2], datatype: "BYTES", data: ["pro", "free"] },
    ],
  };
  await call(scenario, server.url, "churn", "/v2/models/churn/infer", "two", JSON.stringify(tensors));
  await scenario.evaluate();
  const expected = [
    { p: "0", extra: { age: "41", plan: '"pro"' } },
    { p: "1", extra: { age: "29", plan: '"free"' } },
  ];
  assert.deepEqual(
    (await rows(scenario, "churn")).map(({ id, p, extra }) => ({ id, p, extra })),
    ["one", "two"].flatMap((id) => expected.map((one, at) => ({ id: `${id}/${at}`, ...one }))),
  );
  assert.deepEqual(await scenario.deadLetters(), []);
});
