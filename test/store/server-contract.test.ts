/** The contract of the store over HTTP, and what a network does to it: time-outs, errors of a proxy, cut connections. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, afterEach, before, test } from "node:test";
import { z } from "zod";
import { DriftlineError } from "../../src/core/errors.ts";
import { openStore } from "../../src/store/open.ts";
import { sql } from "../../src/store/sql.ts";
import type { Store } from "../../src/store/store.ts";
import { type ClickHouseFront, startClickHouseFront } from "../support/clickhouse-front.ts";
import { laneContract } from "./lane-contract.ts";

let folder: string;
let front: ClickHouseFront;
let store: Store;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "driftline-front-"));
  front = await startClickHouseFront(folder);
  store = await openStore({ url: front.url, database: "drift'line", username: "default", request_timeout: 5000 });
});
afterEach(() => front.clearFault());
after(async () => {
  await store.close();
  await front.close();
  await rm(folder, { recursive: true, force: true });
});

laneContract("server", () => store);

const away = (thrown: unknown) =>
  thrown instanceof DriftlineError && thrown.code === "store_unavailable" && thrown.retryable;
const one = z.object({ x: z.number() });
const ask = () => store.lane("evaluate").query(sql`SELECT 1 AS x`, one);
const put = () => store.lane("ingest").insertBlock("labels", [{ name: "id", type: "String", values: ["a"] }]);

for (const [what, fault] of [
  ["a connection that is cut at once", { kind: "refuse" }],
  ["a proxy's 502", { kind: "status", status: 502, body: "<html>Bad Gateway</html>" }],
  ["a 503 without a reason", { kind: "status", status: 503, body: "" }],
  [
    "too many parts",
    {
      kind: "status",
      status: 500,
      body: "Code: 252. DB::Exception: Too many parts. (TOO_MANY_PARTS) (version 26.7.2.1)\n",
    },
  ],
  ["an answer cut in the middle", { kind: "cut" }],
] as const) {
  test(`server: ${what} is worth another try, for questions and for inserts`, async () => {
    front.setFault(fault);
    await assert.rejects(ask(), away);
    if (fault.kind !== "cut") await assert.rejects(put(), away);
    front.clearFault();
    assert.deepEqual(await ask(), [{ x: 1 }]);
    await put();
  });
}

test("server: no answer within the time-out is worth another try, a late answer within it is an answer", async () => {
  const hasty = await openStore({ url: front.url, database: "hasty", username: "default", request_timeout: 400 });
  front.setFault({ kind: "hang" });
  await assert.rejects(hasty.lane("serve").query(sql`SELECT 1 AS x`, one), away);
  front.setFault({ kind: "delay", ms: 100 });
  assert.deepEqual(await hasty.lane("serve").query(sql`SELECT 1 AS x`, one), [{ x: 1 }]);
  front.clearFault();
  await hasty.close();
});

test("server: a ping tells of a server that is away, and a server that is not there is named without its password", async () => {
  front.setFault({ kind: "refuse" });
  await assert.rejects(store.ping(), away);
  front.clearFault();
  await store.ping();
  await assert.rejects(
    openStore({
      url: "http://user:topsecret@127.0.0.1:1",
      database: "d",
      username: "u",
      password: "hush",
      request_timeout: 500,
    }),
    (thrown: unknown) =>
      away(thrown) &&
      thrown instanceof Error &&
      /127\.0\.0\.1:1/.test(thrown.message) &&
      !/topsecret|hush/.test(thrown.message),
  );
});
