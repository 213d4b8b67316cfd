import assert from "node:assert/strict";
import { createServer } from "node:http";
import { networkInterfaces } from "node:os";
import { after, before, describe, it } from "node:test";
import { systemClock } from "../../src/core/clock.ts";
import { type AdminServer, createAdminServer } from "../../src/sidecar/admin-server.ts";
import { createClient } from "../../src/sidecar/http-exchange.ts";
import { createModelStateCache, type ModelStateCache } from "../../src/sidecar/model-state-cache.ts";
import type { OutgoingMessage } from "../../src/sidecar/outgoing-message.ts";
import type { Refused } from "../../src/sidecar/outgoing-queue.ts";
import { until } from "../support/http-receiver.ts";

const STATE = '{"model":"fraud","state":"healthy","reason":"no incident is open","since":null,"incidents":[]}';

describe("A sidecar's own address", () => {
  const posted: OutgoingMessage[] = [];
  let refusing: Refused | null = null;
  let away = false;
  let body = STATE;
  let tag = '"one"';
  const asked: { path: string; tag: string | undefined; authorization: string | undefined }[] = [];
  const driftline = createServer((request, response) => {
    const { authorization, "if-none-match": known } = request.headers;
    asked.push({ path: request.url ?? "", tag: known, authorization });
    if (away) return void request.socket.destroy();
    if (request.url === "/v1/models/none/state")
      return void response.writeHead(404).end('{"error":{"code":"not_found"}}');
    if (known === tag) return void response.writeHead(304, { etag: tag }).end();
    response.writeHead(200, { etag: tag, "content-type": "application/json" }).end(body);
  });
  let states: ModelStateCache;
  let admin: AdminServer;
  let port: number;
  let offsetMs = 0;

  before(async () => {
    await new Promise<void>((resolve) => driftline.listen(0, "127.0.0.1", resolve));
    const address = driftline.address();
    assert.ok(address !== null && typeof address === "object");
    states = createModelStateCache({
      url: new URL(`http://127.0.0.1:${address.port}`),
      client: createClient(1),
      token: () => "the-token",
      clock: { now: () => Date.now() + offsetMs, sleep: (ms, signal) => systemClock.sleep(ms, signal) },
      everyMs: 20,
    });
    admin = createAdminServer({
      host: "0.0.0.0",
      port: 0,
      token: () => "admin-token",
      notReady: () => null,
      metrics: { contentType: "text/plain", expose: () => Promise.resolve("metrics") },
      post(message) {
        if (refusing === null) posted.push(message);
        return refusing;
      },
      states,
    });
    ({ port } = await admin.start());
  });
  after(async () => {
    states.stop();
    await admin.stop();
    driftline.closeAllConnections();
    await new Promise((resolve) => driftline.close(resolve));
  });

  const ask = (path: string, init: RequestInit = {}, host = "127.0.0.1") =>
    fetch(`http://${host}:${port}${path}`, init);
  const state = async () => {
    const answer = await ask("/v1/models/fraud/state");
    return { status: answer.status, text: await answer.text(), headers: answer.headers };
  };

  it("answers a model's state from memory, asking again with the tag, also while Driftline is away", async () => {
    const first = await state();
    assert.deepEqual([first.status, first.text, first.headers.get("etag")], [200, STATE, '"one"']);
    await until(
      () => asked.length > 3,
      5_000,
      () => "further questions",
    );
    assert.deepEqual(asked.slice(0, 2), [
      { path: "/v1/models/fraud/state", tag: undefined, authorization: "Bearer the-token" },
      { path: "/v1/models/fraud/state", tag: '"one"', authorization: "Bearer the-token" },
    ]);
    const unchanged = await ask("/v1/models/fraud/state", { headers: { "if-none-match": '"one"' } });
    assert.equal(unchanged.status, 304);

    [body, tag] = [STATE.replace("healthy", "failing"), '"two"'];
    for (const end = Date.now() + 5_000; (await state()).text !== body; ) assert.ok(Date.now() < end, "the new state");
    away = true;
    const before = asked.length;
    await until(
      () => asked.length > before + 1,
      5_000,
      () => "questions while it is away",
    );
    offsetMs = 60_000;
    const stale = await state();
    assert.deepEqual([stale.status, stale.text, stale.headers.get("driftline-state")], [200, body, "stale"]);
    assert.ok(Number(stale.headers.get("age")) >= 60);
    assert.equal((await ask("/v1/models/never-known/state")).status, 503);
    away = false;
    assert.equal((await ask("/v1/models/none/state")).status, 404);
  });

  it("takes events as they are, with a key where there is none, and says when it can't", async () => {
    const text = '[{"id":9007199254740993}]';
    const taken = await ask("/v1/events", {
      method: "POST",
      body: text,
      headers: { "content-type": "application/json" },
    });
    assert.equal(taken.status, 202);
    const [message] = posted.splice(0);
    assert.ok(message?.kind === "posted");
    assert.equal(message.body.toString(), text);
    assert.match(message.idempotencyKey, /^[0-9a-f-]{36}$/);
    await ask("/v1/events", { method: "POST", body: "{}", headers: { "idempotency-key": "mine" } });
    await ask("/v1/events", {
      method: "POST",
      body: "{}",
      headers: { "ce-specversion": "1.0", "ce-id": "c", "ce-type": "t" },
    });
    const [keyed, event] = posted.splice(0);
    assert.equal(keyed?.kind === "posted" && keyed.idempotencyKey, "mine");
    assert.deepEqual(event?.kind === "cloudevent" && event.attributes, { specversion: "1.0", id: "c", type: "t" });
    refusing = "buffer_full";
    const full = await ask("/v1/events", { method: "POST", body: "{}" });
    assert.deepEqual([full.status, full.headers.get("retry-after")], [503, "1"]);
    refusing = null;
  });

  it("gives events and states to this machine alone, or with its token, and to no browser's page", async () => {
    const page = await ask("/v1/events", { method: "POST", body: "{}", headers: { origin: "https://a.example" } });
    assert.equal(page.status, 403);
    const other = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .find(({ family, internal }) => family === "IPv4" && !internal)?.address;
    if (other !== undefined) {
      assert.equal((await ask("/v1/models/fraud/state", {}, other)).status, 403);
      const authorization = "Bearer admin-token";
      assert.equal((await ask("/v1/models/fraud/state", { headers: { authorization } }, other)).status, 200);
      assert.equal((await ask("/health", {}, other)).status, 200);
    }
    assert.equal((await ask("/metrics")).status, 200);
    assert.equal((await ask("/anything")).status, 404);
  });
});
