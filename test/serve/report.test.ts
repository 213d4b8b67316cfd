/** A model's report: one file that needs nothing else, over the span that is asked for. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { createAudit } from "../../src/audit/audit.ts";
import { systemClock } from "../../src/core/clock.ts";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/store.ts";
import { fillCensus } from "../support/census-rows.ts";
import { startWebServer, type WebServer } from "../support/web-server.ts";

let folder: string;
let store: Store;
let web: WebServer;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "driftline-report-"));
  store = await openStore({ embedded: folder });
  await fillCensus(store);
  await store
    .lane("control")
    .insertRows("monitors", [
      { model: "census", monitor_hash: "<script>", values_hash: "v", reference_id: "r", first_at: Date.UTC(2017, 0) },
    ]);
  await createAudit(store.lane("control"), systemClock, () => "abc").seal();
  web = await startWebServer(store);
});

after(async () => {
  await web[Symbol.asyncDispose]();
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const headings = (html: string): string[] => [...html.matchAll(/<h2>(.*?)<\/h2>/g)].map(([, text]) => text ?? "");

test("a report holds performance, drift, incidents, references, decisions and what attests them, in one file", async () => {
  const html = await web.page("/v1/models/census/report");
  const found = headings(html);
  for (const title of [
    "Performance by window",
    "Features × windows",
    "Incidents",
    "References",
    "Configurations",
    "Decisions",
    "What attests this",
  ])
    assert.ok(found.includes(title), `${title} is not among ${found.join(", ")}`);
  assert.match(html, /<style>[^<]+<\/style>/);
  assert.doesNotMatch(html, /<script|<link|<img|src=|@import|url\(/);
  assert.doesNotMatch(html, /href="\//, "a link that leads nowhere from a file");
  assert.match(html, new RegExp(`href="${web.url}/models/census`));
  assert.match(html, /<code>&lt;script(>|&gt;)<\/code>/, "what was stored is text");
  assert.match(html, /<code>[0-9a-f]{64}<\/code>/);
  assert.match(html, /entries, whole/);
});

test("the span chooses the windows", async () => {
  const none = await web.page("/v1/models/census/report?to=1000");
  assert.match(none, /none with results/);
  assert.equal(headings(none).includes("Performance by window"), false);
  assert.equal((await web.get("/v1/models/nobody/report")).status, 404);
  assert.equal((await web.get("/v1/models/census/report?from=soon")).status, 400);
});
