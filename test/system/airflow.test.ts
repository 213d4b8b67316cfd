/** Against a real Airflow 3: a DAG is started once for two requests, also where the answer to the first was lost. */
import assert from "node:assert/strict";
import { createServer, request as httpRequest } from "node:http";
import { test } from "node:test";
import { airflow as action } from "../../src/act/actions/airflow.ts";
import { runOf } from "../../src/core/action.ts";
import { airflowExecutable, startAirflow } from "../support/airflow.ts";
import { startHttpReceiver, until } from "../support/http-receiver.ts";
import { exampleNotification } from "../support/notification.ts";

const found = airflowExecutable();
if ("missing" in found) process.stdout.write(`airflow.test.ts is skipped: ${found.missing}\n`);

/** Hands everything on, but cuts the connection instead of the first answer to a POST of a run. */
async function startLossyFront(target: string): Promise<{ readonly url: string } & AsyncDisposable> {
  let lost = false;
  const server = createServer((incoming, outgoing) => {
    const onwards = httpRequest(
      new URL(incoming.url ?? "/", target),
      { method: incoming.method ?? "GET", headers: incoming.headers },
      (answer) => {
        if (!lost && incoming.method === "POST" && incoming.url?.endsWith("/dagRuns") === true) {
          lost = true;
          answer.resume().on("end", () => outgoing.socket?.resetAndDestroy());
          return;
        }
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      },
    );
    incoming.pipe(onwards);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("Airflow 3 runs a DAG once for two requests, whether the first answer was lost or not", {
  skip: "missing" in found ? found.missing : false,
}, async () => {
  assert.ok("path" in found);
  await using airflow = await startAirflow(found.path);
  await using reports = await startHttpReceiver();
  await using front = await startLossyFront(airflow.url);
  const signal = () => AbortSignal.timeout(30_000);
  const asked = (id: string) =>
    exampleNotification({
      idempotencyKey: id,
      retraining: {
        retraining_id: id,
        report_url: `${reports.url}/${id}`,
        reference: { reference_id: "a1b2", file: "/data/reference.parquet" },
        data: { store: "./data", predictions_table: "predictions_fraud", labels_table: "labels" },
      },
    });
  const options = (url: string) => ({ url, dag: "retrain", username: airflow.user, password: airflow.password });
  const twice = "7f000000-0000-8000-8000-000000000001";
  const lost = "7f000000-0000-8000-8000-000000000002";

  const first = await action.open(options(airflow.url))(asked(twice), signal());
  assert.ok(first.status === "delivered", JSON.stringify(first));
  const second = await action.open(options(airflow.url))(asked(twice), signal());
  assert.ok(second.status === "delivered", JSON.stringify(second));
  assert.match(second.receipt ?? "", /HTTP 409: an earlier request had come through/);

  const cut = await action.open(options(front.url))(asked(lost), signal());
  assert.ok(cut.status === "failed" && cut.retryable, JSON.stringify(cut));
  const repeated = await action.open(options(front.url))(asked(lost), signal());
  assert.ok(repeated.status === "delivered", JSON.stringify(repeated));

  const follow = action.openFollow(options(airflow.url));
  assert.ok(follow !== null);
  for (const [id, answer] of [
    [twice, second],
    [lost, repeated],
  ] as const) {
    const run = runOf(answer.receipt ?? "");
    assert.equal(run, `driftline__${id}`);
    let word = "";
    const end = Date.now() + 180_000;
    while (word !== "success" && Date.now() < end) {
      const state = await follow(asked(id), run ?? "", signal());
      assert.ok(["waiting", "running", "succeeded"].includes(state.status), JSON.stringify(state));
      word = state.word;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    assert.equal(word, "success");
  }
  await until(
    () => reports.requests.length >= 2,
    20_000,
    () => "both reports",
  );
  assert.deepEqual((await airflow.runs()).sort(), [`driftline__${twice}`, `driftline__${lost}`]);
  assert.deepEqual(
    reports.requests.map((request) => JSON.parse(request.body) as unknown),
    [
      { status: "succeeded", version: "2" },
      { status: "succeeded", version: "2" },
    ],
  );

  const wrong = await action.open({ ...options(airflow.url), dag: "there-is-none" })(asked(twice), signal());
  assert.ok(wrong.status === "failed" && !wrong.retryable, JSON.stringify(wrong));
  const refused = await action.open({ ...options(airflow.url), password: "wrong-one" })(asked(twice), signal());
  assert.ok(refused.status === "failed" && !refused.retryable, JSON.stringify(refused));
  assert.ok(!JSON.stringify(refused).includes("wrong-one"));
});
