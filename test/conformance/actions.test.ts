/** What actions must know of the systems that they ask: whose run it is that is there, exact requests, tokens, and states of runs. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { CloudEvent, HTTP } from "cloudevents";
import { awsHeaders } from "../../src/act/actions/http-target/aws-signature.ts";
import { actions } from "../../src/act/actions/index.ts";
import { type Action, runOf } from "../../src/core/action.ts";
import type { Delivery, Notification } from "../../src/core/delivery.ts";
import { ACTION_TOKEN, startSystem, systems } from "../support/action-receivers.ts";
import { type Answer, startHttpReceiver } from "../support/http-receiver.ts";
import { exampleMember, exampleNotification } from "../support/notification.ts";
import { projectFile } from "../support/project-file.ts";

const KEY = exampleNotification().idempotencyKey;
const signal = () => AbortSignal.timeout(10_000);

function actionOf(name: string): Action {
  const action = actions.find((candidate) => candidate.name === name);
  assert.ok(action !== undefined, name);
  return action;
}

const send = (name: string, options: Readonly<Record<string, unknown>>, notification = asked()): Promise<Delivery> =>
  actionOf(name).open(options)(notification, signal());

/** As the service asks: with where the data lie and where to report. */
function asked(settings: Partial<Notification> = {}): Notification {
  return exampleNotification({
    retraining: {
      retraining_id: KEY,
      report_url: `https://driftline.example/v1/retrainings/${KEY}`,
      reference: { reference_id: "a1b2", file: "/data/reference.parquet" },
      data: { store: "http://clickhouse:8123", predictions_table: "predictions_fraud", labels_table: "labels" },
    },
    ...settings,
  });
}

for (const name of Object.keys(systems)) {
  describe(`action ${name}`, () => {
    for (const status of [408, 425, 429, 500, 502, 503]) {
      test(`status ${status} is tried again`, async () => {
        await using system = await startSystem(name, () => ({ status, headers: { "retry-after": "7" } }));
        const answer = await send(name, system.options);
        assert.ok(answer.status === "failed" && answer.retryable, JSON.stringify(answer));
        assert.equal(answer.retryAfterMs, 7000);
      });
    }
    for (const status of [400, 401, 403, 404, 410, 422]) {
      test(`status ${status} is not, and what the system echoes is no secret`, async () => {
        await using system = await startSystem(name, (_, request) => ({
          status,
          body: `refused ${String(request.headers["authorization"])} in your words`,
        }));
        const answer = await send(name, system.options);
        assert.ok(answer.status === "failed" && !answer.retryable, JSON.stringify(answer));
        assert.match(answer.reason, /refused/);
        for (const secret of [ACTION_TOKEN, "jwt-that-nobody-sees"])
          if (name !== "http") assert.ok(!answer.reason.includes(secret), answer.reason);
      });
    }
    for (const status of [301, 302, 303, 307, 308]) {
      test(`a redirect (${status}) is a failure and is not followed`, async () => {
        await using elsewhere = await startHttpReceiver();
        await using system = await startSystem(name, () => ({ status, headers: { location: elsewhere.url } }));
        const answer = await send(name, system.options);
        assert.ok(answer.status === "failed" && !answer.retryable, JSON.stringify(answer));
        assert.match(answer.reason, /redirect/);
        assert.equal(elsewhere.requests.length, 0);
      });
    }

    test("the request is the same, byte for byte, at every attempt and after a restart", async () => {
      await using system = await startSystem(name, (index) => (index === 0 ? { status: 503 } : undefined));
      const notification = asked();
      const opened = actionOf(name).open(system.options);
      assert.equal((await opened(notification, signal())).status, "failed");
      assert.equal((await opened(notification, signal())).status, "delivered");
      // The notification as it lies in the outbox, a new process, and a later time.
      const stored = JSON.parse(JSON.stringify(notification)) as Notification;
      assert.equal((await send(name, system.options, stored)).status, "delivered");
      const bodies = system.triggers().map((request) => `${request.method} ${request.path} ${request.body}`);
      assert.equal(bodies.length, 3);
      assert.equal(new Set(bodies).size, 1);
      assert.deepEqual(system.keys(), [KEY, KEY, KEY]);
    });
  });
}

/** Presets whose receivers say which run it is. */
for (const name of ["http", "airflow", "kubeflow-pipelines", "argo-workflows", "kserve", "seldon"]) {
  test(`${name}: a 200 without our run is a failure`, async () => {
    for (const body of ["<html>Sign in</html>", "{}", '{"metadata":{}}', ""]) {
      await using system = await startSystem(name, () => ({ status: 200, body }));
      const answer = await send(name, system.options);
      assert.ok(answer.status === "failed" && answer.retryable, `${body} ${JSON.stringify(answer)}`);
      assert.match(answer.reason, /no run/);
    }
  });
}
for (const name of ["airflow", "argo-workflows", "kserve", "seldon"]) {
  test(`${name}: a 200 with another's run is a failure`, async () => {
    const other = { dag_run_id: "manual__1", metadata: { name: "another" } };
    await using system = await startSystem(name, () => ({ status: 200, body: JSON.stringify(other) }));
    const answer = await send(name, system.options);
    assert.ok(answer.status === "failed" && answer.retryable, JSON.stringify(answer));
  });
}

const lost: Readonly<Record<string, Answer>> = {
  airflow: { status: 409, body: '{"detail":{"reason":"Unique constraint violation"}}' },
  "argo-workflows": { status: 409, body: '{"code":6,"message":"already exists"}' },
};
for (const [name, conflict] of Object.entries(lost)) {
  test(`${name}: a conflict with our own run is success`, async () => {
    await using system = await startSystem(name, (index) => (index === 0 ? "reset" : conflict));
    const first = await send(name, system.options);
    assert.ok(first.status === "failed" && first.retryable);
    const second = await send(name, system.options);
    assert.ok(second.status === "delivered", JSON.stringify(second));
    assert.match(second.receipt ?? "", /an earlier request had come through/);
    assert.match(runOf(second.receipt ?? "") ?? "", new RegExp(`^driftline_{0,2}-?${KEY}$`));
  });

  test(`${name}: a conflict without our run is tried again, and the reason quotes the answer`, async () => {
    await using receiver = await startHttpReceiver((request) =>
      request.path === "/auth/token"
        ? { status: 201, body: '{"access_token":"t0k3n"}' }
        : request.method === "POST"
          ? conflict
          : { status: 404 },
    );
    const system = systems[name];
    assert.ok(system !== undefined);
    const answer = await send(name, system.options(receiver.url.replace(/\/hook$/, "")));
    assert.ok(answer.status === "failed" && answer.retryable, JSON.stringify(answer));
    assert.match(answer.reason, /HTTP 409: .*(Unique constraint|already exists).*there is no run of ours/);
  });
}

test("kubeflow-pipelines: a run of our name that is there already is not started again", async () => {
  await using receiver = await startHttpReceiver((request) =>
    request.method === "GET" ? { status: 200, body: '{"runs":[{"run_id":"77"}]}' } : { status: 500 },
  );
  const options = systems["kubeflow-pipelines"]?.options(receiver.url.replace(/\/hook$/, "")) ?? {};
  const answer = await send("kubeflow-pipelines", options);
  assert.ok(answer.status === "delivered", JSON.stringify(answer));
  assert.equal(runOf(answer.receipt ?? ""), "77");
  assert.deepEqual(
    receiver.requests.map((request) => request.method),
    ["GET"],
  );
  const query = new URL(receiver.requests[0]?.path ?? "", receiver.url).searchParams;
  assert.deepEqual(JSON.parse(query.get("filter") ?? ""), {
    predicates: [{ operation: "EQUALS", key: "display_name", string_value: `driftline-${KEY}` }],
  });
});

test("airflow: the token is fetched once, kept, and fetched anew when it is refused", async () => {
  let issued = 0;
  let valid = "";
  await using receiver = await startHttpReceiver((request) => {
    if (request.path === "/auth/token") {
      valid = `jwt-${++issued}`;
      return { status: 201, body: JSON.stringify({ access_token: valid }) };
    }
    if (request.headers["authorization"] !== `Bearer ${valid}`) return { status: 401, body: "expired" };
    return { status: 200, body: JSON.stringify({ dag_run_id: `driftline__${KEY}` }) };
  });
  const options = systems["airflow"]?.options(receiver.url.replace(/\/hook$/, "")) ?? {};
  const opened = actionOf("airflow").open(options);
  assert.equal((await opened(asked(), signal())).status, "delivered");
  assert.equal((await opened(asked(), signal())).status, "delivered");
  assert.equal(issued, 1);
  valid = "revoked";
  assert.equal((await opened(asked(), signal())).status, "delivered");
  assert.equal(issued, 2);
});

test("states of runs are told apart, and what can't be asked is not known", async () => {
  const states: readonly (readonly [string, unknown, string])[] = [
    ["airflow", { state: "queued" }, "waiting"],
    ["airflow", { state: "running" }, "running"],
    ["airflow", { state: "success" }, "succeeded"],
    ["airflow", { state: "failed" }, "failed"],
    ["kubeflow-pipelines", { state: "PENDING" }, "waiting"],
    ["kubeflow-pipelines", { state: "RUNNING" }, "running"],
    ["kubeflow-pipelines", { state: "SUCCEEDED" }, "succeeded"],
    ["kubeflow-pipelines", { state: "CANCELED" }, "failed"],
    ["argo-workflows", { metadata: { name: "x" }, status: {} }, "waiting"],
    ["argo-workflows", { status: { phase: "Running" } }, "running"],
    ["argo-workflows", { status: { phase: "Succeeded" } }, "succeeded"],
    ["argo-workflows", { status: { phase: "Error" } }, "failed"],
    ["http", { state: "QUEUED" }, "waiting"],
    ["http", { state: "DONE" }, "succeeded"],
    ["http", { nothing: 1 }, "unknown"],
  ];
  for (const [name, body, expected] of states) {
    await using receiver = await startHttpReceiver((request) =>
      request.path === "/auth/token"
        ? { status: 201, body: '{"access_token":"t0k3n"}' }
        : { status: 200, body: JSON.stringify(body) },
    );
    const follow = actionOf(name).openFollow(systems[name]?.options(receiver.url.replace(/\/hook$/, "")));
    assert.ok(follow !== null);
    const { status } = await follow(asked(), "run/../1", signal());
    assert.equal(status, expected, `${name} ${JSON.stringify(body)}`);
    // A run's id comes from elsewhere: it is one segment of the address.
    assert.match(receiver.requests.at(-1)?.path ?? "", /\/run%2F\.\.%2F1$/);
  }
  await using gone = await startHttpReceiver(() => ({ status: 404 }));
  const follow = actionOf("argo-workflows").openFollow(systems["argo-workflows"]?.options(gone.url));
  assert.deepEqual(await follow?.(asked(), "x", signal()), { status: "unknown", word: "HTTP 404" });
  assert.equal(actionOf("knative").openFollow({ url: gone.url }), null);
});

test("hostile names change neither where a request goes nor its shape", async () => {
  const hostile = '"}],"x":1,"../../admin?a=b&c#\r\nx-evil: 1{{trigger_id}}';
  const member = exampleMember({ subject_kind: "feature", subject: hostile, version: hostile });
  const notification = asked({ idempotencyKey: KEY });
  const evil = { ...notification, incident: { ...notification.incident, members: [member], title: hostile } };
  await using receiver = await startHttpReceiver(() => ({ status: 200 }));
  const options = {
    url: `${receiver.url}/{{version}}?v={{version}}`,
    headers: { "x-version": "{{version}}" },
    body: { title: "{{title}}", all: "{{evidence}}", text: "v={{version}};" },
  };
  assert.equal((await send("http", options, evil)).status, "delivered");
  const [request] = receiver.requests;
  assert.ok(request !== undefined);
  const { pathname, searchParams } = new URL(request.path, receiver.url);
  assert.equal(pathname, `/hook/${encodeURIComponent(hostile)}`);
  assert.equal(searchParams.get("v"), hostile);
  assert.equal(request.headers["x-evil"], undefined);
  const body = JSON.parse(request.body) as Record<string, unknown>;
  assert.deepEqual(Object.keys(body), ["title", "all", "text"]);
  assert.equal(body["text"], `v=${hostile};`);
});

test("400 members stay within what receivers take", async () => {
  const members = Array.from({ length: 400 }, (_, index) =>
    exampleMember({ subject_kind: "feature", subject: `${"x".repeat(500)}${index}` }),
  );
  const notification = asked();
  await using system = await startSystem("argo-workflows");
  const large = { ...notification, incident: { ...notification.incident, members } };
  assert.equal((await send("argo-workflows", system.options, large)).status, "delivered");
  assert.ok((system.triggers()[0]?.body.length ?? 0) < 128 * 1024);
});

test("places that there are not, and places in the host, are refused when the configuration is read", () => {
  const { options } = actionOf("http");
  const refused = (written: unknown) => {
    const result = options.safeParse(written);
    assert.ok(!result.success, JSON.stringify(written));
    return result.error.message;
  };
  assert.match(refused({ url: "https://x.example/{{modle}}" }), /modle/);
  assert.match(refused({ url: "https://x.example", body: { a: [{ b: "{{run_id}}" }] } }), /run_id/);
  refused({ url: "https://{{model}}.example/" });
  refused({ url: "https://user@{{model}}/" });
  refused({ url: "ftp://x.example/" });
});

test("the signature of AWS is that of its own example", () => {
  // "get-vanilla-query-order-key-case" and "get-vanilla" of the AWS Signature Version 4 test suite.
  const key = {
    region: "us-east-1",
    service: "service",
    accessKeyId: "AKIDEXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  };
  const at = Date.UTC(2015, 7, 30, 12, 36);
  const signature = (url: string) =>
    awsHeaders({ method: "GET", url, headers: {}, body: null }, key, at)["authorization"]?.split("Signature=")[1];
  assert.equal(
    signature("https://example.amazonaws.com/"),
    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
  );
  assert.equal(
    signature("https://example.amazonaws.com/?Param2=value2&Param1=value1"),
    "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
  );
});

test("every system is asked as its golden request says (UPDATE_GOLDEN=1 writes them anew)", async () => {
  const file = projectFile("test/fixtures/action-requests.json");
  const made: Record<string, unknown> = {};
  for (const name of Object.keys(systems)) {
    await using system = await startSystem(name);
    assert.equal((await send(name, system.options)).status, "delivered");
    made[name] = system.requests.map(({ method, path, headers, body }) => ({
      method,
      path: decodeURIComponent(path),
      headers: Object.fromEntries(
        ["content-type", "authorization", "idempotency-key"].flatMap((header) =>
          headers[header] === undefined ? [] : [[header, headers[header]]],
        ),
      ),
      body: body === "" ? null : (JSON.parse(body.replaceAll(system.url, "URL")) as unknown),
    }));
  }
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(file, `${JSON.stringify(made, null, 2)}\n`);
  assert.deepEqual(made, JSON.parse(readFileSync(file, "utf8")));
});

test("what a login was sent is hidden where its answer echoes it", async () => {
  await using receiver = await startHttpReceiver((request) => ({ status: 403, body: `no: ${request.body}` }));
  const login = { url: receiver.url, body: { user: "driftline", nested: { password: "of-the-login" } } };
  const answer = await send("http", { url: receiver.url, login });
  assert.ok(answer.status === "failed" && !answer.retryable, JSON.stringify(answer));
  assert.match(answer.reason, /the token was refused: HTTP 403: no:/);
  assert.ok(!answer.reason.includes("of-the-login"), answer.reason);
});

test("the CloudEvents SDK reads what Knative is sent as one valid event", async () => {
  await using system = await startSystem("knative");
  assert.equal((await send("knative", system.options)).status, "delivered");
  const [request] = system.requests;
  assert.ok(request !== undefined);
  const event = HTTP.toEvent({ headers: request.headers, body: request.body });
  assert.ok(event instanceof CloudEvent && event.validate());
  assert.deepEqual(
    [event.id, event.type, event.source, event.subject, event.datacontenttype],
    [KEY, "io.driftline.retraining.requested", "driftline", "fraud", "application/json"],
  );
});
