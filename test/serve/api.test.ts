import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { z } from "zod";
import { DriftlineError } from "../../src/core/errors.ts";
import { routes } from "../../src/serve/routes/table.ts";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/store.ts";
import { censusConfig, fillCensus } from "../support/census-rows.ts";
import { deadLetterRows, INCIDENT_ID } from "../support/incident-rows.ts";
import { absentStore, startWebServer, type WebServer } from "../support/web-server.ts";

let folder: string;
let store: Store;
let web: WebServer;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "driftline-serve-"));
  store = await openStore({ embedded: folder });
  await fillCensus(store);
  await store.lane("control").insertRows("dead_letters", deadLetterRows(Date.now()));
  web = await startWebServer(store);
});

after(async () => {
  await web[Symbol.asyncDispose]();
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const json = async (response: Response): Promise<unknown> => JSON.parse(await response.text());
const errorBody = z.strictObject({ error: z.strictObject({ code: z.string(), message: z.string() }) });
const metricsBody = z.strictObject({
  metrics: z.array(
    z.looseObject({ value: z.number().nullable(), n: z.number(), metric: z.string(), window_start: z.string() }),
  ),
  truncated: z.boolean(),
});

/** fetch forbids setting Host, so a plain request does it. */
function statusWithHost(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request(`${web.url}/v1/models`, { headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on("error", reject)
      .end();
  });
}

test("the models with their series and counts", async () => {
  const body = z
    .object({
      models: z.array(z.looseObject({ model: z.string(), predictions: z.number(), series: z.array(z.unknown()) })),
    })
    .parse(await json(await web.get("/v1/models")));
  assert.deepEqual(
    body.models.map((model) => [model.model, model.predictions, model.series.length]),
    [
      ["census", 200_000, 1],
      ["fraud", 0, 0],
    ],
  );
  assert.equal((await web.get("/v1/models/census")).status, 200);
  const missing = await web.get("/v1/models/nobody");
  assert.equal(missing.status, 404);
  assert.match(errorBody.parse(await json(missing)).error.message, /census, fraud/);
});

test("metrics are filtered, newest window first, and say when there are more", async () => {
  const all = metricsBody.parse(await json(await web.get("/v1/metrics?model=census&metric=f1")));
  assert.equal(all.metrics.length, 10);
  assert.equal(all.metrics[0]?.window_start, "2018-08-03T22:00:00.000Z");
  assert.equal(all.truncated, false);
  const some = metricsBody.parse(
    await json(await web.get("/v1/metrics?metric=f1,accuracy&from=2018-01-01T00:00:00Z&limit=3")),
  );
  assert.equal(some.metrics.length, 3);
  assert.equal(some.truncated, true);
  const breached = metricsBody.parse(
    await json(await web.get("/v1/metrics?subject=RELP&metric=total-variation&breached=true")),
  );
  assert.equal(breached.metrics.length, 6);
  const history = metricsBody.parse(await json(await web.get("/v1/metrics?metric=f1&history=true")));
  assert.equal(history.metrics.length, 10);
});

test("a bad parameter is refused by name", async () => {
  const response = await web.get("/v1/metrics?limit=0&from=yesterday");
  assert.equal(response.status, 400);
  const { error } = errorBody.parse(await json(response));
  assert.equal(error.code, "request_invalid");
  assert.match(error.message, /query\.from: "yesterday" is no time/);
  assert.match(error.message, /query\.limit/);
});

test("the state of a model, which a second asking finds unchanged", async () => {
  const answer = await web.get("/v1/models/census/state");
  const state = z
    .strictObject({
      model: z.literal("census"),
      state: z.enum(["healthy", "degraded", "failing"]),
      reason: z.string().min(1),
      since: z.iso.datetime(),
      incidents: z.array(z.string()),
    })
    .parse(await json(answer));
  assert.deepEqual(state.incidents, [INCIDENT_ID]);
  assert.notEqual(state.state, "healthy");
  const etag = answer.headers.get("etag") ?? "";
  assert.match(etag, /^"[\w-]{22}"$/);
  const unchanged = await web.get("/v1/models/census/state", { "if-none-match": `"other", W/${etag}` });
  assert.deepEqual([unchanged.status, await unchanged.text(), unchanged.headers.get("etag")], [304, "", etag]);
  assert.equal((await web.get("/v1/models/census/state", { "if-none-match": '"other"' })).status, 200);
  assert.match(
    await (await web.get("/v1/models/fraud/state")).text(),
    /"state":"healthy","reason":"no incident is open"/,
  );
  assert.equal((await web.get("/v1/models/nobody/state")).status, 404);
});

test("incidents with their members, changes and deliveries", async () => {
  const list = z.object({
    incidents: z.array(z.looseObject({ incident_id: z.string(), sequence: z.number(), members: z.array(z.unknown()) })),
  });
  const open = list.parse(await json(await web.get("/v1/incidents?state=open")));
  assert.deepEqual(
    open.incidents.map((incident) => [incident.incident_id, incident.sequence, incident.members.length]),
    [[INCIDENT_ID, 2, 3]],
  );
  assert.equal(list.parse(await json(await web.get("/v1/incidents?state=resolved"))).incidents.length, 0);
  assert.equal((await web.get("/v1/incidents?state=over")).status, 400);
  const one = z
    .object({ changes: z.array(z.unknown()), deliveries: z.array(z.looseObject({ target: z.string() })) })
    .parse(await json(await web.get(`/v1/incidents/${INCIDENT_ID}`)));
  assert.equal(one.changes.length, 2);
  assert.equal(one.deliveries.length, 2);
  const { causes } = z
    .looseObject({
      causes: z.looseObject({ window_start: z.string(), causes: z.array(z.looseObject({ sentence: z.string() })) }),
    })
    .parse(await json(await web.get(`/v1/incidents/${INCIDENT_ID}`)));
  assert.equal(causes.window_start, "2017-09-24T21:40:00.000Z");
  assert.match(causes.causes[0]?.sentence ?? "", /^RELP = 17 rose from 3\.1 % to 9\.1 %/);
  assert.equal((await web.get("/v1/incidents/nothing")).status, 404);
});

test("dead letters with their raw bytes, counted by format and reason", async () => {
  const body = z
    .object({
      counts: z.array(z.object({ format: z.string(), reason: z.string(), last_hour: z.number(), total: z.number() })),
      dead_letters: z.array(z.looseObject({ raw: z.string(), offset: z.number() })),
    })
    .parse(await json(await web.get("/v1/dead-letters?limit=2")));
  assert.deepEqual(
    body.dead_letters.map((letter) => letter.offset),
    [104_551, 104_560],
  );
  assert.deepEqual(body.counts, [
    { format: "json", reason: "label_unknown_class", last_hour: 2, total: 2 },
    { format: "kserve", reason: "not_json", last_hour: 1, total: 1 },
  ]);
  assert.match(await (await web.get("/dead-letters")).text(), /not json, read as kserve/);
});

test("alive is not ready: /ready names the part and the reason, and a part that throws counts as not ready", async () => {
  assert.equal((await web.get("/health")).status, 200);
  assert.equal((await web.get("/ready")).status, 200);
  await using late = await startWebServer(store, {
    health: [
      {
        name: "kafka ml.predictions",
        check: () => [{ name: "kafka ml.predictions", ok: false, reason: "no broker at localhost:9092" }],
      },
      { name: "evaluation", check: () => Promise.reject(new Error("watermark unknown")) },
    ],
  });
  const response = await late.get("/ready");
  assert.equal(response.status, 503);
  assert.deepEqual(await json(response), {
    ready: false,
    parts: [
      { name: "store", ok: true, reason: "answers" },
      { name: "kafka ml.predictions", ok: false, reason: "no broker at localhost:9092" },
      { name: "evaluation", ok: false, reason: "watermark unknown" },
    ],
  });
  assert.equal((await late.get("/health")).status, 200);
});

test("with the store away the API answers 503, the page says so, and both still stand", async () => {
  const away = absentStore(
    new DriftlineError("store_unavailable", "connect ECONNREFUSED clickhouse:8123", { retryable: true }),
  );
  await using web2 = await startWebServer(away);
  const api = await web2.get("/v1/metrics");
  assert.equal(api.status, 503);
  assert.equal(errorBody.parse(await json(api)).error.code, "store_unavailable");
  const page = await web2.get("/");
  assert.equal(page.status, 503);
  assert.match(await page.text(), /The store does not answer/);
  assert.equal((await web2.get("/ready")).status, 503);
  assert.match(await (await web2.get("/metrics")).text(), /^driftline_store_up 0$/m);
  assert.equal((await web2.get("/health")).status, 200);
});

test("an unexpected error shows its reason to the log alone", async () => {
  await using web2 = await startWebServer(absentStore(new Error("hunter2 in a stack trace")));
  const response = await web2.get("/v1/metrics");
  assert.equal(response.status, 500);
  assert.doesNotMatch(await response.text(), /hunter2/);
});

test("events go to ingestion as they came, gzip unpacked; without the role they are refused as for now", async () => {
  const seen: unknown[] = [];
  await using web2 = await startWebServer(store, {
    maxBodyBytes: 1000,
    ingest: {
      accept(given) {
        seen.push([given.contentType, given.body.toString(), given.idempotencyKey]);
        return Promise.resolve({ status: 202, body: { accepted: 1 }, headers: { "Retry-After": "1" } });
      },
    },
  });
  const plain = await web2.post("/v1/events", '{"a":1}', { "idempotency-key": "k1" });
  assert.equal(plain.status, 202);
  assert.equal(plain.headers.get("retry-after"), "1");
  const packed = await fetch(`${web2.url}/v1/events`, {
    method: "POST",
    body: gzipSync('{"b":2}'),
    headers: { "content-type": "application/x-ndjson", "content-encoding": "gzip" },
  });
  assert.equal(packed.status, 202);
  assert.deepEqual(seen, [
    ["application/json", '{"a":1}', "k1"],
    ["application/x-ndjson", '{"b":2}', null],
  ]);
  assert.equal((await web2.post("/v1/events", "x".repeat(1001))).status, 413);
  assert.equal((await web2.post("/v1/events", "x", { "content-encoding": "br" })).status, 400);
  assert.equal((await web.post("/v1/events", "{}")).status, 503);
});

test("SQL from the network reads and does nothing else", async () => {
  const ask = (query: string, format?: string) =>
    web.post("/v1/sql", JSON.stringify({ query, ...(format === undefined ? {} : { format }) }));
  const rows = await ask("select count() as n from metrics final where metric = 'f1'");
  assert.equal(rows.status, 200);
  assert.deepEqual(JSON.parse(await rows.text()), { n: 10 });
  assert.equal(await (await ask("select 'a', 1;", "CSV")).text(), '"a",1\n');
  assert.match(await (await ask("SHOW TABLES", "TSV")).text(), /^metrics$/m);
  assert.match(await (await ask("DESCRIBE TABLE metrics", "TSV")).text(), /^breached/m);
  assert.match(await (await ask("EXISTS TABLE metrics", "TSV")).text(), /^1/);
  for (const query of [
    "drop table metrics",
    "select * from file('/etc/passwd', 'LineAsString')",
    "select * from `file`('/etc/passwd', 'LineAsString')",
    "insert into metrics (model) values ('x')",
    "select 1; select 2",
    "select * from url('http://127.0.0.1:1')",
  ]) {
    const response = await ask(query);
    assert.equal(response.status, 403, query);
    assert.equal(errorBody.parse(await json(response)).error.code, "forbidden");
  }
  assert.equal((await ask("select nonsense")).status, 400);
  assert.equal((await ask("select 1", "CSV; drop")).status, 400);
  assert.equal((await web.post("/v1/sql", "not json")).status, 400);
  assert.equal((await ask("select count() from metrics", "TSV")).status, 200);
});

test("every answer carries the headers that keep a browser safe", async () => {
  for (const where of ["/", "/v1/models", "/nowhere", "/assets/style.css"]) {
    const { headers } = await web.get(where);
    assert.match(headers.get("content-security-policy") ?? "", /default-src 'self'.*frame-ancestors 'none'/, where);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("access-control-allow-origin"), null);
  }
});

test("a page of another site can neither read through a rebound name nor write", async () => {
  assert.equal(await statusWithHost("evil.example"), 403);
  assert.equal(await statusWithHost("localhost"), 200);
  assert.equal((await web.post("/v1/sql", "{}", { origin: "http://evil.example" })).status, 403);
});

test("a token is asked of everything but /health and /ready, and is shown nowhere", async () => {
  const token = "s3cret-token-0815";
  await assert.rejects(startWebServer(store, { server: { host: "0.0.0.0" } }), /server\.token must be set/);
  await using closed = await startWebServer(store, { server: { token } });
  for (const route of routes.filter((one) => one.method === "GET")) {
    const where = route.path.replace(":kind", "features").replace(/:\w+/g, "census");
    const status = (await closed.get(where)).status;
    // A link for approval carries a token of its own, and allows nothing without it.
    if (route.ownToken) assert.equal(status, 403, where);
    else if (route.audience === "open") assert.equal(status, 200, where);
    else assert.equal(status, 401, where);
  }
  assert.equal((await closed.post("/v1/events", "{}")).status, 401);
  assert.equal((await closed.post("/v1/retrainings/census", '{"status":"failed"}')).status, 401);
  const guess = JSON.stringify({ decision: "approve", token: "guessed" });
  assert.equal((await closed.post("/v1/retrainings/census/approval", guess)).status, 403);
  assert.equal((await closed.get("/v1/models", { authorization: `Bearer ${token}` })).status, 200);
  const page = await closed.get("/", { authorization: `Basic ${Buffer.from(`me:${token}`).toString("base64")}` });
  assert.equal(page.status, 200);
  assert.doesNotMatch(await page.text(), new RegExp(token));
  const refused = await closed.get("/");
  assert.match(refused.headers.get("www-authenticate") ?? "", /^Basic/);
  assert.equal((await closed.get(`/?token=${token}`)).status, 401);
});

test("the OpenAPI document names every route of the table that is no page", async () => {
  const document = z
    .object({
      openapi: z.literal("3.1.0"),
      paths: z.record(
        z.string(),
        z.record(
          z.string(),
          z.looseObject({ parameters: z.array(z.looseObject({ name: z.string(), in: z.string() })).optional() }),
        ),
      ),
    })
    .parse(await json(await web.get("/v1/openapi.json")));
  const listed = Object.entries(document.paths).flatMap(([where, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${where}`),
  );
  const expected = routes
    .filter((route) => route.audience !== "page")
    .map((route) => `${route.method} ${route.path.replace(/:(\w+)/g, "{$1}")}`);
  assert.deepEqual(listed.sort(), expected.sort());
  assert.deepEqual(
    document.paths["/v1/models/{model}"]?.["get"]?.parameters?.map((parameter) => [parameter.name, parameter.in]),
    [["model", "path"]],
  );
});

test("a process without the role web serves health, readiness, metrics and events alone", async () => {
  await using bare = await startWebServer(store, { web: false });
  assert.equal((await bare.get("/health")).status, 200);
  assert.equal((await bare.get("/metrics")).status, 200);
  assert.equal((await bare.get("/v1/models")).status, 404);
  assert.equal((await bare.get("/")).status, 404);
});

test("a port that is taken is told with its number", async () => {
  const taken = Number(new URL(web.url).port);
  await assert.rejects(
    startWebServer(store, { models: censusConfig().models, server: { port: taken } }),
    new RegExp(`can't listen on 127\\.0\\.0\\.1:${taken}`),
  );
});
